"""CoreDNS's configuration: the Corefile of the ConfigMap that its pods mount (C10).

A running CoreDNS keeps an old configuration when the new one is bad, and dies of it at its next start. Which ConfigMap
and which key it is say the pods' volumes: charts and kustomize give it other names, and one of the usual name may be
left over. What it imports is read where the pods mount it. Whether CoreDNS would start with it says CoreDNS itself
where COREFILE_CHECK names a program that links it, else the bot's own grammar.
Costs one API call, and one for each further ConfigMap that is imported. In a playbook: `{collector: corefile}`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from bot.collectors._corefile_check import check_corefile
from bot.collectors._corefile_files import coredns_version, folders_of
from bot.collectors.coredns_pods import CorednsPods
from bot.dns.corefile.parsing import COREFILE, tree_of
from bot.dns.corefile.reading import read_corefile
from bot.dns.corefile.tree import CorefileRefusal, CorefileUnknown, ServerBlock, root_block
from bot.domain.evidence import Collector
from bot.domain.json_values import digest_of_text
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import count
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import NotFound
from bot.kubernetes.managed_fields import last_set
from bot.kubernetes.members import text_map
from bot.kubernetes.resources import CONFIG_MAPS, KUBE_SYSTEM

EKS_MANAGER = "eks"
"""Field manager of EKS add-ons."""
USUAL_CONFIG_MAP = "coredns"
USUAL_KEY = "Corefile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Corefile:
    """The Corefile as it stands in the ConfigMap; not always what runs."""

    exists: bool
    namespace: str = KUBE_SYSTEM
    config_map: str = USUAL_CONFIG_MAP
    """The one that CoreDNS's pods mount; the usual one where there are no pods. Empty: they mount none."""
    key: str = USUAL_KEY
    text: str
    blocks: tuple[ServerBlock, ...]
    refusal: CorefileRefusal | None = None
    """Why CoreDNS would not start with it; None: nothing was found that it refuses."""
    unknown: tuple[CorefileUnknown, ...] = ()
    """What decides whether CoreDNS starts with it and is not known: imported files, variables, files it names."""
    checked_by: str = ""
    """Who says so: `CoreDNS 1.15.0 itself` or `the bot's own grammar`."""
    path: str = COREFILE
    """Where the pods have it."""
    changed_at: datetime | None = None
    """When its data last changed, from managedFields; None where they do not say."""
    managers: tuple[str, ...] = ()
    """Field managers of its data; `eks` is the EKS add-on, which writes its own back."""
    sha256: str = ""

    @property
    def where(self) -> str:
        """The ConfigMap as kubectl names it: `kube-system/coredns`."""
        return f"{self.namespace}/{self.config_map}"

    @property
    def owned_by_addon(self) -> bool:
        """Return whether the EKS add-on wrote its data."""
        return EKS_MANAGER in self.managers

    @property
    def root(self) -> ServerBlock | None:
        """The server block that takes every name no other block takes."""
        return root_block(self.blocks)

    def line(self, number: int) -> str:
        """Return line `number`, 1-based, stripped; empty where there is none."""
        lines = self.text.split("\n")
        return lines[number - 1].strip() if 0 < number <= len(lines) else ""

    def forwards_only_elsewhere(self, upstream: str) -> bool:
        """Return whether `upstream` serves some zone of its own and not the names that pods ask outside."""
        named = {
            block.serves_root and plugin.arguments[:1] == (".",)
            for block in self.blocks
            for plugin in block.plugins
            if plugin.name in {"forward", "proxy"} and upstream in _hosts(plugin.arguments[1:])
        }
        return named == {False}


def _hosts(targets: tuple[str, ...]) -> set[str]:
    """Return addresses without protocol, port and zone."""
    return {_host(target.split("://")[-1].split("%")[0]) for target in targets}


def _host(target: str) -> str:
    if target.startswith("["):
        return target[1:].split("]", maxsplit=1)[0]
    return target.split(":", maxsplit=1)[0] if target.count(":") == 1 else target


def collect(look: View) -> Corefile:
    """Read the ConfigMap that the pods mount and take its Corefile apart."""
    namespace, name, key = _place(look.find(CorednsPods))
    absent = Corefile(exists=False, namespace=namespace, config_map=name, key=key, text="", blocks=())
    if not name:
        return absent
    try:
        found = look.cluster.get(CONFIG_MAPS, name, namespace=namespace)
    except NotFound:
        return absent
    with reading(f"get ConfigMap {namespace}/{name}"):
        changed_at, managers = last_set(found, "data")
        data = text_map(found, "data")
        text = data.get(key)
    if text is None:
        return replace(absent, changed_at=changed_at, managers=managers)
    pods = look.find(CorednsPods)
    path = pods.setup.corefile if pods and pods.setup else COREFILE
    folders = folders_of(look, namespace, pods.setup.mounts if pods and pods.setup else (), {name: data}, text)
    read = read_corefile(text, file=path, folders=folders)
    checked = check_corefile(read, text, path, folders, version=coredns_version(pods), program=look.corefile_program)
    return replace(
        absent,
        exists=True,
        text=text,
        path=path,
        blocks=tree_of(read).blocks,
        refusal=checked.refusal,
        unknown=checked.unknown,
        checked_by=checked.by,
        changed_at=changed_at,
        managers=managers,
        sha256=digest_of_text(text),
    )


def _place(pods: CorednsPods | None) -> tuple[str, str, str]:
    """Return namespace and name of the ConfigMap, and the key of the Corefile; the usual ones where no pod tells."""
    setup = pods.setup if pods else None
    name, key = setup.source if setup else ("", "")
    if not name and not (setup and setup.elsewhere):
        name, key = USUAL_CONFIG_MAP, USUAL_KEY
    return pods.namespace if pods else KUBE_SYSTEM, name, key


def summarise(found: Corefile) -> str:
    """Say which blocks there are and where the rest goes."""
    if not found.exists:
        return f"no Corefile in ConfigMap {found.where}" if found.config_map else "no ConfigMap holds the Corefile"
    if found.refusal:
        return f"Corefile line {found.refusal.line}: {found.refusal.message}"
    forward = found.root.plugin("forward") if found.root else None
    return count(len(found.blocks), "server block") + (
        f", forwards {' '.join(forward.arguments)}" if forward else ", no forward"
    )


COLLECTOR = Collector(
    name="corefile",
    title="CoreDNS configuration",
    evidence=Corefile,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(
            verb="get",
            resource="configmaps",
            namespace=KUBE_SYSTEM,
            unlocks="the Corefile: which line is bad, where queries are forwarded",
            follows_dns=True,
        ),
    ),
    wants=(CorednsPods,),
)
