"""Whether a transit gateway takes packets from one VPC to another: its attachments, route tables and their routes.

A subnet's packets get there only where the VPC's attachment has a subnet in the same availability zone; then the route
table that this attachment is associated with decides, by the longest prefix. The way back is a way of its own. Source:
Transit Gateways Guide, "How transit gateways work", "VPC attachments". Network ACLs of the attachment's own subnets are
not judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.network.model import Address, Network, Subnet
from bot.network.reachability import State

IN_SERVICE = frozenset({"available", "modifying"})
"""States of an attachment in which packets pass."""
_GONE = frozenset({"deleting", "deleted", "rejected", "rejecting", "failed", "failing"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A VPC's attachment to a transit gateway. `state` as EC2 names it: available, pendingAcceptance and others."""

    id: str
    gateway_id: str
    vpc_id: str
    state: str
    subnet_ids: frozenset[str]
    table_id: str
    """The route table that it is associated with; empty: none, or who was asked may not see it."""
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayRoute:
    """One route of a transit gateway's route table."""

    destination: Network
    active: bool
    """Otherwise packets are dropped (blackhole)."""
    kind: str
    """Of what it leads to: vpc, vpn, peering and others; empty: to nothing."""
    resource_id: str
    """Of that: a VPC's id, say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transit:
    """What was read of transit gateways."""

    attachments: tuple[Attachment, ...]
    tables: Mapping[str, tuple[GatewayRoute, ...]]
    """The routes of each route table that could be read: a gateway's owner alone may."""

    def between(self, vpc_id: str, far_id: str) -> str:
        """Return a gateway to which both VPCs have an attachment that is not gone; empty: there is none."""
        there = {
            vpc: {one.gateway_id for one in self.attachments if one.vpc_id == vpc and one.state not in _GONE}
            for vpc in (vpc_id, far_id)
        }
        return min(there[vpc_id] & there[far_id], default="")

    def of(self, vpc_id: str, gateway_id: str) -> tuple[Attachment, ...]:
        """Return a VPC's attachments to a gateway, those in service first; AWS lists deleted ones for a while."""
        own = [one for one in self.attachments if (one.vpc_id, one.gateway_id) == (vpc_id, gateway_id)]
        return tuple(sorted(own, key=lambda one: one.state not in IN_SERVICE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """What is in the way between two networks."""

    state: State
    """BLOCKED or UNDECIDED."""
    text: str
    """One sentence without a full stop."""
    command: str = ""
    """What people may give to mend it: it joins networks."""


def crossings(
    transit: Transit | None, gateway_id: str, subnet: Subnet, far_id: str, address: Address, zones: Mapping[str, str]
) -> Iterator[Crossing]:
    """Yield what keeps a subnet's packets for an address in VPC `far_id` from getting through a gateway; none: nothing.

    `transit` None: transit gateways could not be read. `zones`: of the known subnets, by id.
    """
    if transit is None:
        yield Crossing(state=State.UNDECIDED, text=f"{gateway_id}: transit gateways could not be read")
        return
    own = next(iter(transit.of(subnet.vpc_id, gateway_id)), None)
    if own is None or own.state not in IN_SERVICE:
        region = next((one.region for one in transit.attachments if one.gateway_id == gateway_id), "")
        yield _unattached(own, gateway_id, subnet.vpc_id, region)
        return
    attached = {zones.get(one, "") for one in own.subnet_ids}
    if attached and "" not in attached and subnet.zone not in attached:
        text = f"{own.id} of {subnet.vpc_id} has no subnet in {subnet.zone}, the zone of {subnet.id}: {gateway_id}"
        command = (
            f"aws ec2 modify-transit-gateway-vpc-attachment --transit-gateway-attachment-id {own.id} "
            f"--add-subnet-ids {subnet.id} --region {own.region}"
        )
        yield Crossing(state=State.BLOCKED, text=f"{text} takes nothing from there", command=command)
    yield from _by_table(transit, own, far_id, address)


def _unattached(own: Attachment | None, gateway_id: str, vpc_id: str, region: str) -> Crossing:
    """Return that a VPC's attachment is missing or not in service; `region` of the gateway, empty: not known."""
    if own is None:
        text = f"{vpc_id} has no attachment to {gateway_id}"
        command = (
            f"aws ec2 create-transit-gateway-vpc-attachment --transit-gateway-id {gateway_id} --vpc-id {vpc_id} "
            f"--subnet-ids SUBNET_OF_EACH_ZONE --region {region or 'REGION'}"
        )
        return Crossing(state=State.BLOCKED, text=text, command=command)
    text = f"Attachment {own.id} of {vpc_id} to {gateway_id} is {own.state}; expected available"
    accept = "aws ec2 accept-transit-gateway-vpc-attachment --transit-gateway-attachment-id"
    command = f"{accept} {own.id} --region {region}" if own.state == "pendingAcceptance" else ""
    return Crossing(state=State.BLOCKED, text=text, command=command)


def _by_table(transit: Transit, own: Attachment, far_id: str, address: Address) -> Iterator[Crossing]:
    """Judge the route table that the VPC's attachment is associated with."""
    if not own.table_id:
        text = (
            f"With which route table of {own.gateway_id} {own.id} is associated is not known: its owner alone sees that"
        )
        yield Crossing(state=State.UNDECIDED, text=text)
        return
    routes = transit.tables.get(own.table_id)
    if routes is None:
        text = f"The routes of {own.table_id} of {own.gateway_id} were not read: its owner's account alone may"
        yield Crossing(state=State.UNDECIDED, text=text)
        return
    leading = [one for one in routes if one.destination.version == address.version and address in one.destination]
    route = max(leading, key=lambda one: one.destination.prefixlen, default=None)
    where = f"route table {own.table_id} of {own.gateway_id}"
    if route is None:
        text = f"No route of {where} leads to {address}, which is in {far_id}"
        yield Crossing(
            state=State.BLOCKED,
            text=text,
            command=_leading("create", transit, own, far_id, f"{address}/{address.max_prefixlen}"),
        )
        return
    what = f"Route {route.destination} of {where}"
    if not route.active:
        command = _leading("replace", transit, own, far_id, str(route.destination))
        yield Crossing(state=State.BLOCKED, text=f"{what} drops what it takes (blackhole)", command=command)
    elif route.kind != "vpc":
        yield Crossing(
            state=State.UNDECIDED, text=f"{what} leads to a {route.kind} attachment: what is behind it is not known"
        )
    elif route.resource_id != far_id:
        text = f"{what} leads to {route.resource_id} before {far_id}: what its appliances let through is not known"
        yield Crossing(state=State.UNDECIDED, text=text)


def _leading(verb: str, transit: Transit, own: Attachment, far_id: str, block: str) -> str:
    """Return the command by which a route leads to the far VPC's attachment, which is named where there is one."""
    far = next((one.id for one in transit.of(far_id, own.gateway_id) if one.state in IN_SERVICE), "")
    return (
        f"aws ec2 {verb}-transit-gateway-route --transit-gateway-route-table-id {own.table_id} "
        f"--destination-cidr-block {block} --transit-gateway-attachment-id {far or f'ATTACHMENT_OF_{far_id}'} "
        f"--region {own.region}"
    )
