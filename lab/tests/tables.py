"""Tables of what the tests of this tier saw; `conftest.py` prints them when all tests have run."""

from __future__ import annotations

from typing import Protocol


class Tell(Protocol):
    """Adds a row to a table."""

    def __call__(self, table: str, *row: object) -> None:
        """Add it. `table` is the heading; rows of one heading have the same number of cells."""
        ...
