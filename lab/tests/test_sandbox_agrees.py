from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import pytest

from bot.app import load_units
from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.running.standing_world import StandingWorld
from bot.sandbox.world.scenario_catalogue import all_look_alikes, all_scenarios, find_scenario
from lab.kubernetes_api import Json
from lab.lookups import To
from lab.observing import diagnose, log_kinds, pod_states, problems
from lab.running import RunningLab
from lab.tests.shelf import Shelf
from lab.tests.tables import Tell
from lab.ways import Lookups, Way, answered, compared, look_up_everything

pytestmark = pytest.mark.timeout(600)
T = TypeVar("T")
_PATIENCE_SECONDS = 90.0
_PATIENCE_WITH_A_VERDICT_SECONDS = 180.0
"""Rules hold back until a program has run for a while: kube-proxy for the 100 s in which it may still write."""
_PAUSE_SECONDS = 1.0
_NOT_COMPARED = ("too early to tell", "some lookups timed out on ")
"""How checks begin that wait for a cluster to settle (the lab's pods are young, the sandbox's may be of any age), and
those that are open where a lookup timed out: dig 9.16, which the sandbox has beside 9.18, says so of refusals."""
_LOOK_FROM_ELSEWHERE = frozenset(rule.name for rule in load_units().rules.values() if rule.looks_from_elsewhere)
_FEWEST_WAYS = 4
"""The ways of the service alone: inside and outside name, udp and tcp."""


@pytest.fixture(scope="session")
def standing_sandbox(standing_shelf: Shelf) -> Iterator[RunningWorld]:
    """Return a sandbox, on this machine's own network."""
    standing_shelf.clear()
    with RunningWorld() as running:
        yield running
        standing_shelf.clear()


@pytest.fixture
def sandbox(standing_shelf: Shelf, standing_sandbox: RunningWorld) -> RunningWorld:
    """Return a sandbox that each test restarts with its scenario."""
    standing_shelf.clear()
    return standing_sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What shows of a world."""

    states: list[tuple[str, str, bool, str, bool]]
    lookups: Lookups
    kinds: dict[str, set[str]]
    exit_code: int
    report: Json


def _until(good: Callable[[T], bool], look: Callable[[], T], *, seconds: float = _PATIENCE_SECONDS) -> T:
    """Look until it is good, for a while: real programs take their time, and start again."""
    until = time.monotonic() + seconds
    while not good(seen := look()) and time.monotonic() < until:
        time.sleep(_PAUSE_SECONDS)
    return seen


def _concluded(report: Json) -> tuple[set[str], int, list[Json]]:
    """Return what was found, of how many checks, and those that are open.

    In a young cluster some are too early; nothing in the lab looks names up from another network. Packets are a check
    only where a lookup timed out, and by dig 9.16, which the lab has not, a refused one did.
    """
    coverage = report["coverage"]
    left = [
        one
        for one in coverage["unknown"]
        if not one["reason"].startswith(_NOT_COMPARED) and one["rule"] not in _LOOK_FROM_ELSEWHERE
    ]
    packets = sum(finding["rule"] == "packets_lost" for finding in report["findings"])
    return problems(report), coverage["total"] - packets, left


def _differences(real: Lookups, simulated: Lookups) -> dict[object, tuple[frozenset[str], frozenset[str]]]:
    """Return the ways that both have, that do not depend on chance, and that led elsewhere."""
    return {way: (real[way], simulated[way]) for way in compared(real, simulated) if real[way] != simulated[way]}


def _is_enough(real: Lookups, simulated: Lookups) -> bool:
    """Return whether enough is compared: some ways, and, where both sides have such, ways to a CoreDNS pod."""
    ways = compared(real, simulated)
    return len(ways) >= _FEWEST_WAYS and (_to_pods(ways) or not (_to_pods(real) and _to_pods(simulated)))


def _to_pods(ways: Iterable[Way]) -> bool:
    return any(way.to is To.POD for way in ways)


def _says(real: Mapping[str, set[str]], simulated: Mapping[str, set[str]]) -> bool:
    """Return whether the same kinds of lines stand in the logs; a sandbox in which hours have passed shows none."""
    return real == simulated or not any(simulated.values())


def _see(standing: StandingWorld, *, wanted: Seen | None = None) -> Seen:
    """Look at everything; where it is known what is wanted, for a while until the programs have come so far.

    A CoreDNS that crashes again and again is ready for a moment each time, or ends while it still waits for the API:
    a diagnosis at that moment sees more, or less.
    """
    states = _until(lambda seen: not wanted or seen == wanted.states, lambda: pod_states(standing))
    lookups = _until(
        lambda seen: not wanted or (_is_enough(seen, wanted.lookups) and not _differences(seen, wanted.lookups)),
        lambda: look_up_everything(standing),
    )
    kinds = _until(lambda seen: not wanted or _says(seen, wanted.kinds), lambda: log_kinds(standing))
    exit_code, report = _until(
        lambda seen: not wanted or _concluded(seen[1]) == _concluded(wanted.report),
        lambda: diagnose(standing),
        seconds=_PATIENCE_WITH_A_VERDICT_SECONDS,
    )
    return Seen(states=states, lookups=lookups, kinds=kinds, exit_code=exit_code, report=report)


PLAYED = [(one.name, seed) for one in all_scenarios() if not one.not_in_lab for seed in one.lab_seeds]


@pytest.mark.parametrize(("scenario", "seed"), PLAYED, ids=[f"{scenario}-{seed}" for scenario, seed in PLAYED])
def test_lab_and_sandbox_show_the_same(
    sandbox: RunningWorld, shelf: Shelf, tell: Tell, scenario: str, seed: int
) -> None:
    """Pod states, kinds of log lines, lookups and the root cause agree; where not, the sandbox is wrong."""
    sandbox.restart(scenario=scenario, seed=seed)
    simulated = _see(sandbox)
    real = _see(shelf.lab(scenario, seed), wanted=simulated)
    if seed != 1 or find_scenario(scenario).healed_by is None:
        shelf.clear()  # no story goes on with it
    causes = [", ".join(seen.report["root_causes"]) or "none" for seen in (real, simulated)]
    tell(
        "scenario, seed, root cause in the lab and in the sandbox, ways answered in the lab and in the sandbox, "
        "ways compared",
        *(scenario, seed, *causes, answered(real.lookups), answered(simulated.lookups)),
        len(compared(real.lookups, simulated.lookups)),
    )

    told = find_scenario(scenario)
    root_cause = told.root_cause
    assert [seen.report["root_causes"] for seen in (real, simulated)] == [[root_cause] if root_cause else []] * 2
    assert real.exit_code == simulated.exit_code == (2 if told.broken else 3 if told.blinds else 0)
    assert _concluded(real.report) == _concluded(simulated.report)
    assert real.states == simulated.states
    assert _says(real.kinds, simulated.kinds)
    assert _differences(real.lookups, simulated.lookups) == {}
    assert _is_enough(real.lookups, simulated.lookups), compared(real.lookups, simulated.lookups)


def _event_is_refused(lab: RunningLab) -> bool:
    """Return whether every kube-proxy says that it may not write the event of its start."""
    pods = lab.operator.get("pods", namespace="kube-system", labels="k8s-app=kube-proxy")
    logs = [lab.kubectl("logs", "-n", "kube-system", pod["metadata"]["name"]).stdout for pod in pods]
    return bool(logs) and all("Server rejected event" in log for log in logs)


def _zone_is_dead(lab: RunningLab) -> bool:
    """Return whether corp.example, which the VPC's resolver denies at once, leads to no answer."""
    dig = lab.kubectl("exec", "-n", "catalog", "deploy/catalog", "--", "dig", "+tries=1", "+time=8", "corp.example")
    return "status: SERVFAIL" in dig.stdout or "timed out" in dig.stdout


_TRACES: Mapping[str, Callable[[RunningLab], bool]] = {
    "kube-proxy-forbidden-look-alike": _event_is_refused,
    "coredns-upstream-unreachable-look-alike": _zone_is_dead,
}
"""What shows that the operator did anything, where neither pod states nor kinds of log lines do."""


@pytest.mark.parametrize("look_alike", [one.name for one in all_look_alikes() if not one.not_in_lab])
def test_what_only_looks_like_the_fault_is_not_blamed_in_the_lab(
    sandbox: RunningWorld, tell: Tell, look_alike: str
) -> None:
    """Real programs bear what the operator did, as simulated ones do, and the bot finds nothing wrong.

    It may look more than once: a kube-proxy that was restarted a moment ago has its last time-out still before it.
    """
    sandbox.restart(scenario=look_alike, seed=1)
    simulated = pod_states(sandbox), log_kinds(sandbox)
    with RunningLab(scenario=look_alike, seed=1) as lab:
        states = _until(lambda seen: seen == simulated[0], lambda: pod_states(lab))
        kinds = _until(lambda seen: _says(seen, simulated[1]), lambda: log_kinds(lab))
        code, report = _until(
            lambda seen: seen[0] == 0, lambda: diagnose(lab), seconds=_PATIENCE_WITH_A_VERDICT_SECONDS
        )
        left_its_trace = _TRACES[look_alike](lab) if look_alike in _TRACES else True
    tell("look-alike, root cause in the lab", look_alike, ", ".join(report["root_causes"]) or "none")

    assert (report["root_causes"], problems(report), code) == ([], set(), 0)
    assert left_its_trace
    assert states == simulated[0]
    assert _says(kinds, simulated[1])
