"""A cheap way to learn whether anything behind the simulated AWS may have changed since."""

from __future__ import annotations

import json
import urllib.request

_SECONDS = 10.0


def writes_so_far(aws_url: str) -> int:
    """Return how often something may have changed: by a call, by the world, or because time has passed."""
    with urllib.request.urlopen(f"{aws_url}/sandbox/writes", timeout=_SECONDS) as answer:  # noqa: S310  # our own server
        return int(json.load(answer)["writes"])
