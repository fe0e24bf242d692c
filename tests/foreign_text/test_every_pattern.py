from __future__ import annotations

import re
import time

import pytest

from tests.foreign_text.patterns import patterns, seeds

PATTERNS = patterns()
SHORT, LONG = 4_000, 16_000
AT_ONCE = 0.003
"""Seconds of this thread: a long text that takes no longer is not measured twice."""
LINEAR, TOLERATED = LONG / SHORT, 2.5
"""Quadratic growth is sixteenfold, linear fourfold; up to tenfold is the machine's doing."""


def seconds(pattern: re.Pattern[str], text: str, *, tries: int = 1) -> float:
    """Return the processor time of finding all matches, the least of some tries: others on the machine do not count."""
    least = float("inf")
    for _ in range(tries):
        began = time.thread_time()
        for _match in pattern.finditer(text):
            pass
        least = min(least, time.thread_time() - began)
    return least


def of_length(seed: str, length: int) -> str:
    """Return the seed again and again, cut at `length` characters."""
    return (seed * (length // len(seed) + 1))[:length]


@pytest.mark.slow
@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
def test_a_pattern_takes_time_in_proportion_to_its_text(pattern: re.Pattern[str]) -> None:
    """Four times as long a text of its own prefixes and random mixes takes about four times as long."""
    slow = []
    for seed in seeds(pattern, 40):
        once = seconds(pattern, of_length(seed, LONG))
        if once <= AT_ONCE or once <= LINEAR * TOLERATED * seconds(pattern, of_length(seed, SHORT)):
            continue
        short = seconds(pattern, of_length(seed, SHORT), tries=5)
        growth = seconds(pattern, of_length(seed, LONG), tries=3) / short
        if growth > LINEAR * TOLERATED:
            slow.append((round(growth, 1), seed[:60]))

    assert slow == []


def test_a_pattern_with_nested_repeats_is_found() -> None:
    """What this folder guards against is seen by its own means."""
    nested = re.compile(r"[A-Za-z0-9_.-]*(?:secret|token)[A-Za-z0-9_.-]*\s*=")
    text = "secret-"

    growth = seconds(nested, of_length(text, 800)) / max(seconds(nested, of_length(text, 200), tries=3), 1e-6)

    assert growth > LINEAR * TOLERATED
    assert any("secret" in seed or "token" in seed for seed in seeds(nested, 24))
