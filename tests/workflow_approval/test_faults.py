from typing import Any

import pytest

from tests.workflow_approval.breaking import Break, count, play, report


@pytest.mark.parametrize(
    ("after", "for_good"),
    [
        pytest.param(False, False, id="one-call-fails"),
        pytest.param(True, False, id="one-answer-is-lost"),
        pytest.param(False, True, id="away-from-then-on"),
        pytest.param(True, True, id="answer-lost-then-away"),
    ],
)
def test_a_fault_at_any_call_of_the_database_leaves_nothing_stuck(
    setting: Any, kit: Any, *, after: bool, for_good: bool
) -> None:
    """Each effect happens at most once, an outcome that is true is recorded, and the next repair is verified."""
    wanted = [Break(at=at, after=after, for_good=for_good) for at in range(count(setting, kit))]
    report([play(setting, kit, one) for one in wanted])
