"""What was gathered and what each rule concludes from it, one group for each playbook."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import Collected
from bot.domain.findings import Finding
from bot.domain.phrases import with_grant
from bot.report.plan_words import TimeForm


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckWords:
    """One rule's conclusion with its proof."""

    line: str
    proof: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceGroup:
    """One playbook's."""

    title: str
    sources: tuple[str, ...]
    checks: tuple[CheckWords, ...]


def evidence_words(diagnosis: Diagnosis, *, at: TimeForm) -> tuple[EvidenceGroup, ...]:
    """Return a group for each playbook, each piece of evidence in the first group that rests on it; then the rest."""
    by_playbook: dict[str, list[Finding]] = {}
    for finding in diagnosis.findings:
        by_playbook.setdefault(finding.playbook, []).append(finding)
    pieces = {piece.id: piece for piece in diagnosis.evidence}
    groups = []
    for playbook, findings in by_playbook.items():
        ids = list(dict.fromkeys(item for finding in findings for item in finding.evidence))
        groups.append(
            _group(f"Evidence: {playbook}", [pieces.pop(item) for item in ids if item in pieces], findings, at)
        )
    if pieces:
        groups.append(_group("Evidence: further sources, shown and not judged", list(pieces.values()), [], at))
    return tuple(group for group in groups if group.sources or group.checks)


def _group(title: str, pieces: list[Collected], findings: list[Finding], at: TimeForm) -> EvidenceGroup:
    return EvidenceGroup(
        title=title,
        sources=tuple(_source(piece, at) for piece in pieces),
        checks=tuple(
            CheckWords(
                line=f"{finding.verdict.value}: {finding.heading}. {finding.judgement.summary}",
                proof="\n".join(finding.judgement.proof),
            )
            for finding in findings
        ),
    )


def _source(piece: Collected, at: TimeForm) -> str:
    if piece.gap is not None:
        return with_grant(f"{piece.id}: could not look. {piece.gap.reason}", piece.gap.grant)
    calls = ", ".join(dict.fromkeys(call.aged_text for call in piece.calls))
    read = f" [{calls}; {at(piece.collected_at)}; {piece.took_ms} ms]" if calls else f" [{piece.took_ms} ms]"
    return f"{piece.id}: {piece.summary}{read}"
