"""Which clusters a channel is told of, and when; whoever may ask may subscribe it."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.asking import known_cluster
from bot.domain.cron import parse_cron
from bot.domain.digests import DigestSchedule
from bot.errors import Refused
from bot.slack.incoming import Submitted
from bot.slack.subscribing import MOST_OF_CHANNEL, in_words, of_channel, say_in_channel, subscriptions_of
from bot.slack.tools import SlackTools
from bot.slack.units import Modal


def check(fields: Mapping[str, str]) -> Mapping[str, str]:
    """Complain about a time that is none."""
    found: dict[str, str] = {}
    try:
        parse_cron(fields.get("cron", ""))
    except ValueError as error:
        found["cron"] = str(error)[:140]
    try:
        ZoneInfo(fields.get("timezone", "").strip())
    except (ZoneInfoNotFoundError, ValueError, OSError):
        found["timezone"] = "A time zone such as Europe/Paris is expected."
    if fields.get("quiet") not in {"yes", "no"}:
        found["quiet"] = "Choose one."
    return found


def run(submitted: Submitted, tools: SlackTools) -> None:
    """Subscribe the channel, and say so there."""
    fields, person, use = submitted.fields, submitted.origin.person, tools.use
    use.door.check(person)
    subscriptions = subscriptions_of(tools)
    clusters = [known_cluster(name, use.targets) for name in fields.get("clusters", "").split()]
    use.door.check_channel(submitted.origin.channel, use.homes(*(clusters or use.targets)))
    schedule = DigestSchedule(
        channel=submitted.origin.channel,
        cron=parse_cron(fields["cron"]),
        timezone=ZoneInfo(fields["timezone"].strip()).key,
        clusters=tuple(sorted(set(clusters))),
        quiet=fields["quiet"] == "yes",
    )
    if schedule.name in {one.name for one in use.digests}:
        raise Refused("dnsbot.yaml has a digest of this channel at this time already.")
    others = [one for one in of_channel(tools, schedule.channel) if one.schedule.name != schedule.name]
    if len(others) >= MOST_OF_CHANNEL:
        raise Refused(f"This channel has {len(others)} subscriptions already; end one first.")
    subscriptions.subscribe(schedule, person)
    say_in_channel(tools, submitted, f"subscribed this channel to digests: {in_words(schedule)}")


VIEW = Modal(name="subscribe_digest", check=check, run=run)
