"""What security groups lack and what they have, in words: the proof of the rules that judge them. No rule itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from bot.domain.faulty_objects import FaultyObject, ObjectKind
from bot.network.model import Direction, InterfaceKind, SecurityGroupRule
from bot.network.reachability import End
from bot.rules._stopped import Stopped

MAX_PROOF = 12


def proof(
    found: Sequence[Stopped], rules: Iterable[SecurityGroupRule], names: Mapping[str, str], *, asking: str
) -> tuple[str, ...]:
    """Spell the missing rules, then those that are there, then the groups' names. `asking`: "asking", "calling"."""
    return (*_missing_rules(found, asking), *_present_rules(found, rules), *_named(found, names))


def groups_of(end: End) -> frozenset[str]:
    """Return the groups of the end's interface."""
    return end.interface.security_group_ids if end.interface else frozenset()


def most_to_blame(found: Sequence[Stopped]) -> str:
    """Return the group that most blocks name: one that both sides carry, else the side's that lacks the rule."""
    named: Counter[str] = Counter()
    for item in found:
        named.update(groups_of(item.client) & groups_of(item.server) or item.block.group_ids)
    return min(named, key=lambda group: (-named[group], group), default="")


def objects(found: Sequence[Stopped]) -> tuple[FaultyObject, ...]:
    """Return the groups that lack a rule, the most to blame first."""
    lacking: dict[str, set[str]] = {most_to_blame(found): set()}
    for item in found:
        for group in item.block.group_ids:
            lacking.setdefault(group, set()).add(item.block.direction.value)
    return tuple(
        FaultyObject(kind=ObjectKind.SECURITY_GROUP, name=group, parts=tuple(sorted(directions)))
        for group, directions in lacking.items()
        if group
    )


def _missing_rules(found: Sequence[Stopped], asking: str) -> tuple[str, ...]:
    """Spell each missing rule once, with a pair that needs it."""
    lines: dict[str, str] = {}
    for item in found:
        block, ingress = item.block, item.block.direction is Direction.INGRESS
        other = item.client if ingress else item.server
        rule = (
            f"missing rule: {block.direction} {block.transport} {block.ports} on {' or '.join(block.group_ids)} "
            f"{'from' if ingress else 'to'} {' or '.join(sorted(groups_of(other))) or other.address}"
        )
        lines.setdefault(rule, f"{rule} (for {_place(item.client)} {asking} {_place(item.server)})")
    return tuple(lines.values())[:MAX_PROOF]


def _place(end: End) -> str:
    interface = end.interface.id if end.interface else "an unknown interface"
    branch = "branch interface " if end.interface and end.interface.kind is InterfaceKind.BRANCH else ""
    return f"{end.address} on {branch}{interface}{f', node {end.name}' if end.name else ''}"


def _named(found: Sequence[Stopped], names: Mapping[str, str]) -> tuple[str, ...]:
    """Say what the groups that lack a rule are called."""
    groups = sorted({group for item in found for group in item.block.group_ids})
    return tuple(f"{group} is named {names[group]}" for group in groups[:MAX_PROOF] if names.get(group))


def _present_rules(found: Sequence[Stopped], rules: Iterable[SecurityGroupRule]) -> tuple[str, ...]:
    """List what the groups do let through in the direction that lacks the port."""
    wanted = {(group, item.block.direction) for item in found for group in item.block.group_ids}
    ports = found[0].block.ports
    present = [rule for rule in rules if (rule.security_group_id, rule.direction) in wanted]
    lines = [f"{rule.id}: {rule.security_group_id} {rule.direction} {_what(rule)}" for rule in present]
    lines += [
        f"{group} has no {direction} rule at all"
        for group, direction in sorted(wanted - {(rule.security_group_id, rule.direction) for rule in present})
    ]
    more = len(lines) - MAX_PROOF
    return (
        *lines[:MAX_PROOF],
        *((f"and {more} further rules, none of which lets {ports} through",) if more > 0 else ()),
    )


def _what(rule: SecurityGroupRule) -> str:
    protocol = "all traffic" if rule.protocol == "-1" else rule.protocol
    ports = "" if rule.from_port == -1 else f" {rule.from_port}"
    if ports and rule.to_port != rule.from_port:
        ports += f"-{rule.to_port}"
    way = "from" if rule.direction is Direction.INGRESS else "to"
    return f"{protocol}{ports} {way} {rule.group_id or rule.prefix_list_id or rule.cidr}"
