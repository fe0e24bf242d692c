"""Where the VPC stops a way between two ends, and what could not be read of it. Shared by rules; no rule itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.evidence import Gap
from bot.domain.phrases import few
from bot.network.classes import PairClass
from bot.network.reachability import Block, End, Hop


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """One block of one class, with the class's first pair."""

    pair_class: PairClass
    client: End
    server: End
    block: Block


def stopped(classes: Iterable[PairClass], hops: frozenset[Hop]) -> tuple[Stopped, ...]:
    """Return every proven block at these hops, one for each class, transport and hop."""
    found: list[Stopped] = []
    for pair_class in classes:
        blocks = [block for answer in pair_class.answers for block in answer.at(hops).blocks]
        if blocks:
            client, server = next(pair_class.pairs())
            found += [Stopped(pair_class=pair_class, client=client, server=server, block=item) for item in blocks]
    return tuple(found)


def undecided(classes: Iterable[PairClass], hops: frozenset[Hop], grants: Iterable[Gap] = ()) -> tuple[Gap, ...]:
    """Return what would decide at these hops and was not read; a gap of `grants` lends the permission it names.

    Ends that no known interface holds are left out: they are told of by name elsewhere.
    """
    known = {gap.what.rpartition(" ")[2]: gap for gap in grants}
    texts = dict.fromkeys(
        item.what for pair_class in classes for answer in pair_class.answers for item in answer.at(hops).unread
    )
    found: list[Gap] = []
    for text in texts:
        lender = next((gap for name, gap in known.items() if name in text), None)
        if lender is not None:
            found.append(Gap(what=lender.what, reason=f"{text} {lender.reason}", grant=lender.grant))
        elif not text.startswith("No known interface"):
            found.append(Gap(what="a part of the path", reason=text))
    return tuple(found)


def unheld(ends: Iterable[End]) -> tuple[Gap, ...]:
    """Return a gap that names the ends which no known interface holds, or none."""
    lost = sorted({str(end.address) for end in ends if end.interface is None})
    if not lost:
        return ()
    reason = f"No known interface in the VPC holds {few(lost, 5)} ({len(lost)} in all), so its groups are not known."
    return (Gap(what="interfaces", reason=reason),)
