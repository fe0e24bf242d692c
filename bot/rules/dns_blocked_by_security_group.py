"""DNS is blocked by a security group: 53 cannot leave the client's groups or enter the CoreDNS side's (A1 to A6).

Judges the real pair: the interface that holds the client's address and the one that holds the CoreDNS pod's. Covers a
cluster security group hardened too far, node groups with a group each, and pods with groups of their own. Groups are
stateful, so the answer is never judged; network ACLs have a rule of their own. Nothing is looked up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from bot.collectors.kube_dns import KubeDns
from bot.collectors.security_group_rules import SecurityGroupRules
from bot.collectors.subnets import Subnets
from bot.collectors.worker_nodes import WorkerNodes
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, unknown
from bot.domain.json_values import JsonObject
from bot.network.model import Direction, SecurityGroupRule, Vpc
from bot.network.reachability import GROUP_HOPS
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

MAX_LISTED = 50
MAX_PROOF = 12


def judge(case: Case) -> Judgement:
    """Conclude from the rules of the groups on both sides of every pair."""
    nodes, dns = case.need(WorkerNodes), case.need(KubeDns)
    nothing = nothing_to_judge(nodes, dns)
    if nothing is not None:
        return nothing
    rules, subnets = case.need(SecurityGroupRules), case.look_for(Subnets)
    vpc = Vpc(
        interfaces=nodes.interfaces,
        rules=rules.rules,
        read_group_ids=rules.group_ids,
        prefix_lists=rules.prefix_lists,
        subnets=None if isinstance(subnets, Gap) else subnets.subnets,
    )
    paths = dns_paths(case, nodes, dns, vpc)
    found = stopped(paths, GROUP_HOPS)
    missing = (*((subnets,) if isinstance(subnets, Gap) else ()), *undecided(paths, GROUP_HOPS, rules.gaps))
    if found:
        return _problem(found, paths, rules.rules, missing, dict(nodes.group_names))
    pairs = f"{len(paths.pairs)} pairs of node and CoreDNS address"
    if missing:
        return unknown(f"No security group is seen to block DNS in {pairs}, but not all could be judged.", *missing)
    return healthy(
        f"The security groups let udp/53 and tcp/53 through in all {pairs}.",
        f"{len(paths.pairs)} pairs fall into {len(paths.classes)} classes, each judged over udp and tcp",
    )


def _problem(
    found: Sequence[Stopped],
    paths: DnsPaths,
    rules: Iterable[SecurityGroupRule],
    missing: tuple[Gap, ...],
    names: Mapping[str, str],
) -> Judgement:
    blocked = blocked_pairs(found)
    nodes = len({node for node, _ in blocked})
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"Security groups stop {protocols_text(blocked)} in {len(blocked)} of {len(paths.pairs)} pairs of node and "
            f"CoreDNS address: {found[0].block.missing}. Look-ups from {nodes} of {paths.nodes} nodes time out "
            "whenever they are sent there."
        ),
        proof=(*_missing_rules(found), *_present_rules(found, rules), *_named(found, names)),
        details=_details(found, paths),
        missing=missing,
        reach=reach(blocked),
    )


def _missing_rules(found: Sequence[Stopped]) -> tuple[str, ...]:
    """Spell each missing rule once, with a pair that needs it."""
    lines: dict[str, str] = {}
    for item in found:
        block, ingress = item.block, item.block.direction is Direction.INGRESS
        other = item.client if ingress else item.server
        groups = sorted(other.interface.security_group_ids) if other.interface else []
        rule = (
            f"missing rule: {block.direction} {block.protocol} 53 on {' or '.join(block.group_ids)} "
            f"{'from' if ingress else 'to'} {' or '.join(groups) or other.address}"
        )
        lines.setdefault(rule, f"{rule} (for {_place(item, client=True)} asking {_place(item, client=False)})")
    return tuple(lines.values())[:MAX_PROOF]


def _named(found: Sequence[Stopped], names: Mapping[str, str]) -> tuple[str, ...]:
    """Say what the groups that lack a rule are called."""
    groups = sorted({group for item in found for group in item.block.group_ids})
    return tuple(f"{group} is named {names[group]}" for group in groups[:MAX_PROOF] if names.get(group))


def _place(item: Stopped, *, client: bool) -> str:
    end = item.client if client else item.server
    interface = end.interface.id if end.interface else "an unknown interface"
    return f"{end.address} on {interface}, node {end.name or 'unknown'}"


def _present_rules(found: Sequence[Stopped], rules: Iterable[SecurityGroupRule]) -> tuple[str, ...]:
    """List what the groups do let through in the direction that lacks 53."""
    wanted = {(group, item.block.direction) for item in found for group in item.block.group_ids}
    present = [rule for rule in rules if (rule.security_group_id, rule.direction) in wanted]
    lines = [f"{rule.id}: {rule.security_group_id} {rule.direction} {_what(rule)}" for rule in present]
    lines += [
        f"{group} has no {direction} rule at all"
        for group, direction in sorted(wanted - {(rule.security_group_id, rule.direction) for rule in present})
    ]
    more = len(lines) - MAX_PROOF
    return (*lines[:MAX_PROOF], *((f"and {more} further rules, none of which lets 53 through",) if more > 0 else ()))


def _what(rule: SecurityGroupRule) -> str:
    protocol = "all traffic" if rule.protocol == "-1" else rule.protocol
    ports = "" if rule.from_port == -1 else f" {rule.from_port}"
    if ports and rule.to_port != rule.from_port:
        ports += f"-{rule.to_port}"
    way = "from" if rule.direction is Direction.INGRESS else "to"
    return f"{protocol}{ports} {way} {rule.group_id or rule.prefix_list_id or rule.cidr}"


def _details(found: Sequence[Stopped], paths: DnsPaths) -> JsonObject:
    clients = [_groups(item, client=True) for item in found]
    servers = [_groups(item, client=False) for item in found]
    shared = sorted(frozenset.intersection(*(one & other for one, other in zip(clients, servers, strict=True))))
    return {
        "blocked": [_blocked(item) for item in found[:MAX_LISTED]],
        "blocked_classes": len({id(item.pair_class) for item in found}),
        "pairs": len(paths.pairs),
        "security_group_id": shared[0] if shared else _most_to_blame(found),
        "shared_group_id": shared[0] if shared else "",
        "client_group_ids": sorted(frozenset().union(*clients)),
        "server_group_ids": sorted(frozenset().union(*servers)),
    }


def _groups(item: Stopped, *, client: bool) -> frozenset[str]:
    interface = (item.client if client else item.server).interface
    return interface.security_group_ids if interface else frozenset()


def _most_to_blame(found: Sequence[Stopped]) -> str:
    """Return the group that most blocks name: one that both sides carry, else the side's that lacks the rule."""
    named: Counter[str] = Counter()
    for item in found:
        both = _groups(item, client=True) & _groups(item, client=False)
        named.update(both or item.block.group_ids)
    return min(named, key=lambda group: (-named[group], group), default="")


def _blocked(item: Stopped) -> JsonObject:
    client, server = item.client.interface, item.server.interface
    return {
        "client_interface_id": client.id if client else "",
        "client_subnet_id": client.subnet_id if client else "",
        "client_node": item.client.name,
        "client_group_ids": sorted(_groups(item, client=True)),
        "server_interface_id": server.id if server else "",
        "server_node": item.server.name,
        "server_ip": str(item.server.address),
        "server_group_ids": sorted(_groups(item, client=False)),
        "protocol": item.block.protocol.value,
        "direction": item.block.direction.value,
        "missing": item.block.missing,
    }


RULE = Rule(
    name="dns_blocked_by_security_group",
    title="DNS is blocked by a security group",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(WorkerNodes, SecurityGroupRules, KubeDns, WorkloadPods, Subnets),
)
