"""Whether inbound rules of security groups let a port in from address blocks outside, as far as they name CIDRs.

Source: VPC User Guide, "Security group rules": rules of all groups of an interface add up, and rules only allow.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network

from bot.domain.lookups import Transport
from bot.network.model import Direction, Network, SecurityGroupRule
from bot.network.ports import PortRange
from bot.network.services import Service


def let_in(rules: Iterable[SecurityGroupRule], transport: Transport, ports: PortRange) -> tuple[SecurityGroupRule, ...]:
    """Return the inbound rules that let this port in, from whomever; `ports` is a range of one."""
    asked = Service(ports=ports, transports=(transport,))
    return tuple(rule for rule in rules if rule.direction is Direction.INGRESS and asked.carried_by(rule, transport))


def admits_all(rules: Iterable[SecurityGroupRule], block: Network) -> bool:
    """Return whether one of these rules names a CIDR that holds the whole block."""
    return any(_holds(rule.cidr, block) for rule in rules if rule.cidr is not None)


def admits_any(rules: Iterable[SecurityGroupRule], block: Network) -> bool:
    """Return whether one of these rules may admit a part of the block: by its CIDR, or by a prefix list."""
    return any(rule.prefix_list_id or (rule.cidr is not None and _meets(rule.cidr, block)) for rule in rules)


def _holds(known: Network, block: Network) -> bool:
    if isinstance(known, IPv4Network) and isinstance(block, IPv4Network):
        return block.subnet_of(known)
    return isinstance(known, IPv6Network) and isinstance(block, IPv6Network) and block.subnet_of(known)


def _meets(known: Network, block: Network) -> bool:
    return known.version == block.version and known.overlaps(block)
