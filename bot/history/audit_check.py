"""Checks the audit chain whole, and that the decisions in the database are those of the chain."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing

from sqlalchemy import Connection, select, text

from bot.domain.audit import AuditCheck, Head, Seals, walk
from bot.domain.json_values import JsonObject
from bot.history import audit
from bot.history.tables import decisions


def check(connection: Connection, seals: Seals, heads: Sequence[Head]) -> AuditCheck:
    """Walk the chain as of one moment; where it is whole, compare the decisions with it."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    decided: dict[int, tuple[str, JsonObject]] = {}
    older = [0]
    with closing(audit.rows(connection)) as rows:
        walked = walk(_noting(rows, decided, older), seals, heads)
    strays = tuple(_strays(connection, decided, older[0])) if walked.bad_row is None else ()
    return AuditCheck(walked=walked, strays=strays, heads=len(heads))


def lost(connection: Connection, kept: Head) -> str:
    """Return what became of the newest row whose head was kept, or nothing where it stands there as it was."""
    found = audit.at(connection, kept.seq)
    if found is None:
        return f"row {kept.seq} was there when it was kept, and is gone: the end was cut off, or a backup was put back"
    return "" if found.seal == kept.seal else f"row {kept.seq} is another one than when it was kept"


def _noting(
    rows: Iterable[Sequence[object]], decided: dict[int, tuple[str, JsonObject]], older: list[int]
) -> Iterator[Sequence[object]]:
    """Yield the rows; note the decisions among them, and up to which decision there was no chain yet."""
    for row in rows:
        yield row  # once it is asked for the next one, this one was found to be as it was sealed
        kind = row[1]
        if kind == audit.DECIDED:
            entry = json.loads(str(row[3]))
            decided[entry["decision"]] = (str(row[2]), entry)
        elif kind == audit.CHAIN:
            older[0] = json.loads(str(row[3]))["decisions"]


def _strays(connection: Connection, decided: dict[int, tuple[str, JsonObject]], older: int) -> Iterator[str]:
    standing = connection.execute(select(decisions).where(decisions.c.id > older).order_by(decisions.c.id)).all()
    for row in standing:
        proposal_id, entry = decided.pop(row.id, ("", {}))
        same = {name: value for name, value in entry.items() if name != "at"} == audit.decided_entry(row)
        if proposal_id != row.proposal_id or not same:
            yield (
                f"Decision {row.id} (plan {row.proposal_id}, {row.choice} by {row.user_id}) is not in the chain as it "
                "stands in the database: it does not count."
            )
    for number, (proposal_id, entry) in sorted(decided.items()):
        yield f"Decision {number} (plan {proposal_id}, {entry['choice']}) is in the chain and gone from the database."
