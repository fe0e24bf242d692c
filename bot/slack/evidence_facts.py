"""Evidence for the report's thread, one group for each playbook. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import Collected
from bot.domain.findings import Finding
from bot.slack.render import clock
from bot.slack.text import with_grant

GROUPS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFacts:
    """One rule's conclusion with its proof."""

    line: str
    proof: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceGroup:
    """One reply in the thread."""

    title: str
    sources: tuple[str, ...]
    checks: tuple[CheckFacts, ...]


def evidence_groups(diagnosis: Diagnosis) -> tuple[EvidenceGroup, ...]:
    """Return at most eight groups: by playbook, each piece of evidence in the first group that rests on it."""
    by_playbook: dict[str, list[Finding]] = {}
    for finding in diagnosis.findings:
        by_playbook.setdefault(finding.playbook, []).append(finding)
    pieces = {piece.id: piece for piece in diagnosis.evidence}
    groups = []
    for playbook, findings in by_playbook.items():
        ids = list(dict.fromkeys(item for finding in findings for item in finding.evidence))
        groups.append(_group(f"Evidence: {playbook}", [pieces.pop(item) for item in ids if item in pieces], findings))
    if pieces:
        groups.append(_group("Evidence: further sources, shown and not judged", list(pieces.values()), []))
    return tuple(group for group in groups[:GROUPS] if group.sources or group.checks)


def _group(title: str, pieces: list[Collected], findings: list[Finding]) -> EvidenceGroup:
    return EvidenceGroup(
        title=title,
        sources=tuple(_source(piece) for piece in pieces),
        checks=tuple(
            CheckFacts(
                line=f"{finding.verdict.value}: {finding.title}. {finding.judgement.summary}",
                proof="\n".join(finding.judgement.proof),
            )
            for finding in findings
        ),
    )


def _source(piece: Collected) -> str:
    if piece.gap is not None:
        return with_grant(f"{piece.id}: could not look. {piece.gap.reason}", piece.gap.grant)
    calls = ", ".join(dict.fromkeys(call.name for call in piece.calls))
    read = f" [{calls}; {clock(piece.collected_at)}; {piece.took_ms} ms]" if calls else f" [{piece.took_ms} ms]"
    return f"{piece.id}: {piece.summary}{read}"
