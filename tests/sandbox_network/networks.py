"""Two VPCs of one account each, peered, with routes both ways and nothing in the way; tests take parts away."""

from __future__ import annotations

from dataclasses import replace

from bot.sandbox.kubernetes.small_cluster import ALLOW_ALL, EVERYTHING
from bot.sandbox.network.names import ResolverEndpoint, ResolverRule
from bot.sandbox.network.network import Network, Peering
from bot.sandbox.network.replies import Reply
from bot.sandbox.network.resolver import Resolver
from bot.sandbox.network.vpc import Group, Port, Route, Vpc

POD, OUTBOUND = "10.1.0.20", "10.1.0.50"
INBOUND = "10.2.0.50"
PEERING = Peering(id="pcx-1", vpc_ids=frozenset({"vpc-home", "vpc-peer"}))


def port(address: str, group: str) -> Port:
    """Return an interface with one address and one group, in the subnet of its VPC."""
    return Port(
        id=f"eni-{address}",
        instance_id="",
        subnet_id=f"subnet-{address.split('.')[1]}",
        primary=address,
        secondary=(),
        prefixes=(),
        groups=frozenset({group}),
    )


def vpc(name: str, octet: int, *addresses: str, to: str) -> Vpc:
    """Return a VPC 10.`octet`.0.0/16 of one subnet whose route table leads to the CIDR `to` over the peering."""
    return Vpc(
        id=f"vpc-{name}",
        account=f"{octet:012d}",
        region="eu-west-1",
        cidrs=(f"10.{octet}.0.0/16",),
        ports=tuple(port(address, f"sg-{name}") for address in addresses),
        groups={f"sg-{name}": Group(inbound=(EVERYTHING,), outbound=(EVERYTHING,))},
        acls={f"subnet-{octet}": ALLOW_ALL},
        routes={f"subnet-{octet}": (Route(cidr="0.0.0.0/0", peering_id=""), Route(cidr=to, peering_id="pcx-1"))},
    )


HOME = vpc("home", 1, POD, OUTBOUND, to="10.2.0.0/16")
PEER = vpc("peer", 2, INBOUND, "10.2.0.20", to="10.1.0.0/16")
ENDPOINTS = (
    ResolverEndpoint(id="rslvr-out-1", vpc_id="vpc-home", inbound=False, addresses=(OUTBOUND,)),
    ResolverEndpoint(id="rslvr-in-1", vpc_id="vpc-peer", inbound=True, addresses=(INBOUND,)),
)
PEERED = Network(home=HOME, others=(PEER,), peerings=(PEERING,), endpoints=ENDPOINTS)


def rule(name: str, *targets: str, vpc_id: str = "vpc-home") -> ResolverRule:
    """Return a rule that holds for one VPC; without targets it is of type SYSTEM."""
    return ResolverRule(
        id=f"rslvr-rr-{name}",
        name=name,
        vpc_ids=frozenset({vpc_id}),
        targets=targets,
        endpoint_id="rslvr-out-1" if targets else "",
    )


def with_peer(network: Network, peer: Vpc) -> Network:
    """Put another state of the peer in its place."""
    return replace(network, others=(peer,))


def asked(network: Network, name: str, *, at: Vpc | None = None) -> Reply:
    """Ask the resolver of the VPC `at`, or the cluster's."""
    return Resolver(network, at or network.home).answer(name)
