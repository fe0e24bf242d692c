from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.contract.embedded import EmbeddedFarEnd, embedded
from lab.contract.pods import TestCommands, TestEnds, TestLogs, TestRollouts
from lab.contract.reading import TestLists, TestObjects, TestWhoMay
from lab.contract.writing import TestDeletes, TestPatches

__all__ = [
    "TestCommands",
    "TestDeletes",
    "TestEnds",
    "TestLists",
    "TestLogs",
    "TestObjects",
    "TestPatches",
    "TestRollouts",
    "TestWhoMay",
]
"""The suite that the real API server passes in the lab (lab/tests/test_contract.py), held against the embedded one."""


@pytest.fixture(scope="module")
def far_end() -> Iterator[EmbeddedFarEnd]:
    """Return the embedded server with a small cluster behind it."""
    with embedded() as served:
        yield served


def test_throttling_is_a_429_with_advice(far_end: EmbeddedFarEnd) -> None:
    """On request it sheds a call as the real server's priority and fairness does: Retry-After and a Status."""
    far_end.wire.ask("POST", "/sandbox/faults", [{"action": "list configmaps", "kind": "throttle", "times": 1}])

    answer = far_end.wire.ask("GET", "/api/v1/configmaps")

    assert (answer.status, answer.headers["retry-after"]) == (429, "1")
    assert answer.json["reason"] == "TooManyRequests"
