"""The outbox: notes that must stand in the chat, who sends them, and what is put off or given up."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    and_,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from bot.domain.approvals import MessageRef
from bot.domain.jobs import Job
from bot.domain.json_values import JsonObject
from bot.domain.outbox import (
    AGAIN_SECONDS,
    CARD,
    GIVEN_UP_AFTER_SECONDS,
    GLASS,
    KEPT_SECONDS,
    PROMISE_SECONDS,
    QUEUE_SECONDS,
    SUPPLEMENTS_AT_MOST,
    Note,
    NotTaken,
    Sending,
    card_key,
    glass_key,
    queue_of,
)
from bot.history.columns import NO_TIME, DatabaseTime, has_passed
from bot.history.diagnoses import insert_if_absent
from bot.history.tables import notes, proposals, queues

LONGEST_HOLD_SECONDS = 3600.0
"""Many times longer than a queue is held or a promise stands: a time beyond it was spoiled."""

_parent = notes.alias("parent")
_earlier = notes.alias("earlier")


def say(connection: Connection, *said: Note) -> int:
    """Insert notes unless their keys are there; return how many supplements were dropped."""
    dropped = 0
    for note in said:
        if note.supplement and _supplements_waiting(connection) >= SUPPLEMENTS_AT_MOST:
            dropped += 1
            continue
        insert_if_absent(connection, notes, _columns(note))
        _queue(connection, queue_of(note))
    return dropped


def _columns(note: Note) -> dict[str, object]:
    promises = note.instead is not None
    return {
        "key": note.key,
        "queue": queue_of(note),
        "channel": note.channel,
        "kind": note.kind,
        "about": dict(note.about),
        "proposal_id": note.about.get("proposal_id", ""),
        "body": note.body,
        "thread_ts": note.thread_ts,
        "in_thread_of": note.in_thread_of,
        "after": note.after,
        "person": note.person,
        "alone": note.alone,
        "response_url": note.response_url,
        "supplement": note.supplement,
        "instead": note.instead,
        "promised_by": note.promised_by,
        "promised_until": DatabaseTime(PROMISE_SECONDS) if promises else None,
        "ts": "",
        "version": 1,
        "shown": 0,
        "tried": False,
        "send_at": None,
        "unsent_since": None,
        "given_up": "",
        "said_at": DatabaseTime(),
    }


def _queue(connection: Connection, name: str) -> None:
    insert_if_absent(connection, queues, {"name": name, "sender": "", "sender_until": None, "paused_until": None})


def _supplements_waiting(connection: Connection) -> int:
    waiting = select(func.count()).where(notes.c.supplement, notes.c.version > notes.c.shown)
    return connection.execute(waiting).scalar_one()


def settle(connection: Connection, key: str, body: JsonObject) -> None:
    """Let a note say this, and promise nothing more."""
    news = {"body": body, "instead": None, "promised_until": None, "version": notes.c.version + 1, "send_at": None}
    connection.execute(update(notes).where(notes.c.key == key).values(news))


def keep_promises(connection: Connection, owner: str) -> None:
    """Let what this process promises stand for a while longer."""
    own = (notes.c.promised_by == owner) & notes.c.promised_until.is_not(None)
    connection.execute(update(notes).where(own).values(promised_until=DatabaseTime(PROMISE_SECONDS)))


def place(connection: Connection, key: str) -> MessageRef | None:
    """Return where a note stands."""
    row = connection.execute(select(notes.c.channel, notes.c.ts).where(notes.c.key == key)).one_or_none()
    return MessageRef(channel=row.channel, ts=row.ts) if row is not None and row.ts else None


def due(connection: Connection) -> tuple[Job, ...]:
    """Return the queues in which a note may be sent now."""
    rows = connection.execute(
        select(notes.c.queue).join(queues, queues.c.name == notes.c.queue).where(_is_due(), _open()).distinct()
    )
    return tuple(Job(kind="send", ids={"queue": name}) for name in sorted(row.queue for row in rows))


def begin(connection: Connection, queue: str, owner: str) -> bool:
    """Hold a queue, unless another process does."""
    over = has_passed(queues.c.sender_until, at_most_seconds=LONGEST_HOLD_SECONDS)
    free = or_(queues.c.sender.in_(["", owner]), over)
    held = {"sender": owner, "sender_until": DatabaseTime(QUEUE_SECONDS)}
    return connection.execute(update(queues).where(queues.c.name == queue, free).values(held)).rowcount == 1


def next_to_send(connection: Connection, queue: str, owner: str) -> Sending | None:
    """Return the first note of a queue that is due, and hold the queue for longer; see `Outbox.next_to_send`."""
    mine = (queues.c.name == queue) & (queues.c.sender == owner)
    longer = update(queues).where(mine).values(sender_until=DatabaseTime(QUEUE_SECONDS))
    if connection.execute(longer).rowcount != 1:
        return None
    row = connection.execute(
        select(notes, _lapsed().label("lapsed"))
        .join(queues, queues.c.name == notes.c.queue)
        .where(notes.c.queue == queue, _is_due(), _open())
        .order_by(notes.c.supplement, notes.c.id)
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    row = _found_by_its_key(connection, row)
    if row.lapsed:
        settle(connection, row.key, _body(row.instead) or {})
    if not (row.ts or row.alone or row.tried):
        connection.execute(update(notes).where(notes.c.id == row.id).values(tried=True))
    return _sending(connection, row)


def _found_by_its_key(connection: Connection, row: Row[*tuple[Any, ...]]) -> Row[*tuple[Any, ...]]:
    """Return the row; where its key does not lead to it, it is given one that does: else it is sent without end."""
    if connection.execute(select(notes.c.id).where(notes.c.key == row.key)).scalar_one_or_none() == row.id:
        return row
    key = f"{row.key}#{row.id}"
    connection.execute(update(notes).where(notes.c.id == row.id).values(key=key))
    whole = select(notes, _lapsed().label("lapsed")).where(notes.c.id == row.id)
    return connection.execute(whole).one()


def _sending(connection: Connection, row: Row[*tuple[Any, ...]]) -> Sending:
    whole = select(notes, newest_version().label("newest"), DatabaseTime().label("now")).where(notes.c.id == row.id)
    now = connection.execute(whole).one()
    thread = _thread(connection, now)
    return Sending(
        note=_note(now),
        place=MessageRef(channel=now.channel, ts=now.ts) if now.ts else None,
        thread_ts=thread or now.thread_ts,
        thread_lost=bool(now.in_thread_of) and not thread,
        version=now.newest,
        tried=row.tried,
        put_off=now.unsent_since is not None,
        waited_seconds=(now.now - (now.said_at if now.said_at is not NO_TIME else now.now)).total_seconds(),
    )


def _note(row: Row[*tuple[Any, ...]]) -> Note:
    return Note(
        key=row.key,
        channel=row.channel,
        kind=row.kind,
        about=row.about if isinstance(row.about, dict) else {},
        body=_body(row.body),
        thread_ts=row.thread_ts,
        in_thread_of=row.in_thread_of,
        after=row.after,
        person=row.person,
        alone=row.alone,
        response_url=row.response_url,
        supplement=row.supplement,
        instead=_body(row.instead),
        promised_by=row.promised_by,
    )


def _body(read: object) -> JsonObject | None:
    """Return what a note says; nothing at all, which no note says, where that cannot be read."""
    if read is None:
        return None
    return read if isinstance(read, dict) else {}


def said(connection: Connection, key: str) -> Note | None:
    """Return a note as it is kept."""
    row = connection.execute(select(notes).where(notes.c.key == key)).one_or_none()
    return _note(row) if row is not None else None


def _thread(connection: Connection, row: Row[*tuple[Any, ...]]) -> str:
    """Return the ts of the thread of another note: that which it stands in itself, if any."""
    if not row.in_thread_of:
        return ""
    found = connection.execute(select(notes.c.ts, notes.c.thread_ts).where(notes.c.key == row.in_thread_of)).first()
    return str(found.ts and (found.thread_ts or found.ts)) if found is not None else ""


def sent(connection: Connection, key: str, where: MessageRef | None, version: int, *following: Note) -> None:
    """Write down that a version is shown, and where; and say what follows."""
    values: dict[str, object] = {"shown": version, "tried": False, "given_up": "", "unsent_since": None}
    if where is not None:
        values |= {"channel": where.channel, "ts": where.ts}
    connection.execute(update(notes).where(notes.c.key == key).values({**values, "send_at": None}))
    say(connection, *following)


def not_sent(connection: Connection, key: str, version: int, why: NotTaken) -> bool:
    """Let a note be sent when it has waited for as long once more; True where it is given up."""
    row = connection.execute(
        select(notes.c.queue, notes.c.ts, notes.c.unsent_since, notes.c.said_at, DatabaseTime().label("now")).where(
            notes.c.key == key
        )
    ).one_or_none()
    if row is None:
        return False
    known = row.unsent_since if row.unsent_since is not NO_TIME else None
    since = known or (row.now if row.ts or row.said_at is NO_TIME else row.said_at)
    waited = (row.now - since).total_seconds()
    again = why.again_within_seconds
    one = update(notes).where(notes.c.key == key)
    if why.certain:
        connection.execute(one.values(tried=False))
    if again is None or waited + (why.pause_seconds or 0.0) > GIVEN_UP_AFTER_SECONDS:
        gone = {"shown": version, "given_up": why.reason, "send_at": None, "unsent_since": None}
        connection.execute(one.values({**gone, "instead": None, "promised_until": None}))
        return True
    # what waits because the chat asked it to has not been refused
    pause = why.pause_seconds or min(max(waited, AGAIN_SECONDS), again)
    connection.execute(one.values(send_at=DatabaseTime(pause), unsent_since=since))
    if why.pause_seconds is not None:
        connection.execute(update(queues).where(queues.c.name == row.queue).values(paused_until=DatabaseTime(pause)))
    return False


def show_alone(connection: Connection, key: str) -> None:
    """Let only the note's person be shown it."""
    row = connection.execute(select(notes.c.channel, notes.c.person).where(notes.c.key == key)).one_or_none()
    if row is None or not row.person:
        return
    queue = f"{row.channel}/{row.person}"
    _queue(connection, queue)
    moved = {"alone": True, "queue": queue, "tried": False, "send_at": None, "unsent_since": None}
    connection.execute(update(notes).where(notes.c.key == key).values(moved))


def hurry(connection: Connection, key: str) -> None:
    """Let a note be sent now, and its queue go on."""
    queue = select(notes.c.queue).where(notes.c.key == key).scalar_subquery()
    connection.execute(update(notes).where(notes.c.key == key).values(send_at=None))
    connection.execute(update(queues).where(queues.c.name == queue).values(paused_until=None))


def end(connection: Connection, queue: str, owner: str) -> None:
    """Let a queue go."""
    mine = (queues.c.name == queue) & (queues.c.sender == owner)
    connection.execute(update(queues).where(mine).values(sender="", sender_until=None))


def unsent(connection: Connection) -> int:
    """Return how many notes are behind."""
    return connection.execute(select(func.count()).select_from(notes).where(_is_behind())).scalar_one()


def forget(connection: Connection) -> None:
    """Delete notes that were dealt with some time ago; where cards and break-glass stand is remembered for ever."""
    old = (notes.c.said_at < DatabaseTime(-KEPT_SECONDS)) & notes.c.kind.not_in([CARD, GLASS]) & ~_is_behind()
    used = _parent.c.in_thread_of == notes.c.key
    connection.execute(delete(notes).where(old, ~exists().where(used)))


def say_of_plan(connection: Connection, proposal_id: str, kind: str, name: str, about: dict[str, str]) -> None:
    """Say something in the thread of a plan's card, where it has one."""
    card = card_key(proposal_id)
    row = connection.execute(select(notes.c.channel).where(notes.c.key == card)).one_or_none()
    if row is not None:
        about = {"proposal_id": proposal_id, **about}
        say(connection, Note(key=name, channel=row.channel, kind=kind, about=about, in_thread_of=card))


def drop_unsent(connection: Connection, proposal_id: str, kind: str, about: dict[str, str]) -> None:
    """Forget what is not said yet of a plan, because something newer is said of the same thing."""
    same = (notes.c.proposal_id == proposal_id) & (notes.c.kind == kind) & (notes.c.shown == 0) & ~notes.c.tried
    for row in connection.execute(select(notes.c.id, notes.c.about).where(same)).all():
        if row.about == {"proposal_id": proposal_id, **about}:
            connection.execute(delete(notes).where(notes.c.id == row.id))


def redraw_glass(connection: Connection, number: int) -> None:
    """Let every message of a break-glass be drawn again, wherever it stands."""
    of_it = (notes.c.kind == GLASS) & notes.c.key.startswith(glass_key(number, ""), autoescape=True)
    connection.execute(update(notes).where(of_it).values(version=notes.c.version + 1, send_at=None))


def stands(connection: Connection, proposal_id: str, where: MessageRef) -> None:
    """Remember where a plan's card stands, whoever posted it."""
    _stands(connection, card_key(proposal_id), proposal_id, where)


def stands_also(connection: Connection, proposal_id: str, where: MessageRef) -> None:
    """Remember another message that shows the plan."""
    _stands(connection, f"{card_key(proposal_id)}:{where.channel}:{where.ts}", proposal_id, where)


def _stands(connection: Connection, key: str, proposal_id: str, where: MessageRef) -> None:
    say(connection, Note(key=key, channel=where.channel, kind=CARD, about={"proposal_id": proposal_id}))
    _queue(connection, where.channel)
    found = {"channel": where.channel, "queue": where.channel, "ts": where.ts, "tried": False, "send_at": None}
    connection.execute(update(notes).where(notes.c.key == key).values(found))


def newest_version() -> ColumnElement[int]:
    """Return the version that is to be shown: of a card, its plan's."""
    of_plan: ScalarSelect[Any] = (
        select(proposals.c.version).where(proposals.c.id == notes.c.proposal_id).scalar_subquery()
    )
    return case((notes.c.kind == CARD, func.coalesce(of_plan, 0)), else_=notes.c.version)


def _is_behind() -> ColumnElement[bool]:
    return newest_version() > notes.c.shown


def _lapsed() -> ColumnElement[bool]:
    """Return the condition that a note promises something, and nobody is left to keep that."""
    over = has_passed(notes.c.promised_until, at_most_seconds=LONGEST_HOLD_SECONDS)
    return and_(notes.c.promised_until.is_not(None), over)


def _promises() -> ColumnElement[bool]:
    return ~has_passed(notes.c.promised_until, at_most_seconds=LONGEST_HOLD_SECONDS)


def _is_due() -> ColumnElement[bool]:
    """Return the condition that a note may be sent now: it is behind, and what it stands below or after is there."""
    in_time = has_passed(notes.c.send_at, at_most_seconds=GIVEN_UP_AFTER_SECONDS)
    nowhere = (_parent.c.ts == "") & (_parent.c.given_up == "") & ~_parent.c.alone
    thread = or_(notes.c.in_thread_of == "", ~exists().where(_parent.c.key == notes.c.in_thread_of, nowhere))
    promises = ~has_passed(_earlier.c.promised_until, at_most_seconds=LONGEST_HOLD_SECONDS)
    turn = or_(notes.c.after == "", ~exists().where(_earlier.c.key == notes.c.after, promises))
    # one person is not shown that something is under way
    ready = or_(~notes.c.alone, ~_promises())
    return and_(or_(_is_behind(), _lapsed()), in_time, thread, turn, ready)


def _open() -> ColumnElement[bool]:
    return has_passed(queues.c.paused_until, at_most_seconds=GIVEN_UP_AFTER_SECONDS)
