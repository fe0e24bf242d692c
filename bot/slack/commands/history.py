"""`/dns-history`: the newest diagnoses that fit, with their proposals and outcomes, to the asker alone."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.asking import known_cluster, sought_from
from bot.domain.phrases import timestamp
from bot.errors import Refused
from bot.report.glass_words import open_glass
from bot.report.history_words import page_words
from bot.report.timeline_words import timeline
from bot.slack.asking import plain_words
from bot.slack.incoming import Asked
from bot.slack.tools import SlackTools
from bot.slack.units import Command

PAGE = 10
OPTIONS = ("rule", "person", "since", "until", "older", "incident")
ME = "me"


def run(asked: Asked, tools: SlackTools) -> None:
    """Show one page of the history."""
    words = plain_words(asked.words)
    cluster = _cluster(words, tools)
    options = dict(word.split("=", 1) for word in words if "=" in word)
    if unknown := next((name for name in options if name not in OPTIONS), ""):
        raise Refused(f"{unknown}= is not known here. The options are {', '.join(f'{name}=' for name in OPTIONS)}.")
    if incident := options.pop("incident", ""):
        if options or cluster:
            raise Refused("incident= takes nothing that restricts the list beside it.")
        _show_incident(asked, tools, incident)
        return
    if options.get("person") == ME:
        options["person"] = str(asked.origin.person)
    sought = sought_from(options, datetime.now(UTC), form="{}=".format)
    entries = tools.use.history.recent(cluster, sought=sought, limit=PAGE + 1)
    notes = open_glass(tools.use.history.broken_glass(cluster), tools.names)
    page = page_words(entries, tools.names, at=timestamp, size=PAGE, cluster=cluster, sought=sought, notes=notes)
    title = f"DNS history of {cluster}" if cluster else "DNS history of all clusters"
    same = [word for word in words if not word.startswith("older=")]
    again = " ".join([f"/dns-{COMMAND.name}", *same, f"older={page.older}"]) if page.older else ""
    tools.messages.alone(asked.origin, tools.views.message("history", title=title, page=page, again=again))


def _show_incident(asked: Asked, tools: SlackTools, known_id: str) -> None:
    entries = tools.use.history.incident(known_id)
    events = timeline(entries, tools.names, at=timestamp)
    title = f"Incident of {entries[0].cluster}"
    tools.messages.alone(asked.origin, tools.views.message("timeline", title=title, events=events))


def _cluster(words: list[str], tools: SlackTools) -> str:
    names = [word for word in words if "=" not in word]
    if len(names) > 1:
        raise Refused("One cluster at most; leave it out to see all.")
    return known_cluster(names[0], tools.use.targets.keys()) if names else ""


COMMAND = Command(
    name="history",
    usage="[CLUSTER] [rule=RULE] [person=me] [since=7d] [until=2026-11-21] [older=DIAGNOSIS] | incident=ID",
    purpose="The newest diagnoses, what was proposed, who decided, and how it ended; ten at a time. "
    "incident= gives the timeline of a diagnosis or plan. Shown to you alone. A person is named by the member ID in "
    "their profile, or by a mention where the bot is mentioned.",
    run=run,
)
