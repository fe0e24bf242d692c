"""What kube-proxy reads once, at its start: when its ConfigMaps last changed, and which API server they name (C4).

A kube-proxy that runs goes on with the kubeconfig that it read; only its own configuration file is watched, and its
change ends the process. Both stand in `kube-system`: `kube-proxy` holds the kubeconfig, `kube-proxy-config` the
configuration on EKS, kubeadm's `kube-proxy` both. Costs two API calls. In a playbook:
`{collector: kube_proxy_configuration}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from bot.domain.evidence import Collector, Gap
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import timestamp
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import EvidenceUnavailable, NotFound
from bot.kubernetes.managed_fields import last_set
from bot.kubernetes.members import part
from bot.kubernetes.resources import CONFIG_MAPS, KUBE_SYSTEM

NAMES = ("kube-proxy", "kube-proxy-config")
_SERVER = re.compile(r"""^[ \t-]{0,40}server:[ \t]{1,8}["']?(https?://[^\s"']{1,512})""", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredBy:
    """A ConfigMap that kube-proxy's pods mount."""

    name: str
    changed_at: datetime | None
    """When its data was last set, by managedFields; None: they do not say."""
    managers: tuple[str, ...] = ()
    """The clients that set it: `eks`, `kubectl-edit`; never a person."""
    servers: tuple[str, ...] = ()
    """The hosts of the API servers that a kubeconfig in it names, lower case."""

    @property
    def title(self) -> str:
        """As kubectl names it."""
        return f"ConfigMap {KUBE_SYSTEM}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeProxyConfiguration:
    """The ConfigMaps of kube-proxy that exist."""

    config_maps: tuple[ConfiguredBy, ...]
    gaps: tuple[Gap, ...] = ()
    """Those that could not be read, and those that do not say when they changed."""

    def changed_since(self, start: datetime) -> tuple[ConfiguredBy, ...]:
        """Return the ConfigMaps whose data was set after `start`."""
        return tuple(one for one in self.config_maps if one.changed_at is not None and one.changed_at > start)


def collect(look: View) -> KubeProxyConfiguration:
    """Read when both ConfigMaps last changed; one that is not there is no gap."""
    found: list[ConfiguredBy] = []
    gaps: list[Gap] = []
    for name in NAMES:
        try:
            answer = look.cluster.get(CONFIG_MAPS, name, namespace=KUBE_SYSTEM)
            with reading(f"get ConfigMap {KUBE_SYSTEM}/{name}"):
                changed_at, managers = last_set(answer, "data")
                servers = _servers(part(answer, "data"))
        except NotFound:
            continue
        except EvidenceUnavailable as error:
            gaps.append(Gap.of(f"ConfigMap {KUBE_SYSTEM}/{name}", error))
            continue
        found.append(ConfiguredBy(name=name, changed_at=changed_at, managers=managers, servers=servers))
        if changed_at is None:
            reason = f"the managedFields of {found[-1].title} do not say when its data was set"
            gaps.append(Gap(what=found[-1].title, reason=reason))
    return KubeProxyConfiguration(config_maps=tuple(found), gaps=tuple(gaps))


def _servers(data: Mapping[str, object]) -> tuple[str, ...]:
    """Return the hosts of the lines `server: URL` in a ConfigMap's texts."""
    urls = (url for text in data.values() for url in _SERVER.findall(str(text)))
    return tuple(sorted({(urlsplit(url).hostname or "") for url in urls} - {""}))


def summarise(found: KubeProxyConfiguration) -> str:
    """Say when each changed."""
    told = [f"{one.name} changed {timestamp(one.changed_at) if one.changed_at else '?'}" for one in found.config_maps]
    return ", ".join(told) or "kube-proxy has none of its usual ConfigMaps"


COLLECTOR = Collector(
    name="kube_proxy_configuration",
    title="kube-proxy's ConfigMaps",
    evidence=KubeProxyConfiguration,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(
            verb="get",
            resource="configmaps",
            namespace=KUBE_SYSTEM,
            names=NAMES,
            unlocks="whether kube-proxy's configuration changed after its pods started",
        ),
    ),
)
