from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.contract.embedded import EmbeddedFarEnd, embedded
from lab.contract.pods import TestCommands, TestEnds, TestLogs, TestRollouts
from lab.contract.reading import TestLists, TestObjects, TestThrottling, TestWhoMay
from lab.contract.writing import TestCreates, TestDeletes, TestPatches

__all__ = [
    "TestCommands",
    "TestCreates",
    "TestDeletes",
    "TestEnds",
    "TestLists",
    "TestLogs",
    "TestObjects",
    "TestPatches",
    "TestRollouts",
    "TestThrottling",
    "TestWhoMay",
]
"""The suite that the real API server passes in the lab (lab/tests/test_contract.py), held against the embedded one."""


@pytest.fixture(scope="module")
def far_end() -> Iterator[EmbeddedFarEnd]:
    """Return the embedded server with a small cluster behind it."""
    with embedded() as served:
        yield served
