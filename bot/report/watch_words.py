"""News of a watched cluster in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.phrases import count, sentence
from bot.report.plan_words import TimeForm
from bot.workflow.watch_changes import News, Notice

MARKS: Mapping[News, str] = {News.NEW: "New", News.BACK: "Back", News.RESOLVED: "Resolved"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchWords:
    """What is said of one incident."""

    title: str
    text: str
    note: str
    cluster: str
    """The cluster that a button offers to diagnose; empty: there is nothing to find out."""


def watch_words(notice: Notice, *, at: TimeForm) -> WatchWords:
    """Return what is said."""
    incident, resolved = notice.incident, notice.news is News.RESOLVED
    text = f"It was open since {at(incident.since)}." if resolved else sentence(incident.summary)
    return WatchWords(
        title=f"{MARKS[notice.news]}: {notice.cluster}: {incident.title}",
        text=text,
        note=_note(notice, at),
        cluster="" if resolved else notice.cluster,
    )


def _note(notice: Notice, at: TimeForm) -> str:
    incident = notice.incident
    if notice.news is News.RESOLVED:
        looks = f"{count(incident.gone, 'look')} in a row found it healthy, the last at {at(notice.at)}."
        return looks + " What made it so is in the history, if it was a plan of this bot."
    looks = f"Found by {count(incident.found, 'look')} in a row, the last at {at(notice.at)}."
    if notice.news is News.BACK:
        return f"{looks} It came back {count(incident.came_back, 'time')} since {at(incident.since)}."
    return f"{looks} Nothing was changed. News of it comes in this thread."
