"""What was read, and what each check concludes from it: for threads and for details, where ids may stand."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import Collected
from bot.domain.findings import Finding, Verdict
from bot.domain.phrases import with_grant
from bot.report.plan_words import TimeForm

SOURCES_PER_GROUP = 40
MARKS = {Verdict.PROBLEM: "✗", Verdict.UNKNOWN: "?", Verdict.HEALTHY: "✓"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceGroup:
    """Some of what was read."""

    title: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckDetails:
    """One check with its id, its conclusion and its proof."""

    title: str
    summary: str
    proof: str


def evidence_words(diagnosis: Diagnosis, *, at: TimeForm) -> tuple[EvidenceGroup, ...]:
    """Return all that was read, some dozens a group."""
    lines = [_source(piece, at) for piece in diagnosis.evidence]
    parts = [lines[start : start + SOURCES_PER_GROUP] for start in range(0, len(lines), SOURCES_PER_GROUP)]
    return tuple(
        EvidenceGroup(
            title="What was read" if len(parts) == 1 else f"What was read ({number} of {len(parts)})",
            sources=tuple(part),
        )
        for number, part in enumerate(parts, 1)
    )


def check_details(diagnosis: Diagnosis) -> tuple[CheckDetails, ...]:
    """Return every check in the order of the diagnosis: problems, then what could not be checked, then the rest."""
    return tuple(map(_details, diagnosis.findings))


def _details(finding: Finding) -> CheckDetails:
    return CheckDetails(
        title=f"{MARKS[finding.verdict]} {finding.heading} ({finding.rule}, {finding.severity.value}, playbook "
        f"{finding.playbook}): {finding.verdict.value}",
        summary=finding.judgement.summary,
        proof="\n".join(finding.judgement.proof),
    )


def _source(piece: Collected, at: TimeForm) -> str:
    if piece.gap is not None:
        return with_grant(f"{piece.id}: not read. {piece.gap.reason}", piece.gap.grant)
    calls = ", ".join(dict.fromkeys(call.aged_text for call in piece.calls))
    read = f" [{calls}; {at(piece.collected_at)}; {piece.took_ms} ms]" if calls else f" [{piece.took_ms} ms]"
    return f"{piece.id}: {piece.summary}{read}"
