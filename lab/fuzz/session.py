"""Many worlds, one after another, and the score."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from lab.fuzz.judging import Disagreement, answers_of, disagreements
from lab.fuzz.kernel import PROTOCOLS, Kernel, pairs_of
from lab.fuzz.narrowing import AnswersOf, described, narrowed
from lab.fuzz.places import draw_places
from lab.fuzz.worlds import World, draw_world
from lab.namespaces import Run

WORLDS_PER_PLACES = 25
"""How many worlds use the same namespaces before new ones are drawn."""


@dataclass(slots=True)
class Score:
    """What came out so far."""

    worlds: int = 0
    verdicts: int = 0
    """Pairs and protocols judged by the kernel."""
    flows: int = 0
    answered: int = 0
    """Pairs and protocols all of whose source ports got an answer."""
    partly: int = 0
    """Those of which some source ports did."""
    refused_at: Counter[str] = field(default_factory=Counter)
    """Dropped flows by stage."""
    disagreements: list[Disagreement] = field(default_factory=list)
    narrowed: list[str] = field(default_factory=list)
    """The first disagreement of each world, with the least that shows it."""

    def __str__(self) -> str:
        """Return one line."""
        stages = ", ".join(f"{stage} {number}" for stage, number in sorted(self.refused_at.items()))
        return (
            f"{self.worlds} worlds, {self.verdicts} pair verdicts ({self.answered} answered, {self.partly} for some "
            f"source ports), {self.flows} flows, dropped at: {stages or 'none'}; "
            f"{len(self.disagreements)} disagreements"
        )


def as_drawn(world: World) -> World:
    """Return the world as it was drawn."""
    return world


def fuzz(
    run: Run,
    *,
    seed: int,
    worlds: int | None,
    answers: AnswersOf = answers_of,
    answered_by_aws: Callable[[World], World] = as_drawn,
    narrow: bool = False,
) -> Iterator[Score]:
    """Judge `worlds` worlds (None: without end) and yield the score after each.

    `answers`: who is judged. `answered_by_aws`: how a drawn world comes to be what the AWS API answers.
    `narrow`: find the least of each world that shows its first disagreement (seconds each).
    """
    score = Score()
    for part in count() if worlds is None else range(-(-worlds // WORLDS_PER_PLACES)):
        places = draw_places(random.Random(f"places-{seed}-{part}"))  # noqa: S311  # a drawing, no secret
        with Kernel(run, places) as kernel:
            for number in range(part * WORLDS_PER_PLACES, (part + 1) * WORLDS_PER_PLACES):
                if worlds is not None and number >= worlds:
                    return
                chance = random.Random(f"world-{seed}-{number}")  # noqa: S311  # the same
                world = answered_by_aws(draw_world(f"seed {seed}, world {number}", places, chance))
                found = _judge(kernel, world, answers, score)
                if found and narrow:
                    score.narrowed.append(described(*narrowed(kernel, world, found[0], answers)))
                yield score


def _judge(kernel: Kernel, world: World, answers: AnswersOf, score: Score) -> list[Disagreement]:
    pairs = pairs_of(world)
    outcomes = kernel.outcomes(world, pairs)
    score.worlds += 1
    score.verdicts += len(pairs) * len(PROTOCOLS)
    score.flows += len(outcomes)
    score.refused_at.update(str(each.refused_at[0]) for each in outcomes.values() if each.refused_at)
    for pair in pairs:
        for protocol in PROTOCOLS:
            answered = [outcomes[flow].answered for flow in pair.flows(protocol)]
            score.answered += all(answered)
            score.partly += any(answered) and not all(answered)
    found = disagreements(world, pairs, outcomes, answers(world))
    score.disagreements += found
    return found
