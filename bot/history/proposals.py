"""Proposals and decisions. What may happen once is a conditional update inside the caller's transaction."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, case, func, select, update
from sqlalchemy.sql.expression import ColumnElement

from bot.domain.approvals import ApprovalPolicy, Choice, Decision, MessageRef, Posted, Proposal, ProposalState
from bot.domain.audit import Seals
from bot.domain.encoding import decode, encode
from bot.domain.history import Draft, Press, Taken, Unreadable
from bot.domain.json_values import digest
from bot.domain.outbox import CARD, REMINDER, Note, card_key
from bot.domain.people import Person
from bot.domain.plans import plan_document, plan_from_document
from bot.errors import RecordUnreadable
from bot.history import outbox
from bot.history.audit import (
    DECIDED,
    PROPOSED,
    REFUSALS_READ,
    Ledger,
    Vouched,
    decided_entry,
    proposed_entry,
    vouched,
)
from bot.history.columns import DatabaseTime, as_time
from bot.history.diagnoses import insert_if_absent, person
from bot.history.tables import clusters, decisions, notes, proposals
from bot.history.unreadable import reading_row

log = logging.getLogger(__name__)

REMINDED_SECONDS = 600.0
"""So long before it expires a plan that waits is brought to mind."""
WAITED_SECONDS = 300.0
"""So long it has waited then; who has just been called is not called again."""
PENDING, APPROVED = ProposalState.PENDING.value, ProposalState.APPROVED.value


def store(connection: Connection, draft: Draft, ledger: Ledger) -> str:
    """Insert a proposal and return its id; or the id of the pending one that would do the same.

    An older pending one for the same finding with another plan is past its time from now on.
    """
    plan = draft.plan
    insert_if_absent(connection, clusters, {"name": plan.cluster, "repairing": None, "touched": 0})
    # holds the row until the transaction ends: two proposals for one cluster are stored one after the other
    connection.execute(update(clusters).where(clusters.c.name == plan.cluster).values(touched=clusters.c.touched + 1))
    open_ones = _still_pending(connection, draft)
    for row in open_ones:
        if row.fingerprint == draft.fingerprint and (row.requested_user_id or draft.requested_by is None):
            _say_card(connection, str(row.id), draft)
            return str(row.id)
    if open_ones:
        older = [row.id for row in open_ones]
        connection.execute(update(proposals).where(proposals.c.id.in_(older)).values(expires_at=DatabaseTime()))
    columns = _columns(draft)
    connection.execute(proposals.insert().values({**columns, "report_url": _url_of(connection, plan.undoes)}))
    ledger.add(PROPOSED, plan.id, proposed_entry(columns))
    _say_card(connection, plan.id, draft)
    return plan.id


def _say_card(connection: Connection, proposal_id: str, draft: Draft) -> None:
    """Let the plan's card be posted, unless it is to be already."""
    if draft.channel:
        about = {"proposal_id": proposal_id}
        note = Note(key=card_key(proposal_id), channel=draft.channel, kind=CARD, about=about, after=draft.after)
        outbox.say(connection, note)


def _url_of(connection: Connection, undone: str) -> str:
    """Return the link to the report that the plan which is taken back came with."""
    return connection.scalar(select(proposals.c.report_url).where(proposals.c.id == undone)) or ""


def set_report_url(connection: Connection, proposal_id: str, url: str) -> None:
    """Remember the link to the report that a plan came with."""
    connection.execute(update(proposals).where(proposals.c.id == proposal_id).values(report_url=url))


def _still_pending(connection: Connection, draft: Draft) -> Sequence[Row[*tuple[Any, ...]]]:
    return connection.execute(
        select(proposals.c.id, proposals.c.fingerprint, proposals.c.requested_user_id).where(
            proposals.c.cluster == draft.plan.cluster,
            proposals.c.finding == draft.plan.finding,
            proposals.c.undoes == draft.plan.undoes,
            proposals.c.state == PENDING,
            proposals.c.expires_at > DatabaseTime(),
        )
    ).all()


def _columns(draft: Draft) -> dict[str, object]:
    plan, requester = draft.plan, draft.requested_by
    return {
        "id": plan.id,
        "diagnosis_id": plan.diagnosis_id,
        "cluster": plan.cluster,
        "finding": plan.finding,
        "undoes": plan.undoes,
        "plan": plan_document(plan),
        "plan_hash": plan.hash,
        "alternatives": [plan_document(one) for one in draft.alternatives],
        "chosen_hash": "",
        "fingerprint": draft.fingerprint,
        "policy": encode(draft.policy),
        "requested_team_id": requester.team_id if requester else "",
        "requested_user_id": requester.user_id if requester else "",
        "not_approvable": draft.not_approvable,
        "state": PENDING,
        "presses": 0,
        "created_at": DatabaseTime(),
        "expires_at": DatabaseTime(draft.policy.expires_after.total_seconds()),
        "apply_before": None,
        "version": 1,
    }


def changed(connection: Connection, proposal_id: str) -> None:
    """Count a change of what the card shows."""
    connection.execute(update(proposals).where(proposals.c.id == proposal_id).values(version=proposals.c.version + 1))


def load(connection: Connection, *where: ColumnElement[bool], seals: Seals) -> tuple[Proposal, ...]:
    """Return proposals with their decisions, oldest first, compared with the audit chain.

    Raises `RecordUnreadable` where one cannot be read.
    """
    found = tuple(_rows(connection, *where))
    known = vouched(connection, [row.id for row, _ in found], seals)
    return tuple(_proposal(row, own, known.get(row.id, Vouched())) for row, own in found)


def load_readable(
    connection: Connection, *where: ColumnElement[bool]
) -> tuple[tuple[Proposal, ...], tuple[Unreadable, ...]]:
    """Return proposals for people to look at, not compared with the chain, and apart those that cannot be read."""
    found: list[Proposal] = []
    left: list[Unreadable] = []
    for row, own in _rows(connection, *where):
        try:
            found.append(_proposal(row, own))
        except RecordUnreadable as error:
            log.error("a plan is left aside", extra={"proposal": row.id, "reason": str(error)})  # noqa: TRY400  # the reason says it all
            left.append(Unreadable(proposal_id=row.id, diagnosis_id=row.diagnosis_id, reason=str(error)))
    return tuple(found), tuple(left)


def _rows(
    connection: Connection, *where: ColumnElement[bool]
) -> Iterator[tuple[Row[*tuple[Any, ...]], Sequence[Row[*tuple[Any, ...]]]]]:
    """Yield the rows of proposals, each with those of its decisions."""
    past = proposals.c.expires_at <= DatabaseTime()
    state_now = case((past & (proposals.c.state == PENDING), ProposalState.EXPIRED.value), else_=proposals.c.state)
    card = notes.alias("card")
    below = (notes.c.proposal_id == proposals.c.id) & (notes.c.kind != CARD) & (notes.c.given_up != "")
    untold = select(func.max(notes.c.given_up)).where(below).scalar_subquery()
    rows = connection.execute(
        select(
            proposals,
            state_now.label("state_now"),
            func.coalesce(card.c.channel, "").label("message_channel"),
            func.coalesce(card.c.ts, "").label("message_ts"),
            func.coalesce(card.c.given_up, "").label("undrawn"),
            func.coalesce(untold, "").label("untold"),
        )
        .outerjoin(card, card.c.key == CARD + ":" + proposals.c.id)
        .where(*where)
        .order_by(proposals.c.created_at, proposals.c.id)
    ).all()
    made = _decisions(connection, [row.id for row in rows])
    yield from ((row, made.get(row.id, ())) for row in rows)


def _proposal(
    row: Row[*tuple[Any, ...]], made: Sequence[Row[*tuple[Any, ...]]], known: Vouched | None = None
) -> Proposal:
    with reading_row(f"Plan {row.id}"):
        return _read(row, made, known)


def _read(row: Row[*tuple[Any, ...]], made: Sequence[Row[*tuple[Any, ...]]], known: Vouched | None) -> Proposal:
    plans = tuple(map(plan_from_document, (row.plan, *row.alternatives)))
    plan = next((one for one in plans[1:] if one.hash == row.chosen_hash), plans[0])
    return Proposal(
        id=row.id,
        plan=plan,
        plan_hash=row.chosen_hash or row.plan_hash,
        alternatives=tuple(one for one in plans if one is not plan),
        policy=decode(ApprovalPolicy, row.policy),
        requested_by=person(row.requested_team_id, row.requested_user_id),
        state=ProposalState(row.state_now),
        created_at=as_time(row.created_at),
        expires_at=as_time(row.expires_at),
        decisions=tuple(_decision(one, vouched=known is None or known.decision(one)) for one in made),
        posted=_posted(row.message_channel, row.message_ts, row.report_url),
        not_approvable=row.not_approvable,
        undrawn=row.undrawn,
        untold=row.untold,
        doubt=known.doubt(row._asdict(), made) if known is not None else "",
    )


def _posted(channel: str, ts: str, report_url: str) -> Posted | None:
    return Posted(message=MessageRef(channel=channel, ts=ts), report_url=report_url) if ts else None


def _decisions(connection: Connection, ids: list[str]) -> dict[str, list[Row[*tuple[Any, ...]]]]:
    """Return the rows of the presses that were taken, and of the newest that were refused, oldest first."""
    found = {}
    for one in ids:
        own = select(decisions).where(decisions.c.proposal_id == one)
        taken = connection.execute(own.where(decisions.c.accepted)).all()
        newest = own.where(~decisions.c.accepted).order_by(decisions.c.id.desc()).limit(REFUSALS_READ)
        found[one] = sorted((*taken, *connection.execute(newest)), key=lambda row: row.id)
    return found


def _decision(row: Row[*tuple[Any, ...]], *, vouched: bool = True) -> Decision:
    return Decision(
        proposal_id=row.proposal_id,
        person=Person(team_id=row.team_id, user_id=row.user_id),
        choice=Choice(row.choice),
        accepted=row.accepted,
        reason=row.reason,
        decided_at=as_time(row.decided_at),
        plan_hash=row.plan_hash,
        vouched=vouched,
    )


def take(connection: Connection, press: Press, required: int, ledger: Ledger) -> Taken:
    """Take a press: the row leaves "pending" by one conditional update, once, for one of its plans."""
    held = (proposals.c.id == press.proposal_id) & (proposals.c.state == PENDING)
    pending = held & (proposals.c.expires_at > DatabaseTime())
    # the first update holds the row, so that presses are taken one after the other
    pressed = update(proposals).where(pending).values(presses=proposals.c.presses + 1, version=proposals.c.version + 1)
    if connection.execute(pressed).rowcount != 1 or not _is_offered(connection, press):
        return Taken.NOT_PENDING
    if _was_taken(connection, press):
        return Taken.REPEATED
    known = vouched(connection, [press.proposal_id], ledger.seals).get(press.proposal_id, Vouched())
    insert_decision(connection, press, ledger, accepted=True, reason=press.reason)
    if press.choice is Choice.REJECT:
        connection.execute(update(proposals).where(held).values(state=ProposalState.REJECTED.value))
    elif _others(connection, press, known) + 1 >= required:
        with reading_row(f"The policy of plan {press.proposal_id}"):
            lifetime = decode(ApprovalPolicy, _policy(connection, press.proposal_id)).expires_after
        approved = {"state": APPROVED, "apply_before": DatabaseTime(lifetime.total_seconds())}
        connection.execute(update(proposals).where(pending).values(**approved, chosen_hash=press.plan_hash))
    return Taken.TAKEN


def _is_offered(connection: Connection, press: Press) -> bool:
    """Return whether the pressed button was of one of the plans that are stored."""
    offered = select(proposals.c.plan_hash, proposals.c.alternatives).where(proposals.c.id == press.proposal_id)
    row = connection.execute(offered).one()
    return press.plan_hash in {row.plan_hash, *map(digest, row.alternatives)}


def _was_taken(connection: Connection, press: Press) -> bool:
    """Return whether this person's press was taken before: by the user's id alone, whatever team the way in named.

    Who approved one plan may approve another, so that they can agree with others; and may not reject them all.
    """
    taken = select(decisions.c.id).where(
        decisions.c.proposal_id == press.proposal_id,
        decisions.c.user_id == press.person.user_id,
        decisions.c.accepted,
    )
    if press.choice is Choice.APPROVE:
        taken = taken.where(_for_plan(press))
    return connection.execute(taken).first() is not None


def _for_plan(press: Press) -> ColumnElement[bool]:
    """Return the condition that a decision is about the pressed plan; older ones say nothing: there was one plan."""
    return decisions.c.plan_hash.in_((press.plan_hash, ""))


def _others(connection: Connection, press: Press, known: Vouched) -> int:
    """Return how many others approved this plan, as far as the audit chain says so, too."""
    rows = connection.execute(
        select(decisions).where(
            decisions.c.proposal_id == press.proposal_id,
            decisions.c.accepted,
            decisions.c.choice == Choice.APPROVE.value,
            _for_plan(press),
            decisions.c.user_id != press.person.user_id,
        )
    )
    return len({row.user_id for row in rows if known.decision(row)})


def _policy(connection: Connection, proposal_id: str) -> object:
    return connection.execute(select(proposals.c.policy).where(proposals.c.id == proposal_id)).scalar_one()


def insert_decision(connection: Connection, press: Press, ledger: Ledger, *, accepted: bool, reason: str) -> Decision:
    """Insert a decision and return it as stored."""
    row = connection.execute(
        decisions.insert()
        .values(
            proposal_id=press.proposal_id,
            team_id=press.person.team_id,
            user_id=press.person.user_id,
            choice=press.choice.value,
            accepted=accepted,
            reason=reason,
            decided_at=DatabaseTime(),
            plan_hash=press.plan_hash,
        )
        .returning(decisions)
    ).one()
    ledger.add(DECIDED, press.proposal_id, decided_entry(row))
    return _decision(row)


def remind(connection: Connection) -> None:
    """Let those who may decide be reminded of what has waited for some minutes and expires soon: once a plan."""
    soon = (proposals.c.expires_at > DatabaseTime()) & (proposals.c.expires_at <= DatabaseTime(REMINDED_SECONDS))
    waited = proposals.c.created_at <= DatabaseTime(-WAITED_SECONDS)
    pending = (proposals.c.state == PENDING) & (proposals.c.not_approvable == "")
    for one in connection.scalars(select(proposals.c.id).where(soon, waited, pending)).all():
        outbox.say_of_plan(connection, one, REMINDER, f"{REMINDER}:{one}", {})


def expire(connection: Connection) -> list[str]:
    """Mark pending proposals past their time, and approvals nobody began in time; return their ids."""
    late = ((proposals.c.state == PENDING) & (proposals.c.expires_at <= DatabaseTime())) | (
        (proposals.c.state == APPROVED) & (proposals.c.apply_before <= DatabaseTime())
    )
    rows = connection.execute(
        update(proposals)
        .where(late)
        .values(state=ProposalState.EXPIRED.value, version=proposals.c.version + 1)
        .returning(proposals.c.id)
    )
    return [row.id for row in rows]
