"""A network ACL keeps nodes or CoreDNS from the Kubernetes API: 443 to the control plane's interfaces, or back (A8).

ACLs act where traffic enters or leaves a subnet, so a caller in the subnet of an interface skips them; they are
stateless, so the answer's ports are judged as well, and what is connected already is cut off, too. The control plane
has several interfaces: a connection that is led to a closed one hangs for 30 s and is then tried anew.

In a playbook: `{rule: control_plane_blocked_by_network_acl, severity: critical}`.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.collectors.control_plane import ControlPlane
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.network_acls import NetworkAcls
from bot.collectors.subnets import Subnets
from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, unknown
from bot.network.reachability import ACL_HOPS
from bot.rules import _acl_ways as closed
from bot.rules._control_plane_ways import ControlPlaneWays, control_plane_ways, nothing_to_judge
from bot.rules._stopped import Stopped, stopped
from bot.rules._vpc_read import acls_read

MAX_PROOF = 20


def judge(case: Case) -> Judgement:
    """Conclude from the first matching entries on both subnets of every way, in both directions."""
    nodes, plane = case.need(WorkerNodes), case.need(ControlPlane)
    nothing = nothing_to_judge(nodes, plane)
    if nothing is not None:
        return nothing
    read = acls_read(case, nodes)
    ways = control_plane_ways(case, nodes, plane, read.vpc)
    found = stopped(ways.classes, ACL_HOPS)
    missing = read.missing(ways.classes, ways.gaps)
    if found:
        return _problem(found, ways, missing)
    what = f"{ways.ways} ways from nodes and CoreDNS pods to the control plane's interfaces"
    if missing:
        return unknown(f"No network ACL is seen to block 443 on {what}, but not all could be judged.", *missing)
    return healthy(
        f"The network ACLs let tcp/443 and its answers through on all {what}.",
        *ways.over_the_internet,
        *closed.harmless(ways.classes, MAX_PROOF),
    )


def _problem(found: Sequence[Stopped], ways: ControlPlaneWays, missing: tuple[Gap, ...]) -> Judgement:
    worst = max(found, key=lambda item: item.block.share).block
    share = closed.worst_share(found)
    fails = "every connection there hangs" if share == 1 else f"about {share:.1%} of the connections there hang"
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"Network ACL {worst.acl_id} blocks tcp/443 to the control plane, or its answers, on "
            f"{ways.blocked_ways(found)} of {ways.ways} ways: {worst.missing}; {fails}. Cut off from interfaces of the "
            f"control plane: {ways.whom(found)}."
        ),
        proof=(
            *closed.sentences(found),
            *ways.over_the_internet,
            *closed.harmless(ways.classes, MAX_PROOF),
        )[:MAX_PROOF],
        details={"blocked": closed.closed_rows(found), "network_acl_id": closed.most_to_blame(found)},
        missing=missing,
        reach=ways.reach(found),
        pods=ways.waiting(found),
        call_reach=ways.call_reach(found),
        closed_ways=closed.closed_ways(found),
        objects=closed.objects(found),
    )


RULE = Rule(
    name="control_plane_blocked_by_network_acl",
    title="A network ACL blocks the way to the Kubernetes API",
    check="Network ACLs on the way to the Kubernetes API",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(WorkerNodes, ControlPlane, NetworkAcls, Subnets, CorednsPods),
    problem_refuted_by=(
        (NetworkAcls, "an earlier entry that allows it"),
        (WorkerNodes, "a pair of interfaces in one subnet, which ACLs do not filter"),
    ),
    healthy_refuted_by=((NetworkAcls, "an entry that denies 443 or the ports of the answers for some pair"),),
)
