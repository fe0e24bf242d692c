"""DNS is blocked by a security group: 53 cannot leave the client's groups or enter the CoreDNS side's (A1 to A6).

Judges the real pair: the interface that holds the client's address and the one that holds the CoreDNS pod's. Covers a
cluster security group hardened too far, node groups with a group each, and pods with groups of their own. Groups are
stateful, so the answer is never judged; network ACLs have a rule of their own. Lookups that
were answered on a way that is called blocked contradict it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bot.collectors.kube_dns import KubeDns
from bot.collectors.node_local_dns import NodeLocalDns
from bot.collectors.security_group_rules import SecurityGroupRules
from bot.collectors.subnets import Subnets
from bot.collectors.vpc_cni import VpcCni
from bot.collectors.worker_nodes import WorkerNodes
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, unknown
from bot.domain.json_values import JsonObject
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.phrases import capital
from bot.network.model import SecurityGroupRule
from bot.network.reachability import GROUP_HOPS
from bot.rules import _group_words as groups
from bot.rules._dns_paths import Blocked, DnsPaths, Weighed, dns_paths, nothing_to_judge, transports_text
from bot.rules._stopped import Stopped, stopped
from bot.rules._vpc_read import groups_read

MAX_LISTED = 50


def judge(case: Case) -> Judgement:
    """Conclude from the rules of the groups on both sides of every pair."""
    nodes, dns = case.need(WorkerNodes), case.need(KubeDns)
    nothing = nothing_to_judge(nodes, dns)
    if nothing is not None:
        return nothing
    read = groups_read(case, nodes)
    paths = dns_paths(case, nodes, dns, read.vpc)
    weighed = Weighed.of(case, paths, stopped(paths.classes, GROUP_HOPS))
    found, missing = weighed.standing, (*weighed.refuted, *read.missing(paths.classes, paths.gaps))
    if found:
        return _problem(found, paths, read.vpc.rules, missing, dict(nodes.group_names))
    pairs = f"{len(paths.pairs)} {paths.pairs_of}"
    if weighed.refuted:
        return unknown(f"Not known whether a security group blocks DNS: {weighed.refuted[0].reason}.", *missing)
    if missing:
        return unknown(f"No security group is seen to block DNS in {pairs}, but not all could be judged.", *missing)
    return healthy(
        f"The security groups let udp/53 and tcp/53 through in all {pairs}.",
        f"{len(paths.pairs)} pairs fall into {len(paths.classes)} classes, each judged over udp and tcp",
        *(
            (f"{len(paths.branches)} of the clients are pods judged by their own branch interfaces",)
            if paths.branches
            else ()
        ),
    )


def _problem(
    found: Sequence[Stopped],
    paths: DnsPaths,
    rules: Iterable[SecurityGroupRule],
    missing: tuple[Gap, ...],
    names: Mapping[str, str],
) -> Judgement:
    blocked, lacks = Blocked.of(paths, found), found[0].block.missing
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"{capital(lacks)}. Security groups block {transports_text(blocked)} in {len(blocked.pairs)} "
            f"of {len(paths.pairs)} {paths.pairs_of}. Queries from {blocked.whom(paths)} get no answer there."
        ),
        proof=groups.proof(found, rules, names, asking="asking"),
        details=_details(found, paths),
        missing=missing,
        reach=blocked.reach,
        objects=groups.objects(found),
    )


def _details(found: Sequence[Stopped], paths: DnsPaths) -> JsonObject:
    clients = [groups.groups_of(item.client) for item in found]
    servers = [groups.groups_of(item.server) for item in found]
    shared = sorted(frozenset.intersection(*(one & other for one, other in zip(clients, servers, strict=True))))
    return {
        "blocked": [_blocked(item, paths) for item in found[:MAX_LISTED]],
        "blocked_classes": len({id(item.pair_class) for item in found}),
        "pairs": len(paths.pairs),
        "security_group_id": shared[0] if shared else groups.most_to_blame(found),
        "shared_group_id": shared[0] if shared else "",
        "client_group_ids": sorted(frozenset().union(*clients)),
        "server_group_ids": sorted(frozenset().union(*servers)),
    }


def _blocked(item: Stopped, paths: DnsPaths) -> JsonObject:
    client, server = item.client.interface, item.server.interface
    return {
        "client_interface_id": client.id if client else "",
        "client_subnet_id": client.subnet_id if client else "",
        "client_node": item.client.name,
        "client_pod": paths.clients.asker(item.client).pod,
        "client_group_ids": sorted(groups.groups_of(item.client)),
        "server_interface_id": server.id if server else "",
        "server_node": item.server.name,
        "server_ip": str(item.server.address),
        "server_group_ids": sorted(groups.groups_of(item.server)),
        "protocol": item.block.transport.value,
        "direction": item.block.direction.value,
        "missing": item.block.missing,
    }


RULE = Rule(
    name="dns_blocked_by_security_group",
    title="DNS is blocked by a security group",
    check="Security groups",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(WorkerNodes, SecurityGroupRules, KubeDns, WorkloadPods, Subnets),
    wants=(NodeLocalDns, VpcCni, LookupMatrix),
    problem_refuted_by=(
        (NodeLocalDns, "a cache that answers a pod in standard mode on its own node"),
        (LookupMatrix, "a lookup that was answered on exactly the way that is called blocked"),
        (SecurityGroupRules, "a rule of any other group of the interface that allows it"),
        (KubeDns, "no endpoint behind the interface"),
    ),
    healthy_refuted_by=(
        (SecurityGroupRules, "a pair that no rule allows"),
        (WorkloadPods, "a pod with groups of its own"),
    ),
    refuted_with_more=(NodeLocalDns,),
)
