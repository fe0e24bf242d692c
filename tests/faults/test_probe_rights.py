"""What the reading role of a peer needs to look up by an instance and by a function: each right taken away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.app import SourceBook, make_diagnoser
from bot.domain.cluster import Question
from bot.domain.network_lookups import EndpointLookups
from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.world.world import CLUSTER
from bot.settings.load import load_settings
from bot.workflow.diagnose import Diagnoser
from tests.environment import environment
from tests.patience import patient

ASKED = Question(cluster=CLUSTER, playbooks=("private-endpoint",))


@pytest.fixture(scope="module")
def world(far_ends: RunningWorld) -> Iterator[RunningWorld]:
    """A healthy world in which an instance and a function look names up."""
    far_ends.restart(scenario="private-endpoint-without-clusters-look-alike", seed=1, nodes=2)
    with environment(far_ends.environment):
        yield far_ends


@pytest.fixture(scope="module")
def diagnoser(world: RunningWorld) -> Iterator[Diagnoser]:
    """A diagnoser whose clients are made once."""
    settings = load_settings(world.directory / "dnsbot.yaml", {})
    sources = SourceBook(settings)
    yield patient(make_diagnoser(settings, sources))
    sources.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("action", "peer", "other"),
    [
        ("ssm:SendCommand", "tools", "batch"),
        ("ssm:GetCommandInvocation", "tools", "batch"),
        ("lambda:InvokeFunction", "batch", "tools"),
    ],
)
def test_a_right_of_a_probe_that_is_taken_away_is_named_and_the_other_network_is_looked_from(
    world: RunningWorld, diagnoser: Diagnoser, action: str, peer: str, other: str
) -> None:
    """With the place at which it is missing; what was seen from the other one stays."""
    world.aws_control("POST", "deny", {"actions": [action]})

    diagnosis = diagnoser.run(ASKED)

    world.aws_control("POST", "deny", {"actions": []})
    (found,) = [one.value for one in diagnosis.evidence if isinstance(one.value, EndpointLookups)]
    place = next(one.place for one in diagnosis.target.peers if one.place.name == peer)
    assert [(gap.what, gap.grant) for gap in found.gaps] == [(f"lookups from {peer}", f"{action} at {place}")]
    assert [one.place for one in found.networks] == [other]
    assert diagnosis.verdict.value == "unknown"
