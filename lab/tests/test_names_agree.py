from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bot.network.name_hops import End, NameWay
from lab.fuzz_names.judging import ways_of
from lab.fuzz_names.session import fuzz_names
from lab.fuzz_names.written import Written
from lab.namespaces import Run
from lab.programs import built_programs
from lab.tests.tables import Tell

pytestmark = pytest.mark.timeout(300)
NAMES = "evaluator against VPC resolvers: worlds, names whose way is certain, undecided, disagreements"
WORLDS_OF_A_RUN = 4


@pytest.mark.slow
@pytest.mark.parametrize("part", [0, 1])
def test_evaluator_and_resolvers_agree_in_random_worlds(run: Run, tell: Tell, part: int) -> None:
    """For each name in each VPC: who answers, what has no record, what is blocked and what is lost."""
    coredns, numbers = (
        Path(built_programs().path("coredns")),
        range(part * WORLDS_OF_A_RUN, (part + 1) * WORLDS_OF_A_RUN),
    )
    *_, score = fuzz_names(run, coredns, seed=1, worlds=numbers)
    tell(NAMES, f"part {part}", score.worlds, score.names, score.undecided, len(score.disagreements))

    assert [str(each) for each in score.disagreements] == []
    assert score.names >= 1000
    assert score.undecided < score.names / 5
    assert min(score.ends[each] for each in ("answered", "public", "no_record", "blocked", "lost")) >= 10


_OTHERS = {End.NO_RECORD: End.PUBLIC, End.PUBLIC: End.LOST, End.LOST: End.BLOCKED, End.BLOCKED: End.PUBLIC}


def test_a_wrong_evaluator_is_found_out(run: Run) -> None:
    """One that takes each end for another one disagrees about every name of which it is certain, and no other."""
    changed: list[tuple[int, str]] = []

    def wrong(aws_url: str, written: Written, names: Sequence[str]) -> list[dict[str, NameWay]]:
        found = ways_of(aws_url, written, names)
        for vpc, by_name in enumerate(found):
            for name, way in by_name.items():
                if way.end in _OTHERS and not way.doubts:
                    by_name[name] = replace(way, end=_OTHERS[way.end])
                    changed.append((vpc, name))
        return found

    (score,) = fuzz_names(run, Path(built_programs().path("coredns")), seed=1, worlds=[4], ways=wrong)

    assert sorted((each.vpc, each.name) for each in score.disagreements) == sorted(changed)
    assert {each.resolver.split()[0] for each in score.disagreements} >= {"public", "no", "blocked", "lost"}
