"""Read the bot's messages as a person would: is it the report, what does it say, which buttons are there."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.sandbox.slack import Seen, as_text
from bot.sandbox.slack.roster import BOT_USER
from bot.sandbox.slack.text import elements

STILL_RUNNING = "The report replaces this message."
HEALTHY = ": no DNS problem found"
NOT_FOUND = ", no known cause found"
ABSENT_NAME = ": a name that was asked about does not exist"
CAUSE = "\nCause: "
ROOT_CAUSE = "Root cause: "
PROPOSED = "Proposed, for approval:"
ADVICE = "What to do: "
OUTCOME = "Outcome:"
WAITS = "Applied; waits for "
STANDING = "Status:"
CARD = re.compile(r"Plan \S+, hash [0-9a-f]{12}$", re.MULTILINE)


def is_report(message: Seen) -> bool:
    """Tell whether this is the bot's last word on a diagnosis: top level, and no longer in progress."""
    from_bot = message.user == BOT_USER and not message.thread_ts and not message.only_visible_to
    return from_bot and not is_card(message) and STILL_RUNNING not in as_text(message)


def is_card(message: Seen) -> bool:
    """Tell whether this is a proposal's card, decided or not."""
    return message.user == BOT_USER and CARD.search(as_text(message)) is not None


def headline(message: Seen) -> str:
    """Return the first line."""
    return as_text(message).partition("\n")[0]


def action_ids(message: Seen) -> frozenset[str]:
    """Return the actions that the message's buttons offer."""
    return frozenset(str(element.get("action_id", "")) for _, element in elements(message.blocks))


def can_be_approved(message: Seen) -> bool:
    """Tell whether the card has an Approve button."""
    return "approve" in action_ids(message)


def proposals_announced(thread: Sequence[Seen]) -> int:
    """Return how many proposals the report's thread says will follow."""
    lines = [line for message in thread for line in as_text(message).splitlines()]
    if PROPOSED not in (line.strip() for line in lines):
        return 0
    after = lines[[line.strip() for line in lines].index(PROPOSED) + 1 :]
    count = 0
    for line in after:
        if not line.startswith("•"):
            break
        count += 1
    return count


def advises(report: Seen) -> bool:
    """Tell whether the report says what people can do themselves."""
    return ADVICE in as_text(report)


def names_a_cause(report: Seen) -> bool:
    """Tell whether the report names a root cause."""
    return CAUSE in as_text(report)


def outcome(card: Seen) -> str:
    """Return the sentence after `Outcome.`, or an empty text while there is none."""
    for line in as_text(card).splitlines():
        if line.startswith(OUTCOME):
            return line.removeprefix(OUTCOME).strip()
    return ""


def standing(card: Seen) -> str:
    """Return how a decided card stands before its outcome, or an empty text."""
    for line in as_text(card).splitlines():
        if line.startswith(STANDING):
            return line.removeprefix(STANDING).strip()
    return ""


def steps_taken(card: Seen) -> tuple[str, ...]:
    """Return the journal's lines on the card."""
    return tuple(line.removeprefix("• ") for line in as_text(card).splitlines() if line.startswith("• Step "))


def is_first_of_thread(message: Seen, report: Seen) -> bool:
    """Tell whether this is the first message of the report's thread, with the cause in full."""
    return message.thread_ts == report.ts and headline(report).partition(" ")[2] in headline(message)
