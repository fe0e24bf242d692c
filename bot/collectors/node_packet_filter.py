"""Nodes' packet filters, as far as they concern DNS: iptables of both variants, nftables and IPVS of kube-proxy (B3).

Runs `iptables-save` on some nodes of each class, in a pod on their network (kube-proxy's and the VPC CNI's images have
it), and `nft` and `ipvsadm` where kube-proxy's Services are not found there. Kept are all rules of the table raw, those
of filter that name a port of DNS or NodeLocal DNSCache, and where each DNS Service leads. In a playbook:
`{collector: node_packet_filter}`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.collectors._looking_on_nodes import PERMISSIONS, NodeParameters, NodeReading, NodesSeen, look_at_nodes
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.evidence import Collector, Gap
from bot.domain.ports import ExecResult
from bot.domain.views import NodeView
from bot.kubernetes.nodes import Node
from bot.linux import ipvs, nft_ruleset
from bot.linux.iptables_save import (
    SAVE,
    SAVE_LEGACY,
    SAVE_LEGACY_OF_IPV6,
    SAVE_OF_IPV6,
    FilterRule,
    SavedRules,
    Variant,
    parse_saved_rules,
)
from bot.linux.service_rules import SERVICES_CHAIN, ServiceRule, service_rules

DNS_PORT = 53
_DNS_PORTS = frozenset({"53", "8080", "9253"})
"""What NodeLocal DNSCache's rules name: DNS, its health check and its metrics."""
_NOTHING_THERE = "No such file or directory"
"""Said by nft of a table, and by cat of IPVS's file, that the kernel has not."""
_BY_NODELOCAL = "NodeLocal DNS Cache"


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketFilterOfNode:
    """One node's packet filter."""

    node: str
    variants: tuple[Variant, ...]
    """Variants of iptables that have tables there; empty: none was read."""
    raw: tuple[FilterRule, ...]
    """All rules of the table raw."""
    filter: tuple[FilterRule, ...]
    """Rules of the table filter that concern DNS."""
    mode: str
    """How kube-proxy leads ClusterIPs: `iptables`, `nftables`, `ipvs`; empty: none of its rules were found."""
    services_total: int
    """Ports of Services that the node leads somewhere."""
    dns_services: tuple[ServiceRule, ...]
    """Those of port 53."""
    services_read: bool
    """Whether what is not in `dns_services` is not there: all ways of kube-proxy could be looked at."""

    def leads(self, address: str, protocol: str) -> ServiceRule | None:
        """Return what becomes of DNS to a ClusterIP, `udp` or `tcp`; None: the node leads it nowhere."""
        return next((one for one in self.dns_services if (one.address, one.protocol) == (address, protocol)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePacketFilters(NodesSeen[PacketFilterOfNode]):
    """The packet filters of the nodes that were looked at."""

    nodes: tuple[PacketFilterOfNode, ...]


def collect(look: NodeView) -> NodePacketFilters:
    """Look at some nodes. Raises `EvidenceUnavailable` where none of them can be looked at."""
    nodes, total, gaps = look_at_nodes(look, _read)
    return NodePacketFilters(nodes=nodes, nodes_total=total, gaps=gaps)


def _read(look: NodeView, node: Node) -> tuple[PacketFilterOfNode, tuple[Gap, ...]]:
    reading = NodeReading.of(look, node)
    ipv6 = ":" in node.internal_ip
    saved = _saved(reading, ipv6=ipv6)
    led = _led(reading, saved, ipv6=ipv6)
    if not saved and not led.services:
        reading.refuse()
    tables = [table for one in saved for table in one.tables]
    return PacketFilterOfNode(
        node=node.name,
        variants=tuple(one.variant for one in saved),
        raw=tuple(rule for table in tables if table.name == "raw" for rule in table.rules),
        filter=tuple(rule for table in tables if table.name == "filter" for rule in table.rules if _of_dns(rule)),
        mode=led.mode,
        services_total=len(led.services),
        dns_services=tuple(one for one in led.services if one.port == DNS_PORT),
        services_read=led.whole,
    ), tuple(reading.gaps)


def _saved(reading: NodeReading, *, ipv6: bool) -> tuple[SavedRules, ...]:
    """Return what each variant of iptables has, that of the image's choice first."""
    save, save_legacy = (SAVE_OF_IPV6, SAVE_LEGACY_OF_IPV6) if ipv6 else (SAVE, SAVE_LEGACY)
    first = reading.try_each(
        "iptables rules", (save, lambda result: parse_saved_rules(result.text(), result.complaint))
    )
    if first is None:
        return ()
    if not first.more_in_legacy:
        return (first,)
    legacy = reading.try_each(
        "iptables rules of the legacy variant", (save_legacy, lambda result: parse_saved_rules(result.text()))
    )
    return (first, legacy) if legacy is not None else (first,)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Led:
    """How kube-proxy leads ClusterIPs on a node."""

    mode: str = ""
    services: tuple[ServiceRule, ...] = ()
    whole: bool = True


def _led(reading: NodeReading, saved: Sequence[SavedRules], *, ipv6: bool) -> _Led:
    """Return how, and where to; kube-proxy uses one way at a time."""
    tables = [one.table("nat") for one in saved]
    for table in tables:
        found = service_rules(table)
        if found:
            return _Led(mode="iptables", services=found)
    list_table = nft_ruleset.LIST_KUBE_PROXY_OF_IPV6 if ipv6 else nft_ruleset.LIST_KUBE_PROXY
    by_nft = _try(reading, "nftables rules", (list_table,), nft_ruleset.parse_nft_services)
    if by_nft:
        return _Led(mode="nftables", services=by_nft)
    by_ipvs = _try(reading, "IPVS's virtual servers", (ipvs.LIST, ipvs.READ), ipvs.parse_virtual_servers)
    if by_ipvs:
        return _Led(mode="ipvs", services=by_ipvs)
    mode = "iptables" if any(SERVICES_CHAIN in table.chains for table in tables) else ""
    return _Led(mode=mode, whole=bool(saved) and None not in (by_nft, by_ipvs))


def _try(
    reading: NodeReading, what: str, ways: Sequence[Sequence[str]], parse: Callable[[str], tuple[ServiceRule, ...]]
) -> tuple[ServiceRule, ...] | None:
    """Return what is there; empty where the kernel has nothing of the kind, None where that cannot be told."""

    def read(result: ExecResult) -> tuple[ServiceRule, ...]:
        return () if _NOTHING_THERE in result.complaint else parse(result.text())

    return reading.try_each(what, *((words, read) for words in ways), well=_well)


def _well(result: ExecResult) -> bool:
    return result.exit_code == 0 or _NOTHING_THERE in result.complaint


def _of_dns(rule: FilterRule) -> bool:
    named = {*rule.source_ports.split(","), *rule.destination_ports.split(",")}
    return bool(named & _DNS_PORTS) or _BY_NODELOCAL in rule.comment


def summarise(found: NodePacketFilters) -> str:
    """Say how many nodes were looked at, and how they lead ClusterIPs."""
    modes = Counter(one.mode or "no rule of kube-proxy" for one in found.nodes)
    said = ", ".join(f"{mode} on {count}" for mode, count in modes.most_common())
    return f"{len(found.nodes)} of {found.nodes_total} nodes looked at: {said}"


COLLECTOR = Collector(
    name="node_packet_filter",
    title="Packet filters of the nodes",
    evidence=NodePacketFilters,
    view=NodeView,
    collect=collect,
    summarise=summarise,
    permissions=PERMISSIONS,
    wants=(WorkloadPods,),
    parameters=NodeParameters,
    deadline_seconds=28.0,
)
