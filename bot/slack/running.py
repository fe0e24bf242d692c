"""The diagnoses that are under way in this process: how many there may be, and who waits for which.

Whoever asks what is being found out already waits for the same report.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from bot.domain.askers import AskerPolicy
from bot.domain.cluster import Question
from bot.domain.people import Person
from bot.domain.phrases import count
from bot.errors import Refused

S = TypeVar("S")


@dataclass(eq=False, slots=True)
class Running(Generic[S]):
    """One diagnosis; `slots` are where its report is waited for."""

    question: Question
    """As it was asked first."""
    person: Person
    slots: list[S] = field(default_factory=list)
    ended: bool = False


class RunningDiagnoses(Generic[S]):
    """All of them. Safe among threads."""

    def __init__(self, policy: AskerPolicy) -> None:
        self._policy = policy
        self._lock = threading.Lock()
        self._running: list[Running[S]] = []

    def enter(self, question: Question, person: Person) -> tuple[Running[S], bool]:
        """Return the diagnosis of this question, and whether it is a new one, which the caller has to begin.

        Raises `Refused` where as many as there may be are under way.
        """
        asked = _key(question)
        with self._lock:
            for one in self._running:
                if _key(one.question) == asked:
                    return one, False
            self._refuse_if_full(question, person)
            new: Running[S] = Running(question=question, person=person)
            self._running.append(new)
            return new, True

    def wait(self, running: Running[S], slot: S) -> bool:
        """Add a place where its report is waited for; False when it has ended meanwhile."""
        with self._lock:
            if not running.ended:
                running.slots.append(slot)
            return not running.ended

    def waiting(self, running: Running[S]) -> tuple[S, ...]:
        """Return where its report is waited for."""
        with self._lock:
            return tuple(running.slots)

    def end(self, running: Running[S]) -> tuple[S, ...]:
        """Let it go, and return where its report is waited for; nobody joins it any more."""
        with self._lock:
            running.ended = True
            if running in self._running:
                self._running.remove(running)
            return tuple(running.slots)

    def _refuse_if_full(self, question: Question, person: Person) -> None:
        """Refuse; a program speaks for many clusters, and is bounded by what each of them takes alone."""
        own = [one.question.cluster for one in self._running if one.person.user_id == person.user_id]
        if not person.is_machine and len(own) >= self._policy.at_once_per_person:
            raise Refused(
                f"{count(len(own), 'diagnosis', 'diagnoses')} that you asked for (of {', '.join(sorted(set(own)))}) "
                "are under way, and no person may have more. Ask again when one has ended."
            )
        here = sum(one.question.cluster == question.cluster for one in self._running)
        if here >= self._policy.at_once_per_cluster:
            raise Refused(
                f"{count(here, 'diagnosis', 'diagnoses')} of {question.cluster} are under way, and there may be no "
                "more at once. Ask again when one has ended."
            )


def _key(question: Question) -> Question:
    """Return the question in the form in which two that ask the same are equal."""
    return replace(question, playbooks=tuple(sorted(question.playbooks)), names=tuple(sorted(question.names)))
