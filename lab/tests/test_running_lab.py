from __future__ import annotations

import os
import subprocess

import pytest

from lab.lookups import Lookup, To, look_up
from lab.observing import diagnose
from lab.running import RunningLab

pytestmark = pytest.mark.timeout(300)


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
    """After the end no namespace and no process of the run is there, and this thread is home again."""
    home = os.readlink("/proc/thread-self/ns/net")  # noqa: PTH115  # a link of /proc is no path
    with RunningLab(scenario="healthy", seed=2) as lab:
        run = lab.run.id

    names = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout  # noqa: S607  # from the PATH
    commands = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout  # noqa: S607
    assert f"dl{run}-" not in names
    assert f"/run/eks-dns-bot-lab/{run}" not in commands
    assert os.readlink("/proc/thread-self/ns/net") == home  # noqa: PTH115  # the same
