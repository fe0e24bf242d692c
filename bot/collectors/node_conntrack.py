"""How full nodes' tables of tracked connections are, and what ENA dropped beyond its allowances (C13).

Reads the kernel's count and maximum, the entries of DNS over UDP, and the counters of the node's own interfaces
(`linklocal_allowance_exceeded`: packets to the VPC resolver; `conntrack_allowance_exceeded`). Counters run since the
interface was made: by themselves they do not say when. In a playbook: `{collector: node_conntrack}`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.collectors._looking_on_nodes import PERMISSIONS, NodeParameters, NodeReading, NodesSeen, look_at_nodes
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.evidence import Collector, Gap
from bot.domain.views import NodeView
from bot.kubernetes.nodes import Node
from bot.linux.conntrack import (
    COUNT,
    LIST_DNS,
    READ_BOTH,
    TrackedConnection,
    parse_connections,
    parse_count,
    parse_count_and_maximum,
)
from bot.linux.interface_statistics import allowances, parse_statistics, show_statistics
from bot.linux.interfaces import SHOW_ADDRESSES, SHOW_ADDRESSES_PLAINLY, NetworkInterface, parse_interfaces

_OWN_INTERFACE = re.compile(r"^(?:eth|ens|enp|enX)[0-9]")
"""How Amazon Linux, Bottlerocket and Ubuntu name the instance's interfaces; those of pods are `eni…` and `vlan…`."""
_MOST_INTERFACES = 4
_MOST_CONNECTIONS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowances:
    """ENA's counters of one interface, since it was made."""

    interface: str
    counters: tuple[tuple[str, int], ...]
    """`conntrack_allowance_exceeded`, `linklocal_allowance_exceeded`, `pps_allowance_exceeded`, …: packets."""

    def count(self, name: str) -> int | None:
        """Return a counter; None: this driver has none of that name."""
        return dict(self.counters).get(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConntrackOfNode:
    """One node's tracked connections."""

    node: str
    entries: int | None
    """None: it could not be read, and a gap of the evidence says why."""
    maximum: int | None
    dns_connections: tuple[TrackedConnection, ...] | None
    """Entries of DNS over UDP, at most 500: those without an answer first."""
    allowances: tuple[Allowances, ...]

    @property
    def full_share(self) -> float | None:
        """How full the table is, 0 to 1."""
        return self.entries / self.maximum if self.entries is not None and self.maximum else None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConntracks(NodesSeen[ConntrackOfNode]):
    """The tracked connections of the nodes that were looked at."""

    nodes: tuple[ConntrackOfNode, ...]


def collect(look: NodeView) -> NodeConntracks:
    """Look at some nodes. Raises `EvidenceUnavailable` where none of them can be looked at."""
    nodes, total, gaps = look_at_nodes(look, _read)
    return NodeConntracks(nodes=nodes, nodes_total=total, gaps=gaps)


def _read(look: NodeView, node: Node) -> tuple[ConntrackOfNode, tuple[Gap, ...]]:
    reading = NodeReading.of(look, node)
    counted = reading.try_each(
        "tracked connections",
        (READ_BOTH, lambda result: parse_count_and_maximum(result.text())),
        (COUNT, lambda result: (parse_count(result.text()), None)),
    )
    connections = reading.try_each("tracked DNS queries", (LIST_DNS, lambda result: parse_connections(result.text())))
    interfaces = reading.try_each(
        "interfaces",
        (SHOW_ADDRESSES, lambda result: parse_interfaces(result.text())),
        (SHOW_ADDRESSES_PLAINLY, lambda result: parse_interfaces(result.text())),
    )
    found = [_allowances(reading, one.name) for one in _own(interfaces or ())]
    if counted is None and connections is None and not found:
        reading.refuse()
    entries, maximum = counted or (None, None)
    return ConntrackOfNode(
        node=node.name,
        entries=entries,
        maximum=maximum,
        dns_connections=_most_telling(connections) if connections is not None else None,
        allowances=tuple(one for one in found if one is not None),
    ), tuple(reading.gaps)


def _own(interfaces: tuple[NetworkInterface, ...]) -> tuple[NetworkInterface, ...]:
    return tuple(one for one in interfaces if _OWN_INTERFACE.match(one.name) and not one.parent)[:_MOST_INTERFACES]


def _allowances(reading: NodeReading, interface: str) -> Allowances | None:
    counters = reading.try_each(
        f"counters of {interface}", (show_statistics(interface), lambda result: parse_statistics(result.text()))
    )
    return None if counters is None else Allowances(interface=interface, counters=allowances(counters))


def _most_telling(connections: tuple[TrackedConnection, ...]) -> tuple[TrackedConnection, ...]:
    return tuple(sorted(connections, key=lambda one: not one.unreplied)[:_MOST_CONNECTIONS])


def summarise(found: NodeConntracks) -> str:
    """Say how many nodes were looked at, and how full the fullest table is."""
    shares = [one.full_share for one in found.nodes if one.full_share is not None]
    fullest = f", the fullest table {max(shares):.0%} full" if shares else ""
    return f"{len(found.nodes)} of {found.nodes_total} nodes looked at{fullest}"


COLLECTOR = Collector(
    name="node_conntrack",
    title="Tracked connections and ENA allowances of the nodes",
    evidence=NodeConntracks,
    view=NodeView,
    collect=collect,
    summarise=summarise,
    permissions=PERMISSIONS,
    wants=(WorkloadPods,),
    parameters=NodeParameters,
    deadline_seconds=28.0,
)
