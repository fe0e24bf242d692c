from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from lab.lookup_table import Cell, coredns_addresses, look_up
from lab.running import RunningLab

pytestmark = pytest.mark.timeout(300)
ROOT_CAUSES = {
    "security-group": "dns_blocked_by_security_group",
    "node-group-split": "dns_blocked_by_security_group",
    "network-acl": "dns_blocked_by_network_acl",
    "no-endpoints": "coredns_crash_corefile",
    "kube-proxy-forbidden": "kube_proxy_forbidden",
    "kube-proxy-timeout": "kube_proxy_api_timeout",
    "wrong-nameserver": "wrong_nameserver",
}


def diagnose(lab: RunningLab) -> tuple[int, dict[str, Any]]:
    """Run `dnsbot diagnose cluster-prod --output json` as a user would; return exit code and report."""
    done = subprocess.run(
        [sys.executable, "-m", "bot", "diagnose", "cluster-prod", "--output", "json",
         "--config", str(lab.directory / "dnsbot.yaml")],
        env={**os.environ, **lab.environment, "DATABASE_URL": f"sqlite:///{lab.directory}/history.db"},
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def failed(cells: tuple[Cell, ...]) -> list[Cell]:
    """Return the look-ups that were not answered."""
    return [cell for cell in cells if not cell.answered]


def test_healthy_lab_answers_everywhere_and_is_found_healthy() -> None:
    """Real CoreDNS behind real kube-proxy answers every node; the bot, with its roles alone, runs every check."""
    with RunningLab(scenario="healthy", seed=1) as lab:
        cells = look_up(lab)
        code, report = diagnose(lab)
        missing = lab.kubectl("exec", "-n", "ui", "deploy/ui", "--", "dig", "amazon.com")

    assert failed(cells) == []
    assert (code, report["root_causes"]) == (0, [])
    assert report["coverage"]["unknown"] == []
    assert report["coverage"]["ran"] == report["coverage"]["total"]
    assert "executable file not found" in missing.stderr


@pytest.mark.parametrize("scenario", ROOT_CAUSES)
def test_diagnosis_names_exactly_the_root_cause(scenario: str) -> None:
    """What real programs and the kernel make of an operator's act leads to the cause that the scenario names."""
    with RunningLab(scenario=scenario, seed=1) as lab:
        code, report = diagnose(lab)

    assert report["root_causes"] == [ROOT_CAUSES[scenario]]
    assert code == 2
    assert report["coverage"]["unknown"] == []


def test_authorised_rule_heals_and_queries_are_counted() -> None:
    """Packets between nodes are dropped by the group's rules, and flow once the rule is there; counters show both."""
    with RunningLab(scenario="security-group", seed=1) as lab:
        before, refused = look_up(lab), lab.filter.counters()
        group = lab.world.cluster_security_group_id
        permission = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
        lab.operator.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[permission])
        lab.operator.settle()
        after, answers = look_up(lab), lab.filter.answers()
        servers = coredns_addresses(lab)

    assert {cell.node for cell in failed(before)} == {cell.node for cell in before}
    assert sum(count for stage, count in refused.items() if stage != "passed") > 0
    assert failed(after) == []
    assert {server for _, server, _ in answers} >= set(servers)


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
