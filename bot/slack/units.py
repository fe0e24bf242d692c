"""Commands, buttons and modals: one file each, found by walking the folder; a malformed one stops the start."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

from bot.domain.jobs import Job, Lane
from bot.domain.outbox import Note, Sending
from bot.domain.unit_files import walk_units
from bot.errors import UnitError
from bot.slack.incoming import Asked, Pressed, Submitted
from bot.slack.limits import Payload
from bot.slack.render import Message

if TYPE_CHECKING:
    from bot.slack.tools import SlackTools

NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form that is opened before what stands in it is looked up."""

    what: str
    """As a sentence begins: `The details`."""
    again: str
    """How to ask for it again, a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Exported as `COMMAND` by a module of the same name: `/dns-NAME`, and `@dnsbot NAME`."""

    name: str
    usage: str
    """Arguments as help shows them: `CLUSTER [PLAYBOOK…]`."""
    purpose: str
    """One sentence for help."""
    run: Callable[[Asked, SlackTools], Payload | None]
    """Called in a job, after Slack was answered. `DnsBotError` is shown to the asker alone.

    Where `opens` names a form, what stands in it is returned.
    """
    opens: Callable[[Asked], Form | None] = lambda _: None
    """Which form these words open, if any: it is on the screen before anything is looked up."""
    for_askers: bool = True
    """Whether only `askers` are let in. False: it tells others nothing of a cluster."""

    @property
    def typed(self) -> str:
        """As people type it: with hyphens."""
        return self.name.replace("_", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """Exported as `BUTTON` by a module of the same name, which is its action_id."""

    name: str
    run: Callable[[Pressed, SlackTools], Payload | None]
    """Called in a job, after Slack was answered. `DnsBotError` is shown to whoever pressed, alone.

    Where the button opens a form, what stands in it is returned.
    """
    form: Form | None = None
    """Which form it opens, if any: it is on the screen before anything is looked up."""
    for_askers: bool = True
    """Whether only `askers` are let in. False: the approval's policy says who may press."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcut:
    """Exported as `SHORTCUT` by a module of the same name, which is its callback_id; only `askers` are let in."""

    name: str
    run: Callable[[Pressed, SlackTools], None]
    """Called in a job with the message that it was chosen on: its text is the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Modal:
    """Exported as `VIEW` by a module of the same name, which is its callback_id."""

    name: str
    check: Callable[[Mapping[str, str]], Mapping[str, str]]
    """Fields by action_id in, complaints by action_id out; empty when all is well. No I/O: it runs before the ack."""
    run: Callable[[Submitted, SlackTools], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """Exported as `JOB` by a module of the same name: what is done about one kind of `History.due`."""

    name: str
    lane: Lane
    run: Callable[[Job, SlackTools], None]
    """May be called in several processes at once: the history decides who carries on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A note as it is sent."""

    message: Message
    version: int
    """The version that it shows."""
    following: tuple[Note, ...] = ()
    """What is said when it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteKind:
    """Exported as `NOTE` by a module of the same name: how one kind of the outbox's notes is drawn."""

    name: str
    draw: Callable[[Sending, SlackTools], Drawn | None]
    """None: there is nothing to say any more. `RecordUnreadable` gives the note up."""
    refused: Callable[[Sending, SlackTools, str], None] | None = None
    """Called once where the bot cannot post to the channel, with Slack's code."""


U = TypeVar("U", Command, Button, Shortcut, Modal, JobKind, NoteKind)


def units(package: ModuleType, constant: str, kind: type[U]) -> tuple[U, ...]:
    """Return the units of a folder, sorted by name. Raises `UnitError` for a bad file or a name that Slack refuses."""
    found = tuple(walk_units(package, constant, kind).values())
    for unit in found:
        if not NAME.fullmatch(unit.name):
            raise UnitError(f"{package.__name__}.{unit.name}: Slack takes lower-case letters, digits and underscores.")
    return found
