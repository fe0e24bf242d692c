from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.dead_runs import locked_records, remove_dead_runs
from lab.memory_groups import MemoryGroup, place, place_of

LIMITED = pytest.mark.skipif(place() is None, reason="this machine lets no group with a memory limit be made")
_HOLDS = "import sys; open(sys.argv[1], 'w').write('0'); held = bytearray(int(sys.argv[2])); print(len(held))"
_LIMIT = 40_000_000


@pytest.fixture
def group() -> Iterator[MemoryGroup]:
    """A group of a run that nobody owns, while no lab that starts looks for such."""
    where = place()
    assert where is not None
    with locked_records():
        made = MemoryGroup(where, "dl0000-trial", _LIMIT)
        yield made
        made.remove()


def _hold(group: MemoryGroup, number: int) -> int:
    """Let a program join the group and hold so many bytes; return how it ended."""
    command = [sys.executable, "-I", "-S", "-c", _HOLDS, str(group.folder / "cgroup.procs"), str(number)]
    return subprocess.run(command, capture_output=True, check=False).returncode


@LIMITED
def test_what_exceeds_its_limit_is_killed_and_told_once(group: MemoryGroup) -> None:
    """By the kernel, and by it alone."""
    within = _hold(group, _LIMIT // 4), group.has_killed()
    beyond = _hold(group, _LIMIT * 4), group.has_killed()

    assert (within, beyond) == ((0, False), (-9, True))
    assert not group.has_killed()


@LIMITED
def test_a_dead_runs_groups_are_removed(group: MemoryGroup) -> None:
    """As its namespaces are, by the next run that starts."""
    remove_dead_runs()

    assert not Path(group.folder).exists()


MOUNTED = [
    ("version 1", "cgroup {0}/memory cgroup rw,memory 0 0", "", "memory", "memory.limit_in_bytes"),
    ("version 2", "cgroup2 {0}/unified cgroup2 rw 0 0", "cpu memory pids", "unified", "memory.max"),
    ("version 2 that shares no memory out", "cgroup2 {0}/unified cgroup2 rw 0 0", "cpu", "", ""),
    ("none", "tmpfs {0} tmpfs rw 0 0", "", "", ""),
    ("only processor time", "cgroup {0}/cpu cgroup rw,cpu 0 0", "", "", ""),
]


@pytest.mark.parametrize(
    ("mounts", "shared", "folder", "limit"), [row[1:] for row in MOUNTED], ids=[row[0] for row in MOUNTED]
)
def test_groups_lie_where_memory_is_shared_out(
    tmp_path: Path, mounts: str, shared: str, folder: str, limit: str
) -> None:
    """Both versions; where neither is, what needs them is skipped and says why."""
    for one in ("memory", "unified", "cpu"):
        (tmp_path / one).mkdir()
    (tmp_path / "unified" / "cgroup.subtree_control").write_text(f"{shared}\n", encoding="utf-8")

    found = place_of(mounts.format(tmp_path), "4:memory:/elsewhere\n0::/\n")

    assert (found.folder, found.limit) == (tmp_path / folder, limit) if found else not limit
