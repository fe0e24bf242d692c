"""Failed API calls of one pod, and whether they still stand.

A failure stands while it is inside the window and nothing later shows the same call working.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.dns.api_failure import ApiFailure
from bot.domain.phrases import timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFailure:
    """Lines of one pod that report the same failure."""

    pod: str
    node: str
    failure: ApiFailure
    count: int
    first_at: datetime
    last_at: datetime
    sample: str
    """The newest line."""
    contradicted_by: str = ""
    """The later success in words, dated; empty: nothing shows the call working since."""

    def stands(self, since: datetime) -> bool:
        """Return whether this is a failure of now: not before `since`, not contradicted."""
        return self.last_at >= since and not self.contradicted_by

    @property
    def proof(self) -> str:
        """The failure as a line of proof, dated."""
        often = f" ({self.count} lines since {timestamp(self.first_at)})" if self.count > 1 else ""
        since = f"; since then: {self.contradicted_by}" if self.contradicted_by else ""
        return f"{timestamp(self.last_at)} {self.pod}: {self.sample}{often}{since}"


def minutes(span: timedelta) -> str:
    """Return a window's length in words: `15 min`, `100 s` where it is no whole number of minutes, `1.5 s`."""
    whole, rest = divmod(span, timedelta(minutes=1))
    return f"{whole} min" if whole and not rest else f"{span.total_seconds():g} s"


def past_proof(failures: tuple[CallFailure, ...], since: datetime) -> tuple[str, ...]:
    """Return the proof of failures that no longer stand, newest first, at most five."""
    past = sorted((one for one in failures if not one.stands(since)), key=lambda one: one.last_at, reverse=True)
    return tuple(f"no longer the case: {one.proof}" for one in past[:5])
