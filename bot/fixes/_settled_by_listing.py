"""Send a creation once, and settle a lost answer by the list of what bears its mark: a name, or a CreatorRequestId."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.domain.plans import Step
from bot.errors import WriteFailed


def send(
    step: Step, write: Callable[[], object], listed: Callable[[], Sequence[Mapping[str, Any]]]
) -> Mapping[str, Any]:
    """Send it and return what is listed then; that it is there already is no failure.

    Raises `WriteFailed`: AWS's own where it refused and nothing is there, an ambiguous one where it took it and lists
    nothing.
    """
    try:
        write()
    except WriteFailed:
        if not listed():
            raise
    rows = listed()
    if not rows:
        message = f"NoAnswer: {step.target} was sent and is not listed. Look before sending it again."
        raise WriteFailed(message, ambiguous=True)
    return rows[0]
