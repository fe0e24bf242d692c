"""`dnsbot digest`."""

from __future__ import annotations

import sys
from pathlib import Path

from bot.app import open_use_cases
from bot.domain.cron import parse_cron
from bot.domain.digests import DigestSchedule
from bot.domain.phrases import nearest, timestamp
from bot.errors import ConfigurationError
from bot.logs import configure_logs
from bot.report.digest_text import digest_text
from bot.report.digest_words import digest_words
from bot.report.history_words import Ids
from bot.settings.load import load_settings


def show_digest(config: Path | None, channel: str, *, keep: bool) -> None:
    """Print what the digests of a channel would say now, or one over all clusters; nothing is posted."""
    configure_logs()
    settings = load_settings(config)
    with open_use_cases(settings) as use:
        if use.digester is None:
            raise ConfigurationError("There is no history to make a digest from. Set DATABASE_URL.")
        every = use.schedules()
        schedules = [one for one in every if channel in {"", one.channel}]
        if channel and not schedules:
            hint = nearest(channel, {one.channel for one in every}, "channel")
            raise ConfigurationError(f"There is no digest for channel {channel!r}. {hint}")
        if not schedules:
            names = tuple(sorted(settings.clusters))
            schedules = [DigestSchedule(channel="", cron=parse_cron("0 0 * * *"), timezone="UTC", clusters=names)]
        made = [use.digester.make(schedule, keep=keep) for schedule in schedules]
    sys.stdout.write("\n".join(digest_text(digest_words(digest, Ids(), at=timestamp)) for digest in made))
