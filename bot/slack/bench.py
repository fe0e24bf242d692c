"""What every Slack unit works with, handed to it; nothing is global."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.domain.approvals import Outcome, StepRecord
from bot.domain.jobs import Jobs
from bot.slack.card_facts import Names
from bot.slack.deliveries import Deliveries
from bot.slack.messages import Messages, NotPosted
from bot.slack.pace import Pace
from bot.slack.places import Place
from bot.slack.render import Views
from bot.slack.units import Command
from bot.workflow.desk import Desk

log = logging.getLogger(__name__)

CARDS_REMEMBERED = 500


@dataclass(slots=True, kw_only=True)
class Card:
    """What this process knows of a card beyond the stored proposal. Lost at a restart; the card stays right."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    journal: list[StepRecord] = field(default_factory=list)
    outcome: Outcome | None = None
    ended: str = ""
    """Why a repair ended without an outcome."""


class Cards:
    """The cards of the newest proposals, by proposal id."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cards: dict[str, Card] = {}

    def of(self, proposal_id: str) -> Card:
        """Return the card's memory, made when it is not there."""
        with self._lock:
            card = self._cards.pop(proposal_id, None) or Card()
            self._cards[proposal_id] = card
            while len(self._cards) > CARDS_REMEMBERED:
                del self._cards[next(iter(self._cards))]
            return card


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The desk, and the tools to show what it says."""

    desk: Desk
    jobs: Jobs
    messages: Messages
    views: Views
    names: Names
    pace: Pace
    deliveries: Deliveries
    cards: Cards
    commands: tuple[Command, ...]
    bot_name: str

    def tell(self, place: Place, reason: str, *, hints: Sequence[str] = ()) -> None:
        """Say something to one person alone; a failure to do so is logged."""
        message = self.views.message("refusal", reason=reason, hints=tuple(hints))
        try:
            self.messages.alone(place, message)
        except NotPosted as error:
            log.warning("could not answer a person", extra={"person": str(place.person), "reason": str(error)})
