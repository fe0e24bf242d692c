"""Lookups from inside the cluster fail (C7 to C9). A symptom: it says where, never why.

PROBLEM: some lookup timed out, was refused, answered SERVFAIL, or said that a name does not exist
which does. A name that a person asked about may rightly not exist: NXDOMAIN is a failure there only
where another server answered it. HEALTHY: no lookup failed, and there is no hole in what was asked:
the pod that a person named could be read, each group of clients looked from (a node's pods of one kind)
got an answer over UDP by the service and by a CoreDNS pod (where either exists), and each server was
asked over UDP and over TCP for an internal and an external name from somewhere.
Anything less is UNKNOWN and names the hole. Nodes that no pod was looked from are counted, not judged.
Where a node was asked from in the place of a pod whose image has no tool, its answers are shown and its
failures count, and the hole stays: the pod itself was not asked. Where packets were captured while they were asked, it
says on which side queries or answers vanished.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.collectors.packet_captures import PacketCaptures
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, unknown
from bot.domain.lookup_matrix import LookupMatrix, NodeLookups, rows
from bot.domain.lookups import Answer, Lookup, Transport
from bot.rules._lookup_matrix import localise
from bot.rules._packets import Trace, trace

_MAX_DETAILS = 5


def judge(case: Case) -> Judgement:
    """Sort the lookups into failing and answered, and look for holes."""
    found = case.need(LookupMatrix)
    from_nodes, packets = case.find(NodeLookups), case.find(PacketCaptures)
    seen = trace(packets, found) if packets and packets.captures else None
    made = (*found.lookups, *(from_nodes.lookups if from_nodes else ()))
    asked = tuple(one for one in made if one.answer is not Answer.NOT_ASKED)
    failing = tuple(one for one in asked if _fails(one, found, asked))
    named = (found.asked_pod_gap,) if found.asked_pod_gap else ()
    holes = (*named, *_holes(found, asked))
    if failing:
        return _problem(found, made, failing, (*holes, *found.gaps, *_off(packets, failing)), seen)
    if not asked:
        nothing = Gap(what="lookups from inside", reason="no question could be asked in any pod")
        return unknown(f"No name could be looked up from inside: {found.looked_from}.", *(found.gaps or (nothing,)))
    if holes:
        return unknown(
            f"All {len(asked)} lookups made were answered ({found.looked_from}), but not all were made: "
            f"{holes[0].what}.",
            *holes,
            *found.gaps,
        )
    absent = sorted({one.name for one in asked if one.answer is Answer.NXDOMAIN})
    note = f" {', '.join(absent)} does not exist: every server says so." if absent else ""
    return healthy(
        f"All {len(asked)} lookups were answered, internal and external, over UDP and TCP; {found.looked_from}.{note}"
    )


def _problem(
    found: LookupMatrix,
    made: tuple[Lookup, ...],
    failing: tuple[Lookup, ...],
    missing: tuple[Gap, ...],
    seen: Trace | None,
) -> Judgement:
    asked = tuple(one for one in made if one.answer is not Answer.NOT_ASKED)
    where = localise(asked, failing)
    counts = {answer: sum(one.answer is answer for one in failing) for answer in Answer}
    kinds = ", ".join(f"{count} {answer.value}" for answer, count in counts.items() if count)
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"{len(failing)} of {len(asked)} test lookups failed ({kinds}), "
            f"{'; '.join(where) if where else 'whatever the name, protocol and server'}; {found.looked_from}."
            + (f" By their packets, {seen.conclusion}." if seen and seen.conclusion else "")
        ),
        proof=(*_quoted(failing), *(seen.proof if seen else ())),
        details={
            "failed": len(failing),
            "asked": len(asked),
            "where": list(where),
            "nodes": sorted({one.client.node for one in failing}),
            "clients": sorted({one.client.kind.value for one in failing}),
            "servers": sorted({one.server for one in failing}),
            "protocols": sorted({one.transport.value for one in failing}),
            "external_only": all(one.external for one in failing),
        },
        missing=missing,
        failing=failing,
    )


def _off(packets: PacketCaptures | None, failing: tuple[Lookup, ...]) -> Iterator[Gap]:
    """Yield what a capture would show, where it is off and packets may be lost: something timed out."""
    if packets and any(one.answer is Answer.TIMED_OUT for one in failing):
        yield from (gap for gap in packets.gaps if gap.off and not (gap.grant or gap.setting))


def _quoted(failing: tuple[Lookup, ...]) -> Iterator[str]:
    """Yield one line for each distinct failure, as the tool put it."""
    seen = {(one.server, one.transport, one.answer, one.external): one for one in reversed(failing)}
    for one in list(reversed(seen.values()))[:_MAX_DETAILS]:
        question = f"{one.name} at {one.server} over {one.transport}"
        yield f"{one.client.title}: {question}: {one.answer} ({one.detail})"


def _fails(one: Lookup, found: LookupMatrix, asked: tuple[Lookup, ...]) -> bool:
    if one.answer is not Answer.NXDOMAIN or one.name not in found.asked_names:
        return one.answer is not Answer.ANSWERED
    return any(other.name == one.name and other.answer is Answer.ANSWERED for other in asked)


def _holes(found: LookupMatrix, asked: tuple[Lookup, ...]) -> Iterator[Gap]:
    """Yield what was not asked and would have to be before anybody may say that lookups work."""
    for transport in Transport:
        if not any(one.transport is transport for one in asked):
            yield Gap(what=f"lookups over {transport}", reason=_reason(found, transport))
    for external in (False, True):
        if not any(one.external is external for one in asked):
            kind = "an external" if external else "an internal"
            yield Gap(what=f"lookups of {kind} name", reason=f"{kind} name was asked nowhere")
    planned = {(one.server, one.transport) for one in found.lookups}
    for server, transport in sorted(planned - {(one.server, one.transport) for one in asked}):
        if any(one.transport is transport for one in asked):
            yield Gap(what=f"lookups by {server} over {transport}", reason="this server was asked from nowhere")
    for service in {one.through_service for one in found.lookups}:
        yield from _unasked_clients(found, through_service=service)


def _unasked_clients(found: LookupMatrix, *, through_service: bool) -> Iterator[Gap]:
    path = "through the service" if through_service else "to CoreDNS pods directly"
    for row in rows(found.lookups):
        over_udp = [
            one for one in row.lookups if one.through_service is through_service and one.transport is Transport.UDP
        ]
        if over_udp and all(one.answer is Answer.NOT_ASKED for one in over_udp):
            detail = next((one.detail for one in row.lookups if one.detail), "not asked")
            yield Gap(what=f"lookups from {row.title} {path}", reason=detail)


def _reason(found: LookupMatrix, transport: Transport) -> str:
    unasked = (one.detail for one in found.lookups if one.transport is transport and one.answer is Answer.NOT_ASKED)
    return next(unasked, f"nothing was asked over {transport}")


RULE = Rule(
    name="dns_lookups_fail",
    title="Lookups from inside the cluster fail",
    check="Lookups from inside the cluster",
    kind=Kind.SYMPTOM,
    judge=judge,
    needs=(LookupMatrix,),
    wants=(NodeLookups, PacketCaptures),
    problem_refuted_by=((LookupMatrix, "a name of which every server says that it does not exist"),),
    healthy_refuted_by=(
        (LookupMatrix, "a lookup that failed, or a server, protocol or kind of client that was not asked"),
    ),
)
