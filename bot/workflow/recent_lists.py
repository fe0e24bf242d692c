"""What diagnoses of one process share for a minute: lists of Route 53 and its Resolver, which AWS gives out slowly.

Five requests a second are all that an account has in a region, for people's own tools, too. Clusters that share an
account and a role ask the same: whoever asks first is answered by AWS, the others by that answer while it is young.
Which versions of an add-on AWS has brought out is kept likewise: two hundred clusters ask it at once for a digest.
Roles see different things, so nothing is shared between them, and nothing but these answers is kept. What
changes something, and what verifies a change, asks anew, and what it is answered is the newest for the others, too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, TypeVar

from bot.domain.cluster import ClusterTarget
from bot.domain.deadline import Deadline
from bot.domain.places import Place
from bot.errors import SourceTimeout
from bot.workflow.call_log import Call

T = TypeVar("T")

KEPT_SECONDS = 60.0
"""How old an answer may be."""
SHARED_SERVICES = frozenset({"route53resolver", "route53profiles", "route53"})
SHARED_ACTIONS = frozenset({"eks:DescribeAddonVersions"})
Roles: TypeAlias = Mapping[str, Mapping[Place, str]]
"""ARN of the role that reads, by cluster and place; empty: the process's own identity."""


@dataclass(frozen=True, slots=True)
class _Key:
    role: str
    region: str
    action: str
    details: str
    form: Hashable


@dataclass(slots=True)
class _Slot:
    """One call: asked by whoever holds `turn`."""

    turn: threading.Lock = field(default_factory=threading.Lock)
    callers: int = 0
    """Who asks or waits; counted under the lock of all slots."""
    asked_at: float = float("-inf")
    answer: Any = None


@dataclass(slots=True)
class _Slots:
    by_key: dict[_Key, _Slot] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class RecentLists:
    """The answers of one process. Safe among threads. Failures are not shared."""

    roles: Roles
    clock: Callable[[], float] = time.monotonic
    anew: bool = False
    """Ask in any case, and keep what is answered."""
    _slots: _Slots = field(default_factory=_Slots)

    def asking_anew(self) -> RecentLists:
        """Return the same lists for whoever must see what holds now."""
        return replace(self, anew=True)

    def answer(
        self, call: Call, target: ClusterTarget, ask: Callable[[], T], deadline: Deadline, form: Hashable = None
    ) -> tuple[T, float]:
        """Return what `ask` gives, or what it gave within the last minute, and its age in seconds.

        Raises what `ask` raises, and `SourceTimeout` where somebody else's call has no answer by `deadline`.
        """
        role = self.roles.get(target.name, {}).get(call.place)
        shared = str(call) in SHARED_ACTIONS or str(call).partition(":")[0] in SHARED_SERVICES
        if role is None or not shared:
            return ask(), 0.0
        with self._slot(_Key(role, call.place.region or target.region, str(call), call.details, form)) as slot:
            if not slot.turn.acquire(timeout=deadline.remaining()):
                raise SourceTimeout(f"Cannot {call}: another diagnosis asked the same, and no answer came in time.")
            try:
                now = self.clock()
                if self.anew or now - slot.asked_at > KEPT_SECONDS:
                    answer: T = ask()
                    slot.answer, slot.asked_at = answer, now
                    return answer, 0.0
                kept: T = slot.answer
                return kept, now - slot.asked_at
            finally:
                slot.turn.release()

    @contextmanager
    def _slot(self, key: _Key) -> Iterator[_Slot]:
        """Hand out the slot of a call, and let go of answers that are too old and that nobody waits for."""
        with self._slots.lock:
            old = self.clock() - KEPT_SECONDS
            for other, slot in list(self._slots.by_key.items()):
                if slot.asked_at < old and not slot.callers:
                    del self._slots.by_key[other]
            mine = self._slots.by_key.setdefault(key, _Slot())
            mine.callers += 1
        try:
            yield mine
        finally:
            with self._slots.lock:
                mine.callers -= 1
