"""Lets go of what diagnoses read, once it is old. What was found, planned, decided and done stays for good."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, select, update

from bot.domain.approvals import ProposalState
from bot.domain.encoding import encode
from bot.domain.evidence import Gap
from bot.domain.json_values import JsonObject
from bot.history.columns import read_clock
from bot.history.diagnoses import keep_contents
from bot.history.tables import diagnoses, evidence, evidence_contents, kept_files, proposals

_OPEN = (ProposalState.PENDING.value, ProposalState.APPROVED.value, ProposalState.RUNNING.value)


def delete_evidence(connection: Connection, older_than: timedelta, most: int) -> int:
    """Delete the evidence of so many old diagnoses, the oldest first; return of how many.

    A diagnosis of which a plan is open keeps its own, however old it is.
    """
    keep_contents(connection, alone=True)
    now = read_clock(connection)
    plan_is_open = exists().where(proposals.c.diagnosis_id == diagnoses.c.id, proposals.c.state.in_(_OPEN))
    old = (diagnoses.c.started_at < now - older_than) & diagnoses.c.evidence_deleted_at.is_(None)
    oldest = select(diagnoses.c.id).where(old, ~plan_is_open).order_by(diagnoses.c.started_at).limit(most)
    ids = connection.scalars(oldest).all()
    if ids:
        digests = _empty(connection, ids, now)
        connection.execute(delete(kept_files).where(kept_files.c.diagnosis_id.in_(ids)))
        used = exists().where(evidence.c.digest == evidence_contents.c.digest)
        connection.execute(delete(evidence_contents).where(evidence_contents.c.digest.in_(digests), ~used))
        connection.execute(update(diagnoses).where(diagnoses.c.id.in_(ids)).values(evidence_deleted_at=now))
    return len(ids)


def _empty(connection: Connection, ids: Any, now: datetime) -> set[str]:  # noqa: ANN401  # a sequence of texts
    """Leave of each piece which collector had read it, and that it was deleted; return what they referred to."""
    rows = connection.execute(
        select(
            evidence.c.diagnosis_id, evidence.c.position, evidence.c.evidence_id, evidence.c.digest, evidence.c.document
        ).where(evidence.c.diagnosis_id.in_(ids))
    ).all()
    left = [
        {"d": row.diagnosis_id, "p": row.position, "document": _without(row.document, row.evidence_id, now)}
        for row in rows
    ]
    one = (evidence.c.diagnosis_id == bindparam("d")) & (evidence.c.position == bindparam("p"))
    if left:
        connection.execute(update(evidence).where(one).values(digest=None, document=bindparam("document")), left)
    return {row.digest for row in rows if row.digest is not None}


def _without(document: object, evidence_id: str, now: datetime) -> JsonObject:
    kept: dict[str, Any] = dict(document) if isinstance(document, dict) else {}
    gap = Gap(what=evidence_id, reason=f"what it had read was deleted on {now:%Y-%m-%d}, being old (`retention:`)")
    return {**kept, "gap": encode(gap), "summary": ""}
