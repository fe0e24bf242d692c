"""From where to where lookups went, in words that do not depend on where pods happened to be placed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from bot.sandbox.running.standing_world import StandingWorld
from bot.sandbox.world.world import CLUSTER_DNS
from lab.kubernetes_api import Json
from lab.lookups import OUTSIDE, To, has_branch_interface, look_up


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Relation:
    """How a client's node and a CoreDNS pod's node lie to one another, as far as it matters."""

    own_interface: bool
    """Of the client: whether it has a branch interface."""
    same_node: bool
    same_subnet: bool
    same_node_group: bool
    acl_changed: tuple[bool, bool]
    """Of the client's and of the server's subnet, against the healthy world."""
    routed: tuple[bool, bool]
    """Whether the client's and the server's node hold their routes, as far as an operator did not remove them."""
    server_runs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """From where to where a lookup went."""

    to: To
    servers: tuple[Relation, ...]
    """One for a pod; those of all ready CoreDNS pods for the service."""
    own_is_service: bool
    external: bool
    tcp: bool

    @property
    def is_certain(self) -> bool:
        """Whether it does not depend on which CoreDNS pod the service chose."""
        return len(set(self.servers)) <= 1


Lookups: TypeAlias = Mapping[Way, frozenset[str]]
"""What came back: `answer` or `failure`.

Silence, SERVFAIL and refusal are not told apart: the kernel sends few "port unreachable" in a second (icmp_ratelimit in
the kernel's ip-sysctl page), and CoreDNS answers SERVFAIL only after the client has given up.
"""


def compared(one: Lookups, other: Lookups) -> frozenset[Way]:
    """Return the ways that were looked up in both worlds and do not depend on chance."""
    return frozenset(way for way in one.keys() & other.keys() if way.is_certain)


def answered(lookups: Lookups) -> str:
    """Say how many of the ways that were looked up always, and sometimes, led to an answer."""
    always = sum(found == {"answer"} for found in lookups.values())
    sometimes = sum(len(found) > 1 for found in lookups.values())
    return f"{always} of {len(lookups)}" + (f", {sometimes} sometimes" if sometimes else "")


def look_up_everything(standing: StandingWorld) -> Lookups:
    """Look everything up (see `lookups.look_up`) and return what came back on each way."""
    asked, places = look_up(standing), _Places(standing)
    own = {lookup.client["metadata"]["name"]: lookup.address for lookup in asked if lookup.to is To.OWN}
    found: dict[Way, frozenset[str]] = {}
    for lookup in asked:
        way = Way(
            to=lookup.to,
            servers=tuple(sorted(places.relation(lookup.client, pod) for pod in lookup.servers)),
            own_is_service=own[lookup.client["metadata"]["name"]] == CLUSTER_DNS,
            external=lookup.name == OUTSIDE,
            tcp=lookup.tcp,
        )
        found[way] = found.get(way, frozenset()) | {"answer" if lookup.answered else "failure"}
    return found


class _Places:
    """Where pods are, in the terms of a `Relation`."""

    def __init__(self, standing: StandingWorld) -> None:
        world = standing.world
        self._nodes = {node.name: node for node in world.nodes}
        acls = standing.operator.aws("ec2", "DescribeNetworkAcls")["NetworkAcls"]
        now = {one["SubnetId"]: acl["NetworkAclId"] for acl in acls for one in acl["Associations"]}
        self._unrouted = standing.operator.unrouted
        self._changed = {subnet.id: now[subnet.id] != subnet.network_acl_id for subnet in world.home.subnets}

    def _is_routed(self, pod: Json) -> bool:
        return pod["status"].get("podIP") not in self._unrouted

    def relation(self, client: Json, server: Json) -> Relation:
        """Return how two pods lie to one another."""
        here, there = (self._nodes[pod["spec"]["nodeName"]] for pod in (client, server))
        return Relation(
            own_interface=has_branch_interface(client),
            same_node=there is here,
            same_subnet=there.subnet_id == here.subnet_id,
            same_node_group=there.node_group == here.node_group,
            acl_changed=(self._changed[here.subnet_id], self._changed[there.subnet_id]),
            routed=(self._is_routed(client), self._is_routed(server)),
            server_runs=bool(server["status"]["containerStatuses"][0]["state"].get("running")),
        )
