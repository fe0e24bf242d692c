"""The message that the glass was broken: who, why, until when, whom it mentions, and who reviewed it."""

from __future__ import annotations

from bot.domain.changes import BreakGlass
from bot.report.glass_words import glass_words
from bot.slack.render import Message
from bot.slack.tools import SlackTools
from bot.workflow.policy import policy_for


def glass_message(tools: SlackTools, glass: BreakGlass) -> Message:
    """Return the message as it is to stand; while it is open it mentions all who may approve for the cluster."""
    target = tools.use.targets.get(glass.cluster)
    policy = policy_for(target, tools.use.gate.policies) if target else None
    return tools.views.message(
        "break_glass",
        glass=glass_words(glass, tools.names),
        users=policy.users if policy else (),
        groups=policy.user_groups if policy else (),
        value=str(glass.number),
        is_open=glass.reviewed_by is None,
    )
