"""A changed Corefile as lines for people: what changes, and what stands around it."""

from __future__ import annotations

import difflib

_AROUND = 2


def diff_of(former: str, wanted: str) -> tuple[str, ...]:
    """Return the lines that differ with two lines around each, each with `+`, `-` or a space in front."""
    changes = difflib.unified_diff(former.splitlines(), wanted.splitlines(), n=_AROUND, lineterm="")
    lines = [line for line in changes if not line.startswith(("---", "+++"))]
    return tuple(f"  {line}" if line.startswith("@@") else line for line in lines)
