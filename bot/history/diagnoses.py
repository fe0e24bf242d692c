"""Diagnoses with their evidence and findings, as rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from sqlalchemy import Connection, Table, select, text
from sqlalchemy.dialects import sqlite

from bot.domain.alike import evidence_document, evidence_from
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.diagnosis import Binding, Diagnosis
from bot.domain.encoding import decode, encode
from bot.domain.evidence import Collected, Gap, SourceCall
from bot.domain.findings import Finding
from bot.domain.json_values import JsonObject, JsonValue, canonical, digest
from bot.domain.kept_files import KeptFile
from bot.domain.people import Person
from bot.domain.remembered import Memory
from bot.history.columns import NO_TIME, DatabaseTime, as_number, as_time
from bot.history.tables import diagnoses, evidence, evidence_contents, findings, kept_files

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

_MOST_REMEMBERED = 50
_CONTENTS_LOCK = 0x646E7365
"""Any number that no other program on the server uses for its advisory locks."""
MAX_CONTENT_CHARACTERS = 32_000_000
"""One piece of evidence above this is not stored, and a gap says so. Evidence is capped long before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """What a diagnosis holds besides evidence and findings."""

    question: Question
    target: ClusterTarget
    binding: Binding | None
    binding_gap: Gap | None
    looked_from: str
    lookups_all_answer: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """What a `Collected` holds besides its value."""

    parameters: Mapping[str, Any]
    gap: Gap | None
    calls: tuple[SourceCall, ...]
    collected_at: str
    took_ms: int
    summary: str


def insert_if_absent(connection: Connection, table: Table, values: Mapping[str, object]) -> bool:
    """Insert a row unless its key exists; return whether it was inserted."""
    key = next(iter(table.primary_key))
    statement = _insert(connection, table).values(dict(values)).on_conflict_do_nothing()
    inserted = connection.execute(statement.returning(key))
    return inserted.first() is not None


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT that may name what to do on a conflict, which is not of standard SQL."""
    if connection.dialect.name != "postgresql":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415  # slow to import, and needed there alone

    return postgresql.insert(table)


def store(connection: Connection, diagnosis: Diagnosis) -> None:
    """Insert a diagnosis; nothing happens when it is there already."""
    asked_by = diagnosis.asked_by
    inserted = insert_if_absent(
        connection,
        diagnoses,
        {
            "id": diagnosis.id,
            "cluster": diagnosis.target.name,
            "asked_team_id": asked_by.team_id if asked_by else "",
            "asked_user_id": asked_by.user_id if asked_by else "",
            "verdict": diagnosis.verdict.value,
            "root_causes": [finding.rule for finding in diagnosis.root_causes],
            "started_at": diagnosis.started_at,
            "took_ms": diagnosis.took_ms,
            "document": encode(_frame(diagnosis)),
            "recorded_at": DatabaseTime(),
        },
    )
    if not inserted:
        return
    keep_contents(connection)
    kept = [_evidence_row(connection, diagnosis.id, at, one) for at, one in enumerate(diagnosis.evidence)]
    _insert_all(connection, evidence, kept)
    _insert_all(
        connection, findings, [_finding_row(diagnosis.id, at, one) for at, one in enumerate(diagnosis.findings)]
    )
    _insert_all(
        connection,
        kept_files,
        [
            {"diagnosis_id": diagnosis.id, "name": one.name, "title": one.title, "content": one.content}
            for one in diagnosis.files
        ],
    )


def load_files(connection: Connection, diagnosis_id: str) -> tuple[KeptFile, ...]:
    """Return the files that are kept with a diagnosis, by name."""
    of_this = select(kept_files).where(kept_files.c.diagnosis_id == diagnosis_id).order_by(kept_files.c.name)
    return tuple(
        KeptFile(name=str(row.name), title=str(row.title), content=bytes(row.content))
        for row in connection.execute(of_this)
    )


def keep_contents(connection: Connection, *, alone: bool = False) -> None:
    """Let nobody delete contents until the transaction ends; `alone`: let nobody refer to any, in order to delete some.

    On SQLite nobody writes beside this transaction.
    """
    if connection.dialect.name == "postgresql":
        way = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
        connection.execute(text(f"SELECT {way}(:key)"), {"key": _CONTENTS_LOCK})


def _insert_all(connection: Connection, table: Table, rows: list[dict[str, object]]) -> None:
    if rows:
        connection.execute(table.insert(), rows)


def _finding_row(diagnosis_id: str, position: int, finding: Finding) -> dict[str, object]:
    return {
        "diagnosis_id": diagnosis_id,
        "position": position,
        "rule": finding.rule,
        "verdict": finding.verdict.value,
        "severity": finding.severity.value,
        "document": encode(finding),
    }


def _frame(diagnosis: Diagnosis) -> _Frame:
    return _Frame(
        question=diagnosis.question,
        target=diagnosis.target,
        binding=diagnosis.binding,
        binding_gap=diagnosis.binding_gap,
        looked_from=diagnosis.looked_from,
        lookups_all_answer=diagnosis.lookups_all_answer,
    )


def _evidence_row(connection: Connection, diagnosis_id: str, position: int, collected: Collected) -> dict[str, object]:
    """Store what was gathered, which is the large part, and return the row that refers to it."""
    gap, key = collected.gap, None
    if collected.value is not None:
        content = collected.document or evidence_document(collected.value)
        size = len(canonical(content))
        if size > MAX_CONTENT_CHARACTERS:
            gap = Gap(what=collected.id, reason=f"it was too large to be kept in the history ({size} characters)")
        else:
            document: JsonObject = {"collector": collected.collector, "value": content}
            key = digest(document)
            insert_if_absent(connection, evidence_contents, {"digest": key, "document": document})
    piece = _Piece(
        parameters=collected.parameters,
        gap=gap,
        calls=collected.calls,
        collected_at=collected.collected_at.isoformat(),
        took_ms=collected.took_ms,
        summary=collected.summary,
    )
    return {
        "diagnosis_id": diagnosis_id,
        "position": position,
        "evidence_id": collected.id,
        "collector": collected.collector,
        "digest": key,
        "document": encode(piece),
    }


def load(connection: Connection, diagnosis_id: str, classes: Mapping[str, type]) -> Diagnosis | None:
    """Return a stored diagnosis, or None. `classes` gives the evidence class of each collector."""
    row = connection.execute(select(diagnoses).where(diagnoses.c.id == diagnosis_id)).one_or_none()
    if row is None:
        return None
    frame = decode(_Frame, row.document)
    return Diagnosis(
        id=row.id,
        question=frame.question,
        target=frame.target,
        asked_by=person(row.asked_team_id, row.asked_user_id),
        started_at=as_time(row.started_at),
        took_ms=as_number(row.took_ms),
        evidence=_load_evidence(connection, diagnosis_id, classes),
        findings=tuple(
            decode(Finding, document)
            for document in connection.scalars(
                select(findings.c.document).where(findings.c.diagnosis_id == diagnosis_id).order_by(findings.c.position)
            )
        ),
        binding=frame.binding,
        binding_gap=frame.binding_gap,
        looked_from=frame.looked_from,
        lookups_all_answer=frame.lookups_all_answer,
        evidence_deleted_at=row.evidence_deleted_at if row.evidence_deleted_at is not NO_TIME else None,
    )


def remembered(connection: Connection, cluster: str, collector: str) -> tuple[Memory, ...]:
    """Return what a collector found in the newest diagnoses of a cluster, what is the same once; the newest first."""
    rows = connection.execute(
        select(diagnoses.c.started_at, evidence.c.digest, evidence_contents.c.document)
        .select_from(evidence.join(diagnoses).join(evidence_contents))
        .where(diagnoses.c.cluster == cluster, evidence.c.collector == collector)
        .order_by(diagnoses.c.started_at.desc())
        .limit(_MOST_REMEMBERED)
    )
    found: dict[str, Memory] = {}
    for row in rows:
        value = row.document.get("value") if isinstance(row.document, dict) else None
        if row.digest not in found and isinstance(value, dict) and row.started_at is not NO_TIME:
            found[row.digest] = Memory(at=row.started_at, value=value)
    return tuple(found.values())


def person(team_id: str, user_id: str) -> Person | None:
    """Return the person of two columns; both empty: nobody."""
    return Person(team_id=team_id, user_id=user_id) if user_id else None


def _load_evidence(connection: Connection, diagnosis_id: str, classes: Mapping[str, type]) -> tuple[Collected, ...]:
    rows = connection.execute(
        select(
            evidence.c.evidence_id,
            evidence.c.collector,
            evidence.c.document,
            evidence_contents.c.document.label("content"),
        )
        .select_from(evidence.outerjoin(evidence_contents))
        .where(evidence.c.diagnosis_id == diagnosis_id)
        .order_by(evidence.c.position)
    ).all()
    return tuple(_load_piece(row.evidence_id, row.collector, row.document, row.content, classes) for row in rows)


def _load_piece(
    evidence_id: str, collector: str, document: object, content: JsonObject | None, classes: Mapping[str, type]
) -> Collected:
    piece = decode(_Piece, document)
    value, gap = None, piece.gap
    if content is not None:
        value, unread = _load_value(evidence_id, content["value"], classes.get(collector))
        gap = gap or unread
    return Collected(
        id=evidence_id,
        collector=collector,
        parameters=piece.parameters,
        value=value,
        gap=gap,
        calls=piece.calls,
        collected_at=datetime.fromisoformat(piece.collected_at),
        took_ms=piece.took_ms,
        summary=piece.summary,
    )


def _load_value(evidence_id: str, content: JsonValue, kind: type | None) -> tuple[object | None, Gap | None]:
    """Return the value, or why it can no longer be read: never a part of it."""
    if kind is None:
        return None, Gap(what=evidence_id, reason="it was stored by a dnsbot that had another set of collectors")
    try:
        return evidence_from(kind, content), None
    except ValidationError as error:
        return None, Gap(
            what=evidence_id,
            reason=f"another version of dnsbot stored it ({error.error_count()} fields of {kind.__name__} differ)",
        )
