"""Whether queries get from an outbound endpoint's addresses to an address, in the same VPC or a peered one, and back.

Groups, network ACLs and middleboxes as `evaluate` judges them, on both sides; between VPCs the routes of both subnets,
which must lead through one peering connection. Source: VPC Peering Guide, "Update your route tables for a VPC peering
connection". Where they lead to a transit gateway its attachments and route tables decide, both ways.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network

from bot.domain.lookups import Transport
from bot.network.answers import network
from bot.network.evaluate import VpcBook, evaluate
from bot.network.model import Address, Interface, Route, Subnet
from bot.network.names import NameWorld, ResolverEndpoint
from bot.network.reachability import End, State
from bot.network.transit import Crossing, Transit, crossings

JOINS = ("pcx-", "tgw-", "vgw-", "eni-")
"""How the target of a route begins that leads out of the VPC to another network, whichever that is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What the network does with queries over UDP, and with the answers. Neither stopped nor unread: they pass."""

    stops: tuple[Crossing, ...] = ()
    """What stops them, each with its own command."""
    unread: tuple[str, ...] = ()
    """What would decide and was not read."""
    notes: tuple[str, ...] = ()
    """What is closed and stops no short answer: TCP, or one of several addresses."""


class Passages:
    """The ways between addresses of a `NameWorld`, which it indexes once."""

    def __init__(self, world: NameWorld) -> None:
        self._world = world
        self._book = VpcBook.of(world.network)
        self._zones = {subnet.id: subnet.zone for subnet in world.network.subnets or ()}
        self._vpcs = {
            vpc_id: [ip_network(cidr, strict=False) for cidr in vpc.cidrs] for vpc_id, vpc in world.vpcs.items()
        }

    def vpc_of(self, address: Address, near: str) -> str | None:
        """Return the VPC that an address is sent to from VPC `near`: itself, else another that has it in its CIDRs."""
        holding = [vpc_id for vpc_id, cidrs in self._vpcs.items() if any(address in cidr for cidr in cidrs)]
        return near if near in holding else next(iter(holding), None)

    def holder(self, address: Address, vpc_id: str) -> Interface | None:
        """Return the interface that holds an address in a VPC."""
        subnets = {subnet.id for subnet in self._world.network.subnets or () if subnet.vpc_id == vpc_id}
        held = (one for one in self._world.network.interfaces if one.holds(address))
        return next((one for one in held if not subnets or one.subnet_id in subnets), None)

    def any_of(self, start: ResolverEndpoint, address: Address, vpc_id: str) -> Passage:
        """Return how an outbound endpoint gets to an address in a VPC: Resolver asks from any of its addresses."""
        found = [self._one(start, one.address, address, vpc_id) for one in start.addresses]
        if not found:
            return Passage(unread=(f"The addresses of {start.id} are not known",))
        best = next((one for one in found if not one.stops and not one.unread), None)
        if best is not None:
            closed = tuple(f"{stop.text} (from one address of {start.id})" for one in found for stop in one.stops[:1])
            return Passage(notes=tuple(dict.fromkeys((*best.notes, *closed))))
        unread = tuple(dict.fromkeys(text for one in found for text in one.unread if not one.stops))
        if unread:
            return Passage(unread=unread)
        return Passage(stops=tuple(dict.fromkeys(stop for one in found for stop in one.stops)))

    def _one(self, start: ResolverEndpoint, source: Address, address: Address, vpc_id: str) -> Passage:
        found = _Found()
        client, server = self.holder(source, start.vpc_id), self.holder(address, vpc_id)
        if start.vpc_id != vpc_id:
            found.take(self._led(start.vpc_id, source, vpc_id, address))
            found.take(self._led(vpc_id, address, start.vpc_id, source))
        ends = End(interface=client, address=source), End(interface=server, address=address)
        for transport in (Transport.UDP, Transport.TCP):
            answer = evaluate(self._book, *ends, transport)
            if answer.state is State.BLOCKED and (transport is Transport.TCP or answer.share < 1):
                found.notes += [block.missing for block in answer.blocks]
            elif answer.state is State.BLOCKED:
                found.stops += [_blocked(block.missing) for block in answer.blocks]
            elif transport is Transport.UDP:
                found.unread += [unread.what.rstrip(".") for unread in answer.unread]
        return Passage(stops=tuple(found.stops), unread=tuple(found.unread), notes=tuple(found.notes))

    def dropped_at_gateway(self, subnet: Subnet, far_id: str, address: Address) -> Crossing | None:
        """Return the first that certainly stops a subnet's packets for another VPC at a transit gateway; None: none."""
        return next(iter(dropped_at_gateway(self._world.transit, subnet, far_id, address, self._zones)), None)

    def _led(self, vpc_id: str, source: Address, far_id: str, address: Address) -> Iterator[Crossing]:
        """Say whether the routes at an address lead packets for another into a VPC."""
        subnet = self._subnet(source, vpc_id)
        if subnet is None:
            yield _undecided(f"The subnet and the routes of {source} in {vpc_id} were not read")
            return
        route = longest(subnet, address)
        where = f"route table {subnet.route_table_id} of {subnet.id} ({vpc_id})"
        if route is None:
            command = self._routing(subnet, far_id, address)
            yield _blocked(f"No route of {where} leads to {address}, which is in {far_id}", command)
        elif not route.active:
            yield _blocked(f"Route {route.destination} of {where} leads to {route.target}, which is gone")
        elif route.target.startswith("pcx-"):
            yield from self._peered(route, where, {vpc_id, far_id})
        elif route.target.startswith("tgw-"):
            yield from crossings(self._world.transit, route.target, subnet, far_id, address, self._zones)
        elif route.target == "local" or route.target.startswith(("igw-", "nat-", "eigw-")):
            text = f"Route {route.destination} of {where} leads to {route.target}, not to {far_id}"
            yield _blocked(text, self._routing(subnet, far_id, address))
        else:
            yield _undecided(
                f"Route {route.destination} of {where} leads to {route.target}, whose own routes were not read"
            )

    def _routing(self, subnet: Subnet, far_id: str, address: Address) -> str:
        """Return the command that leads a subnet's packets to another VPC by what joins them; empty: nothing does."""
        pair = frozenset({subnet.vpc_id, far_id})
        peering = next((one.id for one in self._world.peerings or () if one.vpc_ids == pair), "")
        gateway = self._world.transit.between(subnet.vpc_id, far_id) if self._world.transit else ""
        by = f"--vpc-peering-connection-id {peering}" if peering else f"--transit-gateway-id {gateway}"
        block = next((str(one) for one in self._vpcs[far_id] if address in one), f"{address}/{address.max_prefixlen}")
        command = (
            f"aws ec2 create-route --route-table-id {subnet.route_table_id} --destination-cidr-block {block} {by} "
            f"--region {self._world.vpcs[subnet.vpc_id].region}"
        )
        return command if peering or gateway else ""

    def _peered(self, route: Route, where: str, wanted: set[str]) -> Iterator[Crossing]:
        text = f"Route {route.destination} of {where} leads to {route.target}"
        if self._world.peerings is None:
            yield _undecided(f"{text}, and peering connections could not be read")
            return
        peering = next((one for one in self._world.peerings if one.id == route.target), None)
        if peering is None:
            yield _blocked(f"{text}, which is no active peering connection")
        elif peering.vpc_ids != wanted:
            yield _blocked(f"{text}, which joins {' and '.join(sorted(peering.vpc_ids))}")

    def _subnet(self, address: Address, vpc_id: str) -> Subnet | None:
        subnets = [one for one in self._world.network.subnets or () if one.vpc_id == vpc_id]
        return next((one for one in subnets if any(address in cidr for cidr in one.cidrs)), None)


@dataclass(slots=True)
class _Found:
    stops: list[Crossing] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def take(self, said: Iterator[Crossing]) -> None:
        for one in said:
            if one.state is State.BLOCKED:
                self.stops.append(one)
            else:
                self.unread.append(one.text)


def _blocked(text: str, command: str = "") -> Crossing:
    return Crossing(state=State.BLOCKED, text=text, command=command)


def _undecided(text: str) -> Crossing:
    return Crossing(state=State.UNDECIDED, text=text)


def dropped_at_gateway(
    transit: Transit | None, subnet: Subnet, far_id: str, address: Address, zones: Mapping[str, str]
) -> list[Crossing]:
    """Return what certainly stops a subnet's packets for another VPC at the transit gateway that its route leads to.

    `zones`: of the known subnets, by id.
    """
    route = longest(subnet, address)
    if route is None or not route.target.startswith("tgw-"):
        return []
    met = crossings(transit, route.target, subnet, far_id, address, zones)
    return [one for one in met if one.state is State.BLOCKED]


def longest(subnet: Subnet, address: Address) -> Route | None:
    """Return the route that leads packets for an address: the longest prefix (VPC User Guide, "Route priority").

    Routes to prefix lists are passed over.
    """
    routes = [route for route in subnet.routes if not route.destination.startswith("pl-")]
    leading = [route for route in routes if address in network(route.destination)]
    return max(leading, key=lambda route: network(route.destination).prefixlen, default=None)
