"""Look-ups from inside the cluster fail (C7 to C9). A symptom: it says where, never why.

PROBLEM: some look-up timed out, was refused, answered SERVFAIL, or said that a name does not exist
which does. A name that a person asked about may rightly not exist: NXDOMAIN is a failure there only
where another server answered it. HEALTHY: no look-up failed, and there is no hole in what was asked:
the pod that a person named could be read, each node looked from got an answer over UDP by the service
and by a CoreDNS pod (where either exists), and each server was asked over UDP and over TCP for an
internal and an external name from somewhere.
Anything less is UNKNOWN and names the hole. Nodes that no pod was looked from are counted, not judged.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.collectors.lookups import Lookups
from bot.domain.evidence import Gap
from bot.domain.findings import Answer, Case, Cell, Judgement, Kind, Protocol, Rule, Verdict, healthy, unknown
from bot.rules._lookup_matrix import localise, matrix

_MAX_DETAILS = 5


def judge(case: Case) -> Judgement:
    """Sort the cells into failing and answered, and look for holes."""
    lookups = case.need(Lookups)
    asked = tuple(cell for cell in lookups.cells if cell.answer is not Answer.NOT_ASKED)
    failing = tuple(cell for cell in asked if _fails(cell, lookups, asked))
    named = (lookups.asked_pod_gap,) if lookups.asked_pod_gap else ()
    holes = (*named, *_holes(lookups, asked))
    if failing:
        return _problem(lookups, asked, failing, (*holes, *lookups.gaps))
    if not asked:
        nothing = Gap(what="look-ups from inside", reason="no question could be asked in any pod")
        return unknown(f"No name could be looked up from inside: {lookups.looked_from}.", *(lookups.gaps or (nothing,)))
    if holes:
        return unknown(
            f"All {len(asked)} look-ups made were answered ({lookups.looked_from}), but not all were made: "
            f"{holes[0].what}.",
            *holes,
            *lookups.gaps,
            proof=matrix(lookups.cells, ()),
        )
    absent = sorted({cell.name for cell in asked if cell.answer is Answer.NXDOMAIN})
    note = f" {', '.join(absent)} does not exist: every server says so." if absent else ""
    return healthy(
        f"All {len(asked)} look-ups were answered, internal and external, over UDP and TCP; "
        f"{lookups.looked_from}.{note}",
        *matrix(lookups.cells, ()),
    )


def _problem(
    lookups: Lookups, asked: tuple[Cell, ...], failing: tuple[Cell, ...], missing: tuple[Gap, ...]
) -> Judgement:
    where = localise(asked, failing)
    counts = {answer: sum(cell.answer is answer for cell in failing) for answer in Answer}
    kinds = ", ".join(f"{count} {answer.value}" for answer, count in counts.items() if count)
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"{len(failing)} of {len(asked)} look-ups from inside failed ({kinds}), "
            f"{'; '.join(where) if where else 'of every kind'}; {lookups.looked_from}."
        ),
        proof=(*matrix(lookups.cells, failing), *_quoted(failing)),
        details={
            "failed": len(failing),
            "asked": len(asked),
            "where": list(where),
            "nodes": sorted({cell.node for cell in failing}),
            "servers": sorted({cell.server for cell in failing}),
            "protocols": sorted({cell.protocol.value for cell in failing}),
            "external_only": all(cell.external for cell in failing),
        },
        missing=missing,
        cells=failing,
    )


def _quoted(failing: tuple[Cell, ...]) -> Iterator[str]:
    """Yield one line for each distinct failure, as the tool put it."""
    seen = {(cell.server, cell.protocol, cell.answer, cell.external): cell for cell in reversed(failing)}
    for cell in list(reversed(seen.values()))[:_MAX_DETAILS]:
        question = f"{cell.name} at {cell.server} over {cell.protocol}"
        yield f"{cell.pod} on {cell.node}: {question}: {cell.answer} ({cell.detail})"


def _fails(cell: Cell, lookups: Lookups, asked: tuple[Cell, ...]) -> bool:
    if cell.answer is not Answer.NXDOMAIN or cell.name not in lookups.asked_names:
        return cell.answer is not Answer.ANSWERED
    return any(other.name == cell.name and other.answer is Answer.ANSWERED for other in asked)


def _holes(lookups: Lookups, asked: tuple[Cell, ...]) -> Iterator[Gap]:
    """Yield what was not asked and would have to be before anybody may say that look-ups work."""
    for protocol in Protocol:
        if not any(cell.protocol is protocol for cell in asked):
            yield Gap(what=f"look-ups over {protocol}", reason=_reason(lookups, protocol))
    for external in (False, True):
        if not any(cell.external is external for cell in asked):
            kind = "an external" if external else "an internal"
            yield Gap(what=f"look-ups of {kind} name", reason=f"{kind} name was asked nowhere")
    planned = {(cell.server, cell.protocol) for cell in lookups.cells}
    for server, protocol in sorted(planned - {(cell.server, cell.protocol) for cell in asked}):
        if any(cell.protocol is protocol for cell in asked):
            yield Gap(what=f"look-ups by {server} over {protocol}", reason="this server was asked from nowhere")
    for service in {cell.through_service for cell in lookups.cells}:
        yield from _unasked_nodes(lookups, asked, through_service=service)


def _unasked_nodes(lookups: Lookups, asked: tuple[Cell, ...], *, through_service: bool) -> Iterator[Gap]:
    def over_udp(cells: tuple[Cell, ...]) -> set[str]:
        return {c.node for c in cells if c.through_service is through_service and c.protocol is Protocol.UDP}

    path = "through the service" if through_service else "to CoreDNS pods directly"
    for node in sorted(over_udp(lookups.cells) - over_udp(asked)):
        detail = next((cell.detail for cell in lookups.cells if cell.node == node and cell.detail), "not asked")
        yield Gap(what=f"look-ups from {node} {path}", reason=detail)


def _reason(lookups: Lookups, protocol: Protocol) -> str:
    unasked = (cell.detail for cell in lookups.cells if cell.protocol is protocol and cell.answer is Answer.NOT_ASKED)
    return next(unasked, f"nothing was asked over {protocol}")


RULE = Rule(
    name="dns_lookups_fail",
    title="Look-ups from inside the cluster fail",
    kind=Kind.SYMPTOM,
    judge=judge,
    needs=(Lookups,),
)
