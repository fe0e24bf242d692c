"""A security group keeps nodes, CoreDNS or other networks from the Kubernetes API: 443 to the control plane (D7).

Judges the real pairs: the interface of each node and of each CoreDNS pod, and each interface that EKS made for the
control plane. Groups are stateful: what is connected already stays so, and CoreDNS or kube-proxy notice only when they
connect again. Where private access is off the nodes' own way is over the internet and not judged; CoreDNS's never is.
Of a peer or a network on premises with a probe, that must have seen that the name resolves there and 443 is not
reached; without one, an endpoint with private access alone is judged where the name resolves there by configuration.

In a playbook: `{rule: control_plane_blocked_by_security_group, severity: critical}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.collectors.control_plane import ControlPlane
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.security_group_rules import SecurityGroupRules
from bot.collectors.subnets import Subnets
from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.evidence import Gap
from bot.domain.faulty_objects import FaultyObject, ObjectKind
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, unknown
from bot.domain.json_values import JsonObject
from bot.domain.network_lookups import EndpointLookups
from bot.domain.peers import Peers
from bot.domain.phrases import count
from bot.network.model import Direction, SecurityGroupRule
from bot.network.reachability import GROUP_HOPS
from bot.rules import _group_words as groups
from bot.rules._control_plane_ways import ControlPlaneWays, control_plane_ways, nothing_to_judge
from bot.rules._name_ways import NEEDS as WAYS
from bot.rules._networks_to_api import ClosedNetwork, networks_to_api
from bot.rules._stopped import Stopped, stopped
from bot.rules._vpc_read import groups_read

MAX_LISTED = 50


def judge(case: Case) -> Judgement:
    """Conclude from the rules of the groups on both sides of every way."""
    others = networks_to_api(case)
    found = _from_inside(case)
    if found.verdict is not Verdict.PROBLEM and others.closed:
        return _from_elsewhere(others.closed, (*found.missing, *others.gaps))
    if found.verdict is Verdict.HEALTHY and others.gaps:
        return unknown("Not all ways to the control plane could be judged.", *others.gaps)
    closed = tuple(f"{one.text}." for one in others.closed)
    return replace(found, proof=(*found.proof, *closed, *(f"{line}." for line in others.lines)))


def _from_elsewhere(closed: Sequence[ClosedNetwork], missing: tuple[Gap, ...]) -> Judgement:
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"Security groups block tcp/443 to the control plane from {count(len(closed), 'other network')} "
            f"({', '.join(one.name for one in closed)}), where the private endpoint's name resolves: kubectl times out "
            "there."
        ),
        proof=tuple(f"{one.text}." for one in closed),
        details={"networks": [one.row for one in closed], "security_group_id": min(closed[0].group_ids)},
        missing=missing,
        objects=tuple(
            FaultyObject(kind=ObjectKind.SECURITY_GROUP, name=group, parts=("ingress",))
            for group in sorted({group for one in closed for group in one.group_ids})
        ),
    )


def _from_inside(case: Case) -> Judgement:
    """Conclude for nodes and CoreDNS pods."""
    nodes, plane = case.need(WorkerNodes), case.need(ControlPlane)
    nothing = nothing_to_judge(nodes, plane)
    if nothing is not None:
        return nothing
    read = groups_read(case, nodes)
    ways = control_plane_ways(case, nodes, plane, read.vpc)
    found = stopped(ways.classes, GROUP_HOPS)
    missing = read.missing(ways.classes, ways.gaps)
    if found:
        return _problem(found, ways, read.vpc.rules, missing, dict(nodes.group_names))
    what = f"{ways.ways} ways from nodes and CoreDNS pods to the control plane's interfaces"
    if missing:
        return unknown(f"No security group is seen to block 443 on {what}, but not all could be judged.", *missing)
    return healthy(f"The security groups let tcp/443 through on all {what}.", *ways.over_the_internet)


def _problem(
    found: Sequence[Stopped],
    ways: ControlPlaneWays,
    rules: Sequence[SecurityGroupRule],
    missing: tuple[Gap, ...],
    names: dict[str, str],
) -> Judgement:
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"Security groups block tcp/443 to the control plane on {ways.blocked_ways(found)} of {ways.ways} ways: "
            f"{found[0].block.missing}. {ways.whom(found)} cannot connect to the Kubernetes API there; what is "
            "connected already stays so until it has to connect again."
        ),
        proof=(*groups.proof(found, rules, names, asking="calling"), *ways.over_the_internet),
        details={
            "blocked": [_blocked(item) for item in found[:MAX_LISTED]],
            "ways": ways.ways,
            "security_group_id": groups.most_to_blame(found),
        },
        missing=missing,
        reach=ways.reach(found),
        pods=ways.waiting(found),
        call_reach=ways.call_reach(found),
        objects=groups.objects(found),
        advice=tuple(dict.fromkeys(_command(item) for item in found))[:5],
    )


def _blocked(item: Stopped) -> JsonObject:
    client, server = item.client.interface, item.server.interface
    return {
        "client_interface_id": client.id if client else "",
        "client_node": item.client.name,
        "client_group_ids": sorted(groups.groups_of(item.client)),
        "server_interface_id": server.id if server else "",
        "server_group_ids": sorted(groups.groups_of(item.server)),
        "direction": item.block.direction.value,
        "missing": item.block.missing,
    }


def _command(item: Stopped) -> str:
    """Return the command that adds the rule; the groups are named as they are, the first of each side."""
    direction = item.block.direction
    far = item.client if direction is Direction.INGRESS else item.server
    own, other = min(item.block.group_ids, default="GROUP"), min(groups.groups_of(far), default="")
    pair = f"UserIdGroupPairs=[{{GroupId={other}}}]" if other else f"IpRanges=[{{CidrIp={far.address}/32}}]"
    return (
        f"aws ec2 authorize-security-group-{direction} --group-id {own} "
        f"--ip-permissions 'IpProtocol=tcp,FromPort=443,ToPort=443,{pair}'"
    )


RULE = Rule(
    name="control_plane_blocked_by_security_group",
    title="A security group blocks the way to the Kubernetes API",
    check="Security groups on the way to the Kubernetes API",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(WorkerNodes, ControlPlane, SecurityGroupRules, Subnets, CorednsPods),
    wants=(EndpointLookups, *WAYS),
    problem_refuted_by=(
        (SecurityGroupRules, "a rule of any other group of the interface that allows it"),
        (ControlPlane, "private access that is off, so that the nodes' way is over the internet"),
        (EndpointLookups, "a connection from the other network that reaches the API"),
        (Peers, "another CIDR of the peer's, which a rule allows"),
    ),
    healthy_refuted_by=(
        (SecurityGroupRules, "a pair that no rule allows"),
        (EndpointLookups, "a network that no rule allows, from which 443 is not reached"),
    ),
    refuted_with_more=(EndpointLookups, Peers),
    decides_without=(EndpointLookups,),
)
