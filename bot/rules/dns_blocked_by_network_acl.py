"""DNS is blocked by a network ACL: an entry closes 53, or ephemeral ports that answers come back to (A8).

ACLs act where traffic enters or leaves a subnet, so a pair within one subnet skips them; they are stateless, so the
answer is judged as well. The share of the clients' source ports (32768 to 60999) that is closed is the share of queries
that fail. Closed ports outside that range are a note, no fault. Security groups have a rule of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bot.collectors.kube_dns import KubeDns
from bot.collectors.network_acls import NetworkAcls
from bot.collectors.subnets import Subnets
from bot.collectors.worker_nodes import WorkerNodes
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, unknown
from bot.domain.json_values import JsonObject
from bot.network.model import Vpc
from bot.network.reachability import ACL_HOPS, Hop
from bot.rules._dns_paths import (
    DnsPaths,
    Stopped,
    blocked_pairs,
    dns_paths,
    nothing_to_judge,
    protocols_text,
    reach,
    stopped,
    undecided,
)

MAX_PROOF = 20


def judge(case: Case) -> Judgement:
    """Conclude from the first matching entries on both subnets of every pair, in both directions."""
    nodes, dns = case.need(WorkerNodes), case.need(KubeDns)
    nothing = nothing_to_judge(nodes, dns)
    if nothing is not None:
        return nothing
    acls, subnets = case.look_for(NetworkAcls), case.look_for(Subnets)
    vpc = Vpc(
        interfaces=nodes.interfaces,
        rules=(),
        read_group_ids=frozenset(),
        acls=None if isinstance(acls, Gap) else acls.acls,
        subnets=None if isinstance(subnets, Gap) else subnets.subnets,
    )
    paths = dns_paths(case, nodes, dns, vpc)
    found = stopped(paths, ACL_HOPS)
    gaps = tuple(item for item in (acls, subnets) if isinstance(item, Gap))
    read = (frozenset() if isinstance(acls, Gap) else ACL_HOPS) | (
        frozenset() if isinstance(subnets, Gap) else frozenset({Hop.ROUTE})
    )
    missing = (*gaps, *undecided(paths, read))
    if found:
        return _problem(found, paths, missing)
    if missing:
        summary = (
            f"No network ACL is seen to block DNS in {len(paths.pairs)} pairs of node and CoreDNS address, but not "
        )
        return unknown(f"{summary}all could be judged.", *missing)
    return healthy(
        f"The network ACLs let DNS and its answers through in all {len(paths.pairs)} pairs of node and CoreDNS address "
        f"({_crossing(paths)} of them cross subnets).",
        *_notes(paths),
    )


def _crossing(paths: DnsPaths) -> int:
    crossing = {
        (client.name, server.address)
        for pair_class in paths.classes
        if not pair_class.on_node
        for client, server in pair_class.pairs()
        if client.interface and server.interface and client.interface.subnet_id != server.interface.subnet_id
    }
    return len(crossing)


def _notes(paths: DnsPaths) -> tuple[str, ...]:
    notes = {note for pair_class in paths.classes for answer in pair_class.answers for note in answer.notes}
    return tuple(f"no fault: {note}" for note in sorted(notes)[:MAX_PROOF])


def _problem(found: Sequence[Stopped], paths: DnsPaths, missing: tuple[Gap, ...]) -> Judgement:
    blocked = blocked_pairs(found)
    worst = max(found, key=lambda item: item.block.share).block
    share = max(answer.at(ACL_HOPS).share for item in found for answer in item.pair_class.answers)
    fails = "every look-up that takes this way fails" if share == 1 else f"about {share:.1%} of their look-ups fail"
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"Network ACL {worst.acl_id} stops {protocols_text(blocked)} or their answers in {len(blocked)} of "
            f"{len(paths.pairs)} pairs of node and CoreDNS address: {worst.missing}; {fails}."
        ),
        proof=(*dict.fromkeys(item.block.missing for item in found), *_notes(paths))[:MAX_PROOF],
        details={"blocked": _blocked(found), "network_acl_id": _most_to_blame(found)},
        missing=missing,
        reach=reach(blocked),
    )


def _blocked(found: Sequence[Stopped]) -> list[JsonObject]:
    """Return each closed way once: ACL, direction, protocol, ports and counterpart."""
    ways: dict[tuple[str, ...], JsonObject] = {}
    for item in found:
        block = item.block
        way: dict[str, str | int] = {
            "acl_id": block.acl_id,
            "subnet_id": block.subnet_id,
            "direction": block.direction.value,
            "protocol": block.protocol.value,
            "from_port": block.ports.first,
            "to_port": block.ports.last,
            "counterpart_cidr": str(block.counterpart),
            "entry_number": block.entry_number or 0,
        }
        ways.setdefault(tuple(str(value) for value in way.values()), {**way, "share": round(block.share, 6)})
    return [ways[key] for key in sorted(ways)]


def _most_to_blame(found: Sequence[Stopped]) -> str:
    named: Counter[str] = Counter(item.block.acl_id for item in found)
    return min(named, key=lambda acl: (-named[acl], acl))


RULE = Rule(
    name="dns_blocked_by_network_acl",
    title="DNS is blocked by a network ACL",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(WorkerNodes, KubeDns, NetworkAcls, Subnets, WorkloadPods),
)
