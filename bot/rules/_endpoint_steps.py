"""What is missing between another network and the private endpoint's name, in the order of building (D2 to D7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address, ip_network

from bot.domain.lookups import Transport
from bot.network.evaluate import VpcBook
from bot.network.model import Direction as Way
from bot.network.model import Interface
from bot.network.name_hops import HopKind, HopState
from bot.network.name_passage import JOINS, longest
from bot.network.names import Direction, ResolverEndpoint
from bot.network.reachability import End
from bot.rules._name_ways import NameWays, PeerWay

_LEAST_ADDRESSES = 2


class Step(StrEnum):
    """One thing that must be there."""

    VPC_DNS = "VPC DNS attributes"
    ROUTE = "route or peering"
    INBOUND = "inbound endpoint"
    INBOUND_GROUP = "inbound endpoint's security group"
    OUTBOUND = "outbound endpoint"
    NETWORK = "way between the endpoints"
    RULE = "FORWARD rule"
    WAY = "way to the inbound endpoint"
    FORWARDER = "forwarder on premises"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """What is missing at one step."""

    step: Step
    text: str
    """One sentence without a full stop."""
    advised: bool = False
    """AWS advises it; names resolve without."""
    command: str = ""
    """What people may give where networks must be joined."""


def lacks(ways: NameWays, one: PeerWay) -> tuple[Lack, ...]:
    """Return what is missing for one peer, in order; what two steps say is missing at the first of them."""
    found: dict[str, Lack] = {}
    for lack in (
        *vpc_dns(ways), *_routes(ways, one), *inbound(ways), *_inbound_group(ways, one), *_outbound(ways, one),
    ):  # fmt: skip
        found.setdefault(lack.text, lack)
    return tuple(found.values())


def vpc_dns(ways: NameWays) -> Iterator[Lack]:
    """Yield DNS attributes of the cluster's VPC that are off (D2)."""
    home = ways.home
    for name, value in (("enableDnsSupport", home.dns_support), ("enableDnsHostnames", home.dns_hostnames)):
        if value is False:
            yield Lack(step=Step.VPC_DNS, text=f"The cluster's VPC {home.vpc_id} has {name} off")


def _routes(ways: NameWays, one: PeerWay) -> Iterator[Lack]:
    """Look for any route between the two VPCs, both ways; which subnets need one depends on the endpoints'."""
    home, there = ways.home, ways.world.vpcs[one.peer.found.vpc_id]
    for near, far in ((there, home), (home, there)):
        subnets = [each for each in ways.world.network.subnets or () if each.vpc_id == near.vpc_id]
        targets = [ip_network(cidr)[1] for cidr in far.cidrs]
        found = [route for subnet in subnets for address in targets if (route := longest(subnet, address)) is not None]
        if subnets and targets and not any(route.target.startswith(JOINS) for route in found):
            yield Lack(
                step=Step.ROUTE, text=f"No route of {near.vpc_id} leads to {far.vpc_id} ({', '.join(far.cidrs)})"
            )
            continue
        met = [ways.passages.dropped_at_gateway(subnet, far.vpc_id, one) for subnet in subnets for one in targets]
        dropped = [one for one in met if one is not None]
        if dropped and len(dropped) == len(met):
            yield Lack(step=Step.ROUTE, text=dropped[0].text, command=dropped[0].command)


def inbound(ways: NameWays) -> Iterator[Lack]:
    """Yield that there is no inbound endpoint, or that it is in one zone alone (D3)."""
    home, found = ways.home, ways.inbound()
    if (home.account, home.region) not in ways.world.read:
        return
    if not found:
        yield Lack(step=Step.INBOUND, text=f"The cluster's VPC {home.vpc_id} has no inbound endpoint")
        return
    zones = {_zone(ways, each.subnet_id) for endpoint in found for each in endpoint.addresses}
    if len(zones - {""}) < _LEAST_ADDRESSES and "" not in zones:
        text = f"The inbound endpoint {found[0].id} is in {len(zones)} availability zone; AWS advises two at least"
        yield Lack(step=Step.INBOUND, text=text, advised=True)


def _inbound_group(ways: NameWays, one: PeerWay) -> Iterator[Lack]:
    found = ways.inbound()
    closed = [endpoint for endpoint in found if _shut(ways, one, endpoint)]
    if closed and len(closed) == len(found):
        groups = ", ".join(closed[0].security_group_ids)
        there = ", ".join(ways.world.vpcs[one.peer.found.vpc_id].cidrs)
        text = f"{groups}, which {closed[0].id} carries, has no inbound rule for udp/53 from {there}"
        yield Lack(step=Step.INBOUND_GROUP, text=text)


def _zone(ways: NameWays, subnet_id: str) -> str:
    return next((each.zone for each in ways.world.network.subnets or () if each.id == subnet_id), "")


def _shut(ways: NameWays, one: PeerWay, endpoint: ResolverEndpoint) -> bool:
    """Return whether the groups of an inbound endpoint certainly keep out every address block of the peer."""
    cidrs = ways.world.vpcs[one.peer.found.vpc_id].cidrs
    if not cidrs or not endpoint.addresses:
        return False
    book = VpcBook.of(ways.world.network).groups
    address = endpoint.addresses[0]
    interface = Interface(
        id=endpoint.id,
        instance_id="",
        subnet_id=address.subnet_id,
        security_group_ids=frozenset(endpoint.security_group_ids),
        addresses=frozenset({address.address}),
    )
    asked = {each.address for out in _usable(ways, one) for each in out.addresses} or {
        ip_address(int(ip_network(cidr).network_address) + 10) for cidr in cidrs
    }
    answers = [
        book.judge(
            End(interface=interface, address=address.address),
            End(interface=None, address=each),
            Way.INGRESS,
            Transport.UDP,
        )
        for each in asked
    ]
    return not any(answer.allowed or answer.unread for answer in answers)


def _usable(ways: NameWays, one: PeerWay) -> list[ResolverEndpoint]:
    own = one.peer.found
    return ways.endpoints(Direction.OUTBOUND, account=own.account, region=own.region)


def _outbound(ways: NameWays, one: PeerWay) -> Iterator[Lack]:
    own = one.peer.found
    if (own.account, own.region) not in ways.world.read:
        return
    stopped = [hop for hop in one.way.hops if hop.kind is HopKind.NETWORK and hop.state is HopState.STOPS]
    if stopped:
        yield from (Lack(step=Step.NETWORK, text=hop.text, command=hop.command) for hop in stopped)
        return
    if not _usable(ways, one):
        text = f"Account {own.account} has no outbound endpoint in {own.region}"
        yield Lack(step=Step.OUTBOUND, text=text)
    if not ways.rules_for(one):
        yield Lack(step=Step.RULE, text=f"No FORWARD rule for {ways.host} is there for {own.vpc_id} in {own.region}")
