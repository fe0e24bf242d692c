"""Ways that network ACLs close, as proof, as rows to plan from, and as keys to compare. No rule itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from bot.domain.faulty_objects import FaultyObject, ObjectKind
from bot.domain.json_values import JsonObject
from bot.network.classes import PairClass
from bot.network.reachability import ACL_HOPS
from bot.rules._stopped import Stopped


def closed_rows(found: Iterable[Stopped]) -> list[JsonObject]:
    """Return each closed way once: ACL, direction, protocol, ports and counterpart."""
    ways: dict[str, JsonObject] = {}
    for item in found:
        block = item.block
        way: dict[str, str | int] = {
            "acl_id": block.acl_id,
            "subnet_id": block.subnet_id,
            "direction": block.direction.value,
            "protocol": block.transport.value,
            "from_port": block.ports.first,
            "to_port": block.ports.last,
            "counterpart_cidr": str(block.counterpart),
            "entry_number": block.entry_number or 0,
        }
        ways.setdefault(way_key(item), {**way, "share": round(block.share, 6)})
    return [ways[key] for key in sorted(ways)]


def way_key(item: Stopped) -> str:
    """Return the same text for ways that one entry of one ACL opens again, whoever uses them."""
    block = item.block
    ports = f"{block.transport} {block.ports}"
    return f"{block.acl_id} {block.subnet_id} {block.direction} {ports} {block.counterpart} {block.entry_number or 0}"


def closed_ways(found: Iterable[Stopped]) -> frozenset[str]:
    """Return the keys of all closed ways."""
    return frozenset(way_key(item) for item in found)


def most_to_blame(found: Iterable[Stopped]) -> str:
    """Return the ACL that most blocks name; of equals, the first by id."""
    named: Counter[str] = Counter(item.block.acl_id for item in found)
    return min(named, key=lambda acl: (-named[acl], acl))


def objects(found: Sequence[Stopped]) -> tuple[FaultyObject, ...]:
    """Return the ACLs with the entries that close a way, the most to blame first."""
    entries: dict[str, set[str]] = {most_to_blame(found): set()}
    for item in found:
        number = item.block.entry_number
        entries.setdefault(item.block.acl_id, set()).update({f"{number} {item.block.direction}"} if number else ())
    return tuple(
        FaultyObject(kind=ObjectKind.NETWORK_ACL, name=acl, parts=tuple(sorted(named)))
        for acl, named in entries.items()
    )


def worst_share(found: Iterable[Stopped]) -> float:
    """Return the greatest share of source ports, above 0 and at most 1, for which no answer comes."""
    return max(answer.at(ACL_HOPS).share for item in found for answer in item.pair_class.answers)


def harmless(classes: Iterable[PairClass], most: int) -> tuple[str, ...]:
    """Return what looks like a fault and is none, at most so many lines."""
    notes = {note for pair_class in classes for answer in pair_class.answers for note in answer.notes}
    return tuple(f"no fault: {note}" for note in sorted(notes)[:most])


def sentences(found: Sequence[Stopped]) -> tuple[str, ...]:
    """Return what each block lacks, each sentence once."""
    return tuple(dict.fromkeys(item.block.missing for item in found))
