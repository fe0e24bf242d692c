"""Broken glass: rows of the audit chain, so that none can be forged, taken back or reviewed by a row put in by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, update

from bot.domain.approvals import ProposalState
from bot.domain.audit import Seals
from bot.domain.changes import BreakGlass
from bot.domain.json_values import JsonObject
from bot.domain.people import Person
from bot.errors import Refused
from bot.history import audit, outbox
from bot.history.columns import read_clock
from bot.history.tables import proposals

_SUBJECT = "cluster:"


def open_one(ledger: audit.Ledger, cluster: str, person: Person, reason: str, lasts: timedelta) -> int:
    """Add it to the chain, and return its number."""
    entry: JsonObject = {
        "cluster": cluster,
        "person": [person.team_id, person.user_id],
        "reason": reason,
        "seconds": lasts.total_seconds(),
    }
    _redraw_cards(ledger.connection, cluster)
    return ledger.now(audit.BREAK_GLASS, _SUBJECT + cluster, entry)


def _redraw_cards(connection: Connection, cluster: str) -> None:
    """Let the cards that wait for a decision say how the cluster's broken glass stands now."""
    waits = (proposals.c.cluster == cluster) & (proposals.c.state == ProposalState.PENDING.value)
    connection.execute(update(proposals).where(waits).values(version=proposals.c.version + 1))


def review(connection: Connection, ledger: audit.Ledger, number: int, person: Person) -> BreakGlass:
    """Close it. Raises `Refused` where there is none, it is closed, or the reviewer broke it."""
    _redraw_cards(connection, _known(connection, ledger.seals, number).cluster)
    outbox.redraw_glass(connection, number)
    ledger.lock()  # after the rows, as presses do: else two transactions could wait for each other
    found = _known(connection, ledger.seals, number)
    if found.reviewed_by is not None:
        raise Refused(f"Break-glass {number} was reviewed by {found.reviewed_by} already.")
    if found.person.user_id == person.user_id:
        raise Refused(f"You broke the glass yourself: somebody else must review break-glass {number}.")
    entry: JsonObject = {"number": number, "person": [person.team_id, person.user_id]}
    ledger.now(audit.REVIEWED, _SUBJECT + found.cluster, entry)
    return replace(found, reviewed_by=person)


def _known(connection: Connection, seals: Seals, number: int) -> BreakGlass:
    found = {one.number: one for one in load(connection, seals)}.get(number)
    if found is None:
        raise Refused(f"There is no break-glass {number} in the history.")
    return found


def of_waiting_plan(connection: Connection, seals: Seals, cluster: str) -> tuple[BreakGlass, ...]:
    """Return, newest first, what is active or unreviewed: whoever decides on a plan for this cluster has to know."""
    return tuple(one for one in load(connection, seals, cluster) if one.is_active or one.reviewed_by is None)


def load(connection: Connection, seals: Seals, cluster: str = "") -> tuple[BreakGlass, ...]:
    """Return all of a cluster, or of all clusters, newest first; what the chain does not vouch for is none."""
    kinds = [audit.BREAK_GLASS, audit.REVIEWED]
    subject = audit.subject_is(_SUBJECT + cluster) if cluster else audit.subject_begins(_SUBJECT)
    now = read_clock(connection)
    found: dict[int, BreakGlass] = {}
    for row, entry in audit.vouched_rows(connection, seals, kinds, subject):
        person = Person(team_id=entry["person"][0], user_id=entry["person"][1])
        if row.kind == audit.REVIEWED:
            broken = found[entry["number"]]
            found[broken.number] = replace(broken, reviewed_by=person)
            continue
        opened = datetime.fromisoformat(entry["at"])
        until = opened + timedelta(seconds=entry["seconds"])
        found[row.seq] = BreakGlass(
            number=row.seq,
            cluster=entry["cluster"],
            person=person,
            reason=entry["reason"],
            opened_at=opened,
            until=until,
            is_active=now <= until,
        )
    return tuple(reversed(found.values()))
