"""`dnsbot run`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

from bot.app import slack_settings, start_bot
from bot.domain.right_of_way import take_short_turns
from bot.logs import configure_logs
from bot.settings.load import load_settings
from bot.slack.serving import ListenAddresses


def run(config: Path | None, addresses: ListenAddresses, *, log_level: str, log_json: bool) -> None:
    """Run the bot until SIGTERM or Ctrl-C."""
    configure_logs(log_level, as_json=log_json)
    settings = load_settings(config)
    slack = slack_settings(settings)
    slack.check()
    take_short_turns()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with ExitStack() as stack:
        jobs = start_bot(stack, settings, slack, addresses=addresses, stopping=stopping.is_set)
        stopping.wait()
    if jobs.running():
        # a thread that waits for a far end cannot be ended; whoever is there next settles what it left
        sys.stderr.flush()
        os._exit(0)
