"""What a report says, in words, made from a diagnosis. Pure; the layout stands in `templates/report.json.j2`."""

from __future__ import annotations

from dataclasses import dataclass

from bot.collectors.lookups import Lookups
from bot.domain.diagnosis import Diagnosis
from bot.domain.findings import Answer, Cell, Finding, Kind, Verdict
from bot.slack.render import clock
from bot.slack.text import count, with_grant
from bot.workflow.desk import Proposed

MATRIX_ROWS = 12
WORST_FIRST = (
    Answer.TIMED_OUT,
    Answer.REFUSED,
    Answer.SERVFAIL,
    Answer.NXDOMAIN,
    Answer.NOT_ASKED,
    Answer.ANSWERED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseFacts:
    """One root cause, or one symptom that nothing explains."""

    title: str
    severity: str
    summary: str
    proof: str
    """Lines."""
    explains: tuple[str, ...]
    last_failure: str
    missing: tuple[str, ...]
    advice: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOfferedFacts:
    """A fix that cannot be planned here."""

    fix: str
    reason: str
    text: str
    """Lines: what a person can do instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFacts:
    """All sentences of one report."""

    cluster: str
    headline: str
    lead: str
    context: tuple[str, ...]
    causes: tuple[CauseFacts, ...]
    symptoms: tuple[CauseFacts, ...]
    notes: tuple[str, ...]
    """Latent fault, unexplained look-ups, an unconfirmed cluster."""
    lookups: str
    matrix: str
    ruled_out: tuple[str, ...]
    unknown: tuple[str, ...]
    fixes: tuple[str, ...]
    not_offered: tuple[NotOfferedFacts, ...]
    diagnosis_id: str


def report_facts(diagnosis: Diagnosis, proposed: Proposed, *, asked_by: str, note: str = "") -> ReportFacts:
    """Return what the report says. `note` is a further sentence, for example why nothing was proposed."""
    problems = [finding for finding in diagnosis.findings if finding.verdict is Verdict.PROBLEM]
    healthy = [finding for finding in diagnosis.findings if finding.verdict is Verdict.HEALTHY]
    titles = {"cluster_binding": "Which cluster this is"}
    titles |= {finding.rule: finding.title for finding in diagnosis.findings}
    symptoms = [finding for finding in problems if finding.kind is Kind.SYMPTOM and not finding.explained_by]
    return ReportFacts(
        cluster=diagnosis.target.name,
        headline=_headline(diagnosis),
        lead=_lead(diagnosis),
        context=_context(diagnosis, asked_by),
        causes=tuple(_cause(finding, problems) for finding in diagnosis.root_causes),
        symptoms=tuple(_cause(finding, problems) for finding in symptoms),
        notes=(*_notes(diagnosis), *((note,) if note else ())),
        lookups=_lookups(diagnosis),
        matrix=matrix(_cells(diagnosis)),
        ruled_out=tuple(f"{finding.title}: {finding.judgement.summary}" for finding in healthy),
        unknown=tuple(
            with_grant(f"{titles.get(check.rule, check.rule)}: {check.reason}", check.grant)
            for check in diagnosis.unknown_checks
        ),
        fixes=tuple(
            f"{proposal.plan.title} (risk {proposal.plan.risk}, {count(len(proposal.plan.steps), 'step')})"
            for proposal in proposed.proposals
        ),
        not_offered=tuple(
            NotOfferedFacts(fix=item.fix, reason=item.advice.reason, text="\n".join(item.advice.text))
            for item in proposed.not_offered
        ),
        diagnosis_id=diagnosis.id,
    )


def _headline(diagnosis: Diagnosis) -> str:
    roots = diagnosis.root_causes
    name = diagnosis.target.name
    if roots:
        more = f" (and {count(len(roots) - 1, 'further cause')})" if len(roots) > 1 else ""
        return f"{name}: {roots[0].title}{more}"
    if diagnosis.verdict is Verdict.PROBLEM:
        return f"{name}: look-ups fail, no known cause found"
    if diagnosis.verdict is Verdict.HEALTHY:
        return f"{name}: no DNS problem found"
    return f"{name}: no problem found, but not everything could be checked"


def _lead(diagnosis: Diagnosis) -> str:
    ran, total = diagnosis.checks_ran, diagnosis.checks_total
    coverage = f"{ran} of {count(total, 'check')} ran"
    left = total - ran
    if left:
        coverage += f"; {left} could not"
    if diagnosis.verdict is Verdict.PROBLEM and not diagnosis.root_causes:
        return f"No known cause found: what was checked is listed as ruled out. {coverage}."
    return f"{coverage}."


def _context(diagnosis: Diagnosis, asked_by: str) -> tuple[str, ...]:
    question = diagnosis.question
    parts = [
        f"Asked by {asked_by}" if asked_by else "",
        clock(diagnosis.started_at),
        f"took {diagnosis.took_ms / 1000:.1f} s",
        f"playbooks {', '.join(question.playbooks)}" if question.playbooks else "",
        f"pod {question.pod}" if question.pod else "",
        f"names {', '.join(question.names)}" if question.names else "",
    ]
    return tuple(part for part in parts if part)


def _cause(finding: Finding, problems: list[Finding]) -> CauseFacts:
    judged = finding.judgement
    return CauseFacts(
        title=finding.title,
        severity=finding.severity.value,
        summary=judged.summary,
        proof="\n".join(judged.proof),
        explains=tuple(
            f"{other.title}: {other.judgement.summary}" for other in problems if finding.rule in other.explained_by
        ),
        last_failure=clock(judged.last_failure_at) if judged.last_failure_at else "",
        missing=tuple(with_grant(f"{gap.what}: {gap.reason}", gap.grant) for gap in judged.missing),
        advice=judged.advice,
    )


def _notes(diagnosis: Diagnosis) -> tuple[str, ...]:
    notes = []
    if diagnosis.root_causes and diagnosis.lookups_all_answer:
        notes.append(
            f"Latent fault: every look-up answers right now ({diagnosis.looked_from}). "
            "The fault above is real all the same and shows when pods, nodes or caches change."
        )
    if diagnosis.root_causes and diagnosis.unexplained:
        notes.append(
            f"{count(len(diagnosis.unexplained), 'failing look-up')} not accounted for by the cause above: "
            "there may be another one."
        )
    if diagnosis.binding is None and diagnosis.binding_gap is not None:
        notes.append(
            f"Which cluster this is could not be confirmed ({diagnosis.binding_gap.reason}); so nothing is proposed."
        )
    if diagnosis.unrecorded:
        notes.append(f"This diagnosis is not recorded: {diagnosis.unrecorded}")
    return tuple(notes)


def _lookups(diagnosis: Diagnosis) -> str:
    looked = diagnosis.looked_from
    if diagnosis.lookups_all_answer is None:
        return f"Look-ups from inside: could not look. {looked}".strip()
    if diagnosis.lookups_all_answer:
        return f"Look-ups from inside: every one answers ({looked})."
    return f"Look-ups from inside: some fail ({looked})."


def _cells(diagnosis: Diagnosis) -> tuple[Cell, ...]:
    for collected in diagnosis.evidence:
        if isinstance(collected.value, Lookups):
            return collected.value.cells
    return ()


def matrix(cells: tuple[Cell, ...]) -> str:
    """Return the look-ups as a small table: a line for each node and server, those with failures first."""
    rows: dict[tuple[str, str], dict[tuple[bool, str], Answer]] = {}
    for cell in cells:
        server = ("service " if cell.through_service else "pod ") + cell.server
        row = rows.setdefault((cell.node.split(".")[0], server), {})
        column = (cell.external, cell.protocol.value)
        row[column] = min(row.get(column, Answer.ANSWERED), cell.answer, key=WORST_FIRST.index)
    if not rows:
        return ""
    ordered = sorted(rows.items(), key=lambda item: (min(map(WORST_FIRST.index, item[1].values())), item[0]))
    table: list[tuple[str, ...]] = [("from node", "asked", "internal udp", "tcp", "external udp", "tcp")]
    table += [
        (
            node,
            server,
            *(_word(answers.get((external, protocol))) for external in (False, True) for protocol in ("udp", "tcp")),
        )
        for (node, server), answers in ordered[:MATRIX_ROWS]
    ]
    widths = [max(len(line[column]) for line in table) for column in range(6)]
    lines = ["  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in table]
    if len(ordered) > MATRIX_ROWS:
        lines.append(f"({count(len(ordered) - MATRIX_ROWS, 'more line')})")
    return "\n".join(lines)


def _word(answer: Answer | None) -> str:
    if answer is None:
        return "-"
    return "ok" if answer is Answer.ANSWERED else answer.value
