"""The real texts of `printed/`, by name."""

from __future__ import annotations

from pathlib import Path

PRINTED = Path(__file__).parent / "printed"


def printed(name: str) -> str:
    """Return a text."""
    return (PRINTED / name).read_text()
