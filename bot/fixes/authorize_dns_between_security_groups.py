"""Open port 53, udp and tcp, between the security groups of clients and of CoreDNS, and nothing else (A1, A3).

For node groups with a group each, and for pods with groups of their own. Inbound rules go on a group of the CoreDNS
side, outbound ones on a group of the client side, each only where it is missing; of several possible groups those are
taken that need the fewest rules, then those that fewest interfaces carry. Cost: two API calls a step. Playbook:

    fixes:
      - fix: authorize_dns_between_security_groups
        risk: low
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from bot.collectors.eks_cluster import EksCluster
from bot.collectors.security_group_rules import SecurityGroupRules
from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.json_values import JsonValue
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Step
from bot.fixes import _security_group_requests as requests
from bot.fixes import _security_group_steps as steps
from bot.network.model import Direction

NAME = "authorize_dns_between_security_groups"
LISTED_AT_MOST = 50
"""The rule lists this many blocked classes; with more, the plan would be made from a part."""


@dataclass(frozen=True, slots=True, order=True)
class _Opening:
    """A rule on `group_id` that names `peer_id`."""

    direction: Direction
    group_id: str
    peer_id: str


def plan(case: PlanCase) -> Planned | Advice:
    """Plan one step per group and direction, with the fewest rules that open every blocked class."""
    blocked = case.finding.rows("blocked")
    if len(blocked) >= LISTED_AT_MOST:
        return Advice(
            reason=f"{LISTED_AT_MOST} or more different combinations of groups and subnets are blocked: too many for "
            "one plan that a person can check.",
            text=("Attach one security group to all nodes that lets DNS in from itself, and diagnose again.",),
        )
    if not all(one["client_group_ids"] and one["server_group_ids"] for one in blocked):
        return Advice(reason="The security groups of one side of a blocked pair are not known.")
    openings = _fewest(case, blocked)
    rules = case.need(SecurityGroupRules).rules
    planned: list[Step] = []
    for direction, group_id in sorted({(one.direction, one.group_id) for one in openings}):
        before = steps.normalised(rules, group_id, direction)
        wanted = [rule for rule in _wanted(openings, direction, group_id) if rule not in before]
        if len(before) + len(wanted) > steps.RULES_PER_DIRECTION:
            return Advice(
                reason=f"{group_id} has {len(before)} {direction.value} rules; the default quota is "
                f"{steps.RULES_PER_DIRECTION}.",
                text=("Remove a rule that nothing needs, or request a higher quota, and diagnose again.",),
            )
        if wanted:
            planned.append(
                steps.authorize_step(NAME, case, group_id=group_id, direction=direction, wanted=wanted, before=before)
            )
    return Planned(steps=tuple(planned), blast_radius=_blast_radius(case, openings))


def _fewest(case: PlanCase, blocked: Sequence[Mapping[str, Any]]) -> dict[_Opening, set[str]]:
    """Cover every blocked class, greedily: the opening that serves most classes first."""
    left = list(blocked)
    chosen: dict[_Opening, set[str]] = {}
    while left:
        served: dict[_Opening, list[Mapping[str, Any]]] = {}
        for one in left:
            for opening in _openings(one):
                served.setdefault(opening, []).append(one)
        best = min(served, key=lambda opening: (-len(served[opening]), _carriers(case, opening), opening))
        chosen[best] = {str(one["protocol"]) for one in served[best]}
        left = [one for one in left if one not in served[best]]
    return chosen


def _openings(one: Mapping[str, Any]) -> Iterator[_Opening]:
    for server, client in product(one["server_group_ids"], one["client_group_ids"]):
        if one["direction"] == Direction.INGRESS.value:
            yield _Opening(Direction.INGRESS, str(server), str(client))
        else:
            yield _Opening(Direction.EGRESS, str(client), str(server))


def _carriers(case: PlanCase, opening: _Opening) -> int:
    nodes = case.look_for(WorkerNodes)
    if not isinstance(nodes, WorkerNodes):
        return 0
    return len(nodes.carriers(opening.group_id)) + len(nodes.carriers(opening.peer_id))


def _wanted(openings: Mapping[_Opening, set[str]], direction: Direction, group_id: str) -> list[dict[str, JsonValue]]:
    return [
        steps.wanted_rule(protocol, opening.peer_id)
        for opening in sorted(openings)
        if (opening.direction, opening.group_id) == (direction, group_id)
        for protocol in ("udp", "tcp")
        if protocol in openings[opening]
    ]


def _blast_radius(case: PlanCase, openings: Mapping[_Opening, set[str]]) -> str:
    sentences = []
    for one in sorted(openings):
        protocols = " and ".join(protocol for protocol in ("udp", "tcp") if protocol in openings[one])
        verb, way = ("take", "from") if one.direction is Direction.INGRESS else ("send", "to")
        sentences.append(
            f"{one.group_id} ({steps.touched(case, one.group_id)}) will {verb} port 53 {protocols} {way} {one.peer_id} "
            f"({steps.touched(case, one.peer_id)})."
        )
    return " ".join(sentences)


FIX = Fix(
    name=NAME,
    title="Allow DNS between the security groups",
    does=(
        "Adds rules for port 53, udp and tcp, where they are missing: inbound on a group of the CoreDNS side from a "
        "group of the client side, and outbound on the client side. The undo revokes these rules."
    ),
    plan=plan,
    read=steps.read,
    apply=steps.apply,
    inverse=steps.inverse,
    permissions=(*requests.INGRESS_PERMISSIONS, *requests.EGRESS_PERMISSIONS),
    needs=(SecurityGroupRules, WorkerNodes, EksCluster),
    rule_parameters=("blocked",),
    rehearse=lambda evidence: requests.rehearsals(evidence, Direction.INGRESS, Direction.EGRESS),
)
