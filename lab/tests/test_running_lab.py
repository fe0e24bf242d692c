from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.contract.far_end import eventually
from lab.dead_runs import RECORDS, locked_records, names_of, started_at
from lab.lookups import Lookup, To, look_up
from lab.namespaces import Run
from lab.observing import diagnose
from lab.running import RunningLab

pytestmark = pytest.mark.timeout(300)


def _numbers(*command: str) -> set[int]:
    """Return the process ids that a command prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return set(map(int, done.stdout.split()))


def _children_of(owner: int) -> set[int]:
    return _numbers("ps", "--ppid", str(owner), "-o", "pid=")


def _processes_of(run: str, owner: int) -> set[int]:
    """Return every process in the run's namespaces and every child of the owner, but not the owner."""
    inside = set().union(*(_numbers("ip", "netns", "pids", name) for name in names_of(run)))
    return (inside | _children_of(owner)) - {owner}


def _alive(processes: set[int]) -> set[int]:
    return {each for each in processes if started_at(each)}


def _soon(holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + 60
    while not holds() and time.monotonic() < until:
        time.sleep(0.02)
    return holds()


@contextmanager
def _lab_process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Start `python -m lab` as a shell does a background job: SIGINT is ignored unless the program asks for it.

    Give it with what it printed until it was ready, and end it for certain.
    """
    command = ["sh", "-c", 'trap "" INT; exec "$@"', "-", sys.executable, "-m", "lab", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines: list[str] = []
            while not (lines and lines[-1].startswith("# Ready.")):
                line = process.stdout.readline()
                assert line, f"it ended before it was ready: {process.communicate()[1]}"
                lines.append(line.rstrip())
            yield process, lines
        finally:
            process.kill()


def _configuration(lines: list[str]) -> Path:
    return Path(next(line for line in lines if line.startswith("# Configuration: ")).partition(": ")[2])


def failed(found: tuple[Lookup, ...]) -> list[Lookup]:
    """Return the lookups that were not answered."""
    return [lookup for lookup in found if not lookup.answered]


def test_healthy_lab_answers_everywhere_and_is_found_healthy() -> None:
    """Real CoreDNS behind real kube-proxy answers every node; the bot, with its roles alone, runs every check."""
    with RunningLab(scenario="healthy", seed=1) as lab:
        found = eventually(lambda: look_up(lab), lambda seen: not failed(seen))
        code, report = eventually(lambda: diagnose(lab), lambda seen: seen[0] == 0)
        missing = lab.kubectl("exec", "-n", "ui", "deploy/ui", "--", "dig", "amazon.com")

    assert failed(found) == []
    assert (code, report["root_causes"]) == (0, [])
    assert report["coverage"]["unknown"] == []
    assert report["coverage"]["ran"] == report["coverage"]["total"]
    assert "executable file not found" in missing.stderr


def test_authorised_rule_heals_and_queries_are_counted() -> None:
    """Packets between nodes are dropped by the group's rules, and flow once the rule is there; counters show both."""
    with RunningLab(scenario="security-group", seed=1) as lab:
        before, refused = look_up(lab), lab.filter.counters()
        group = lab.world.cluster_security_group_id
        permission = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
        lab.operator.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[permission])
        lab.operator.settle()
        after = eventually(lambda: look_up(lab), lambda seen: not failed(seen))
        answers = lab.filter.answers()

    assert {lookup.whence for lookup in failed(before)} == {lookup.whence for lookup in before}
    assert sum(count for stage, count in refused.items() if stage != "passed") > 0
    assert failed(after) == []
    assert {server for _, server, _ in answers} >= {lookup.address for lookup in after if lookup.to is To.POD}


def test_nothing_is_left_behind() -> None:
    """After the end no namespace, process or file of the run is there, and this thread is home again."""
    home = os.readlink("/proc/thread-self/ns/net")  # noqa: PTH115  # a link of /proc is no path
    standing = _children_of(os.getpid())  # worlds that other tests of this worker share
    with RunningLab(scenario="healthy", seed=2) as lab:
        run = lab.run.id
        processes = _processes_of(run, os.getpid()) - standing

    assert len(processes) > 2 * len(lab.world.nodes)  # a kube-proxy and an application on each node, at least
    assert _alive(processes) == set()
    assert names_of(run) == []
    assert not lab.run.directory.exists()
    assert os.readlink("/proc/thread-self/ns/net") == home  # noqa: PTH115  # the same


def test_the_command_says_how_to_use_the_lab_and_ends_by_ctrl_c() -> None:
    """`python -m lab` prints configuration, environment and who can resolve; after SIGINT nothing of it is left."""
    with _lab_process("healthy") as (process, lines):
        configuration = _configuration(lines)
        run = configuration.relative_to(RECORDS).parts[0]
        there, processes = configuration.is_file(), _processes_of(run, process.pid)
        process.send_signal(signal.SIGINT)
        last, errors = process.communicate(timeout=120)

    assert (process.returncode, last, errors) == (0, "Everything that was started has ended.\n", "")
    assert there
    assert f"export DNSBOT_CONFIG={configuration}" in lines
    assert [line for line in lines if line.startswith("export AWS_")] != []
    heading = next(number for number, line in enumerate(lines) if line.startswith("#   from "))
    assert "own name server udp" in lines[heading]
    assert set(lines[heading + 1].split()[2:]) == {"ok/ok"}
    assert processes
    assert _alive(processes) == set()
    assert names_of(run) == []
    assert not (RECORDS / run).exists()


def test_a_killed_lab_leaves_no_process_and_the_next_start_removes_the_rest() -> None:
    """Within seconds after SIGKILL no process of a whole lab runs; the next start removes namespaces and files."""
    with _lab_process("healthy") as (process, lines):
        run = _configuration(lines).relative_to(RECORDS).parts[0]
        processes = _processes_of(run, process.pid)
        with locked_records():  # another lab that starts at this moment would remove the rest at once
            process.kill()
            process.wait()
            ended = _soon(lambda: not _alive(processes))
            left = names_of(run)

    with Run():
        assert names_of(run) == []
        assert not (RECORDS / run).exists()
    assert processes
    assert ended
    assert left != []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["no-such-scenario"], "no-such-scenario"), (["healthy", "--nodes", "1"], "nodes")],
    ids=["scenario", "nodes"],
)
def test_a_lab_that_cannot_be_says_so_in_one_line(arguments: list[str], said: str) -> None:
    """What cannot be started ends with status 1 and a line that names it, without a traceback."""
    command = [sys.executable, "-m", "lab", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr
