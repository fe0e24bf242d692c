from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab.dead_runs import NAMESPACES, RECORDS, locked_records, names_of, remove_names, started_at
from lab.errors import LabError
from lab.namespaces import Run, joined

OWNER = """
import json, subprocess, sys, time
from lab.namespaces import Run
run = Run().begin()
netns = run.netns("node-a")
(run.directory / "notes").write_text("a file of this run")
child = run.run_in(netns, ["sleep", "600"])
parent = run.run_in(netns, ["sh", "-c", "sleep 601 & echo $!; wait"], stdout=subprocess.PIPE, text=True)
outside = run.run_in("", ["sleep", "602"])
grandchild = int(parent.stdout.readline())
processes = [child.pid, parent.pid, grandchild, outside.pid, run._watchdog.pid]
print(json.dumps({"run": run.id, "netns": netns, "processes": processes}), flush=True)
time.sleep(600)
"""
"""A program that owns a run: processes in a namespace, one of a second generation, one outside, and files."""

OWNER_OF_ONE = """
import time
from lab.namespaces import Run
print(Run().begin().run_in("", ["sleep", "603"]).pid, flush=True)
time.sleep(600)
"""
"""A program that owns a run, and says that its one process has started before that could do anything."""


@contextmanager
def _owner() -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Start a program that owns a run, and end it for certain."""
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def _soon(holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + 30
    while not holds() and time.monotonic() < until:
        time.sleep(0.02)
    return holds()


def _alive(process_ids: list[int]) -> list[int]:
    return [each for each in process_ids if started_at(each)]


def _told(process_id: int) -> str:
    """Return what a process that should be gone is."""
    return Path(f"/proc/{process_id}/cmdline").read_text().replace("\0", " ")


def test_a_program_runs_inside_its_namespace_and_its_thread_comes_back(run: Run) -> None:
    """A program that `run_in` starts is in the namespace, and this thread is where it was."""
    before = Path("/proc/thread-self/ns/net").readlink()
    netns = run.netns("pod-a")

    told = run.run_in(netns, ["readlink", "/proc/self/ns/net"], stdout=subprocess.PIPE)
    inside = told.communicate()[0].decode().strip()
    with joined(netns):
        here = Path("/proc/thread-self/ns/net").readlink()

    assert inside == str(here) != str(before)
    assert Path("/proc/thread-self/ns/net").readlink() == before


def test_an_ended_run_leaves_no_namespace_no_process_and_no_file() -> None:
    """After `end`, even of a run with a stopped process and one that ignores SIGTERM, nothing of it is there."""
    run = Run().begin()
    netns = run.netns("node-a")
    stopped = run.run_in(netns, ["sleep", "600"])
    stopped.send_signal(signal.SIGSTOP)
    deaf = run.run_in(netns, ["sh", "-c", "trap '' TERM; echo ready; sleep 600; sleep 600"], stdout=subprocess.PIPE)
    assert deaf.stdout is not None
    deaf.stdout.readline()

    run.end()

    assert _alive([stopped.pid, deaf.pid]) == []
    assert (stopped.returncode, deaf.returncode) == (-signal.SIGTERM, -signal.SIGKILL)
    assert names_of(run.id) == []
    assert not run.directory.exists()


def test_a_namespace_that_is_removed_takes_its_processes_along(run: Run) -> None:
    """Removing one namespace ends what runs in it and nothing else."""
    gone, kept = run.netns("pod-a"), run.netns("pod-b")
    ended, goes_on = run.run_in(gone, ["sleep", "600"]), run.run_in(kept, ["sleep", "600"])

    run.remove_netns(gone)

    assert ended.wait(5) == -signal.SIGKILL
    assert goes_on.poll() is None
    assert names_of(run.id) == [kept]


def test_a_killed_owner_leaves_no_process_and_the_next_start_removes_the_rest() -> None:
    """After kill -9 every process ends, of the second generation, too; the next start removes namespaces and files."""
    with _owner() as (process, told):
        with locked_records():  # another lab that starts at this moment would remove the rest at once
            process.kill()
            process.wait()

            assert _soon(lambda: _alive(told["processes"]) == [])
            assert names_of(told["run"]) == [told["netns"]]
        with Run():
            assert names_of(told["run"]) == []
            assert not (RECORDS / told["run"]).exists()


def test_a_program_whose_owner_dies_before_it_could_ask_for_the_death_signal_never_begins(tmp_path: Path) -> None:
    """With a `setpriv` that takes its time, an owner killed right after the start leaves no program behind."""
    slow = tmp_path / "setpriv"
    slow.write_text(f'#!/bin/sh\nsleep 1\nexec {shutil.which("setpriv")} "$@"\n')
    slow.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-c", OWNER_OF_ONE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PATH": path}) as process:
        assert process.stdout is not None
        started = int(process.stdout.readline())

        process.kill()

    assert _soon(lambda: _alive([started]) == []), _told(started)


def test_a_killed_owner_and_watchdog_leave_what_the_next_start_ends() -> None:
    """Where the watchdog is killed first, orphans of the second generation stay until the next start."""
    with _owner() as (process, told):
        _, _, grandchild, _, watchdog = told["processes"]
        with locked_records():
            os.kill(watchdog, signal.SIGKILL)
            process.kill()
            process.wait()
            assert _soon(lambda: _alive(told["processes"]) == [grandchild])

        with Run():
            assert _alive(told["processes"]) == []
            assert names_of(told["run"]) == []


def test_a_start_never_touches_what_a_running_lab_owns() -> None:
    """Two runs live side by side; a third start and its end leave their namespaces, processes and files alone."""
    with _owner() as (_, one), _owner() as (_, other):
        with Run() as third:
            third.netns("node-a")

        for told in (one, other):
            assert _alive(told["processes"]) == told["processes"]
            assert names_of(told["run"]) == [told["netns"]]
            assert (RECORDS / told["run"] / "notes").read_text() == "a file of this run"
        assert names_of(third.id) == []
    Run().begin().end()  # removes what the owners leave, who end by SIGKILL


def test_a_record_whose_process_id_was_used_again_is_dead() -> None:
    """A run whose owner's id now belongs to another process (another start time) is removed."""
    run = Run().begin()
    netns = run.netns("node-a")
    (run.directory / "owner").write_text(f"{os.getpid()} 1\n")

    with Run():
        removed = names_of(run.id)
    run.end()

    assert netns.startswith("dl")
    assert removed == []


def test_two_starts_at_the_same_moment_do_not_hurt_one_another() -> None:
    """Five programs that begin and end runs at once all succeed."""
    program = "from lab.namespaces import Run\nfor _ in range(3):\n    with Run() as run:\n        run.netns('a')\n"
    processes = [subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) for _ in range(5)]

    errors = [process.communicate()[1].decode() for process in processes]

    assert errors == [""] * 5


def test_without_root_a_clear_line_says_so() -> None:
    """Somebody else than root learns what is missing, and nothing is started."""
    program = "import os\nfrom lab.namespaces import require_root\nos.setuid(65534)\nrequire_root()"
    done = subprocess.run([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True, check=False)

    assert done.stderr.splitlines()[-1] == (
        "lab.errors.LabError: The lab needs root: it makes network namespaces. Nothing was started; run it as root."
    )


def test_a_failing_ip_command_names_command_and_namespace(run: Run) -> None:
    """An error of `ip` says what was tried, where, and what came back."""
    netns = run.netns("node-a")

    with pytest.raises(LabError, match=rf"ip netns add {netns}: Cannot create"):
        run.netns("node-a")


@pytest.mark.usefixtures("run")
def test_a_namespace_that_cannot_be_removed_is_named() -> None:
    """Where `ip` cannot remove a name (here a folder has it), the error says which, and what came back."""
    place = NAMESPACES / "dlkept-a-folder"
    place.mkdir(parents=True)

    try:
        with pytest.raises(LabError, match=r"ip netns delete dlkept-a-folder ended with 1: Cannot remove"):
            remove_names([place.name])
    finally:
        place.rmdir()
