"""The newest diagnoses with what followed from each, for lists: what cannot be read is said, and hides nothing else."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, select

from bot.domain.approvals import Ending, Outcome
from bot.domain.findings import Verdict
from bot.domain.history import Entry, Unreadable
from bot.errors import RecordUnreadable
from bot.history import diagnoses, endings, proposals, repairs
from bot.history.tables import diagnoses as diagnosis_rows
from bot.history.tables import proposals as proposal_rows
from bot.history.unreadable import reading_row

log = logging.getLogger(__name__)


def recent(connection: Connection, cluster: str, limit: int) -> tuple[Entry, ...]:
    """Return them, newest first; see `History.recent`."""
    newest = select(diagnosis_rows).order_by(diagnosis_rows.c.started_at.desc(), diagnosis_rows.c.id).limit(limit)
    if cluster:
        newest = newest.where(diagnosis_rows.c.cluster == cluster)
    rows = connection.execute(newest).all()
    return tuple(_entry(connection, row) for row in rows)


def _entry(connection: Connection, row: Row[*tuple[Any, ...]]) -> Entry:
    made, left = proposals.load_readable(connection, proposal_rows.c.diagnosis_id == row.id)
    unreadable = list(left)
    verdict = Verdict.UNKNOWN
    causes: tuple[str, ...] = ()
    try:
        with reading_row(f"Diagnosis {row.id}"):
            verdict, causes = Verdict(row.verdict), tuple(map(str, row.root_causes))
    except RecordUnreadable as error:
        unreadable.append(Unreadable(diagnosis_id=row.id, reason=str(error)))
    ended: list[Outcome] = []
    for proposal in made:
        try:
            ended += repairs.load_outcomes(connection, [proposal.id])
        except RecordUnreadable as error:
            unreadable.append(Unreadable(diagnosis_id=row.id, proposal_id=proposal.id, reason=str(error)))
    return Entry(
        diagnosis_id=row.id,
        cluster=row.cluster,
        asked_by=diagnoses.person(row.asked_team_id, row.asked_user_id),
        started_at=row.started_at,
        verdict=verdict,
        root_causes=causes,
        proposals=made,
        outcomes=tuple(ended),
        endings=dict(_endings(connection, [proposal.id for proposal in made])),
        unreadable=tuple(unreadable),
    )


def _endings(connection: Connection, ids: list[str]) -> Iterator[tuple[str, tuple[Ending, ...]]]:
    for proposal_id in ids:
        if found := endings.load(connection, proposal_id):
            yield proposal_id, found
