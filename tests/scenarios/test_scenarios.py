from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from bot.commands.asked import ask
from bot.commands.printing import EXIT_CODES
from bot.domain.cluster import Question
from bot.domain.diagnosis import Diagnosis
from bot.history import migrate
from bot.report.json_report import json_report
from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.world.editing import find

Asked = Callable[..., tuple[int, dict[str, Any]]]


NOT_NEEDED = {
    "alembic", "apscheduler", "boto3", "jinja2", "kubernetes.client.models.v1_pod", "matplotlib", "moto", "numpy",
    "slack_bolt", "slack_sdk", "psycopg", "structlog",
}  # fmt: skip
"""What a diagnosis on the command line must not pay for: start-up is most of what a small one costs."""


def diagnose(world: RunningWorld, *arguments: str) -> tuple[int, dict[str, Any], set[str]]:
    """Run `dnsbot diagnose cluster-prod --output json` as a user would; return exit code, report, imported modules."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "bot", "diagnose", "cluster-prod", *arguments, "--output", "json",
         "--config", str(world.directory / "dnsbot.yaml")],
        env={**os.environ, **world.environment, "DATABASE_URL": f"sqlite:///{world.directory}/history.db"},
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    return done.returncode, json.loads(done.stdout), imported


@pytest.fixture(scope="module")
def asked(run_here: Callable[[Question], Diagnosis]) -> Asked:
    """Diagnose as the command does, without the second that starting Python costs; exit code and report."""

    def run(*playbooks: str, pod: str = "", names: tuple[str, ...] = ()) -> tuple[int, dict[str, Any]]:
        diagnosis = run_here(ask("cluster-prod", playbooks, pod=pod, names=names))
        return EXIT_CODES[diagnosis.verdict], json.loads(json.dumps(json_report(diagnosis)))

    return run


@pytest.mark.slow
@pytest.mark.parametrize(("scenario", "code"), [("healthy", 0), ("node-group-split", 2)])
def test_command_names_exactly_the_root_cause(world: RunningWorld, scenario: str, code: int) -> None:
    """`dnsbot diagnose --output json` names what the operator broke and nothing else, and its exit code says so.

    It imports nothing of what other commands need; the database stands already.
    """
    migrate(f"sqlite:///{world.directory}/history.db")
    world.restart(scenario=scenario, seed=1)

    ended, report, imported = diagnose(world)

    assert "bot.workflow.diagnose" in imported
    assert {name for name in NOT_NEEDED if any(f"{one}.".startswith(f"{name}.") for one in imported)} == set()
    assert report["root_causes"] == [cause for cause in (world.scenario.root_cause,) if cause]
    assert ended == code
    assert report["coverage"]["ran"] == report["coverage"]["total"]


@pytest.mark.slow
def test_crash_explains_the_missing_endpoints(world: RunningWorld, asked: Asked) -> None:
    """A bad Corefile is the root cause; the pods that it ends and the service without endpoints follow from it."""
    world.restart(scenario="no-endpoints", seed=4)

    _, report = asked()

    explained = {finding["rule"]: finding["explained_by"] for finding in report["findings"]}
    assert explained["kube_dns_no_endpoints"] == ["coredns_pods_not_ready", "coredns_crash_corefile"]
    assert "kube_dns_no_endpoints" in explained["dns_lookups_fail"]


@pytest.mark.slow
def test_pod_and_names_are_looked_from_and_at(world: RunningWorld) -> None:
    """--pod and --name go through the lookups, and only the playbook that was named runs."""
    world.restart(scenario="healthy", seed=5)
    pods = world.operator.get("pods", namespace="carts", labels="app.kubernetes.io/created-by=eks-workshop")
    pod = f"carts/{pods[-1]['metadata']['name']}"

    code, report, _ = diagnose(world, "lookups", "--pod", pod, "--name", "kubernetes.default.svc.cluster.local")

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


ABSENT = "orders.nowhere.svc.cluster.local"
KNOWN = ("kubernetes.default.svc.cluster.local", "kubernetes.default.svc", "amazon.com")


@pytest.mark.slow
def test_a_name_that_nobody_knows_is_a_problem_because_it_was_asked(world: RunningWorld, asked: Asked) -> None:
    """The world is well, and so it is said; the names that exist come with their addresses."""
    world.restart(scenario="healthy", seed=7)

    code, report = asked(names=(ABSENT, *KNOWN))

    problems = [one["rule"] for one in report["findings"] if one["verdict"] == "problem"]
    answers = {name: {(one["answer"], bool(one["addresses"])) for one in report["names"] if one["name"] == name}
               for name in (ABSENT, *KNOWN)}  # fmt: skip
    assert (code, report["root_causes"], problems) == (2, [], ["asked_name_does_not_exist"])
    assert answers == {ABSENT: {("nxdomain", False)}, **{key: {("answered", True)} for key in KNOWN}}
    assert report["lookups"]["all_answer"] is True


@pytest.mark.slow
def test_names_that_exist_are_no_problem_and_a_blocked_way_is_no_absent_name(world: RunningWorld, asked: Asked) -> None:
    """What only looks like an absent name: one that is known, and one of which no answer arrives."""
    world.restart(scenario="healthy", seed=8)
    code, report = asked("lookups", names=KNOWN[:2])
    world.restart(scenario="security-group", seed=8)
    pod = "catalog/none"

    blocked, told = asked(names=(ABSENT,), pod=pod)

    verdicts = {one["rule"]: one["verdict"] for one in told["findings"]}
    assert (code, report["verdict"]) == (0, "healthy")
    assert (blocked, told["root_causes"]) == (2, ["dns_blocked_by_security_group"])
    assert verdicts["asked_name_does_not_exist"] != "problem"
    assert {one["answer"] for one in told["names"]} >= {"timed out"}
    assert f"there is no pod {pod}" in {one["rule"]: one["reason"] for one in told["coverage"]["unknown"]}["asked_pod"]


def admit(world: RunningWorld, protocol: str, **source: object) -> None:
    """Let `protocol` 53 into the cluster security group, as an operator would by hand."""
    group = world.world.cluster_security_group_id
    permission = {"IpProtocol": protocol, "FromPort": 53, "ToPort": 53, **source}
    world.operator.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[permission])


@pytest.mark.slow
def test_healing_by_another_route_is_seen_as_healing(world: RunningWorld, asked: Asked) -> None:
    """Two CIDR rules do what the proposed rule would have done: all is well."""
    world.restart(scenario="security-group", seed=6)
    for protocol in ("udp", "tcp"):
        admit(world, protocol, IpRanges=[{"CidrIp": world.world.home.cidr}])

    code, report = asked()

    assert (code, report["root_causes"], report["lookups"]["all_answer"]) == (0, [], True)


@pytest.mark.slow
def test_half_a_fix_is_not_taken_for_one(world: RunningWorld, asked: Asked) -> None:
    """UDP alone: the rule still finds the problem, and lookups over TCP still fail."""
    world.restart(scenario="security-group", seed=6)
    admit(world, "udp", UserIdGroupPairs=[{"GroupId": world.world.cluster_security_group_id}])

    code, report = asked()

    symptom = next(finding for finding in report["findings"] if finding["rule"] == "dns_lookups_fail")
    assert (code, report["root_causes"]) == (2, ["dns_blocked_by_security_group"])
    assert report["lookups"]["all_answer"] is False
    assert "tcp" in symptom["summary"].lower()


@pytest.mark.slow
def test_fargate_advice_is_given_and_its_healing_is_not_simulated(
    world: RunningWorld, diagnose_here: Callable[[], dict[str, Any]]
) -> None:
    """The advice removes the annotation. No Fargate scheduler is simulated here: the pods stay pending after it."""
    world.restart(scenario="coredns-pods-pending-fargate", seed=1)
    report = diagnose_here()
    finding = next(item for item in report["findings"] if item["rule"] == "coredns_pods_pending")
    assert "eks.amazonaws.com~1compute-type" in json.dumps(finding)

    coredns = find(world.operator, "deployments.apps", "coredns", namespace="kube-system")
    del coredns["spec"]["template"]["metadata"]["annotations"]
    world.operator.apply(coredns)
    world.operator.settle()

    pods = world.operator.get("pods", namespace="kube-system", labels="k8s-app=kube-dns")
    assert {pod["status"]["phase"] for pod in pods} == {"Pending"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pod", "denied", "said"),
    [("catalog/none", [], "there is no pod catalog/none"), ("catalog/some", ["get pods"], "pods: get")],
    ids=["no such pod", "may not be read"],
)
def test_a_named_pod_that_cannot_be_read_is_not_healthy(
    world: RunningWorld, asked: Asked, pod: str, denied: list[str], said: str
) -> None:
    """A person asked about one pod: that the others' lookups work is no answer."""
    world.restart(scenario="healthy", seed=1)
    world.kubernetes_control("POST", "deny", {"actions": denied})

    code, report = asked("lookups", pod=pod)

    unknown = {one["rule"]: one["reason"] + one["grant"] for one in report["coverage"]["unknown"]}
    assert (code, report["verdict"]) == (3, "unknown")
    assert said in unknown["dns_lookups_fail"]
