"""The VPC's own DNS resolver, which neither security groups nor network ACLs filter.

Source: VPC User Guide, "Amazon DNS server" and "Network ACL basics".
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, ip_address

from bot.network.answers import network
from bot.network.model import Address, Network, Subnet

IN_EVERY_VPC = ip_address("169.254.169.253")
"""Its address that is the same in every VPC, over IPv4."""
IN_EVERY_VPC_V6 = ip_address("fd00:ec2::253")
"""The same over IPv6, for Nitro instances."""


def resolver_addresses(subnets: Iterable[Subnet]) -> frozenset[Address]:
    """Return the resolver's addresses: those of every VPC, and base + 2 of each CIDR that `local` routes name."""
    blocks = local_cidrs(subnets)
    own = {block[2] for block in blocks if isinstance(block, IPv4Network) and block.num_addresses > 2}  # noqa: PLR2004  # base + 2
    return frozenset({IN_EVERY_VPC, IN_EVERY_VPC_V6}) | own


def names_its_cidrs(subnets: Iterable[Subnet]) -> bool:
    """Return whether the subnets' route tables tell the VPC's IPv4 CIDRs: else any address may be the resolver's."""
    return any(isinstance(block, IPv4Network) for block in local_cidrs(subnets))


def local_cidrs(subnets: Iterable[Subnet]) -> frozenset[Network]:
    """Return the VPC's CIDRs, as the subnets' `local` routes name them; none where no route was read."""
    local = (route.destination for subnet in subnets for route in subnet.routes if route.target == "local")
    return frozenset(map(network, local))


def is_resolver(address: str, subnets: Iterable[Subnet]) -> bool:
    """Return whether a server, as a log or a configuration names it, is the resolver of these subnets' VPC."""
    try:
        return ip_address(address) in resolver_addresses(subnets)
    except ValueError:
        return False
