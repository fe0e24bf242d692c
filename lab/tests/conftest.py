from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.namespaces import Run

pytest.register_assert_rewrite("lab.contract")


@pytest.fixture
def run() -> Iterator[Run]:
    """A run of the lab that leaves nothing behind."""
    with Run() as begun:
        yield begun
