"""Which subscription of a channel ends; whoever may ask may end it."""

from __future__ import annotations

from collections.abc import Mapping

from bot.errors import Refused
from bot.slack.incoming import Submitted
from bot.slack.subscribing import in_words, of_channel, say_in_channel, subscriptions_of, value_of
from bot.slack.tools import SlackTools
from bot.slack.units import Modal


def check(fields: Mapping[str, str]) -> Mapping[str, str]:
    """Complain where none is chosen."""
    return {} if fields.get("schedule", "").strip() else {"schedule": "Choose one."}


def run(submitted: Submitted, tools: SlackTools) -> None:
    """End it, and say so in the channel."""
    tools.use.door.check(submitted.origin.person)
    chosen, channel = submitted.fields["schedule"], submitted.origin.channel
    found = next((one.schedule for one in of_channel(tools, channel) if value_of(one.schedule) == chosen), None)
    if found is None or not subscriptions_of(tools).unsubscribe(found.name):
        raise Refused("This subscription is there no more.")
    say_in_channel(tools, submitted, f"ended this channel's digests: {in_words(found)}")


VIEW = Modal(name="unsubscribe_digest", check=check, run=run)
