"""Many worlds of names, one after another, and the score."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TypeAlias

from bot.network.name_hops import NameWay
from lab.fuzz_names.asking import Reply
from lab.fuzz_names.judging import LOST, Disagreement, agree, domains_of, said_by_bot, said_by_resolver, ways_of
from lab.fuzz_names.standing import StandingVpcs
from lab.fuzz_names.worlds import NameWorld, draw_world
from lab.fuzz_names.written import Written
from lab.namespaces import Run

NAMES = 110
"""Of each world, asked in each VPC."""
_TRIES, _PAUSE_SECONDS = 3, 1.0
"""A name that got no answer, and should, is asked again: by then the endpoints know which targets answer."""

Ways: TypeAlias = Callable[[str, Written, Sequence[str]], list[dict[str, NameWay]]]


@dataclass(slots=True)
class NameScore:
    """What came out so far."""

    worlds: int = 0
    names: int = 0
    """Names in VPCs whose way the bot is certain of."""
    undecided: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    """How the certain ones end."""
    disagreements: list[Disagreement] = field(default_factory=list)

    def __str__(self) -> str:
        """Return one line."""
        ends = ", ".join(f"{end} {number}" for end, number in sorted(self.ends.items()))
        return (
            f"{self.worlds} worlds, {self.names} names ({ends or 'none'}), {self.undecided} undecided; "
            f"{len(self.disagreements)} disagreements"
        )


def fuzz_names(
    run: Run, coredns: Path, *, seed: int, worlds: Iterable[int], ways: Ways = ways_of
) -> Iterator[NameScore]:
    """Judge the worlds of these numbers and yield the score after each. `ways`: who is judged."""
    score = NameScore()
    with StandingVpcs(run, coredns) as standing:
        for number in worlds:
            chance = Random(f"names-{seed}-{number}")  # noqa: S311  # a drawing, no secret
            _judge(standing, draw_world(f"seed {seed}, world {number}", chance, names=NAMES), ways, score)
            yield score


def _judge(standing: StandingVpcs, world: NameWorld, ways: Ways, score: NameScore) -> None:
    written = standing.become(world)
    domains = domains_of(written, standing.aws_url)
    found = ways(standing.aws_url, written, world.names)
    replies = _asked(standing, written, found, domains)
    score.worlds += 1
    for vpc, by_name in enumerate(found):
        for name, way in by_name.items():
            bot, resolver = said_by_bot(way, domains), said_by_resolver(replies[vpc][name], written)
            score.names += not way.doubts
            score.undecided += bool(way.doubts)
            score.ends.update([] if way.doubts else [way.end.name.lower()])
            if not agree(way, bot, resolver):
                hops = tuple(f"{hop.kind}, {hop.state}: {hop.text}" for hop in way.hops)
                score.disagreements.append(
                    Disagreement(world=world.name, vpc=vpc, name=name, bot=bot, resolver=resolver, hops=hops)
                )


def _asked(
    standing: StandingVpcs, written: Written, ways: Sequence[dict[str, NameWay]], domains: dict[str, str]
) -> list[dict[str, Reply]]:
    """Ask for all names; those that are lost and should not be, again."""
    replies = standing.ask([[*by_name] for by_name in ways])
    for _ in range(_TRIES):
        again = [
            [name for name, reply in got.items() if _should_come(ways[vpc][name], reply, written, domains)]
            for vpc, got in enumerate(replies)
        ]
        if not any(again):
            break
        time.sleep(_PAUSE_SECONDS)
        replies = [old | new for old, new in zip(replies, standing.ask(again), strict=True)]
    return replies


def _should_come(way: NameWay, reply: Reply, written: Written, domains: dict[str, str]) -> bool:
    said = said_by_resolver(reply, written)
    return said == LOST and not way.doubts and said_by_bot(way, domains) != LOST
