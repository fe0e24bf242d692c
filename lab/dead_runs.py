"""Finds what runs left whose owner is dead, and removes it; runs whose owner lives are not touched."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from lab.errors import LabError
from lab.memory_groups import remove_groups

RECORDS = Path("/run/eks-dns-bot-lab")
NAMESPACES = Path("/run/netns")
_NAME = re.compile(r"dl([0-9a-f]{4})-.+")
_START_TIME = 19
"""Place of the start time among the fields of /proc/PID/stat that follow the state."""
_GONE_SECONDS = 5.0


def started_at(process_id: int) -> str:
    """Return the process's start time in clock ticks since boot; "" where it does not run (a zombie does not)."""
    try:
        text = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return ""
    state, *fields = text.rpartition(")")[2].split()
    return "" if state in {"Z", "X"} else fields[_START_TIME - 1]


@contextlib.contextmanager
def locked_records() -> Iterator[None]:
    """Hold the lock over all runs' records; the directory exists inside and goes afterwards if it is empty."""
    while True:
        RECORDS.mkdir(mode=0o755, exist_ok=True)
        try:
            descriptor = os.open(RECORDS, os.O_RDONLY)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if not RECORDS.exists() or RECORDS.stat().st_ino != os.fstat(descriptor).st_ino:
                continue  # another run removed it meanwhile
            yield
            with contextlib.suppress(OSError):
                RECORDS.rmdir()
            return
        finally:
            os.close(descriptor)


def remove_dead_runs() -> None:
    """Remove processes, namespaces, groups and files of runs whose owner is dead. The records' lock must be held."""
    living = {record.name for record in RECORDS.iterdir() if _lives(record)}
    dead = sorted(name for name in _namespaces() if (match := _NAME.fullmatch(name)) and match[1] not in living)
    end_processes_in(dead)
    remove_names(dead)
    remove_groups(lambda name: name[2:6] not in living)
    for record in list(RECORDS.iterdir()):
        if record.name not in living:
            shutil.rmtree(record, ignore_errors=True)


def _lives(record: Path) -> bool:
    try:
        process_id, start = (record / "owner").read_text().split()
    except (OSError, ValueError):
        return False
    return started_at(int(process_id)) == start


def _namespaces() -> list[str]:
    return [entry.name for entry in NAMESPACES.iterdir()] if NAMESPACES.is_dir() else []


def names_of(run: str) -> list[str]:
    """Return the full names of the run's namespaces."""
    return sorted(name for name in _namespaces() if name.startswith(f"dl{run}-"))


def end_processes_in(names: Collection[str]) -> None:
    """Kill every process but this one inside these namespaces and wait until all are gone."""
    until = time.monotonic() + _GONE_SECONDS
    while left := _processes_in(names):
        if time.monotonic() > until:
            raise LabError(f"killed processes {sorted(left)} in {', '.join(names)}, and they did not end")
        for process_id in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGKILL)
        time.sleep(0.01)


def _processes_in(names: Collection[str]) -> set[int]:
    numbers = {(NAMESPACES / name).stat().st_ino for name in names if (NAMESPACES / name).exists()}
    found = set()
    for entry in Path("/proc").iterdir() if numbers else ():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if (entry / "ns/net").stat().st_ino in numbers and started_at(int(entry.name)):
                    found.add(int(entry.name))
    return found


def remove_names(names: Collection[str]) -> None:
    """Remove these namespaces; their processes must have ended. Raises `LabError` where one is still there."""
    there = [name for name in names if (NAMESPACES / name).exists()]
    if not there:
        return
    commands = "".join(f"netns delete {name}\n" for name in there)
    command = ["ip", "-force", "-batch", "-"]
    done = subprocess.run(command, input=commands, capture_output=True, text=True, check=False)  # noqa: S603  # from the PATH
    if left := [name for name in there if (NAMESPACES / name).exists()]:
        raise LabError(
            f"ip netns delete {' '.join(left)} ended with {done.returncode}: {done.stderr.strip()}. "
            "See what holds them in /run/netns, then start again."
        )
