from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lab.dead_runs import names_of, started_at
from lab.lookups import Lookup, To, look_up
from lab.observing import diagnose
from lab.running import RunningLab

pytestmark = pytest.mark.timeout(300)


def _numbers(*command: str) -> set[int]:
    """Return the process ids that a command prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return set(map(int, done.stdout.split()))


def _processes_of(run: str, owner: int) -> set[int]:
    """Return every process in the run's namespaces and every child of the owner, but not the owner."""
    inside = set().union(*(_numbers("ip", "netns", "pids", name) for name in names_of(run)))
    return (inside | _numbers("ps", "--ppid", str(owner), "-o", "pid=")) - {owner}


def _alive(processes: set[int]) -> set[int]:
    return {each for each in processes if started_at(each)}


def failed(found: tuple[Lookup, ...]) -> list[Lookup]:
    """Return the look-ups that were not answered."""
    return [lookup for lookup in found if not lookup.answered]


def test_healthy_lab_answers_everywhere_and_is_found_healthy() -> None:
    """Real CoreDNS behind real kube-proxy answers every node; the bot, with its roles alone, runs every check."""
    with RunningLab(scenario="healthy", seed=1) as lab:
        found = look_up(lab)
        code, report = diagnose(lab)
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
        after, answers = look_up(lab), lab.filter.answers()

    assert {lookup.node for lookup in failed(before)} == {lookup.node for lookup in before}
    assert sum(count for stage, count in refused.items() if stage != "passed") > 0
    assert failed(after) == []
    assert {server for _, server, _ in answers} >= {lookup.address for lookup in after if lookup.to is To.POD}


def test_nothing_is_left_behind() -> None:
    """After the end no namespace, process or file of the run is there, and this thread is home again."""
    home = os.readlink("/proc/thread-self/ns/net")  # noqa: PTH115  # a link of /proc is no path
    with RunningLab(scenario="healthy", seed=2) as lab:
        run = lab.run.id
        processes = _processes_of(run, os.getpid())

    assert len(processes) > 2 * len(lab.world.nodes)  # a kube-proxy and an application on each node, at least
    assert _alive(processes) == set()
    assert names_of(run) == []
    assert not lab.run.directory.exists()
    assert os.readlink("/proc/thread-self/ns/net") == home  # noqa: PTH115  # the same


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
