"""The VPC's own DNS resolver, which neither security groups nor network ACLs filter.

Source: VPC User Guide, "Amazon DNS server" and "Network ACL basics".
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, ip_address

from bot.network.answers import network
from bot.network.model import Address, Subnet

LINK_LOCAL = frozenset({ip_address("169.254.169.253"), ip_address("fd00:ec2::253")})


def resolver_addresses(subnets: Iterable[Subnet]) -> frozenset[Address]:
    """Return the resolver's addresses: the two link-local ones, and base + 2 of each CIDR that `local` routes name."""
    blocks = {network(route.destination) for subnet in subnets for route in subnet.routes if route.target == "local"}
    return LINK_LOCAL | {block[2] for block in blocks if isinstance(block, IPv4Network) and block.num_addresses > 2}  # noqa: PLR2004  # base + 2
