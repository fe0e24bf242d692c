"""DNS is blocked by a network ACL: an entry closes 53, or ephemeral ports that answers come back to (A8).

ACLs act where traffic enters or leaves a subnet, so a pair within one subnet skips them; they are stateless, so the
answer is judged as well. The share of the clients' source ports (32768 to 60999) that is closed is the share of queries
that fail. Closed ports outside that range are a note, no fault. Security groups have a rule of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.collectors.kube_dns import KubeDns
from bot.collectors.network_acls import NetworkAcls
from bot.collectors.node_local_dns import NodeLocalDns
from bot.collectors.subnets import Subnets
from bot.collectors.vpc_cni import VpcCni
from bot.collectors.worker_nodes import WorkerNodes
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, unknown
from bot.domain.lookup_matrix import LookupMatrix
from bot.network.reachability import ACL_HOPS, Way
from bot.rules import _acl_ways as ways
from bot.rules._dns_paths import Blocked, DnsPaths, Weighed, dns_paths, nothing_to_judge, transports_text
from bot.rules._stopped import Stopped, stopped
from bot.rules._vpc_read import acls_read

MAX_PROOF = 20


def judge(case: Case) -> Judgement:
    """Conclude from the first matching entries on both subnets of every pair, in both directions."""
    nodes, dns = case.need(WorkerNodes), case.need(KubeDns)
    nothing = nothing_to_judge(nodes, dns)
    if nothing is not None:
        return nothing
    read = acls_read(case, nodes)
    paths = dns_paths(case, nodes, dns, read.vpc)
    weighed = Weighed.of(case, paths, stopped(paths.classes, ACL_HOPS))
    found, missing = weighed.standing, (*weighed.refuted, *read.missing(paths.classes, paths.gaps))
    if found:
        return _problem(found, paths, missing)
    if weighed.refuted:
        return unknown(f"Not known whether a network ACL blocks DNS: {weighed.refuted[0].reason}.", *missing)
    if missing:
        summary = f"No network ACL is seen to block DNS in {len(paths.pairs)} {paths.pairs_of}, but not "
        return unknown(f"{summary}all could be judged.", *missing)
    return healthy(
        f"The network ACLs let DNS and its answers through in all {len(paths.pairs)} {paths.pairs_of} "
        f"({_crossing(paths)} of them cross subnets).",
        *ways.harmless(paths.classes, MAX_PROOF),
    )


def _crossing(paths: DnsPaths) -> int:
    crossing = {
        (paths.clients.asker(client).name, server.address)
        for pair_class in paths.classes
        if pair_class.way is not Way.ON_NODE
        for client, server in pair_class.pairs()
        if client.interface and server.interface and client.interface.subnet_id != server.interface.subnet_id
    }
    return len(crossing)


def _problem(found: Sequence[Stopped], paths: DnsPaths, missing: tuple[Gap, ...]) -> Judgement:
    blocked = Blocked.of(paths, found)
    worst = max(found, key=lambda item: item.block.share).block
    share = ways.worst_share(found)
    fails = "every lookup that takes this way fails" if share == 1 else f"about {share:.1%} of their lookups fail"
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"Network ACL {worst.acl_id} blocks {transports_text(blocked)} or their answers in {len(blocked.pairs)} of "
            f"{len(paths.pairs)} {paths.pairs_of}: {worst.missing}; {fails}."
        ),
        proof=(*ways.sentences(found), *ways.harmless(paths.classes, MAX_PROOF))[:MAX_PROOF],
        details={"blocked": ways.closed_rows(found), "network_acl_id": ways.most_to_blame(found)},
        missing=missing,
        reach=blocked.reach,
        closed_ways=ways.closed_ways(found),
        objects=ways.objects(found),
    )


RULE = Rule(
    name="dns_blocked_by_network_acl",
    title="DNS is blocked by a network ACL",
    check="Network ACLs",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(WorkerNodes, KubeDns, NetworkAcls, Subnets, WorkloadPods),
    wants=(NodeLocalDns, VpcCni, LookupMatrix),
    problem_refuted_by=(
        (NodeLocalDns, "a cache that answers a pod in standard mode on its own node"),
        (LookupMatrix, "a lookup that was answered on exactly the way that is called blocked"),
        (NetworkAcls, "an earlier entry that allows it"),
        (WorkerNodes, "a pair of interfaces in one subnet, which ACLs do not filter"),
    ),
    healthy_refuted_by=((NetworkAcls, "an entry that denies 53 or the ports of the answers for some pair"),),
    refuted_with_more=(NodeLocalDns,),
)
