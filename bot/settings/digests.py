"""`digests:` and `retention:` of dnsbot.yaml: which channel is told of which clusters, and when."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from bot.domain.cron import parse_cron
from bot.domain.digests import DigestSchedule
from bot.domain.phrases import nearest
from bot.settings.entries import ChannelId, Duration, Entry, Named, TimeZone
from bot.workflow.located_yaml import LocatedYaml

DEFAULT_SERIES, DEFAULT_EVIDENCE = timedelta(days=365), timedelta(days=90)
LEAST_KEPT, LONGEST_GRACE = timedelta(days=1), timedelta(days=1)


def _cron(text: str) -> str:
    return parse_cron(text).text


def _grace(duration: timedelta) -> timedelta:
    if not timedelta() < duration <= LONGEST_GRACE:
        raise ValueError("a time up to 24h is expected")
    return duration


def _kept(duration: timedelta) -> timedelta:
    if duration < LEAST_KEPT:
        raise ValueError("a day at least is expected, such as 365d")
    return duration


class DigestEntry(Entry):
    """One digest."""

    channel: ChannelId
    cron: Annotated[str, AfterValidator(_cron)]
    timezone: TimeZone = "UTC"
    clusters: list[Named] = Field(default=[])
    """Empty: all."""
    grace: Annotated[Duration, AfterValidator(_grace)] = timedelta(hours=1)
    quiet: bool = False


class RetentionEntry(Entry):
    """How long things are kept."""

    evidence: Annotated[Duration, AfterValidator(_kept)] = DEFAULT_EVIDENCE
    series: Annotated[Duration, AfterValidator(_kept)] = DEFAULT_SERIES


def digest_schedules(
    entries: Sequence[DigestEntry], document: LocatedYaml, *, clusters: Collection[str]
) -> tuple[DigestSchedule, ...]:
    """Return when each channel is told of what. Raises `ConfigurationError` for unknown clusters and for doublets."""
    found: dict[str, DigestSchedule] = {}
    for index, entry in enumerate(entries):
        for position, name in enumerate(entry.clusters):
            if name not in clusters:
                place = ("digests", index, "clusters", position)
                raise document.error(
                    f"{name!r} is not a cluster of this file.", place, hint=nearest(name, clusters, "cluster")
                )
        made = DigestSchedule(
            channel=entry.channel,
            cron=parse_cron(entry.cron),
            timezone=entry.timezone,
            clusters=tuple(sorted(set(entry.clusters or clusters))),
            grace=entry.grace,
            quiet=entry.quiet,
        )
        if made.name in found:
            raise document.error("is there twice: one channel, cron and time zone.", ("digests", index))
        found[made.name] = made
    return tuple(found.values())
