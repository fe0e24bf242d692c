"""A node's conntrack table is full: the kernel drops the packets that would begin another, DNS as well.

Its log says `nf_conntrack: table full, dropping packet`; the count stands at the maximum. Short UDP exchanges fill it,
which NodeLocal DNSCache avoids. What ENA drops beyond the instance's own allowance (`conntrack_allowance_exceeded`) is
another limit: the kernel's table may have room then, and the counter does not say when. Where nodes are not looked at,
lookups that were all answered show that new connections could be tracked, said so.

In a playbook: `{rule: conntrack_table_full, severity: critical, with: {full_share: 0.98}}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.node_conntrack import ConntrackOfNode, NodeConntracks
from bot.domain.api_calls import CallReach
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer, Reach
from bot.domain.phrases import count, few
from bot.rules._unseen_nodes import unseen

MOST_NAMED = 50
_ENA = "conntrack_allowance_exceeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When a table counts as full."""

    full_share: float = 0.98
    """Entries by the maximum. The kernel drops at the maximum itself, and the count moves while it is read."""


def judge(case: Case) -> Judgement:
    """Compare the entries with the maximum, node by node."""
    lookups, found = case.need(LookupMatrix), case.find(NodeConntracks)
    counted = {one.node: one for one in found.nodes if one.full_share is not None} if found else {}
    full = [one for one in counted.values() if (one.full_share or 0.0) >= case.thresholds.full_share]
    if full:
        return _problem(case, full)
    asked = [one for one in lookups.lookups if one.answer is not Answer.NOT_ASKED and one.client.node]
    silent = {one.client.node for one in asked if one.answer is Answer.TIMED_OUT}
    missing = tuple(
        unseen(case.look_for(NodeConntracks), silent, counted, what="tracked connections", why="some lookups timed out")
    )
    if not missing and not asked and not counted:
        missing = (Gap(what="tracked connections", reason="no lookup was made, and no node's table was seen"),)
    if missing:
        return not_known("whether a node's conntrack table is full", *missing)
    fullest = max((one.full_share or 0.0 for one in counted.values()), default=0.0)
    nodes = {one.client.node for one in asked} - set(counted)
    seen = f"the fullest of {count(len(counted), 'table')} is {fullest:.0%} full" if counted else ""
    tracked = f"every lookup from {count(len(nodes), 'further node' if counted else 'node')} was answered"
    return healthy(
        f"New connections can be tracked: {'; '.join(filter(None, (seen, tracked if nodes else '')))}.",
        *_beyond_allowances(counted.values()),
    )


def _beyond_allowances(counted: Iterable[ConntrackOfNode]) -> Iterator[str]:
    """Yield what ENA dropped of the nodes' connections: another limit than the kernel's."""
    for one in counted:
        for interface in one.allowances:
            dropped = interface.count(_ENA)
            if dropped:
                yield (
                    f"{_line(one)}; ENA dropped {count(dropped, 'packet')} since {interface.interface} was made "
                    f"({_ENA}): the limit of the instance type, not of this table"
                )


def _line(one: ConntrackOfNode) -> str:
    return f"{one.node}: {one.entries} of {one.maximum} entries ({one.full_share:.1%})"


def _problem(case: Case, full: list[ConntrackOfNode]) -> Judgement:
    nodes = sorted(one.node for one in full)
    dns = case.find(CorednsPods)
    servers = frozenset(pod.ip for pod in (dns.pods if dns else ()) if pod.ip and pod.node in nodes)
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"The conntrack table is full on {count(len(nodes), 'node')} ({few(nodes, 3)}): "
            f"{full[0].entries} of {full[0].maximum} entries on {full[0].node}. The kernel drops packets of new "
            "connections there, of DNS as of everything else."
        ),
        proof=tuple(_line(one) for one in full[:MOST_NAMED]),
        details={"nodes": nodes},
        reach=(Reach(nodes=frozenset(nodes)), *((Reach(servers=servers),) if servers else ())),
        call_reach=(CallReach(nodes=frozenset(nodes), silent_only=True),),
        advice=(
            f"On {nodes[0]}: dmesg | grep 'nf_conntrack: table full'; conntrack -L | cut -d' ' -f1 | sort | uniq -c",
            (
                "kube-proxy sets the maximum: raise conntrack.maxPerCore (32768) or conntrack.min (131072) in its "
                "configuration, then restart it; each entry takes some 300 bytes of the node's memory."
            ),
            "NodeLocal DNSCache keeps queries of pods out of the table, and asks CoreDNS over TCP.",
        ),
    )


RULE = Rule(
    name="conntrack_table_full",
    title="A node's conntrack table is full",
    check="Conntrack tables",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(LookupMatrix,),
    wants=(NodeConntracks, CorednsPods),
    problem_refuted_by=((NodeConntracks, "room in the kernel's table, whatever ENA dropped beyond its allowance"),),
    healthy_refuted_by=(
        (LookupMatrix, "a lookup without an answer from a node whose table was not seen"),
        (NodeConntracks, "a table that is full"),
    ),
    decides_without=(NodeConntracks,),
    thresholds=Thresholds,
)
