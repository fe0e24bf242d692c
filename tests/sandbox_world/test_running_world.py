from __future__ import annotations

import os
import urllib.error
from pathlib import Path

import pytest

from bot.errors import ConfigurationError
from bot.sandbox.operator.operating import call_json
from bot.sandbox.running.bot_files import configuration, kubeconfig
from bot.sandbox.running.far_end_process import FarEndError, FarEndProcess
from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.world.scenario import OperatingError
from bot.sandbox.world.world import CLUSTER


def _gone(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_world_denies_and_delays_as_told_and_leaves_nothing() -> None:
    """Deny goes to the far end that it names; afterwards no process, port or file is left."""
    with RunningWorld(scenario="security-group", seed=4, nodes=2, deny=["ec2:DescribeVpcs", "list/pods"]) as world:
        processes = [world._aws.process_id, world._kubernetes.process_id]  # type: ignore[union-attr]  # noqa: SLF001
        directory, url = world.directory, world.kubernetes_url
        assert len(world.world.nodes) == 2
        assert {path.name for path in directory.iterdir()} == {"kubeconfig.yaml", "dnsbot.yaml"}
        assert world.environment["AWS_ENDPOINT_URL"] == world.aws_url
        with pytest.raises(OperatingError, match="403"):
            call_json("GET", f"{url}/api/v1/pods", token="reader-token")
        with pytest.raises(Exception, match="UnauthorizedOperation"):
            world.operator.aws("ec2", "DescribeVpcs")
    assert all(map(_gone, processes))
    assert not directory.exists()
    with pytest.raises(urllib.error.URLError):
        call_json("GET", f"{url}/version")


def test_an_error_on_the_way_up_leaves_nothing() -> None:
    """When the second far end cannot be built, the first is ended all the same."""
    world = RunningWorld(nodes=1)
    with pytest.raises(ValueError, match="at least 2 nodes"):
        world.__enter__()
    assert world._aws.process_id == 0  # noqa: SLF001  # nothing runs


def test_an_unknown_scenario_starts_nothing() -> None:
    """The name is checked first."""
    with pytest.raises(ConfigurationError):
        RunningWorld(scenario="no-such")


def test_a_far_end_that_dies_says_so() -> None:
    """A module that ends before it serves is an error, not a hang."""
    with pytest.raises(FarEndError, match=r"bot.sandbox.kubernetes: it ended with status 2"):
        FarEndProcess("bot.sandbox.kubernetes").start()


def test_a_far_end_ends_when_its_input_closes() -> None:
    """The kernel closes the pipe when the parent dies, however it dies."""
    process = FarEndProcess("bot.sandbox.kubernetes", "--aws-url", "http://127.0.0.1:1")
    process.start()
    child = process._process  # noqa: SLF001  # the pipe itself is the subject
    assert child is not None
    assert child.stdin is not None
    child.stdin.close()
    assert child.wait(5) is not None
    process.stop()


def test_the_bots_files_are_those_of_the_contract(tmp_path: Path) -> None:
    """Contexts, channel, selector and approval policy have their fixed names."""
    text = configuration(tmp_path)
    for words in (
        "context: cluster-prod\n",
        "writer_context: cluster-prod-write\n",
        "channel: C0123456789\n",
        "workload_selector: app.kubernetes.io/created-by=eks-workshop\n",
        "production: {required: 1, requester_may_approve: false, users: [], user_groups: [S01]",
    ):
        assert words in text
    assert "current-context: cluster-prod\n" in kubeconfig("http://127.0.0.1:1")


def test_time_passes_in_the_cloud_as_in_the_cluster(running: RunningWorld) -> None:
    """What AWS has begun is done when the operator has waited for it."""
    running.restart(scenario="healthy", seed=1, nodes=2)
    running.aws_control("POST", "paces", [{"action": "eks:CreateAddon", "seconds": 60}])
    asked = {"clusterName": CLUSTER, "addonName": "adot"}
    created = running.operator.aws("eks", "CreateAddon", **asked)["addon"]["status"]

    running.operator.time_passes(61)

    assert created == "CREATING"
    assert running.operator.aws("eks", "DescribeAddon", **asked)["addon"]["status"] == "ACTIVE"
