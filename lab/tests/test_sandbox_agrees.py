from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

from bot.sandbox.running import RunningWorld
from bot.sandbox.scenario_catalogue import all_look_alikes, all_scenarios, find_scenario
from lab.contract.observing import Lookups, Running, diagnose, log_kinds, look_up_everything, pod_states, problems
from lab.running import RunningLab

pytestmark = pytest.mark.timeout(420)
T = TypeVar("T")
_PATIENCE_SECONDS = 90.0
_PAUSE_SECONDS = 1.0


def _until_alike(look: Callable[[Running], T], lab: Running, sandbox: Running) -> tuple[T, T]:
    """Look at both until they show the same, for a while: real programs take their time, and start again."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        real, simulated = look(lab), look(sandbox)
        if real == simulated or time.monotonic() > until:
            return real, simulated
        time.sleep(_PAUSE_SECONDS)


def _differences(real: Lookups, simulated: Lookups) -> dict[object, tuple[frozenset[str], frozenset[str]]]:
    """Return the ways that both have, that do not depend on chance, and that led elsewhere."""
    return {
        way: (real[way], simulated[way])
        for way in real.keys() & simulated.keys()
        if way.is_certain and real[way] != simulated[way]
    }


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("scenario", [one.name for one in all_scenarios()])
def test_lab_and_sandbox_show_the_same(scenario: str, seed: int) -> None:
    """Pod states, kinds of log lines, look-ups and the root cause agree; where not, the sandbox is wrong."""
    with RunningLab(scenario=scenario, seed=seed) as lab, RunningWorld(scenario=scenario, seed=seed) as sandbox:
        states = _until_alike(pod_states, lab, sandbox)
        lookups = look_up_everything(lab), look_up_everything(sandbox)
        kinds = _until_alike(log_kinds, lab, sandbox)
        reports = diagnose(lab)[1], diagnose(sandbox)[1]

    root_cause = find_scenario(scenario).root_cause
    assert [report["root_causes"] for report in reports] == [[root_cause] if root_cause else []] * 2
    assert problems(reports[0]) == problems(reports[1])
    assert states[0] == states[1]
    assert kinds[0] == kinds[1]
    assert _differences(*lookups) == {}
    assert len(lookups[0].keys() & lookups[1].keys()) >= 4


@pytest.mark.parametrize("look_alike", [one.name for one in all_look_alikes()])
def test_what_only_looks_like_the_fault_is_not_blamed_in_the_lab(look_alike: str) -> None:
    """Real programs bear what the operator did, and the bot finds nothing wrong."""
    with RunningLab(scenario=look_alike, seed=1) as lab:
        code, report = diagnose(lab)

    assert (report["root_causes"], problems(report), code) == ([], set(), 0)
