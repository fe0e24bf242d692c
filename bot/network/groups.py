"""Security groups: does any rule of an interface's groups let a service's port through?

Sources: VPC User Guide, "Security groups for your VPC" (stateful; rules of all groups of an interface add up; rules
only allow), "Security group rules" (protocol, ports, source or destination), "Security group referencing" (a reference
stands for the interfaces that carry the group, and does not hold through a middlebox), "Managed prefix lists".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from bot.domain.lookups import Transport
from bot.network.model import Address, Direction, PrefixList, SecurityGroupRule
from bot.network.reachability import End
from bot.network.services import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupAnswer:
    """What an interface's groups say. Not allowed and nothing unread: blocked."""

    allowed: bool
    only_by_reference: bool = False
    """Only a rule that references a group lets it through."""
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupBook:
    """The rules for a service by group and direction, and the prefix lists they name."""

    service: Service
    rules: Mapping[tuple[str, Direction], tuple[SecurityGroupRule, ...]]
    prefix_lists: Mapping[str, PrefixList]
    read_group_ids: Collection[str]

    @classmethod
    def of(
        cls,
        service: Service,
        rules: Iterable[SecurityGroupRule],
        prefix_lists: Iterable[PrefixList],
        read_group_ids: Collection[str],
    ) -> GroupBook:
        """Index the rules; those for other ports never matter here."""
        book: dict[tuple[str, Direction], list[SecurityGroupRule]] = {}
        for rule in rules:
            if service.may_be_carried_by(rule):
                book.setdefault((rule.security_group_id, rule.direction), []).append(rule)
        indexed = {key: tuple(found) for key, found in book.items()}
        return cls(service, indexed, {item.id: item for item in prefix_lists}, read_group_ids)

    def judge(self, owner: End, other: End, direction: Direction, transport: Transport) -> GroupAnswer:
        """Return whether `owner`'s groups let the service through from (ingress) or to (egress) `other`."""
        if owner.interface is None:
            return GroupAnswer(allowed=False, unread=(f"No known interface holds {owner.address}.",))
        groups = owner.interface.security_group_ids
        if not groups:
            return GroupAnswer(allowed=False, unread=(f"The security groups of {owner.interface.id} are not known.",))
        unread = [
            f"The rules of {group} could not be read." for group in sorted(set(groups) - set(self.read_group_ids))
        ]
        by_reference = False
        for rule in self._about(groups, direction, transport):
            matches = self._matches(rule, other)
            if matches is None:
                unread.append(self._why(rule, other))
            elif matches and not rule.group_id:
                return GroupAnswer(allowed=True)
            elif matches:
                by_reference = True
        if by_reference:
            return GroupAnswer(allowed=True, only_by_reference=True)
        return GroupAnswer(allowed=False, unread=tuple(dict.fromkeys(unread)))

    def _about(self, groups: Collection[str], direction: Direction, transport: Transport) -> list[SecurityGroupRule]:
        return [
            rule
            for group in sorted(groups)
            for rule in self.rules.get((group, direction), ())
            if self.service.carried_by(rule, transport)
        ]

    def _matches(self, rule: SecurityGroupRule, other: End) -> bool | None:
        """Return whether the rule's source or destination is the other end; None: that was not read."""
        if rule.group_id:
            return None if other.interface is None else rule.group_id in other.interface.security_group_ids
        if rule.prefix_list_id:
            return self.in_prefix_list(rule.prefix_list_id, other.address)
        return rule.cidr is not None and other.address in rule.cidr

    def in_prefix_list(self, prefix_list_id: str, address: Address) -> bool | None:
        """Return whether the address is in the list; None: its entries were not read."""
        known = self.prefix_lists.get(prefix_list_id)
        if known is None or known.entries is None:
            return None
        return any(address in entry for entry in known.entries)

    @staticmethod
    def _why(rule: SecurityGroupRule, other: End) -> str:
        if rule.group_id:
            return f"Rule {rule.id} references {rule.group_id}, and no known interface holds {other.address}."
        return f"Rule {rule.id} names prefix list {rule.prefix_list_id}, whose entries could not be read."
