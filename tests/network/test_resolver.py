"""Which addresses are the VPC's own resolver: known from its routes, never guessed by how an address ends."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from bot.network.model import Route, Subnet
from bot.network.resolver import is_resolver, resolver_addresses


def subnet(*local: str, elsewhere: str = "0.0.0.0/0") -> Subnet:
    """Return a subnet whose VPC has these CIDRs, and that sends the rest to a gateway."""
    return Subnet(
        id="subnet-a",
        vpc_id="vpc-1",
        zone="eu-west-1a",
        cidrs=(ip_network("10.7.1.0/24"),),
        route_table_id="rtb-1",
        routes=(
            *(Route(destination=one, target="local", active=True) for one in local),
            Route(destination=elsewhere, target="tgw-1", active=True),
        ),
    )


VPC = (subnet("10.7.0.0/16", "100.64.0.0/16", "2600:1f18::/56"), subnet("10.7.0.0/16", elsewhere="10.8.0.0/16"))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("169.254.169.253", True),
        ("fd00:ec2::253", True),
        ("FD00:EC2:0::253", True),
        ("10.7.0.2", True),
        ("100.64.0.2", True),
        ("10.7.1.2", False),
        ("10.8.0.2", False),
        ("2600:1f18::2", False),
        ("10.7.0.53", False),
        ("dns.example", False),
        ("", False),
    ],
)
def test_the_resolver_is_known_by_the_vpcs_own_cidrs(address: str, *, expected: bool) -> None:
    """Base + 2 of each IPv4 CIDR and the two addresses of every VPC; no subnet's and no other network's base + 2."""
    assert is_resolver(address, VPC) is expected


def test_a_vpc_that_was_not_read_has_the_addresses_of_every_vpc() -> None:
    """Without routes nothing more is claimed."""
    assert {str(address) for address in resolver_addresses(())} == {"169.254.169.253", "fd00:ec2::253"}
