"""How far a change that was sent has come."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain.json_values import JsonObject


class Progressing(StrEnum):
    """How far what a step set in motion has come."""

    DONE = "done"
    WAITING = "waiting"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What a look at a change that was sent says."""

    progress: Progressing
    text: str = ""
    """What it waits for ("rslvr-in-1 is CREATING"), or why it failed."""
    made: JsonObject = field(default_factory=dict)
    """What is known of the change's effects only now that it is complete, beside what `apply` reported."""


COMPLETE = Settled(progress=Progressing.DONE)


def complete_with(made: JsonObject) -> Settled:
    """Return that the change is complete, and what became known of it meanwhile: an endpoint's addresses."""
    return Settled(progress=Progressing.DONE, made=made)


def waiting_for(what: str) -> Settled:
    """Return that the change is under way, and what it waits for."""
    return Settled(progress=Progressing.WAITING, text=what)


def failed_because(why: str) -> Settled:
    """Return that the change will not be complete."""
    return Settled(progress=Progressing.FAILED, text=why)
