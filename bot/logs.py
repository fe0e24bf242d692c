"""Logs on standard error: one line an event, its ids as key=value, secrets taken out."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from functools import cache
from typing import Any

from bot.domain.redaction import redact_and_cap

MAX_VALUE = 2_000
"""Characters of one value in a log line; a traceback is longer than any other."""


def configure_logs(level: str = "warning", *, as_json: bool = False) -> None:
    """Send the log of every library through one formatter that redacts. Call once, from a command.

    `level`: from which on a line is written, as `info`.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_LateFormatter(as_json=as_json))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("botocore", "boto3", "urllib3", "slack_bolt", "slack_sdk", "waitress", "apscheduler"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Whoever cannot reach Slack says so itself, in one line.
    logging.getLogger("slack_sdk").setLevel(logging.CRITICAL)
    # A role that is refused is told by whoever needed it; botocore would add a traceback for each call.
    logging.getLogger("botocore.credentials").setLevel(logging.ERROR)


class _LateFormatter(logging.Formatter):
    """Formats by structlog, which is imported with the first line: most commands write none."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return _formatter(as_json=self._as_json).format(record)


@cache
def _formatter(*, as_json: bool) -> logging.Formatter:
    import structlog  # noqa: PLC0415  # import late

    order = ["timestamp", "level", "logger", "event"]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redact_event,
            structlog.processors.JSONRenderer() if as_json else structlog.processors.LogfmtRenderer(key_order=order),
        ],
    )


def redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401  # structlog's signature
    """Take secrets out of every value of a log line."""
    for key, value in event.items():
        if not isinstance(value, bool | int | float | None):
            event[key] = redact_and_cap(str(value), MAX_VALUE)
    return event
