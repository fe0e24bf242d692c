"""The workspace's state: messages, views, triggers and response addresses, in memory, behind one lock."""

from __future__ import annotations

import copy
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from bot.sandbox.slack.roster import BOT_ID, BOT_USER, OUR_TEAM, Account, Channel, Roster

TRIGGER_SECONDS: Final = 3.0
RESPONSE_SECONDS: Final = 1800.0
RESPONSE_USES: Final = 5
TEXT_CHARACTERS: Final = 40_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A message as one person's screen shows it; it does not change when the message does."""

    channel: str
    ts: str
    """Unique in its channel."""
    thread_ts: str
    """The thread it stands in, or empty."""
    user: str
    text: str
    blocks: tuple[dict[str, Any], ...]
    attachments: tuple[dict[str, Any], ...]
    only_visible_to: str
    """The one user who sees it, or empty: all do."""
    edited: int
    """How often it was updated."""


@dataclass(slots=True, kw_only=True)
class File:
    """A file that somebody shares."""

    id: str
    name: str
    length: int
    """Bytes, as announced."""
    title: str = ""
    content: bytes | None = None
    """None: it was not sent yet."""
    shared: bool = False


@dataclass(slots=True, kw_only=True)
class Message:
    """A message as stored."""

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[dict[str, Any]]
    attachments: list[dict[str, Any]]
    thread_ts: str = ""
    only_visible_to: str = ""
    edited: int = 0
    metadata: dict[str, Any] | None = None
    files: list[File] = field(default_factory=list)
    _seen: Seen | None = None

    def seen(self) -> Seen:
        """Return a copy that stays as it is; the same one until the message is edited."""
        if self._seen is None or self._seen.edited != self.edited:
            self._seen = self._copy()
        return self._seen

    def _copy(self) -> Seen:
        return Seen(
            channel=self.channel,
            ts=self.ts,
            thread_ts=self.thread_ts,
            user=self.user,
            text=self.text,
            blocks=tuple(copy.deepcopy(self.blocks)),
            attachments=tuple(copy.deepcopy(self.attachments)),
            only_visible_to=self.only_visible_to,
            edited=self.edited,
        )

    def as_json(self) -> dict[str, Any]:
        """Return the message as the Web API does."""
        whole: dict[str, Any] = {
            "type": "message",
            "user": self.user,
            "ts": self.ts,
            "text": self.text,
            "team": OUR_TEAM,
            "blocks": copy.deepcopy(self.blocks),
        }
        if self.user == BOT_USER:
            whole |= {"bot_id": BOT_ID}
        if self.attachments:
            whole["attachments"] = copy.deepcopy(self.attachments)
        if self.thread_ts:
            whole["thread_ts"] = self.thread_ts
        if self.edited:
            whole["edited"] = {"user": self.user, "ts": self.ts}
        if self.metadata:
            whole["metadata"] = self.metadata
        if self.files:
            whole["files"] = [
                {"id": one.id, "name": one.name, "title": one.title, "size": one.length} for one in self.files
            ]
        return whole


@dataclass(slots=True, kw_only=True)
class Trigger:
    """Leave to open one view, soon."""

    user: str
    made_at: float
    used: bool = False


@dataclass(slots=True, kw_only=True)
class ResponseAddress:
    """Leave to answer one command or click a few times."""

    user: str
    channel: str
    made_at: float
    message_ts: str = ""
    """The message whose button was pressed, or empty."""
    uses: int = 0


@dataclass(slots=True, kw_only=True)
class OpenView:
    """A modal on someone's screen."""

    id: str
    user: str
    view: dict[str, Any]
    hash: str
    root: str
    previous: str = ""
    closed: bool = False


@dataclass(slots=True)
class Workspace:
    """All state. Use it inside `with workspace.held():`; whoever waits is woken when the block ends."""

    roster: Roster
    clock: Callable[[], float] = time.time
    messages: list[Message] = field(default_factory=list)
    triggers: dict[str, Trigger] = field(default_factory=dict)
    responses: dict[str, ResponseAddress] = field(default_factory=dict)
    views: dict[str, OpenView] = field(default_factory=dict)
    homes: dict[str, OpenView] = field(default_factory=dict)
    """The home pages that were published, by person."""
    channels: dict[str, Channel] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _last_ts: float = 0.0
    _serial: int = 0

    def __post_init__(self) -> None:
        """Take the roster's channels."""
        self.channels.update(self.roster.channels_by_id())

    @contextmanager
    def held(self) -> Iterator[Workspace]:
        """Hold the state; wake all that wait for a change afterwards."""
        with self._changed:
            yield self
            self._changed.notify_all()

    def wait_until(self, ready: Callable[[], bool], timeout_seconds: float) -> bool:
        """Wait until `ready` says so, asking again after each change, or the time is over."""
        with self._changed:
            return self._changed.wait_for(ready, timeout_seconds)

    def next_ts(self) -> str:
        """Return a message id that no other message has."""
        self._last_ts = max(self.clock(), self._last_ts + 0.000_001)
        return f"{self._last_ts:.6f}"

    def new_id(self, prefix: str) -> str:
        """Return an id that nothing else has."""
        self._serial += 1
        return f"{prefix}{self._serial:06d}{secrets.token_hex(4).upper()}"

    def add_message(self, message: Message) -> Message:
        """Store a message; blocks without an id are given one, long text is cut as Slack does."""
        self.dress(message)
        self.messages.append(message)
        return message

    def dress(self, message: Message) -> None:
        """Cut the text and give blocks their ids."""
        message.text = message.text[:TEXT_CHARACTERS]
        for block in message.blocks:
            if not block.get("block_id"):
                block["block_id"] = secrets.token_urlsafe(4)

    def find(self, channel: str, ts: str) -> Message | None:
        """Return the stored message."""
        return next((m for m in self.messages if m.channel == channel and m.ts == ts), None)

    def visible(self, user: str, channel: str) -> list[Seen]:
        """Return what this person sees in this channel, oldest first, threads included."""
        return [m.seen() for m in self.messages if m.channel == channel and m.only_visible_to in {"", user}]

    def channel_for(self, name: str) -> Channel | None:
        """Return a channel by id; a user id is that person's direct messages with the bot."""
        channel = self.channels.get(name)
        owner: Account | None = self.roster.account(name.replace("D", "U", 1) if name.startswith("D") else name)
        if channel is None and owner is not None:
            channel = Channel(id="D" + owner.id[1:], name=owner.name, has_bot=True, is_private=True)
            self.channels[channel.id] = channel
        return channel

    def new_trigger(self, user: str) -> str:
        """Return leave to open one view within three seconds."""
        name = self.new_id("trigger.")
        self.triggers[name] = Trigger(user=user, made_at=self.clock())
        return name

    def new_response(self, user: str, channel: str, message_ts: str = "") -> str:
        """Return the last part of a response address."""
        name = secrets.token_urlsafe(18)
        self.responses[name] = ResponseAddress(user=user, channel=channel, made_at=self.clock(), message_ts=message_ts)
        return name
