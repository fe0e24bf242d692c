"""Numbers of DNS health as they are shown: times, shares, rates."""

from __future__ import annotations

NONE = "-"
"""Stands where nothing was measured."""


def milliseconds(seconds: float | None) -> str:
    """Return `3.1 ms`, `120 ms` or `2.0 s`."""
    if seconds is None:
        return NONE
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.1f} ms" if seconds < 0.01 else f"{seconds * 1000:.0f} ms"  # noqa: PLR2004  # 10 ms


def percent(share: float | None) -> str:
    """Return `0.40 %` or `12 %`."""
    if share is None:
        return NONE
    return f"{share * 100:.0f} %" if share >= 0.1 or share == 0 else f"{share * 100:.2f} %"  # noqa: PLR2004  # 10 %


def per_second(rate: float | None) -> str:
    """Return `0.4`, `12` or `1,204`."""
    if rate is None:
        return NONE
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"  # noqa: PLR2004  # ten
