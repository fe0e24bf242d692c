"""Nothing is wrong."""

from __future__ import annotations

from bot.sandbox.world.scenario import Operator, Scenario
from bot.sandbox.world.world import World


def _acts(_world: World, _operator: Operator) -> None:
    pass


SCENARIO = Scenario(
    name="healthy",
    title="Nothing is wrong",
    story="Nobody did anything.",
    root_cause="",
    acts=_acts,
)
