"""When a read of AWS is sent once more: throttling, server errors and lost connections, within the deadline.

Hook `needs-retry` of botocore, whose own retries are off (`total_max_attempts` 1): they know no
deadline. Each page of a list is retried by itself. Writes never come here.
"""

from __future__ import annotations

import random
from http import HTTPStatus
from typing import Any

from bot.clients.aws_errors import THROTTLED
from bot.clients.time_limit import seconds_left
from bot.clients.wire_errors import WIRE_ERRORS
from bot.errors import DnsBotError

MAX_ATTEMPTS = 4
"""Requests sent for one call, the first included."""

THROTTLE_SECONDS = 0.5
"""Longest first wait after throttling; it doubles with each attempt, and a random part of it is taken."""

FAULT_SECONDS = 0.1
"""The same after a server error or a lost connection."""

_SPARE_SECONDS = 0.2
"""Time that must be left for the answer, or the wait is not worth it."""


def seconds_before_retry(
    response: tuple[Any, dict[str, Any]] | None, attempts: int, caught_exception: Exception | None, **_: object
) -> float | None:
    """Handle `needs-retry`: return the seconds to wait before sending again, or None to give up."""
    if attempts >= MAX_ATTEMPTS:
        return None
    base = _base_seconds(response, caught_exception)
    if base is None:
        return None
    wait = base * 2 ** (attempts - 1) * (0.5 + random.random() / 2)  # noqa: S311  # jitter, no secret
    try:
        return wait if seconds_left() > wait + _SPARE_SECONDS else None
    except TimeoutError:
        return None


def _base_seconds(response: tuple[Any, dict[str, Any]] | None, error: Exception | None) -> float | None:
    if error is not None:
        lost = isinstance(error, WIRE_ERRORS) and not isinstance(error, DnsBotError | TimeoutError)
        return FAULT_SECONDS if lost else None
    if response is None:
        return None
    http_response, parsed = response
    if (
        parsed.get("Error", {}).get("Code", "") in THROTTLED
        or http_response.status_code == HTTPStatus.TOO_MANY_REQUESTS
    ):
        return THROTTLE_SECONDS
    return FAULT_SECONDS if http_response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR else None
