"""The port to what earlier diagnoses of a cluster found, for what has to be put back as it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from bot.domain.json_values import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What one collector found in an earlier diagnosis."""

    at: datetime
    """When that diagnosis began, UTC."""
    value: JsonObject
    """The evidence as it is stored: its fields by name, without what is never stored."""


Remembered: TypeAlias = Callable[[str, str], Sequence[Memory]]
"""Returns what a collector last found in a cluster (both by name), the newest first.

Raises `HistoryUnavailable`.
"""


def nothing_remembered(cluster: str, collector: str) -> Sequence[Memory]:
    """Stand for a bot that keeps no history."""
    del cluster, collector
    return ()
