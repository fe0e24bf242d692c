"""Whether inbound rules of security groups let a port in from address blocks outside, as far as they name CIDRs.

Source: VPC User Guide, "Security group rules": rules of all groups of an interface add up, and rules only allow.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network

from bot.domain.lookups import Transport
from bot.network.model import Direction, Network, SecurityGroupRule
from bot.network.ports import PortRange


def let_in(rules: Iterable[SecurityGroupRule], transport: Transport, ports: PortRange) -> tuple[SecurityGroupRule, ...]:
    """Return the inbound rules that let all these ports in, from whomever."""
    return tuple(rule for rule in rules if rule.direction is Direction.INGRESS and _carries(rule, transport, ports))


def admits_all(rules: Iterable[SecurityGroupRule], block: Network) -> bool:
    """Return whether one of these rules names a CIDR that holds the whole block."""
    return any(_holds(rule.cidr, block) for rule in rules if rule.cidr is not None)


def admits_any(rules: Iterable[SecurityGroupRule], block: Network) -> bool:
    """Return whether one of these rules may admit a part of the block: by its CIDR, or by a prefix list."""
    return any(rule.prefix_list_id or (rule.cidr is not None and _meets(rule.cidr, block)) for rule in rules)


def _carries(rule: SecurityGroupRule, transport: Transport, ports: PortRange) -> bool:
    if rule.protocol == "-1":
        return True
    every = rule.from_port == -1
    return rule.protocol == transport.value and (every or rule.from_port <= ports.first <= ports.last <= rule.to_port)


def _holds(known: Network, block: Network) -> bool:
    if isinstance(known, IPv4Network) and isinstance(block, IPv4Network):
        return block.subnet_of(known)
    return isinstance(known, IPv6Network) and isinstance(block, IPv6Network) and block.subnet_of(known)


def _meets(known: Network, block: Network) -> bool:
    return known.version == block.version and known.overlaps(block)
