"""Pages of the JSON services: the token says where the next one begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def page(items: Sequence[T], size: int, token: str) -> tuple[list[T], str]:
    """Return a page and the token of the next; empty: there is none. Raises ValueError for a token of nobody's."""
    start = int(token or 0)
    end = start + size
    return list(items[start:end]), str(end) if end < len(items) else ""
