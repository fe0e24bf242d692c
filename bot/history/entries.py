"""The newest diagnoses with what followed from each, for lists: what cannot be read is said, and hides nothing else."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, or_, select

from bot.domain.approvals import Ending, Outcome
from bot.domain.findings import Verdict
from bot.domain.history import Entry, Unreadable
from bot.domain.sought import Sought
from bot.errors import RecordUnreadable, Refused
from bot.history import diagnoses, endings, proposals, repairs
from bot.history.columns import NO_TIME, as_time
from bot.history.tables import decisions as decision_rows
from bot.history.tables import diagnoses as diagnosis_rows
from bot.history.tables import findings as finding_rows
from bot.history.tables import outcomes as outcome_rows
from bot.history.tables import proposals as proposal_rows
from bot.history.unreadable import reading_row

log = logging.getLogger(__name__)

_NO_DAY = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for when a diagnosis began where that cannot be read; the entry says so."""


def recent(connection: Connection, cluster: str, sought: Sought, limit: int) -> tuple[Entry, ...]:
    """Return them, newest first; see `History.recent`."""
    newest = select(diagnosis_rows).order_by(diagnosis_rows.c.started_at.desc(), diagnosis_rows.c.id).limit(limit)
    if cluster:
        newest = newest.where(diagnosis_rows.c.cluster == cluster)
    return _entries(connection, newest.where(*_restrictions(connection, sought)))


def incident(connection: Connection, known_id: str) -> tuple[Entry, ...]:
    """Return what belongs together, oldest first; see `History.incident`."""
    of_plan = connection.execute(select(proposal_rows.c.diagnosis_id).where(proposal_rows.c.id == known_id)).scalar()
    verified = outcome_rows.c.verification_diagnosis_id
    links = select(proposal_rows.c.diagnosis_id, verified).join(
        outcome_rows, outcome_rows.c.proposal_id == proposal_rows.c.id
    )
    found: set[str] = set()
    new = {of_plan or known_id}
    while new:
        found |= new
        near = links.where(verified != "", or_(proposal_rows.c.diagnosis_id.in_(new), verified.in_(new)))
        new = {one for row in connection.execute(near) for one in row} - found
    together = select(diagnosis_rows).where(diagnosis_rows.c.id.in_(found))
    made = _entries(connection, together.order_by(diagnosis_rows.c.started_at, diagnosis_rows.c.id))
    if not made:
        raise Refused(f"There is no diagnosis and no plan {known_id} in the history.")
    return made


def _entries(connection: Connection, wanted: Select[Any]) -> tuple[Entry, ...]:
    rows = connection.execute(wanted).all()
    verified = outcome_rows.c.verification_diagnosis_id
    made = select(verified, outcome_rows.c.proposal_id).where(verified.in_([row.id for row in rows]))
    verifies = {row.verification_diagnosis_id: row.proposal_id for row in connection.execute(made)}
    return tuple(_entry(connection, row, verifies.get(row.id, "")) for row in rows)


def _restrictions(connection: Connection, sought: Sought) -> Iterator[ColumnElement[bool]]:
    started_at = diagnosis_rows.c.started_at
    if sought.rule:
        yield _concerns(sought.rule)
    if sought.user_id:
        yield _took_part(sought.user_id, sought.team_id)
    if sought.since is not None:
        yield started_at >= sought.since
    if sought.until is not None:
        yield started_at < sought.until
    if sought.older:
        last = connection.execute(select(started_at).where(diagnosis_rows.c.id == sought.older)).scalar()
        if not isinstance(last, datetime):
            raise Refused(f"There is no diagnosis {sought.older} in the history for a page to begin after.")
        yield or_(started_at < last, and_(started_at == last, diagnosis_rows.c.id > sought.older))


def _concerns(rule: str) -> ColumnElement[bool]:
    found = select(finding_rows.c.diagnosis_id).where(
        finding_rows.c.rule == rule, finding_rows.c.verdict == Verdict.PROBLEM.value
    )
    planned = select(proposal_rows.c.diagnosis_id).where(proposal_rows.c.finding == rule)
    return or_(diagnosis_rows.c.id.in_(found), diagnosis_rows.c.id.in_(planned))


def _took_part(user_id: str, team_id: str) -> ColumnElement[bool]:
    def is_person(user: ColumnElement[str], team: ColumnElement[str]) -> ColumnElement[bool]:
        return and_(user == user_id, team == team_id) if team_id else user == user_id

    rows = proposal_rows.outerjoin(decision_rows, decision_rows.c.proposal_id == proposal_rows.c.id)
    planned = (
        select(proposal_rows.c.diagnosis_id)
        .select_from(rows)
        .where(
            or_(
                is_person(proposal_rows.c.requested_user_id, proposal_rows.c.requested_team_id),
                is_person(decision_rows.c.user_id, decision_rows.c.team_id),
            )
        )
    )
    return or_(
        is_person(diagnosis_rows.c.asked_user_id, diagnosis_rows.c.asked_team_id), diagnosis_rows.c.id.in_(planned)
    )


def _entry(connection: Connection, row: Row[*tuple[Any, ...]], verifies: str) -> Entry:
    made, left = proposals.load_readable(connection, proposal_rows.c.diagnosis_id == row.id)
    unreadable = list(left)
    verdict = Verdict.UNKNOWN
    causes: tuple[str, ...] = ()
    started_at = _NO_DAY
    try:
        with reading_row(f"Diagnosis {row.id}"):
            started_at = as_time(row.started_at)
            verdict, causes = Verdict(row.verdict), tuple(map(str, row.root_causes))
    except RecordUnreadable as error:
        unreadable.append(Unreadable(diagnosis_id=row.id, reason=str(error)))
    ended: list[Outcome] = []
    ends: dict[str, tuple[Ending, ...]] = {}
    for proposal in made:
        try:
            ended += repairs.load_outcomes(connection, [proposal.id])
            if found := endings.load(connection, proposal.id):
                ends[proposal.id] = found
        except RecordUnreadable as error:
            unreadable.append(Unreadable(diagnosis_id=row.id, proposal_id=proposal.id, reason=str(error)))
    return Entry(
        diagnosis_id=row.id,
        cluster=row.cluster,
        asked_by=diagnoses.person(row.asked_team_id, row.asked_user_id),
        started_at=started_at,
        verdict=verdict,
        root_causes=causes,
        proposals=made,
        outcomes=tuple(ended),
        endings=ends,
        verifies=verifies,
        unreadable=tuple(unreadable),
        evidence_deleted_at=row.evidence_deleted_at if row.evidence_deleted_at is not NO_TIME else None,
        titles=dict(_titles(connection, row.id, {*causes, *(one.plan.finding for one in made)})),
    )


def _titles(connection: Connection, diagnosis_id: str, rules: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the recorded title of each rule; one whose finding cannot be read has none."""
    wanted = select(finding_rows.c.rule, finding_rows.c.document).where(
        finding_rows.c.diagnosis_id == diagnosis_id, finding_rows.c.rule.in_(rules)
    )
    for rule, document in connection.execute(wanted):
        title = document.get("title") if isinstance(document, dict) else None
        if isinstance(title, str) and title:
            yield rule, title
