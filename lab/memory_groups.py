"""Memory limits of the lab's containers: a control group for each, in which the kernel kills what exceeds its limit.

Groups lie below the group of this process (version 1), or below the root where that shares memory out (version 2), and
are named `dl<run>-…` as the run's namespaces are. What `kubectl exec` runs is outside, and so is what a program finds
in the page cache already. Source: kernel, admin-guide/cgroup-v1/memory.rst and admin-guide/cgroup-v2.rst; cgroups(7).
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_GONE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where groups can be made, and the names of their files."""

    folder: Path
    limit: str
    with_swap: tuple[str, str]
    """File that bounds swap, and what is written there; `{limit}` stands for the limit."""
    events: str
    """Holds a line `oom_kill NUMBER`."""


@cache
def place() -> Place | None:
    """Return where this machine lets groups with memory limits be made; None: nowhere."""
    own = Path("/proc/self")
    return place_of((own / "mounts").read_text(encoding="utf-8"), (own / "cgroup").read_text(encoding="utf-8"))


def place_of(mounts: str, groups: str) -> Place | None:
    """Return the same of what is mounted and of the groups that a process is in, as /proc shows both."""
    for _, mount, kind, options, *_ in map(str.split, mounts.splitlines()):
        found = None
        if kind == "cgroup" and "memory" in options.split(","):
            own = Path(mount + _own_group(groups))
            found = Place(
                folder=own if own.is_dir() else Path(mount),
                limit="memory.limit_in_bytes",
                with_swap=("memory.memsw.limit_in_bytes", "{limit}"),
                events="memory.oom_control",
            )
        shared = Path(mount) / "cgroup.subtree_control"
        if kind == "cgroup2" and shared.is_file() and "memory" in shared.read_text(encoding="utf-8").split():
            found = Place(
                folder=Path(mount), limit="memory.max", with_swap=("memory.swap.max", "0"), events="memory.events"
            )
        if found and os.access(found.folder, os.W_OK):  # a container may see them read-only
            return found
    return None


def _own_group(groups: str) -> str:
    for line in groups.splitlines():
        _, controllers, path = line.split(":", maxsplit=2)
        if "memory" in controllers.split(","):
            return path
    return ""


class MemoryGroup:
    """One container's group, from its first run to the pod's end."""

    def __init__(self, where: Place, name: str, limit: int) -> None:
        """Make it; `limit` in bytes."""
        self.folder = where.folder / name
        self._events, self._kills = where.events, 0
        self.folder.mkdir()
        (self.folder / where.limit).write_text(str(limit), encoding="utf-8")
        file, text = where.with_swap
        if (self.folder / file).exists():
            (self.folder / file).write_text(text.format(limit=limit), encoding="utf-8")

    def has_killed(self) -> bool:
        """Return whether the kernel has killed something in it since this was last asked."""
        said = (self.folder / self._events).read_text(encoding="utf-8")
        kills = int(dict(line.split() for line in said.splitlines())["oom_kill"])
        new, self._kills = kills > self._kills, kills
        return new

    def remove(self) -> None:
        """Remove it; its processes must have ended."""
        _remove(self.folder)


def remove_groups(belongs: Callable[[str], bool]) -> None:
    """Remove the groups whose names say that they belong to some runs; their processes must have ended."""
    where = place()
    for folder in where.folder.glob("dl????-*") if where else ():
        if belongs(folder.name):
            _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a group; the kernel lets go of it a moment after its last process."""
    until = time.monotonic() + _GONE_SECONDS
    while folder.exists() and time.monotonic() < until:
        with contextlib.suppress(OSError):
            folder.rmdir()
            return
        time.sleep(0.02)
