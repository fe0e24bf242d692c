"""Findings over time: since when each problem of a cluster is open, when it was fixed, and by which plan.

Made from the recorded diagnoses alone. A finding that could not decide neither opens a problem nor ends one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from bot.domain.approvals import Result
from bot.domain.encoding import decode
from bot.domain.findings import Finding, Severity, Verdict
from bot.domain.health import LastDiagnosis, Problem
from bot.errors import RecordUnreadable
from bot.history import proposals
from bot.history.columns import NO_TIME
from bot.history.tables import diagnoses, findings, outcomes
from bot.history.tables import proposals as proposal_rows
from bot.history.unreadable import reading_row

SEVERITIES = tuple(one.value for one in Severity)
PROBLEM, HEALTHY = Verdict.PROBLEM.value, Verdict.HEALTHY.value
RECORDED_WITHIN = timedelta(minutes=30)
"""How long after the diagnosis that found it healthy the plan's outcome is recorded at most: it rests on that one."""


@dataclass(slots=True)
class _Span:
    """The newest time in which a rule found a problem."""

    since: datetime
    seen_at: datetime
    diagnosis_id: str
    severities: list[str]
    fixed_at: datetime | None = None


def last_diagnosis(connection: Connection, cluster: str) -> LastDiagnosis | None:
    """Return when the newest diagnosis of a cluster began, and how it ended."""
    newest = select(diagnoses.c.started_at, diagnoses.c.verdict).where(diagnoses.c.cluster == cluster)
    row = connection.execute(newest.order_by(diagnoses.c.started_at.desc()).limit(1)).one_or_none()
    readable = row is not None and row.started_at is not NO_TIME
    return LastDiagnosis(at=row.started_at, verdict=row.verdict) if row is not None and readable else None


def load(connection: Connection, cluster: str, fixed_since: datetime) -> tuple[Problem, ...]:
    """Return the problems that are open, or were fixed since then; the worst first."""
    spans = _spans(connection, cluster).items()
    told = (
        _problem(connection, cluster, rule, span)
        for rule, span in spans
        if span.fixed_at is None or span.fixed_at > fixed_since
    )
    found = [problem for problem in told if problem is not None]
    return tuple(sorted(found, key=lambda one: (SEVERITIES.index(one.severity), one.since, one.rule)))


def _spans(connection: Connection, cluster: str) -> dict[str, _Span]:
    """Return the newest span of each rule that ever found a problem."""
    of_cluster = diagnoses.c.cluster == cluster
    joined = findings.join(diagnoses, findings.c.diagnosis_id == diagnoses.c.id)
    ever = select(findings.c.rule).select_from(joined).where(of_cluster, findings.c.verdict == PROBLEM)
    rows = connection.execute(
        select(findings.c.rule, findings.c.verdict, findings.c.severity, diagnoses.c.started_at, diagnoses.c.id)
        .select_from(joined)
        .where(of_cluster, findings.c.verdict.in_((PROBLEM, HEALTHY)), findings.c.rule.in_(ever))
        .order_by(diagnoses.c.started_at, diagnoses.c.id)
    )
    spans: dict[str, _Span] = {}
    for row in rows:
        if row.started_at is NO_TIME:
            continue
        span = spans.get(row.rule)
        if row.verdict == HEALTHY:
            if span is not None and span.fixed_at is None:
                span.fixed_at = row.started_at
        elif span is None or span.fixed_at is not None:
            spans[row.rule] = _Span(row.started_at, row.started_at, row.id, [row.severity])
        else:
            span.seen_at, span.diagnosis_id = row.started_at, row.id
            span.severities.append(row.severity)
    return spans


def _problem(connection: Connection, cluster: str, rule: str, span: _Span) -> Problem | None:
    """Return the problem; None for what another explains, what was only asked, and what cannot be read any more."""
    document = connection.execute(
        select(findings.c.document).where(findings.c.diagnosis_id == span.diagnosis_id, findings.c.rule == rule)
    ).scalars()
    try:
        with reading_row(f"Finding {rule} of diagnosis {span.diagnosis_id}"):
            found = decode(Finding, next(iter(document)))
    except RecordUnreadable:
        return None
    if found.explained_by or found.judgement.only_asked:
        return None
    return Problem(
        cluster=cluster,
        rule=rule,
        title=found.title,
        severity=found.severity.value,
        summary=found.judgement.summary,
        since=span.since,
        seen_at=span.seen_at,
        worst_before=min((one for one in span.severities[:-1] if one in SEVERITIES), key=SEVERITIES.index, default=""),
        fixed_at=span.fixed_at,
        fixed_by=next(_fixed_by(connection, cluster, rule, span), "") if span.fixed_at is not None else "",
        objects=tuple(sorted(" ".join((one.title, *one.parts)) for one in found.judgement.objects)),
    )


def _fixed_by(connection: Connection, cluster: str, rule: str, span: _Span) -> Iterator[str]:
    """Yield the plans that were verified between the last look that found it and the first that did not."""
    if span.fixed_at is None:
        return
    verified = (
        select(outcomes.c.proposal_id)
        .join(proposal_rows, outcomes.c.proposal_id == proposal_rows.c.id)
        .where(
            proposal_rows.c.cluster == cluster,
            outcomes.c.result == Result.VERIFIED.value,
            outcomes.c.finished_at >= span.seen_at,
            outcomes.c.finished_at <= span.fixed_at + RECORDED_WITHIN,
        )
    )
    for proposal in reversed(proposals.load_readable(connection, proposal_rows.c.id.in_(verified))[0]):
        if rule in {proposal.plan.finding, *proposal.plan.verify_rules}:
            yield f"{proposal.plan.title} ({proposal.id})"
