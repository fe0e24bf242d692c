from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.watching import Sighting, Watched
from bot.workflow.watch_changes import look_again

START = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
RULE = "dns_blocked_by_security_group"
FOUND = Sighting(rule=RULE, title="DNS is blocked", summary="1 rule is missing")


def said(looks: str, *, minutes: int = 5) -> list[str]:
    """Return what is said over looks: `!` finds it, `.` finds it healthy, `?` could not tell; each with its look."""
    watched, told = Watched(), []
    for number, look in enumerate(looks):
        found, healthy = ([FOUND] if look == "!" else []), ({RULE} if look == "." else set())
        at = START + number * timedelta(minutes=minutes)
        watched, notices = look_again("prod", watched, found, healthy, at=at)
        told += [f"{number} {one.news.value}" for one in notices]
    return told


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        pytest.param("!", [], id="one look"),
        pytest.param("!!!!", ["1 new"], id="two looks, once"),
        pytest.param("!.!.!.!.", [], id="never twice in a row"),
        pytest.param("!?!", ["2 new"], id="a look that could not tell lies between"),
        pytest.param("!!.", ["1 new"], id="healthy once"),
        pytest.param("!!....", ["1 new", "3 resolved"], id="healthy twice"),
        pytest.param("!!?????", ["1 new"], id="nobody can tell whether it is over"),
        pytest.param("!!.?.", ["1 new", "4 resolved"], id="healthy twice as far as it could be told"),
        pytest.param("!!..!!..!!", ["1 new", "3 resolved", "5 back"], id="back: it takes twice as many to be over"),
        pytest.param(
            "!!..!!....!", ["1 new", "3 resolved", "5 back", "9 resolved"], id="back once in a row says nothing"
        ),
        pytest.param("!!.!.!.!.!", ["1 new"], id="flapping within one incident"),
    ],
)
def test_what_is_said_over_several_looks(looks: str, told: list[str]) -> None:
    """Nothing is said of one look alone, and nothing twice."""
    assert said(looks) == told


def test_problem_that_comes_back_much_later_is_another_incident() -> None:
    """It has a message of its own."""
    assert said("!!..!!", minutes=400) == ["1 new", "3 resolved", "5 new"]


def test_the_more_often_it_came_back_the_longer_it_must_be_gone() -> None:
    """With a bound: it is called over in the end."""
    assert said("!!.." + "!!...." + "!!" + "." * 8) == [
        "1 new", "3 resolved", "5 back", "9 resolved", "11 back", "19 resolved",
    ]  # fmt: skip


def test_incidents_are_told_apart_and_their_keys_are_the_same_in_every_process() -> None:
    """Two processes that saw the same say the same once."""
    other = Sighting(rule="coredns_oom_killed", title="CoreDNS is killed", summary="137")
    runs = []
    for _ in range(2):
        watched, _ = look_again("prod", Watched(), [FOUND, other], (), at=START)
        _, notices = look_again("prod", watched, [FOUND, other], (), at=START + timedelta(minutes=5))
        runs.append([one.key for one in notices])

    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 2
