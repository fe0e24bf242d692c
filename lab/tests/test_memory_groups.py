from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.dead_runs import locked_records, remove_dead_runs
from lab.memory_groups import MemoryGroup, place

pytestmark = pytest.mark.skipif(place() is None, reason="this machine lets no group with a memory limit be made")
_HOLDS = "import sys; open(sys.argv[1], 'w').write('0'); held = bytearray(int(sys.argv[2])); print(len(held))"
_LIMIT = 40_000_000


@pytest.fixture
def group() -> Iterator[MemoryGroup]:
    """A group of a run that nobody owns."""
    where = place()
    assert where is not None
    made = MemoryGroup(where, "dl0000-trial", _LIMIT)
    yield made
    made.remove()


def _hold(group: MemoryGroup, number: int) -> int:
    """Let a program join the group and hold so many bytes; return how it ended."""
    command = [sys.executable, "-I", "-S", "-c", _HOLDS, str(group.folder / "cgroup.procs"), str(number)]
    return subprocess.run(command, capture_output=True, check=False).returncode


def test_what_exceeds_its_limit_is_killed_and_told_once(group: MemoryGroup) -> None:
    """By the kernel, and by it alone."""
    within = _hold(group, _LIMIT // 4), group.has_killed()
    beyond = _hold(group, _LIMIT * 4), group.has_killed()

    assert (within, beyond) == ((0, False), (-9, True))
    assert not group.has_killed()


def test_a_dead_runs_groups_are_removed(group: MemoryGroup) -> None:
    """As its namespaces are, by the next run that starts."""
    with locked_records():
        remove_dead_runs()

    assert not Path(group.folder).exists()
