"""Packets of lookups are lost, and where: by captures at a client and at CoreDNS pods (C14). A symptom: never why.

A query that was captured at its client and not at the CoreDNS pod that it was sent to was lost in the network between
their two nodes: security groups, network ACLs, routes, or the nodes' own rules. One that CoreDNS got and did not answer
points at CoreDNS, or at what it asks itself; an answer that left CoreDNS and did not reach the client was lost on its
way back, as by an ACL that closes the ephemeral ports. UNKNOWN, as usual, while nothing is captured: the measure
`capture_packets` does that for a minute. By hand: `tcpdump -ni eni… port 53` on both nodes while a name is looked up.

In a playbook: `{rule: packets_lost, severity: critical}`.
"""

from __future__ import annotations

from bot.collectors.packet_captures import PacketCaptures
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, nothing_to_check, unknown
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.phrases import capital, count
from bot.rules._packets import LOST, Fate, Trace, trace


def judge(case: Case) -> Judgement:
    """Follow the queries of the captured client from one capture to the other."""
    found, matrix = case.need(PacketCaptures), case.need(LookupMatrix)
    if not found.captures:
        if found.gaps:
            return unknown(f"Not looked at where packets are lost: {found.gaps[0].reason}.", *found.gaps)
        return nothing_to_check(found.not_needed or "nothing was to be captured")
    seen = trace(found, matrix)
    if seen.lost or seen.unseen:
        return _problem(found, seen)
    open_ = seen.of(Fate.OPEN)
    if open_:
        gap = Gap(what="what became of queries", reason=f"{open_[0].fate}, or a capture had ended before")
        return unknown(f"{count(len(open_), 'query', 'queries')} were not answered: {gap.reason}.", gap, *found.gaps)
    if found.gaps:
        return unknown(f"Not every capture could be read: {found.gaps[0].reason}.", *found.gaps, proof=seen.proof)
    if not seen.traced:
        gap = Gap(what="queries in the captures", reason="none of the lookups was captured")
        return not_known("where packets are lost", gap)
    return healthy(
        f"{count(len(seen.traced), 'query', 'queries')} captured at {count(len(found.captures), 'pod')}, and each was "
        "answered.",
        *seen.proof,
    )


def _problem(found: PacketCaptures, seen: Trace) -> Judgement:
    conclusion = seen.conclusion
    failing = tuple(dict.fromkeys((*seen.lookups, *seen.unseen)))
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"{capital(conclusion)}.",
        proof=seen.proof,
        details={
            "answered": len(seen.of(Fate.ANSWERED)),
            **{fate.name.lower(): len(seen.of(fate)) for fate in LOST},
            "unseen": len(seen.unseen),
            "nodes": sorted({one.point.node for one in found.captures}),
        },
        missing=found.gaps,
        failing=failing,
        advice=tuple(dict.fromkeys(_ADVICE[one.fate] for one in seen.lost)),
    )


_ADVICE = {
    Fate.LOST_ON_THE_WAY: (
        "Look at what stands between the two nodes: security groups of both interfaces, ACLs of both subnets, route "
        "tables, and iptables on both nodes; Reachability Analyzer asks AWS for the same way."
    ),
    Fate.NOT_ANSWERED: (
        "Look at CoreDNS: its log, its CPU limit, and what it forwards to; a query that it forwards waits for that."
    ),
    Fate.ANSWERED_LATE: (
        "Look at what CoreDNS waits for: the servers that it forwards to (its log names them), the limit of its CPU."
    ),
    Fate.LOST_ON_THE_WAY_BACK: (
        "Look at the way back: ephemeral ports (1024-65535) in the ACLs of both subnets, the client's routes and its "
        "node's rp_filter and conntrack table."
    ),
}

RULE = Rule(
    name="packets_lost",
    title="Packets of lookups are lost",
    check="Packets of lookups on both sides",
    kind=Kind.SYMPTOM,
    judge=judge,
    needs=(PacketCaptures, LookupMatrix),
    problem_refuted_by=(
        (PacketCaptures, "an answer at the client, or a CoreDNS pod that was not captured"),
        (LookupMatrix, "a service with more CoreDNS pods than were captured"),
    ),
    healthy_refuted_by=(
        (PacketCaptures, "a query without an answer, or a capture that could not be read"),
        (LookupMatrix, "a lookup that timed out and of which nothing was captured"),
    ),
    refuted_with_more=(LookupMatrix,),
    judges_lookups=False,
)
