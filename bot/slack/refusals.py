"""What a refusal says to a person in Slack: why, and who may."""

from __future__ import annotations

from bot.domain.phrases import and_more
from bot.errors import DnsBotError, NotEntitled
from bot.report.plan_words import Names

MOST_NAMED = 6


def refusal_words(error: DnsBotError, names: Names) -> str:
    """Return why, and for what somebody is not entitled to who is: by name, so that one can be asked."""
    if not isinstance(error, NotEntitled):
        return str(error)
    who = [f"@{names.group(group)}" for group in error.user_groups] + [f"@{names.person(user)}" for user in error.users]
    return f"{error} Who can {error.to}: {and_more(who, MOST_NAMED) if who else 'nobody is configured'}."
