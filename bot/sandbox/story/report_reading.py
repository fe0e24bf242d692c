"""Read the bot's messages as a person would: is it the report, what does it say, which buttons are there."""

from __future__ import annotations

from bot.sandbox.slack import Seen, as_text
from bot.sandbox.slack.roster import BOT_USER
from bot.sandbox.slack.text import elements

STILL_RUNNING = "The report takes this message's place."
HEALTHY = ": no DNS problem found"
NOT_FOUND = ", no known cause found"
ABSENT_NAME = ": a name that was asked about does not exist"
ROOT_CAUSE = "Root cause:"
PROPOSED = "Proposed, for approval:"
ADVICE = ("What you can do:", "Not offered: ")
OUTCOME = "Outcome."
WAITS = "Applied; waits for "
STANDING = "How it stands."
PLAN = "What else it touches."


def is_report(message: Seen) -> bool:
    """Tell whether this is the bot's last word on a diagnosis: top level, and no longer in progress."""
    from_bot = message.user == BOT_USER and not message.thread_ts and not message.only_visible_to
    return from_bot and not is_card(message) and STILL_RUNNING not in as_text(message)


def is_card(message: Seen) -> bool:
    """Tell whether this is a proposal's card, decided or not."""
    text = as_text(message)
    return message.user == BOT_USER and "\nPlan " in text and ", hash " in text


def headline(message: Seen) -> str:
    """Return the first line."""
    return as_text(message).partition("\n")[0]


def action_ids(message: Seen) -> frozenset[str]:
    """Return the actions that the message's buttons offer."""
    return frozenset(str(element.get("action_id", "")) for _, element in elements(message.blocks))


def can_be_approved(message: Seen) -> bool:
    """Tell whether the card has an Approve button."""
    return "approve" in action_ids(message)


def proposals_announced(report: Seen) -> int:
    """Return how many proposals the report says will follow."""
    lines = as_text(report).splitlines()
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
    return any(words in as_text(report) for words in ADVICE)


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


def above_the_plan(card: Seen) -> str:
    """Return a decided card's text without the plan under it, which was shown before."""
    return as_text(card).partition(PLAN)[0].rstrip()


def lookups(report: Seen) -> str:
    """Return what the report says of lookups from inside: the sentence and the matrix under it."""
    lines = as_text(report).splitlines()
    start = next((index for index, line in enumerate(lines) if line.startswith("Lookups from inside")), None)
    if start is None:
        return ""
    end = start + 1
    while end < len(lines) and lines[end].startswith("    "):
        end += 1
    return "\n".join(line.removeprefix("    ") for line in lines[start:end])
