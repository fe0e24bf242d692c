"""Outlives its run's owner by a moment: when the owner is gone, however it went, every process of the run is killed.

The kernel's death signal reaches only what the owner itself started; this reaches what those started as well.
`python -m lab.watchdog RUN OWNER_PROCESS_ID OWNER_START_TIME`; ends when its standard input closes or its owner dies.
"""

from __future__ import annotations

import select
import subprocess
import sys
from typing import Any

from lab.dead_runs import end_processes_in, names_of, started_at

_LOOK_SECONDS = 0.5


def start(run: str, owner: int) -> subprocess.Popen[Any]:
    """Start the watchdog of a run; close its standard input to end it."""
    command = [sys.executable, "-m", "lab.watchdog", run, str(owner), started_at(owner)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603  # our own module


def main(run: str, owner: str, start_time: str) -> None:
    """Wait for the owner's end, then kill what is left in the run's namespaces."""
    while started_at(int(owner)) == start_time:
        if select.select([sys.stdin], [], [], _LOOK_SECONDS)[0] and not sys.stdin.readline():
            break
    end_processes_in(names_of(run))


if __name__ == "__main__":
    main(*sys.argv[1:])
