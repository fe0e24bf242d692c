"""`/dns-digest [now|CLUSTER]`: what this channel's digest would say now, or that of one cluster, where it is asked.

`/dns-digest subscribe|unsubscribe`: a form, by which the channel gets digests at times of its own.
"""

from __future__ import annotations

from functools import partial

from bot.asking import known_cluster
from bot.domain.cron import parse_cron
from bot.domain.digests import DigestSchedule
from bot.domain.jobs import Lane
from bot.errors import DnsBotError, Refused
from bot.slack.asking import plain_words
from bot.slack.audience import not_for_all
from bot.slack.digests import say_digest, say_digest_alone
from bot.slack.incoming import Asked
from bot.slack.limits import Payload
from bot.slack.subscribing import SUBSCRIBE, UNSUBSCRIBE, form_of
from bot.slack.tools import SlackTools
from bot.slack.units import Command, Form
from bot.workflow.digest import Digester

NOW = "now"


def opens(asked: Asked) -> Form | None:
    """Return the form that the words open, if any; a mention opens none."""
    word = _word_of_form(asked)
    if not word or not asked.trigger_id:
        return None
    return Form(what="The form", again=f"Type /dns-digest {word} again.")


def run(asked: Asked, tools: SlackTools) -> Payload | None:
    """Make the digest outside the schedule: its slots are left as they are."""
    digester = tools.use.digester
    if digester is None:
        raise Refused("This process makes no digests: it has no history.")
    if word := _word_of_form(asked):
        return form_of(asked, tools, word)
    schedule = _schedule(asked, plain_words(asked.words), tools)
    work = partial(_post, asked, tools, digester, schedule)
    if not tools.jobs.submit(Lane.DIAGNOSE, f"digest:{asked.delivery}", work):
        raise Refused("The digest is not made: the bot is stopping. Ask again in a minute.")
    return None


def _word_of_form(asked: Asked) -> str:
    words = [word.lower() for word in asked.words.split()[:2]]
    return words[0] if len(words) == 1 and words[0] in {SUBSCRIBE, UNSUBSCRIBE} else ""


def _schedule(asked: Asked, words: list[str], tools: SlackTools) -> DigestSchedule:
    if len(words) > 1:
        raise Refused("One word at most: now, a cluster, subscribe or unsubscribe.")
    clusters: tuple[str, ...] = ()
    if words and words[0].lower() != NOW:
        clusters = (known_cluster(words[0], tools.use.targets.keys()),)
    of_channel = next((one for one in tools.use.schedules() if one.channel == asked.origin.channel), None)
    if of_channel is not None and not clusters:
        return of_channel
    return DigestSchedule(
        channel=asked.origin.channel,
        cron=parse_cron("0 0 * * *"),
        timezone=of_channel.timezone if of_channel is not None else "UTC",
        clusters=clusters or tuple(sorted(tools.use.targets)),
    )


def _post(asked: Asked, tools: SlackTools, digester: Digester, schedule: DigestSchedule) -> None:
    origin, key = asked.origin, f"digest:{asked.delivery}"
    try:
        alone = not_for_all(tools, origin.channel, schedule.clusters)
        if alone:
            tools.tell(origin, f"{alone} The digest comes to you alone, without its picture.")
        digest = digester.make(schedule)
        if alone:
            say_digest_alone(tools, digest, key=key, origin=origin)
        else:
            say_digest(tools, digest, key=key, channel=origin.channel, thread_ts=origin.thread_ts)
    except DnsBotError as error:
        tools.tell(origin, f"There is no digest. {error}")


COMMAND = Command(
    name="digest",
    usage=f"[{NOW}|CLUSTER|{SUBSCRIBE}|{UNSUBSCRIBE}]",
    purpose="What is new, worse, fixed and still open, and how DNS of this channel's clusters fares by the numbers.",
    run=run,
    opens=opens,
)
