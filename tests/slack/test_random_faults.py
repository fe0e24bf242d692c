"""Repairs in Slack under schedules of faults drawn at random, over Slack, AWS, Kubernetes and the database at once."""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from bot.domain.json_values import JsonObject
from bot.domain.plans import Step, Writing
from bot.errors import WriteFailed
from bot.sandbox.slack import FaultKind, WebFault
from tests.slack.test_cards_under_faults import ALL, Office, office, play
from tests.workflow_approval.breaking import DOORS, Break, Breaker, report

if TYPE_CHECKING:
    from bot.domain.plans import Fix

__all__ = ["office"]

SCHEDULES = int(os.environ.get("SCHEDULES", "1000" if ALL else "12"))
FIRST_SEED = int(os.environ.get("FIRST_SEED", "1"))
CALLS_OF_THE_DATABASE = 120
"""A play that nothing disturbs makes about so many."""
CALLS_OF_SLACK = 20
FAR_ENDS = dict(zip(DOORS, ("AWS", "Kubernetes"), strict=True))
"""The front door stands for a change in AWS, the back door for one in Kubernetes."""
SLACK_KINDS = (FaultKind.RATE_LIMITED, FaultKind.ERROR, FaultKind.LOST_ANSWER, FaultKind.DOWN)


@dataclass
class Schedule:
    """What goes wrong in one play, drawn from a seed."""

    seed: int
    slack: tuple[WebFault, ...] = ()
    database: tuple[Break, ...] = ()
    refused: dict[str, bool] = field(default_factory=dict)
    """The doors whose first change goes wrong; True: it is made, and its answer is lost."""

    def __str__(self) -> str:
        """Return it in words, to be played again by its seed."""
        slack = [f"Slack {one.kind.value} x{one.times} from call {one.passes}" for one in self.slack]
        base = [
            f"database {'lost answer' if one.after else 'refused'} at {one.at}{' for good' if one.for_good else ''}"
            for one in self.database
        ]
        far = [f"{FAR_ENDS[door]} {'lost answer' if lost else 'refused'}" for door, lost in self.refused.items()]
        return f"seed {self.seed}: {', '.join([*slack, *base, *far]) or 'nothing'}"


def drawn(seed: int) -> Schedule:
    """Return the schedule of a seed: none to three faults at each far end."""
    chance = random.Random(seed)  # noqa: S311  # a schedule, no secret
    slack = tuple(
        WebFault(
            method="*",
            kind=chance.choice(SLACK_KINDS),
            times=chance.choice((1, 1, 2, 3, 6)),
            passes=chance.randrange(CALLS_OF_SLACK),
            retry_after_seconds=0,
        )
        for _ in range(chance.randrange(4))
    )
    database = tuple(
        Break(at=chance.randrange(CALLS_OF_THE_DATABASE), after=chance.random() < 0.5, for_good=chance.random() < 0.2)
        for _ in range(chance.randrange(4))
    )
    doors = chance.sample(DOORS, chance.choice((0, 0, 1, 1, 2)))
    return Schedule(seed=seed, slack=slack, database=database, refused={door: chance.random() < 0.5 for door in doors})


def failing(whole: Fix, refused: dict[str, bool]) -> Fix:
    """Return the fix whose first change of these doors goes wrong: refused, or made and its answer lost."""
    left = dict(refused)

    def apply(step: Step, writing: Writing) -> JsonObject:
        door = str(step.parameters["door"])
        lost = left.pop(door, None)
        if lost:
            whole.apply(step, writing)
            raise WriteFailed(f"{FAR_ENDS[door]} did not answer", ambiguous=True)
        if lost is not None:
            raise WriteFailed(f"{FAR_ENDS[door]} answered 503")
        return whole.apply(step, writing)

    return replace(whole, apply=apply)


def played(office: Office, schedule: Schedule) -> tuple[str, str]:
    """Play one schedule; return what failed and how it ended, and what is wrong with that."""
    breaker = Breaker(wanted=schedule.database)
    whole = office.setting.fixes["open_door"]

    def begin() -> None:
        office.setting.fixes["open_door"] = failing(whole, schedule.refused)
        office.setting.history.around = breaker
        for fault in schedule.slack:
            office.slack.fail(fault)

    def end() -> str:
        office.setting.history.around = lambda _, call: call()
        office.slack.faults.clear()
        return str(schedule)

    try:
        return play(office, begin, end)
    finally:
        office.setting.fixes["open_door"] = whole


@pytest.mark.slow
@pytest.mark.timeout(7200 if ALL else 300)
def test_no_schedule_of_faults_loses_a_last_word_doubles_an_effect_or_leaves_something_stuck(office: Office) -> None:
    """Every card and thread says how it ended, once, and truly; no effect is there twice, nothing waits for ever."""
    ended = [played(office, drawn(seed)) for seed in range(FIRST_SEED, FIRST_SEED + SCHEDULES)]
    counted: Counter[str] = Counter(line.rpartition(": ")[2] for line, fault in ended if not fault)
    print(f"{SCHEDULES} schedules: {dict(counted)}")  # noqa: T201  # the figures that `make chaos` is for
    report(ended)


def test_a_seed_draws_the_same_schedule_again() -> None:
    """What was found once is played again by its number, and the schedules reach every far end."""
    schedules = [drawn(seed) for seed in range(200)]
    assert [str(drawn(seed)) for seed in range(200)] == [str(one) for one in schedules]
    reached = " ".join(map(str, schedules))
    assert all(f"Slack {kind.value}" in reached for kind in SLACK_KINDS)
    for words in ("AWS refused", "AWS lost", "Kubernetes refused", "Kubernetes lost", "database lost", "for good"):
        assert words in reached
