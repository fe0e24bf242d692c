"""One diagnosis reads the same thing once: collectors that make the same call share its answer.

Two that ask at once wait for one call. Only answers are shared. A failure is its asker's alone, and
whoever waited asks for itself: the failure may have come of the asker's own deadline, of a lost
connection or of a moment of throttling, and one collector's bad luck must not become a gap in
another's evidence. Nobody waits longer than by its own deadline. Answers are the readers' own
objects, read by several threads: nobody changes them (`RawObject` is a `Mapping` for that reason).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bot.domain.deadline import Deadline
from bot.domain.permissions import Permission
from bot.errors import SourceTimeout
from bot.workflow.call_log import Call

T = TypeVar("T")


@dataclass(slots=True)
class _Slot:
    """One call: asked by whoever holds `turn`."""

    turn: threading.Lock = field(default_factory=threading.Lock)
    answered: bool = False
    answer: Any = None


class SharedReads:
    """The answers of one diagnosis. Safe among threads."""

    def __init__(self, askers: Mapping[str, Iterable[Permission]]) -> None:
        """Take what each collector may call: `askers` maps a task's id to what it declared."""
        self._askers = {asker: tuple(declared) for asker, declared in askers.items()}
        self._slots: dict[tuple[Call, Hashable], _Slot] = {}
        self._lock = threading.Lock()

    def answer(self, call: Call, ask: Callable[[], T], deadline: Deadline, form: Hashable = None) -> T:
        """Return what `ask` gives, or what it gave to whoever made this call before.

        `form` tells answers to the same call apart that were made values in different ways.
        Raises what `ask` raises, and `SourceTimeout` where somebody else's call has no answer by `deadline`.
        """
        with self._lock:
            slot = self._slots.setdefault((call, form), _Slot())
        if not slot.turn.acquire(timeout=deadline.remaining()):
            raise SourceTimeout(f"Cannot {call}: another check asked the same, and no answer came in time.")
        try:
            if not slot.answered:
                slot.answer, slot.answered = ask(), True
            found: T = slot.answer
            return found
        finally:
            slot.turn.release()

    def leave(self, asker: str) -> None:
        """Note that this asker has ended, and let go of the answers that nobody is left to ask for."""
        with self._lock:
            its_own = self._askers.pop(asker, ())
            calls = {call.right: call for call, _ in self._slots}
            done = {right for right, call in calls.items() if _is_of(call, its_own) and not self._may_be_asked(call)}
            self._slots = {key: slot for key, slot in self._slots.items() if key[0].right not in done}

    def _may_be_asked(self, call: Call) -> bool:
        return any(_is_of(call, declared) for declared in self._askers.values())


def _is_of(call: Call, declared: Iterable[Permission]) -> bool:
    return any(call.is_granted_by(known) for known in declared)
