"""News of watched clusters in Slack: a message for each critical problem, and what becomes of it in its thread."""

from __future__ import annotations

import logging
from functools import partial

from bot.domain.jobs import Lane
from bot.domain.outbox import Note
from bot.domain.phrases import timestamp
from bot.report.watch_words import watch_words
from bot.slack.render import body_of
from bot.slack.tools import SlackTools
from bot.workflow.watch import Watcher
from bot.workflow.watch_changes import News, Notice

log = logging.getLogger(__name__)


def watch_clusters(tools: SlackTools) -> None:
    """Queue the looks that are due; one round goes on at a time."""
    if tools.use.watcher is not None:
        tools.jobs.submit(Lane.DIAGNOSE, "watch", partial(look_at_watched, tools, tools.use.watcher))


def look_at_watched(tools: SlackTools, watcher: Watcher) -> None:
    """Make the looks that are due, and let what is new be posted."""
    watcher.look_at_all(partial(_tell, tools))


def _tell(tools: SlackTools, notice: Notice) -> None:
    """Let one piece of news be posted, once for its key. Raises `HistoryUnavailable`."""
    words = watch_words(notice, at=timestamp)
    first = notice.incident.key
    # a message that stood there for a week is remembered no more, and its end is told beside it then
    in_thread = notice.news is not News.NEW and tools.use.history.said(first) is not None
    tools.say(
        Note(
            key=notice.key,
            channel=tools.use.targets[notice.cluster].channel,
            body=body_of(tools.views.message("watch", news=words)),
            in_thread_of=first if in_thread else "",
        )
    )
    log.info("news of a watched cluster", extra={"cluster": notice.cluster, "news": notice.news.value, "note": first})
