"""Nodes' interfaces, addresses, routing rules and tables, as their kernels have them (B3, B6, B8).

Runs `ip` on some nodes of each class: three runs a node, in a pod on its network that has the program, else in the
short-lived pod of `node_probe`. EKS's own pods on the host's network have no `ip`. In a playbook:

```yaml
gather:
  - collector: node_network
    with: {max_nodes: 6}
```
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from bot.collectors._looking_on_nodes import PERMISSIONS, NodeParameters, NodeReading, NodesSeen, look_at_nodes
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.evidence import Collector, Gap
from bot.domain.ports import ExecResult
from bot.domain.views import NodeView
from bot.kubernetes.nodes import Node
from bot.linux.interfaces import SHOW_ADDRESSES, SHOW_ADDRESSES_PLAINLY, NetworkInterface, parse_interfaces
from bot.linux.routes import SHOW_ROUTES, SHOW_ROUTES_PLAINLY, Route, parse_routes
from bot.linux.routing_rules import SHOW_RULES, SHOW_RULES_PLAINLY, RoutingRule, parse_routing_rules

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOfNode:
    """One node's network namespace. None: it could not be read, and a gap of the evidence says why."""

    node: str
    interfaces: tuple[NetworkInterface, ...] | None
    rules: tuple[RoutingRule, ...] | None
    """By priority."""
    routes: tuple[Route, ...] | None
    """Of all tables."""

    def interface(self, name: str) -> NetworkInterface | None:
        """Return the interface of this name."""
        return next((one for one in self.interfaces or () if one.name == name), None)

    def holders(self, address: str) -> tuple[NetworkInterface, ...]:
        """Return the interfaces that hold this address."""
        return tuple(one for one in self.interfaces or () if one.holds(address))

    def table(self, name: str) -> tuple[Route, ...]:
        """Return the routes of a table: `main`, `local`, `101`."""
        return tuple(route for route in self.routes or () if route.table == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeNetworks(NodesSeen[NetworkOfNode]):
    """The networks of the nodes that were looked at."""

    nodes: tuple[NetworkOfNode, ...]


def collect(look: NodeView) -> NodeNetworks:
    """Look at some nodes. Raises `EvidenceUnavailable` where none of them can be looked at."""
    nodes, total, gaps = look_at_nodes(look, _read)
    return NodeNetworks(nodes=nodes, nodes_total=total, gaps=gaps)


def _read(look: NodeView, node: Node) -> tuple[NetworkOfNode, tuple[Gap, ...]]:
    reading = NodeReading.of(look, node)
    family = family_of(node)
    found = NetworkOfNode(
        node=node.name,
        interfaces=reading.try_each(
            "addresses", *ways_of(SHOW_ADDRESSES, SHOW_ADDRESSES_PLAINLY, (), parse_interfaces)
        ),
        rules=reading.try_each("routing rules", *ways_of(SHOW_RULES, SHOW_RULES_PLAINLY, family, parse_routing_rules)),
        routes=reading.try_each("routing tables", *ways_of(SHOW_ROUTES, SHOW_ROUTES_PLAINLY, family, parse_routes)),
    )
    if found.interfaces is None and found.rules is None and found.routes is None:
        reading.refuse()
    return found, tuple(reading.gaps)


def family_of(node: Node) -> tuple[str, ...]:
    """Return what `ip` is told to speak of a node's own family of addresses; nothing: of IPv4."""
    return ("-6",) if ":" in node.internal_ip else ()


def ways_of(
    first: tuple[str, ...], plainly: tuple[str, ...], family: tuple[str, ...], parse: Callable[[str], T]
) -> tuple[tuple[tuple[str, ...], Callable[[ExecResult], T]], ...]:
    """Return how it is asked: as JSON, then as the text of an `ip` that knows none."""
    return tuple(((words[0], *family, *words[1:]), lambda result: parse(result.text())) for words in (first, plainly))


def summarise(found: NodeNetworks) -> str:
    """Say how many nodes were looked at, and how many rules they have."""
    rules = sum(len(one.rules or ()) for one in found.nodes)
    return f"{len(found.nodes)} of {found.nodes_total} nodes looked at, {rules} routing rules"


COLLECTOR = Collector(
    name="node_network",
    title="Interfaces and routing of the nodes",
    evidence=NodeNetworks,
    view=NodeView,
    collect=collect,
    summarise=summarise,
    permissions=PERMISSIONS,
    wants=(WorkloadPods,),
    parameters=NodeParameters,
    deadline_seconds=28.0,
)
