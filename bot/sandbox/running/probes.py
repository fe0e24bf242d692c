"""What stands in other networks so that the bot can look names up from there, as an operator would have put it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

from bot.sandbox.world.private_endpoint import close_public_dns
from bot.sandbox.world.scenario import Operator
from bot.sandbox.world.security_groups import admit, from_cidr
from bot.sandbox.world.world import World, WorldVpc

_HOST = 100
"""Which address of its first subnet a VPC's probe has."""
_API_PORT = 443


def set_up_probes(
    world: World, operator: Operator, ask: Callable[[str, str, object], Any], *, public_dns: bool
) -> Mapping[str, str]:
    """Put a small cluster into each neighbour and network on premises and return their URLs by its name.

    The API admits 443 from each, as D7 asks for. `ask` calls a control route of the Kubernetes far end.
    """
    urls: dict[str, str] = {}
    for vpc in world.neighbours:
        if not public_dns:
            close_public_dns(operator.at(vpc.account, vpc.region), vpc)
        _admit_to_api(operator, world, vpc.cidr)
        address = _host(operator, vpc)
        urls[vpc.name] = ask("POST", "probe-clusters", {"name": vpc.name, "vpc_id": vpc.id, "address": address})["url"]
    for site in world.on_premises:
        _admit_to_api(operator, world, site.cidr)
        there = {"name": site.name, "cidr": site.cidr, "address": site.host, "public_dns": public_dns}
        urls[site.name] = ask("POST", "probe-clusters", there)["url"]
    return urls


def _admit_to_api(operator: Operator, world: World, cidr: str) -> None:
    """Let the cluster security group admit 443 from a block (D7)."""
    admit(operator, world.cluster_security_group_id, from_cidr(cidr, "tcp", _API_PORT))


def _host(operator: Operator, vpc: WorldVpc) -> str:
    """Give the probe's node an interface in the VPC and return its address."""
    hands = operator.at(vpc.account, vpc.region)
    address = str(ipaddress.ip_network(vpc.subnets[0].cidr)[_HOST])
    made = hands.aws("ec2", "CreateSecurityGroup", GroupName="dns-probe", Description="DNS probe", VpcId=vpc.id)
    hands.aws(
        "ec2",
        "CreateNetworkInterface",
        SubnetId=vpc.subnets[0].id,
        PrivateIpAddress=address,
        Groups=[made["GroupId"]],
        Description="dns probe",
    )
    return address
