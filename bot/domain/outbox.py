"""Messages that must arrive: kept as rows first, then sent until the chat shows them.

A note says what has to stand in the chat. Whoever holds its queue makes that true: posts it, or updates it where it
stands and is behind. Nothing is posted a second time before the chat was looked at for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.approvals import MessageRef
from bot.domain.json_values import JsonObject

QUEUE_SECONDS = 40.0
"""How long a process holds a queue without asking for its next note; longer than any one call of the chat."""
PROMISE_SECONDS = 30.0
"""How long a message may promise more without its process saying that it is alive."""
AGAIN_SECONDS = 5.0
"""After how long what the chat did not take is sent again at first; each time, twice as long."""
GIVEN_UP_AFTER_SECONDS = 24 * 3600.0
"""For how long a note is sent again; a chat that is back after a week is not filled with what everybody knows."""
KEPT_SECONDS = 7 * 24 * 3600.0
"""How long a note that is dealt with is kept, cards excepted."""
SUPPLEMENTS_AT_MOST = 500
"""So many supplements may wait in all; further ones are dropped, and whoever says them says how many."""
WORDS = "words"
"""The kind of a note that holds its own text."""
CARD = "card"
"""The kind of a plan's card."""
OUTCOME = "outcome"
"""The kind of the line in a card's thread that says how the plan ended."""
REMINDER = "reminder"
"""The kind of the line that calls those who may decide shortly before a plan expires."""
ENDING = "ending"
"""The kind of the line that says how the end of a step's change stands."""
GLASS = "glass"
"""The kind of the message that says who broke the glass, and whether somebody reviewed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A message that must stand in the chat."""

    key: str
    """The same for the same message in every process, so that it is said once: `digest:C1:2026-12-01T09:00`."""
    channel: str
    kind: str = WORDS
    """Who draws it when it is sent."""
    about: Mapping[str, str] = field(default_factory=dict)
    """Ids of what it tells of, for its kind: `{"proposal_id": "…"}`."""
    body: JsonObject | None = None
    """What it says, as the chat takes it; None: drawn when it is sent."""
    thread_ts: str = ""
    """The thread that it stands in."""
    in_thread_of: str = ""
    """The key of the note in whose thread it stands; sent after that one."""
    after: str = ""
    """The key of a note that must promise nothing more before this one is sent."""
    person: str = ""
    """Id of the user who is shown it where the bot cannot post to the channel; empty: nobody."""
    alone: bool = False
    """Only that person is shown it."""
    response_url: str = ""
    """Where that person can be answered for half an hour."""
    supplement: bool = False
    """Goes after all that is none, and is dropped where too much waits: evidence."""
    instead: JsonObject | None = None
    """What takes its place where the process that promises more ends before; None: it promises nothing."""
    promised_by: str = ""
    """The process that promises more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """A note that is to be sent now."""

    note: Note
    place: MessageRef | None
    """Where it stands already; it is updated there then."""
    thread_ts: str
    """The thread that it belongs in, or empty."""
    thread_lost: bool
    """The note in whose thread it belongs is nowhere."""
    version: int
    """What is to be shown; of a card, the story's is."""
    tried: bool
    """It was posted before, and nobody knows whether the chat took it: look there first."""
    put_off: bool
    """It was not taken before."""
    waited_seconds: float
    """Since it was said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTaken:
    """That the chat did not take a note."""

    reason: str
    """In the chat's word: `is_archived`."""
    again_within_seconds: float | None
    """Until when at most it is sent again; None: it is never taken, so nothing is sent again before there is news."""
    pause_seconds: float | None = None
    """How long nothing at all is sent to the channel, as the chat asks; 0: as long as this note waits; None: others go
    on."""
    certain: bool = True
    """It does not stand there. False: it may."""


class Outbox(Protocol):
    """The notes that are kept. Part of the history, and raises `HistoryUnavailable` as that does."""

    def say(self, *notes: Note) -> int:
        """Keep notes, all or none; one whose key is there already changes nothing. Return how many were dropped.

        Only supplements are, and only where `SUPPLEMENTS_AT_MOST` wait.
        """
        ...

    def settle(self, key: str, body: JsonObject) -> None:
        """Let a note say this, and promise nothing more. Where it is shown to be broken already, it is mended."""
        ...

    def keep_promises(self, owner: str) -> None:
        """Say that this process is alive: what it promises is not replaced for another `PROMISE_SECONDS`."""
        ...

    def place(self, key: str) -> MessageRef | None:
        """Return where a note stands, or None: nowhere yet, or unknown."""
        ...

    def said(self, key: str) -> Note | None:
        """Return a note as it is kept, or None."""
        ...

    def begin_sending(self, queue: str, owner: str) -> bool:
        """Hold a queue; False while another process holds it."""
        ...

    def next_to_send(self, queue: str, owner: str) -> Sending | None:
        """Return the next note of a queue that this process holds; None: nothing is due, or the queue was lost.

        What is posted stands as tried from now on. A promise whose process ended is replaced.
        """
        ...

    def sent(self, key: str, place: MessageRef | None, version: int, *following: Note) -> None:
        """Write down that this version is shown, where it stands (None: shown to one person), and what follows it."""
        ...

    def not_sent(self, key: str, version: int, why: NotTaken) -> bool:
        """Put off sending this version; True where it is given up, and the history says why it is not shown."""
        ...

    def show_alone(self, key: str) -> None:
        """Let only the note's person be shown it, since the bot cannot post to the channel."""
        ...

    def hurry(self, key: str) -> None:
        """Let a note that was put off be sent now."""
        ...

    def unsent(self) -> int:
        """Return how many notes are not shown as they should be."""
        ...

    def end_sending(self, queue: str, owner: str) -> None:
        """Let a queue go."""
        ...


def queue_of(note: Note) -> str:
    """Return the queue of a note: a channel's, or that of what one person is shown in it."""
    return f"{note.channel}/{note.person}" if note.alone else note.channel


def card_key(proposal_id: str) -> str:
    """Return the key of a plan's card."""
    return f"card:{proposal_id}"


def glass_key(number: int, channel: str) -> str:
    """Return the key of the message about a break-glass in a channel."""
    return f"break-glass:{number}:{channel}"
