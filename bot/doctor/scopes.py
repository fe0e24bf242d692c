"""What Slack granted to the bot token, beside what the bot uses."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from bot.doctor.checks import Check, CheckState


def check_scopes(granted: Collection[str], unlocks: Mapping[str, str]) -> Iterator[Check]:
    """Yield one line for each scope that the token lacks, with what it unlocks.

    `granted` is the header `x-oauth-scopes` of Slack's answer. Without it nobody knows, which is one line of its own.
    """
    if not granted:
        text = "its answer names no scopes, so nobody knows whether the token has those of deploy/slack-manifest.yaml"
        yield Check(subject="Slack", state=CheckState.UNKNOWN, text=text)
        return
    for name, unlocked in unlocks.items():
        if name not in granted:
            text = f"the bot token lacks the scope {name}"
            yield Check(subject="Slack", state=CheckState.MISSING, text=text, disables=(unlocked,))
