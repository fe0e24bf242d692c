"""What comes back to the client of a lookup."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What the client of a lookup sees."""

    ANSWER = "NOERROR"
    NXDOMAIN = "NXDOMAIN"
    SERVFAIL = "SERVFAIL"
    REFUSED = "REFUSED"
    TIMEOUT = "timed out"
    PORT_UNREACHABLE = "connection refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, or none."""

    outcome: Outcome
    addresses: tuple[str, ...] = ()
    authoritative: bool = False
    recursion: bool = False
    ttl_seconds: int = 5


TIMEOUT = Reply(outcome=Outcome.TIMEOUT)
PORT_UNREACHABLE = Reply(outcome=Outcome.PORT_UNREACHABLE)
SILENT = frozenset({Outcome.TIMEOUT, Outcome.PORT_UNREACHABLE})
"""No server answered."""
