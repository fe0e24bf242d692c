"""How a DaemonSet runs NodeLocal DNSCache: on which addresses, from which template, towards which Service (B1, B2).

Sources: kubernetes/dns, cmd/node-cache/main.go (flags and their defaults); kubernetes/kubernetes,
cluster/addons/dns/nodelocaldns/nodelocaldns.yaml. Names of charts, DaemonSets and labels are not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from bot.domain.json_values import RawObject
from bot.kubernetes.coredns import ConfigMapMount, coredns_setup, runs_coredns
from bot.kubernetes.members import number, optional_text, optional_texts, part, parts, text, text_map
from bot.kubernetes.workloads import template_labels, template_spec

LOCAL_ADDRESS = "169.254.20.10"
"""What the manifest proposes; any free address will do."""
INTERFACE = "nodelocaldns"
"""What node-cache calls its interface unless told otherwise."""
HEALTH_PORT = "8080"
"""Where node-cache's liveness probe asks unless told otherwise."""
_TEMPLATE = "/etc/coredns/Corefile.base"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCacheFlags:
    """What node-cache is told by its arguments; of another program, nothing."""

    local_addresses: tuple[str, ...] = ()
    """`-localip`: what it puts on its interface and into its rules; as written, so perhaps no address."""
    upstream_service: str = ""
    """`-upstreamsvc`: whose ClusterIP it asks for cluster names."""
    interface: str = INTERFACE
    health_port: str = HEALTH_PORT
    """`-health-port`: what its rules for the liveness probe name."""
    lays_interface: bool = False
    lays_rules: bool = False

    @property
    def given(self) -> bool:
        """Whether these are node-cache's arguments at all."""
        return bool(self.local_addresses)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLocalSetup:
    """A DaemonSet on the nodes' own network whose program reads a Corefile: perhaps NodeLocal DNSCache."""

    namespace: str
    name: str
    labels: tuple[tuple[str, str], ...]
    """Of its pods."""
    container: str
    image: str
    flags: NodeCacheFlags
    dns_policy: str
    """Of its pods: whose resolv.conf they forward by."""
    mounts: tuple[ConfigMapMount, ...]
    corefiles: tuple[str, ...]
    """Where its Corefile may stand: node-cache's template first."""
    desired: int
    scheduled: int

    @property
    def title(self) -> str:
        """The DaemonSet as kubectl names it."""
        return f"{self.namespace}/{self.name}"

    @property
    def selector(self) -> str:
        """The label selector of its pods."""
        return ",".join(f"{key}={value}" for key, value in self.labels)

    @property
    def source(self) -> tuple[str, str]:
        """The ConfigMap that holds the Corefile or its template, and the key; empty where none does."""
        deepest = sorted(self.mounts, key=lambda mount: len(mount.directory), reverse=True)
        found = ((mount.config_map, mount.key_of(path)) for path in self.corefiles for mount in deepest)
        return next((one for one in found if one[1]), ("", ""))

    @classmethod
    def of(cls, answer: RawObject) -> Self | None:
        """Return how this DaemonSet runs it; None: its pods are not on the nodes' network, or read no Corefile."""
        spec = template_spec(answer)
        asked = parts(spec, "containers")
        node_cache = next((one for one in asked if _flags(one).given), None)
        if spec.get("hostNetwork") is not True or not (node_cache or runs_coredns(spec)):
            return None
        setup = coredns_setup({**spec, "containers": [node_cache]} if node_cache else spec)
        container = node_cache or next(one for one in asked if text(one, "name") == setup.container)
        metadata, status = answer["metadata"], part(answer, "status")
        template = _values(_words(container)).get("basecorefile", _TEMPLATE)
        return cls(
            namespace=text(metadata, "namespace"),
            name=text(metadata, "name"),
            labels=tuple(sorted((text_map(_selector(answer), "matchLabels") or template_labels(answer)).items())),
            container=setup.container,
            image=optional_text(container, "image"),
            flags=_flags(container),
            dns_policy=optional_text(spec, "dnsPolicy") or "ClusterFirst",
            mounts=setup.mounts,
            corefiles=(template, setup.corefile) if node_cache else (setup.corefile,),
            desired=number(status, "desiredNumberScheduled") if status else 0,
            scheduled=number(status, "currentNumberScheduled") if status else 0,
        )


def _selector(answer: RawObject) -> RawObject:
    return part(part(answer, "spec"), "selector")


def _words(container: RawObject) -> Sequence[str]:
    return (*optional_texts(container, "command"), *optional_texts(container, "args"))


def _values(words: Sequence[str]) -> dict[str, str]:
    """Return Go's flags by name: `-name value` and `-name=value`, with one dash or two."""
    apart = {name.lstrip("-"): value for name, value in pairwise(words) if name.startswith("-") and "=" not in name}
    joined = (word.partition("=") for word in words if word.startswith("-") and "=" in word)
    return apart | {name.lstrip("-"): value for name, _, value in joined}


def _flags(container: RawObject) -> NodeCacheFlags:
    values = _values(_words(container))
    if "localip" not in values:
        return NodeCacheFlags()
    return NodeCacheFlags(
        local_addresses=tuple(one.strip() for one in values["localip"].split(",")),
        upstream_service=values.get("upstreamsvc", "kube-dns"),
        interface=values.get("interfacename", INTERFACE),
        health_port=values.get("health-port", HEALTH_PORT),
        lays_interface=values.get("setupinterface", "true").lower() not in _FALSE,
        lays_rules=values.get("setupiptables", "true").lower() not in _FALSE,
    )


_FALSE = frozenset({"0", "f", "false"})
"""How Go reads a flag that is off (strconv.ParseBool)."""
