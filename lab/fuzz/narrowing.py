"""Takes from a world on which bot and kernel differ every rule, entry and list that the difference does not need."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from lab.fuzz.judging import Answers, Disagreement, disagreements
from lab.fuzz.kernel import Kernel, pairs_of
from lab.fuzz.worlds import World
from lab.vpc_answers import Row, VpcAnswers

AnswersOf = Callable[[World], Iterator[tuple[str, Answers]]]


def narrowed(kernel: Kernel, world: World, found: Disagreement, answers: AnswersOf) -> tuple[World, Disagreement]:
    """Leave out one thing after another as long as bot and kernel differ about this client, server and transport.

    Return what is left, and what they differ about in it.
    """
    for part in (None, *range(len(world.answers.acls)), *world.answers.prefix_lists):
        place = 0
        while place < len(_items(world.answers, part)):
            candidate = replace(world, answers=_without(world.answers, part, place))
            left = _difference(kernel, candidate, found, answers)
            if left is not None:
                world, found = candidate, left
            else:
                place += 1
    return world, found


def _difference(kernel: Kernel, world: World, found: Disagreement, answers: AnswersOf) -> Disagreement | None:
    pair = next(
        each for each in pairs_of(world) if (each.client.address, each.server_address) == (found.client, found.server)
    )
    there = disagreements(world, [pair], kernel.outcomes(world, [pair]), answers(world))
    return next((each for each in there if each.transport is found.transport), None)


def _items(answers: VpcAnswers, part: int | str | None) -> Sequence[Any]:
    """Return the rules (None), the entries of an ACL (its place) or the CIDRs of a prefix list (its name)."""
    if part is None:
        return answers.rules
    if isinstance(part, int):
        return list(answers.acls[part]["Entries"])
    return answers.prefix_lists[part]


def _without(answers: VpcAnswers, part: int | str | None, place: int) -> VpcAnswers:
    items = _items(answers, part)
    left = [*items[:place], *items[place + 1 :]]
    if part is None:
        return replace(answers, rules=left)
    if isinstance(part, int):
        acls = list(answers.acls)
        acls[part] = {**acls[part], "Entries": left}
        return replace(answers, acls=acls)
    return replace(answers, prefix_lists={**answers.prefix_lists, part: left})


def described(world: World, found: Disagreement) -> str:
    """Return what is left of a world as lines, to be kept as a case of a table."""
    ends = {place.address: place.interface.id for place in world.places.places}
    wanted = {ends.get(found.client), ends.get(found.server)}
    held: list[Row] = [row for row in world.answers.interfaces if row["NetworkInterfaceId"] in wanted]
    acls = [(acl["NetworkAclId"], [item["SubnetId"] for item in acl["Associations"]]) for acl in world.answers.acls]
    lines = [
        str(found),
        *(f"  interface {row}" for row in held),
        *(f"  rule {row}" for row in world.answers.rules),
        *(f"  prefix list {name} {list(cidrs)}" for name, cidrs in world.answers.prefix_lists.items() if cidrs),
        *(f"  {acl} of {', '.join(subnets)}" for acl, subnets in acls if subnets),
        *(f"  entry {acl['NetworkAclId']} {entry}" for acl in world.answers.acls for entry in acl["Entries"]),
        f"  client's source ports {world.client_ports[found.client]}",
    ]
    return "\n".join(lines)
