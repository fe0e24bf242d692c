import os
from typing import Any

import pytest

from tests.workflow_approval.breaking import Break, KilledError, count, play, report

ALL = os.environ.get("CHAOS") == "all"
EVERY = 1 if ALL else 23
"""Of the many pairs of crash points every nth is played, unless all are asked for (`make chaos`)."""


def _kill(at: int, *, after: bool) -> Break:
    return Break(at=at, after=after, error=KilledError, for_good=True)


def _points(number: int) -> list[Break]:
    return [_kill(at, after=after) for at in range(number) for after in (False, True)]


def test_a_process_that_is_killed_at_any_point_leaves_each_effect_once_or_asks(setting: Any, kit: Any) -> None:
    """Before and after each commit and each effect: another process settles it, truly, and goes on."""
    report([play(setting, kit, one, effects=True) for one in _points(count(setting, kit, effects=True))])


@pytest.mark.timeout(3600 if ALL else 300)
def test_a_settler_that_is_killed_at_any_point_is_settled_itself(setting: Any, kit: Any) -> None:
    """A crash, then a crash of the process that took over: the third settles it."""
    points = _points(count(setting, kit, effects=True))
    pairs = [(first, second) for first in points for second in _points(12)]
    report([play(setting, kit, first, settling=(second,), effects=True) for first, second in pairs[::EVERY]])


@pytest.mark.timeout(3600 if ALL else 300)
def test_a_process_that_is_killed_after_its_database_failed_is_settled_truly(setting: Any, kit: Any) -> None:
    """A plan that stopped half-way, and whose process then died before it said so, is not called applied."""
    number = count(setting, kit)
    pairs = [
        (Break(at=at, after=lost), _kill(killed, after=False))
        for at in range(number)
        for lost in (False, True)
        for killed in range(at + 1, number + 6)
    ]
    report([play(setting, kit, *pair) for pair in pairs[:: 1 if ALL else 11]])
