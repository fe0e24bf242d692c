"""The home page of whoever opened it: published when it is opened, and anew when it would say something else.

At most once in five seconds for each person. Who opened it is remembered in this process, for a quarter of an hour.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from bot.domain.jobs import Lane
from bot.domain.json_values import JsonValue, canonical
from bot.domain.people import Person
from bot.domain.phrases import timestamp
from bot.errors import DnsBotError, HistoryUnavailable
from bot.report.home_words import HomeWords, home_words
from bot.slack.incoming import event_person
from bot.workflow.glance import glance

if TYPE_CHECKING:
    from bot.slack.tools import SlackTools

log = logging.getLogger(__name__)

EVERY_SECONDS = 5.0
REMEMBERED_SECONDS = 900.0
MOST_PEOPLE = 200
RENEWED_AT_ONCE = 5
"""Pages of one tick of the clock: each asks Slack who the person is, and user groups only some 20 times a minute."""
NEWEST = 20
"""Diagnoses in which something must be new for a page to say something else."""
TAB = "home"


@dataclass(slots=True)
class _Page:
    opened_at: float
    published_at: float | None = None
    said: HomeWords | None = None
    """None: nothing, or it is to be published whatever it says."""


@dataclass(slots=True)
class Homes:
    """Who opened the page, when it was published, and what it said. Safe among threads."""

    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pages: dict[Person, _Page] = field(default_factory=dict)
    _due: set[Person] = field(default_factory=set)
    _state: str = ""

    def seen(self, state: str) -> None:
        """Be told what pages are made from: where that is another than before, all pages are due."""
        with self._lock:
            if state != self._state:
                self._state, self._due = state, set(self._pages)

    def take_due(self) -> tuple[Person, ...]:
        """Return whose pages are made anew now: some of those that are due, whoever opened theirs last first."""
        with self._lock:
            free = [one for one in reversed(self._pages) if one in self._due and not self._waits_seconds(one)]
            taken = tuple(free[:RENEWED_AT_ONCE])
            self._due.difference_update(taken)
            return taken

    def failed(self, person: Person) -> None:
        """Say that a page was not published after all: it is due again."""
        with self._lock:
            if person in self._pages:
                self._pages[person].said = None
                self._due.add(person)

    def opened(self, person: Person) -> None:
        """Remember that somebody looks at the page; what it said is forgotten, so that it is published again."""
        with self._lock:
            page = self._pages.pop(person, _Page(0.0))
            page.opened_at, page.said = self.clock(), None
            self._pages[person] = page
            while len(self._pages) > MOST_PEOPLE:
                del self._pages[next(iter(self._pages))]

    def people(self) -> tuple[Person, ...]:
        """Return who opened it lately; the others are forgotten."""
        with self._lock:
            late = [one for one, page in self._pages.items() if self.clock() - page.opened_at > REMEMBERED_SECONDS]
            for person in late:
                del self._pages[person]
                self._due.discard(person)
            return tuple(self._pages)

    def waits_seconds(self, person: Person) -> float:
        """Return how long this person's page is not to be published yet; 0: now."""
        with self._lock:
            return self._waits_seconds(person)

    def _waits_seconds(self, person: Person) -> float:
        page = self._pages.get(person)
        if page is None or page.published_at is None:
            return 0.0
        return max(0.0, page.published_at + EVERY_SECONDS - self.clock())

    def says(self, person: Person, said: HomeWords) -> bool:
        """Say that this is published now; False where it says that already, or nobody looks any more."""
        with self._lock:
            page = self._pages.get(person)
            if page is None or page.said == said:
                return False
            page.said, page.published_at = said, self.clock()
            return True


def home_opened(tools: SlackTools, body: Mapping[str, Any]) -> None:
    """Queue the page of whoever opened it. For the listener."""
    event = body.get("event") or {}
    if event.get("tab") != TAB or not event.get("user"):
        return
    person = event_person(body)
    tools.homes.opened(person)
    _queue(tools, person)


def renew_homes(tools: SlackTools) -> None:
    """Queue the pages of those who opened theirs lately, where something is new in the history. For the clock."""
    if not tools.homes.people():
        return
    try:
        tools.homes.seen(_state(tools))
    except HistoryUnavailable as error:
        log.warning("home pages are not renewed", extra={"reason": str(error)})
        return
    for person in tools.homes.take_due():
        _queue(tools, person)


def _state(tools: SlackTools) -> str:
    """Return what tells whether anything happened that pages show."""
    history = tools.use.history
    newest: list[JsonValue] = [
        [one.diagnosis_id, [f"{plan.id} {plan.state.value}" for plan in one.proposals], len(one.outcomes)]
        for one in history.recent(limit=NEWEST)
    ]
    waits: list[JsonValue] = [f"{one.id} {sum(by.accepted for by in one.decisions)}" for one in history.pending()]
    return canonical([newest, waits])


def _queue(tools: SlackTools, person: Person) -> None:
    if not tools.homes.waits_seconds(person):
        tools.jobs.submit(Lane.QUICK, f"home:{person}", partial(publish_home, tools, person))


def publish_home(tools: SlackTools, person: Person) -> None:
    """Publish one page, unless it says what it says already."""
    try:
        found = glance(tools.use, person)
        cards = {one.id: one.posted.message for one in found.waiting if one.posted is not None}
        links = {plan_id: tools.messages.permalink(card) for plan_id, card in cards.items()}
        words = home_words(found, tools.names, links, at=timestamp)
        if tools.homes.says(person, words):
            view = tools.views.modal("home", home=words, at=timestamp(datetime.now(UTC)))
            tools.messages.publish_home(person.user_id, view)
    except DnsBotError as error:
        tools.homes.failed(person)
        log.warning("a home page is not published", extra={"person": str(person), "reason": str(error)})
