"""A lab that one test has looked at and the next one heals: its start, and waiting for its fault, are paid once."""

from __future__ import annotations

import pytest

from bot.sandbox.world.scenario_catalogue import find_scenario
from lab.memory_groups import place
from lab.running import RunningLab


class Shelf:
    """Holds one running lab at most. The thread that starts it is in its control plane's namespace meanwhile."""

    def __init__(self) -> None:
        self._lab: RunningLab | None = None
        self._key: tuple[str, int] | None = None

    def lab(self, scenario: str, seed: int = 1) -> RunningLab:
        """Return a lab with this scenario: the one that stands here, else a new one, which stands here from now on.

        Skips the test where this machine cannot show the scenario.
        """
        if self._lab is not None and self._key == (scenario, seed):
            return self._lab
        self.clear()
        if find_scenario(scenario).by_memory_limit and place() is None:
            pytest.skip(
                f"{scenario}: this machine lets no group with a memory limit be made, so no kernel kills for it"
            )
        lab = RunningLab(scenario=scenario, seed=seed)
        self._lab, self._key = lab.__enter__(), (scenario, seed)
        return self._lab

    def clear(self) -> None:
        """End the lab that stands here, if one does."""
        lab, self._lab, self._key = self._lab, None, None
        if lab is not None:
            lab.stop()
