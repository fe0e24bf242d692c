from collections.abc import Callable, Sequence
from typing import Any

import pytest

from bot.domain.approvals import MessageRef, Outcome, Posted, ProposalState, Result, StepState
from bot.domain.diagnosis import Diagnosis
from bot.domain.history import Draft, Lease, Press
from bot.domain.jobs import Job
from bot.domain.outbox import CARD, SUPPLEMENTS_AT_MOST, Note, NotTaken, Sending
from bot.history import SqlHistory

Sql = Callable[[str], list[tuple[Any, ...]]]

PLACE = MessageRef(channel="C1", ts="1.2")
LONG_AGO = "'2026-01-01 00:00:00.000000'"
SOON = NotTaken(reason="internal_error", again_within_seconds=60)
SELDOM = NotTaken(reason="is_archived", again_within_seconds=3600, pause_seconds=0)
NEVER = NotTaken(reason="msg_too_long", again_within_seconds=None)
LOST = NotTaken(reason="TimeoutError", again_within_seconds=60, pause_seconds=0, certain=False)


def words(key: str, **changes: Any) -> Note:
    """A note that says its own key."""
    return Note(key=key, channel="C1", **{"body": {"text": key}, **changes})


def due(history: SqlHistory) -> list[str]:
    """Return the queues that are due."""
    return [job.ids["queue"] for job in history.due() if job.kind == "send"]


def take(history: SqlHistory, queue: str = "C1", owner: str = "this") -> Sending | None:
    """Return the next note of a queue, for a process that holds it if it may."""
    return history.next_to_send(queue, owner) if history.begin_sending(queue, owner) else None


def drain(history: SqlHistory, queue: str = "C1") -> list[str]:
    """Send everything that is due; return the keys in order."""
    keys = []
    while (sending := take(history, queue)) is not None:
        keys.append(sending.note.key)
        history.sent(sending.note.key, MessageRef(channel="C1", ts=f"{len(keys)}.0"), sending.version)
    return keys


def keys(found: Sequence[Sending | None]) -> list[str | None]:
    """Return the keys of what is to be sent."""
    return [one.note.key if one else None for one in found]


def test_a_note_is_due_until_it_is_shown_and_said_once(history: SqlHistory) -> None:
    """The same key again, from whichever process, changes nothing."""
    history.say(words("a"), words("b"))
    history.say(words("a", body={"text": "another"}))
    before = due(history)
    first = take(history)
    assert first is not None
    assert (before, first.note.body, first.tried, first.place) == (["C1"], {"text": "a"}, False, None)
    assert drain(history) == ["a", "b"]
    assert (due(history), history.place("b")) == ([], MessageRef(channel="C1", ts="2.0"))


def test_last_words_go_before_supplements_and_what_is_full_drops_those_alone(history: SqlHistory, sql: Sql) -> None:
    """A card does not wait behind evidence; a full outbox takes every last word."""
    history.say(words("evidence", supplement=True), words("card"))
    assert drain(history) == ["card", "evidence"]
    history.say(*(words(f"e{number}", supplement=True) for number in range(SUPPLEMENTS_AT_MOST - 1)))
    dropped = history.say(*(words(f"more{number}", supplement=True) for number in range(3)), words("last"))
    assert dropped == 2
    assert sql("SELECT count(*) FROM notes WHERE key = 'last'") == [(1,)]


def test_what_stands_below_or_after_another_waits_for_it(history: SqlHistory) -> None:
    """A thread needs its message; what comes after a promise waits until that is kept."""
    history.say(
        words("report", instead={"text": "ended"}, promised_by="this"),
        words("evidence", in_thread_of="report"),
        words("card", after="report"),
    )
    assert drain(history) == ["report", "evidence"]
    history.settle("report", {"text": "found"})
    assert drain(history) == ["report", "card"]


def test_a_thread_is_that_of_the_message_or_the_one_that_it_stands_in(history: SqlHistory) -> None:
    """Below a message in a thread nothing can be nested."""
    history.say(words("a", thread_ts="0.5"), words("below", in_thread_of="a"))
    history.begin_sending("C1", "this")
    history.next_to_send("C1", "this")
    history.sent("a", PLACE, 1)
    below = history.next_to_send("C1", "this")
    assert below is not None
    assert (below.thread_ts, below.thread_lost) == ("0.5", False)


@pytest.mark.parametrize("why", [NEVER, SELDOM], ids=["never-taken", "for-a-day"])
def test_what_stands_below_a_message_that_is_given_up_knows_it(history: SqlHistory, sql: Sql, why: NotTaken) -> None:
    """What the chat never takes, or did not for a day, is given up with its reason."""
    history.say(words("a"), words("below", in_thread_of="a"))
    take(history)
    sql(f"UPDATE notes SET said_at = {LONG_AGO}")  # noqa: S608  # ours
    given_up = history.not_sent("a", 1, why)
    below = take(history)
    assert given_up
    assert sql("SELECT given_up FROM notes WHERE key = 'a'") == [(why.reason,)]
    assert below is not None
    assert below.thread_lost


def test_a_note_that_is_not_taken_waits_twice_as_long_each_time(history: SqlHistory, sql: Sql) -> None:
    """Others of its queue go on; a pause that the chat asks for holds them all, and `hurry` ends it."""
    history.say(words("a"), words("b"))
    take(history)
    history.not_sent("a", 1, SOON)
    other = take(history)
    history.not_sent("b", 1, NotTaken(reason="ratelimited", again_within_seconds=3600, pause_seconds=30))
    sql("UPDATE notes SET send_at = NULL")
    paused = (due(history), take(history))
    history.hurry("b")
    assert keys([other]) == ["b"]
    assert paused == ([], None)
    assert keys([take(history)]) == ["a"]


def test_only_what_may_stand_already_is_looked_for(history: SqlHistory, sql: Sql) -> None:
    """A post that was refused did not happen; one whose answer was lost, or whose process ended, may have."""

    def again(why: NotTaken | None) -> bool:
        if why is not None:
            history.not_sent("a", 1, why)
        sql("UPDATE notes SET send_at = NULL")
        sql("UPDATE queues SET paused_until = NULL")
        sending = take(history)
        assert sending is not None
        return sending.tried

    history.say(words("a"))
    assert [again(None), again(None), again(SOON), again(LOST)] == [False, True, False, True]


def test_a_queue_is_one_processs_until_its_lease_runs_out(history: SqlHistory, sql: Sql) -> None:
    """A second process takes it over, and the first is given nothing more."""
    history.say(words("a"), words("b"))
    first = take(history)
    held = take(history, owner="other")
    sql(f"UPDATE queues SET sender_until = {LONG_AGO}")  # noqa: S608  # ours
    second = take(history, owner="other")
    late = history.next_to_send("C1", "this")
    history.end_sending("C1", "other")
    assert keys([first, held, second, late]) == ["a", None, "a", None]
    assert second is not None
    assert second.tried
    assert history.begin_sending("C1", "this")


def test_a_promise_is_kept_while_its_process_lives_and_replaced_when_it_does_not(history: SqlHistory, sql: Sql) -> None:
    """Nothing says "running" for ever; a report that comes late all the same takes its place."""
    lapse = f"UPDATE notes SET promised_until = {LONG_AGO}"  # noqa: S608  # ours
    history.say(words("a", instead={"text": "ended"}, promised_by="this"))
    drain(history)
    sql(lapse)
    history.keep_promises("this")
    alive = due(history)
    sql(lapse)
    history.keep_promises("other")
    dead = take(history)
    assert dead is not None
    history.sent("a", PLACE, dead.version)
    history.settle("a", {"text": "found"})
    late = take(history)
    assert late is not None
    assert (alive, dead.note.body, late.note.body) == ([], {"text": "ended"}, {"text": "found"})
    assert (dead.place, late.place) == (MessageRef(channel="C1", ts="1.0"), PLACE)


def test_what_one_person_is_shown_has_a_queue_of_its_own_and_waits_for_the_end(history: SqlHistory) -> None:
    """Where the bot is no member: the last word goes to whoever asked, without progress."""
    history.say(words("a", person="U01", instead={"text": "ended"}, promised_by="this"))
    take(history)
    history.show_alone("a")
    running = due(history)
    history.settle("a", {"text": "found"})
    sending = take(history, "C1/U01")
    assert (running, due(history)) == ([], ["C1/U01"])
    assert sending is not None
    assert (sending.note.alone, sending.note.body) == (True, {"text": "found"})


def test_a_plan_brings_its_card_and_its_end_the_line_below(
    history: SqlHistory,
    sql: Sql,
    diagnosis_of: Callable[..., Diagnosis],
    draft_of: Callable[..., Draft],
    press_of: Callable[..., Press],
) -> None:
    """Each is written in one transaction with what it tells of; news of a change's end replace those not yet said."""
    history.record(diagnosis_of())
    draft = draft_of("p1", channel="C1")
    history.propose(draft)
    history.propose(draft)
    card = take(history)
    assert card is not None
    assert (card.note.kind, dict(card.note.about)) == (CARD, {"proposal_id": "p1"})
    history.sent("card:p1", PLACE, history.story("p1").version)
    history.take(press_of(draft), required=1)
    lease = history.begin("p1", "this")
    assert isinstance(lease, Lease)
    history.journal(lease, index=0, state=StepState.STARTED)
    history.journal(lease, index=0, state=StepState.DONE, ends_after_seconds=60)
    sql(f"UPDATE endings SET due_at = {LONG_AGO}")  # noqa: S608  # ours
    history.postpone_ending(lease, note="it could not be read")
    history.ended(lease, index=0, note="")
    outcome = Outcome(proposal_id="p1", result=Result.VERIFIED, summary="", steps=())
    history.finish(lease, outcome, ProposalState.DONE)
    kinds = sql("SELECT kind, shown FROM notes ORDER BY id")
    assert [kind for kind, _ in kinds] == ["card", "ending", "outcome"]
    assert history.proposal("p1").posted == Posted(message=PLACE)


def test_what_was_given_up_is_said_beside_the_plan(
    history: SqlHistory, diagnosis_of: Callable[..., Diagnosis], draft_of: Callable[..., Draft]
) -> None:
    """Until there is news, which is tried."""
    history.record(diagnosis_of())
    history.propose(draft_of("p1", channel="C1"))
    history.not_sent("card:p1", history.story("p1").version, NEVER)
    left = (due(history), history.proposal("p1").undrawn)
    history.refuse_repair(Outcome(proposal_id="p1", result=Result.REFUSED, summary="", steps=()))
    assert left == ([], "msg_too_long")


def test_old_notes_are_forgotten_and_cards_are_not(history: SqlHistory, sql: Sql) -> None:
    """What was dealt with a week ago goes with the sweep."""
    history.say(words("a"), words("waits"), words("card", kind=CARD, about={"proposal_id": "p0"}))
    history.sent("a", PLACE, 1)
    sql(f"UPDATE notes SET said_at = {LONG_AGO}")  # noqa: S608  # ours
    history.expire()
    assert sql("SELECT key FROM notes ORDER BY key") == [("card",), ("waits",)]
    assert Job(kind="send", ids={"queue": "C1"}) in history.due()
