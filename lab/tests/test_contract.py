from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.contract.pods import TestCommands, TestEnds, TestLogs, TestRollouts
from lab.contract.reading import TestLists, TestObjects, TestThrottling, TestWhoMay
from lab.contract.real import RealFarEnd
from lab.contract.writing import TestCreates, TestDeletes, TestPatches
from lab.running import RunningLab

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
"""The suite that the embedded server is held to (tests/sandbox_kubernetes/test_contract_embedded.py): what it asks is
what the real API server does."""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def far_end() -> Iterator[RealFarEnd]:
    """Return the real API server, with nodes behind it."""
    with RunningLab() as lab:
        yield RealFarEnd(lab.control_plane, lab.directory)
