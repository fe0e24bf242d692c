"""Where anything can be behind the simulated AWS: the accounts and regions that somebody has called."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass

_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CalledPlace:
    """An account and region in which somebody has called, and the services called there: the others are empty."""

    account: str
    region: str
    services: frozenset[str]


def called_places(aws_url: str) -> list[CalledPlace]:
    """Return where anybody but the data plane has called since the last reset."""
    with urllib.request.urlopen(f"{aws_url}/sandbox/places", timeout=_SECONDS) as answer:  # noqa: S310  # our own server
        return [
            CalledPlace(account=one["account"], region=one["region"], services=frozenset(one["services"]))
            for one in json.load(answer)
        ]
