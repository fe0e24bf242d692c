"""`dnsbot diagnose` where there is no dnsbot.yaml: the current context of a kubeconfig is enough."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.world.world import WORKLOAD_SELECTOR

pytestmark = pytest.mark.slow
AWS_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def diagnose(
    world: RunningWorld, folder: Path, *arguments: str, without: tuple[str, ...] = ()
) -> tuple[int, str, dict[str, Any]]:
    """Run the command in an empty folder, as a new user would; return exit code, standard error and report."""
    environment = {**os.environ, **world.environment, "HOME": str(folder)}
    environment["KUBECONFIG"] = str(world.directory / "kubeconfig.yaml")
    for name in (*without, "DNSBOT_CONFIG", "DATABASE_URL"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-m", "bot", "diagnose", *arguments, "--output", "json"],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, done.stderr, json.loads(done.stdout)


def test_the_current_context_is_diagnosed_and_nothing_is_kept(world: RunningWorld, tmp_path: Path) -> None:
    """The cause is found, what was assumed is said, and the folder is as empty as it was."""
    world.restart(scenario="security-group", seed=11)

    code, said, report = diagnose(world, tmp_path, "--selector", WORKLOAD_SELECTOR)

    assert (code, report["root_causes"]) == (2, ["dns_blocked_by_security_group"])
    assert report["cluster_arn"] == "arn:aws:eks:eu-west-1:123456789012:cluster/cluster-prod"
    assert "assumed: context cluster-prod, the current one" in said
    assert "assumed: no database" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("without", "missing"),
    [
        pytest.param(AWS_CREDENTIALS, "no AWS credential", id="no credentials"),
        pytest.param(("AWS_REGION", "AWS_DEFAULT_REGION"), "no AWS region is known", id="no region"),
    ],
)
def test_without_aws_the_kubernetes_half_runs(
    world: RunningWorld, tmp_path: Path, without: tuple[str, ...], missing: str
) -> None:
    """What AWS would have said is unknown, for one reason, and nothing of it is said to be well."""
    world.restart(scenario="coredns-oom-killed", seed=12)

    code, said, report = diagnose(world, tmp_path, without=without)

    unknown = {one["rule"]: one["reason"] for one in report["coverage"]["unknown"]}
    assert (code, report["root_causes"]) == (2, ["coredns_oom_killed"])
    assert missing in unknown["dns_blocked_by_security_group"]
    assert missing in unknown["dns_blocked_by_network_acl"]
    assert "Traceback" not in said
