from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from bot.sandbox.running import RunningWorld

ROOT_CAUSES = {
    "healthy": [],
    "security-group": ["dns_blocked_by_security_group"],
    "node-group-split": ["dns_blocked_by_security_group"],
    "network-acl": ["dns_blocked_by_network_acl"],
    "no-endpoints": ["coredns_crash_corefile"],
    "kube-proxy-forbidden": ["kube_proxy_forbidden"],
    "kube-proxy-timeout": ["kube_proxy_api_timeout"],
    "wrong-nameserver": ["wrong_nameserver"],
}


def diagnose(world: RunningWorld, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run `dnsbot diagnose cluster-prod --output json` as a user would; return exit code and report."""
    done = subprocess.run(
        [sys.executable, "-m", "bot", "diagnose", "cluster-prod", *arguments, "--output", "json",
         "--config", str(world.directory / "dnsbot.yaml")],
        env={**os.environ, **world.environment, "DATABASE_URL": f"sqlite:///{world.directory}/history.db"},
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ROOT_CAUSES)
def test_command_names_exactly_the_root_cause(world: RunningWorld, scenario: str) -> None:
    """`dnsbot diagnose --output json` names what the operator broke and nothing else, and its exit code says so."""
    world.restart(scenario=scenario, seed=1)

    code, report = diagnose(world)

    assert report["root_causes"] == ROOT_CAUSES[scenario]
    assert code == (2 if ROOT_CAUSES[scenario] else 0)
    assert report["coverage"]["ran"] == report["coverage"]["total"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("scenario", ROOT_CAUSES)
def test_root_cause_does_not_depend_on_the_seed(
    world: RunningWorld, diagnose_here: Callable[[], dict[str, Any]], scenario: str, seed: int
) -> None:
    """Whatever the ids, addresses, node counts and rule orders, the same cause is named with full coverage."""
    world.restart(scenario=scenario, seed=seed)

    report = diagnose_here()

    assert report["root_causes"] == ROOT_CAUSES[scenario]
    assert report["verdict"] == ("problem" if ROOT_CAUSES[scenario] else "healthy")
    assert report["coverage"]["unknown"] == []


@pytest.mark.slow
def test_crash_explains_the_missing_endpoints(world: RunningWorld) -> None:
    """A bad Corefile is the root cause; the service without endpoints follows from it."""
    world.restart(scenario="no-endpoints", seed=4)

    _, report = diagnose(world)

    explained = {finding["rule"]: finding["explained_by"] for finding in report["findings"]}
    assert explained["kube_dns_no_endpoints"] == ["coredns_crash_corefile"]
    assert "kube_dns_no_endpoints" in explained["dns_lookups_fail"]


@pytest.mark.slow
def test_pod_and_names_are_looked_from_and_at(world: RunningWorld) -> None:
    """--pod and --name go through the look-ups, and only the playbook that was named runs."""
    world.restart(scenario="healthy", seed=5)
    pods = world.operator.get("pods", namespace="carts", labels="app.kubernetes.io/created-by=eks-workshop")
    pod = f"carts/{pods[-1]['metadata']['name']}"

    code, report = diagnose(world, "lookups", "--pod", pod, "--name", "kubernetes.default.svc.cluster.local")

    assert code == 0
    assert {finding["playbook"] for finding in report["findings"]} == {"lookups"}
    assert "looked from 3 of 3 nodes" in report["lookups"]["looked_from"]


@pytest.mark.slow
def test_usage_errors_exit_1_and_name_the_nearest(world: RunningWorld) -> None:
    """A typo in the cluster's name is told on standard error, with nothing on standard output."""
    done = subprocess.run(
        [sys.executable, "-m", "bot", "diagnose", "cluster-pord", "--config", str(world.directory / "dnsbot.yaml")],
        env={**os.environ, **world.environment, "DATABASE_URL": f"sqlite:///{world.directory}/history.db"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert done.stdout == ""
    assert "Did you mean cluster-prod?" in done.stderr


def admit(world: RunningWorld, protocol: str, **source: object) -> None:
    """Let `protocol` 53 into the cluster security group, as an operator would by hand."""
    group = world.world.cluster_security_group_id
    permission = {"IpProtocol": protocol, "FromPort": 53, "ToPort": 53, **source}
    world.operator.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[permission])


@pytest.mark.slow
def test_healing_by_another_route_is_seen_as_healing(world: RunningWorld) -> None:
    """Two CIDR rules do what the proposed rule would have done: all is well."""
    world.restart(scenario="security-group", seed=6)
    for protocol in ("udp", "tcp"):
        admit(world, protocol, IpRanges=[{"CidrIp": world.world.vpc_cidr}])

    code, report = diagnose(world)

    assert (code, report["root_causes"], report["lookups"]["all_answer"]) == (0, [], True)


@pytest.mark.slow
def test_half_a_fix_is_not_taken_for_one(world: RunningWorld) -> None:
    """UDP alone: the rule still finds the problem, and look-ups over TCP still fail."""
    world.restart(scenario="security-group", seed=6)
    admit(world, "udp", UserIdGroupPairs=[{"GroupId": world.world.cluster_security_group_id}])

    code, report = diagnose(world)

    symptom = next(finding for finding in report["findings"] if finding["rule"] == "dns_lookups_fail")
    assert (code, report["root_causes"]) == (2, ["dns_blocked_by_security_group"])
    assert report["lookups"]["all_answer"] is False
    assert "tcp" in symptom["summary"].lower()
