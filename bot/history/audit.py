"""The audit table: what is added to it, what it vouches for, and reading it whole."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Text, func, select, text, type_coerce

from bot.domain.audit import FIRST_SEQ, PLAIN, Head, Seals
from bot.domain.json_values import JsonObject, canonical, digest
from bot.errors import HistoryUnavailable
from bot.history.columns import NO_JSON, read_clock
from bot.history.tables import audit, decisions

CHAIN, PROPOSED, DECIDED = "chain", "proposed", "decided"
BREAK_GLASS, REVIEWED = "break-glass", "reviewed"
BEGUN, STEP, OUTCOME, ENDING, RETENTION = "begun", "step", "outcome", "ending", "retention"
_LOCK = 0x646E7361
"""Any number that no other program on the server uses for its advisory locks."""
REFUSALS_READ = 100
"""So many of a plan's refused presses are read: who presses ten thousand times must not make each press slower."""
_READ_AT_ONCE = 10_000
_before, _pressed = audit.alias("before"), audit.alias("pressed")
_REFUSED = '{"accepted":false,'
"""How the entry of a refused press begins: canonical JSON, and no other kind of entry has this member."""


@dataclass(slots=True)
class Ledger:
    """What one transaction adds to the chain: all of it at its end, so that nobody waits for long."""

    connection: Connection
    seals: Seals
    _entries: list[tuple[str, str, JsonObject]] = field(default_factory=list)
    head: Head | None = None
    """The newest row of this transaction, once written."""

    def add(self, kind: str, proposal_id: str, entry: JsonObject) -> None:
        """Let a row be added."""
        self._entries.append((kind, proposal_id, entry))

    def now(self, kind: str, subject: str, entry: JsonObject) -> int:
        """Add a row at once, and return its number."""
        self.add(kind, subject, entry)
        self.write()
        return self.head.seq if self.head is not None else 0

    def lock(self) -> None:
        """Let nobody else add a row until the transaction ends; SQLite lets nobody write beside this one anyway."""
        if self.connection.dialect.name == "postgresql":
            self.connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})

    def write(self) -> None:
        """Add the rows. Whoever comes meanwhile waits, and goes on from the last of them: there are no gaps."""
        if not self._entries:
            return
        self.lock()
        now = read_clock(self.connection).isoformat()
        last = newest(self.connection)
        if last is None:
            older = self.connection.execute(select(func.max(decisions.c.id))).scalar()
            new = sum(kind == DECIDED for kind, _, _ in self._entries)
            self._entries.insert(0, (CHAIN, "", {"decisions": max(0, (older or 0) - new)}))
        elif self.seals.label == PLAIN and not last.seal.startswith(f"{PLAIN}:"):
            raise HistoryUnavailable(
                "The audit chain is sealed with a key, and AUDIT_KEY is not set: nothing can be added to it, and "
                "nothing is approved or changed without it. Set AUDIT_KEY to the key that the chain was written with."
            )
        seq, seal = (last.seq, last.seal) if last is not None else (FIRST_SEQ - 1, "")
        for kind, proposal_id, entry in self._entries:
            seq += 1
            written = canonical({**entry, "at": now})
            seal = self.seals.seal(seal, (seq, kind, proposal_id, written))
            values = {"seq": seq, "kind": kind, "proposal_id": proposal_id, "entry": {**entry, "at": now}, "seal": seal}
            self.connection.execute(audit.insert().values(values))
        self.head = Head(seq=seq, seal=seal)
        self._entries.clear()


def proposed_entry(row: Mapping[str, Any]) -> JsonObject:
    """Return what the chain says of a proposal, from its columns."""
    entry = {
        "cluster": row["cluster"],
        "plan_hash": row["plan_hash"],
        "policy": row["policy"],
        "requested_by": [row["requested_team_id"], row["requested_user_id"]],
    }
    alternatives = [digest(document) for document in row["alternatives"]]
    return {**entry, "alternatives": alternatives} if alternatives else entry


def decided_entry(row: Row[*tuple[Any, ...]]) -> JsonObject:
    """Return what the chain says of a decision, from its row; of one from before there were hashes of plans, none."""
    entry = {
        "decision": row.id,
        "person": [row.team_id, row.user_id],
        "choice": row.choice,
        "accepted": bool(row.accepted),
        "reason": row.reason,
    }
    return {**entry, "plan_hash": row.plan_hash} if row.plan_hash else entry


@dataclass(frozen=True, slots=True)
class Vouched:
    """What the chain vouches for of one plan."""

    proposed: tuple[JsonObject, ...] = ()
    decided: tuple[JsonObject, ...] = ()

    def decision(self, row: Row[*tuple[Any, ...]]) -> bool:
        """Return whether this decision was written down in the chain as it stands in the database."""
        return decided_entry(row) in self.decided

    def doubt(self, row: Mapping[str, Any], made: Sequence[Row[*tuple[Any, ...]]]) -> str:
        """Return what is wrong with what is stored of a plan, or nothing."""
        if not self.proposed:
            return "it has no entry in the audit chain"
        wanted = proposed_entry(row)
        differing = [name for name in wanted if wanted[name] != self.proposed[0].get(name)]
        if differing:
            return f"its {', '.join(name.replace('_', ' ') for name in differing)} is not what the audit chain says"
        standing = {row.id for row in made}
        if any(entry["accepted"] and entry["decision"] not in standing for entry in self.decided):
            return "a decision that the audit chain holds is not among those stored"
        return ""


def vouched(connection: Connection, proposal_ids: Sequence[str], seals: Seals) -> dict[str, Vouched]:
    """Return what the chain vouches for, by plan; of refused presses the newest alone."""
    found: dict[str, dict[str, list[JsonObject]]] = {}
    for one in proposal_ids:
        for row, whole in vouched_rows(connection, seals, [PROPOSED, DECIDED], _worth_reading(one)):
            entry = {name: value for name, value in whole.items() if name != "at"}
            found.setdefault(row.proposal_id, {}).setdefault(row.kind, []).append(entry)
    return {one: Vouched(tuple(kinds.get(PROPOSED, ())), tuple(kinds.get(DECIDED, ()))) for one, kinds in found.items()}


def _worth_reading(proposal_id: str) -> ColumnElement[bool]:
    """Return the condition that a row is of this plan, and no press that was refused longer ago than the newest."""
    own = _pressed.c.proposal_id == proposal_id, _pressed.c.kind == DECIDED
    refused = select(_pressed.c.seq).where(*own, type_coerce(_pressed.c.entry, Text).startswith(_REFUSED))
    newest = refused.order_by(_pressed.c.seq.desc()).limit(REFUSALS_READ)
    others = ~type_coerce(audit.c.entry, Text).startswith(_REFUSED)
    return (audit.c.proposal_id == proposal_id) & (others | audit.c.seq.in_(newest))


def subject_is(subject: str) -> ColumnElement[bool]:
    """Return the condition that a row is about this; of a plan, its id."""
    return audit.c.proposal_id == subject


def subject_begins(beginning: str) -> ColumnElement[bool]:
    """Return the condition that a row is about something of a kind."""
    return audit.c.proposal_id.startswith(beginning, autoescape=True)


def vouched_rows(
    connection: Connection, seals: Seals, kinds: Sequence[str], subject: ColumnElement[bool]
) -> Iterator[tuple[Row[*tuple[Any, ...]], dict[str, Any]]]:
    """Yield rows with what they say, oldest first, as far as their own seals vouch for them."""
    rows = connection.execute(
        select(audit, _before.c.seal.label("seal_before"))
        .outerjoin(_before, _before.c.seq == audit.c.seq - 1)
        .where(subject, audit.c.kind.in_(kinds))
        .order_by(audit.c.seq)
    )
    for row in rows:
        if row.entry is NO_JSON or not isinstance(row.entry, dict):
            continue
        sealed = (row.seq, row.kind, row.proposal_id, canonical(row.entry), row.seal)
        if seals.vouch(row.seal_before or "", sealed):
            yield row, row.entry


def rows(connection: Connection) -> Generator[Sequence[object], None, None]:
    """Yield all rows in the order of their numbers, as they stand there."""
    # plain columns: the types of the other tables would mend what is to be judged
    statement = text("SELECT seq, kind, proposal_id, entry, seal FROM audit ORDER BY seq")
    with connection.execute(statement, execution_options={"yield_per": _READ_AT_ONCE}) as found:
        yield from found


def at(connection: Connection, seq: int) -> Head | None:
    """Return one row, or None where there is none."""
    row = connection.execute(select(audit.c.seq, audit.c.seal).where(audit.c.seq == seq)).one_or_none()
    return Head(seq=row.seq, seal=row.seal) if row is not None else None


def newest(connection: Connection) -> Head | None:
    """Return the newest row."""
    row = connection.execute(select(audit.c.seq, audit.c.seal).order_by(audit.c.seq.desc()).limit(1)).one_or_none()
    return Head(seq=row.seq, seal=row.seal) if row is not None else None
