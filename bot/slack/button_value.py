"""What a button carries: a proposal's id and its plan's hash, or a diagnosis's id; nothing that anyone decides by."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.domain.diagnosis import Diagnosis
from bot.domain.history import History
from bot.errors import Refused

FORM = re.compile(r"([A-Za-z0-9_.-]{1,100}) ([0-9a-f]{64})")
DIAGNOSIS_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonValue:
    """The id and the hash; who pressed comes from Slack's payload, the rest from history."""

    proposal_id: str
    plan_hash: str

    @property
    def text(self) -> str:
        """The value as Slack keeps it."""
        return f"{self.proposal_id} {self.plan_hash}"

    @classmethod
    def parse(cls, text: str) -> ButtonValue:
        """Return what a pressed button carried. Raises `Refused` when it is none of ours."""
        found = FORM.fullmatch(text)
        if found is None:
            raise Refused("This button carries no proposal of this bot. Diagnose again to get a new plan.")
        return cls(proposal_id=found[1], plan_hash=found[2])


def stored_diagnosis(value: str, history: History) -> Diagnosis | None:
    """Return the diagnosis whose id a button carried, or None: it is no id, or the history does not have it."""
    return history.diagnosis(value) if DIAGNOSIS_ID.fullmatch(value) else None
