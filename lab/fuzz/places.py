"""Where the packets go: interfaces with fixed addresses on drawn nodes, which many drawn rulesets then use."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from bot.domain.enforcing_mode import EnforcingMode
from bot.sandbox.world.world import vpc_resolver
from lab.vpc_wiring import VpcWiring

VPC_ID = "vpc-0f00d"
VPC_CIDR = "10.40.0.0/16"
OUTSIDE_CIDR = "10.50.0.0/16"
"""Of a peered VPC, where nothing is refused."""
_MODES = (EnforcingMode.STRICT, EnforcingMode.STANDARD, EnforcingMode.STANDARD)
_SUBNET_CIDRS = ("10.40.0.0/20", "10.40.16.0/20", "10.40.32.0/20", "10.40.64.0/18")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """An interface to be; its groups differ from world to world."""

    id: str
    subnet_id: str
    addresses: tuple[str, ...]
    prefix: str = ""
    instance_id: str = ""
    """Empty: AWS's own, such as an EKS control plane's."""
    trunk_id: str = ""
    """Set: a branch interface of that one."""

    def row(self, group_ids: Iterable[str]) -> dict[str, Any]:
        """Return it as DescribeNetworkInterfaces does."""
        return {
            "NetworkInterfaceId": self.id,
            "SubnetId": self.subnet_id,
            "VpcId": VPC_ID,
            "InterfaceType": "branch" if self.trunk_id else "interface",
            "TagSet": [{"Key": "vpcresources.k8s.aws/trunk-eni-id", "Value": self.trunk_id}] if self.trunk_id else [],
            "PrivateIpAddress": self.addresses[0],
            "PrivateIpAddresses": [
                {"PrivateIpAddress": each, "Primary": number == 0} for number, each in enumerate(self.addresses)
            ],
            "Ipv6Addresses": [],
            "Ipv4Prefixes": [{"Ipv4Prefix": self.prefix}] if self.prefix else [],
            "Groups": [{"GroupId": each, "GroupName": each} for each in group_ids],
            **({"Attachment": {"InstanceId": self.instance_id}} if self.instance_id else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One namespace: an address that asks and answers."""

    address: str
    interface: Interface
    node: str = ""
    """Address of the node whose pod it is; empty: a node or a host itself."""
    mode: EnforcingMode | None = None
    """What a pod with a branch interface was made under."""

    @property
    def leaves_as(self) -> str:
        """The address with which its packets leave the VPC: its node's, but for pods in strict mode (B9)."""
        return self.address if self.mode is EnforcingMode.STRICT else self.node or self.address


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """All of them."""

    subnets: dict[str, str]
    """CIDR by subnet id."""
    interfaces: tuple[Interface, ...]
    places: tuple[Place, ...]
    resolver: str
    outside: str
    """A server in the peered VPC; empty: there is none."""

    def leaving(self, place: Place) -> Place:
        """Return the place as which its packets leave the VPC."""
        return next(each for each in self.places if each.address == place.leaves_as)

    @property
    def leavers(self) -> tuple[Place, ...]:
        """The places that ask outside: no two with the same address there, where their ports could not both be kept."""
        found: dict[str, Place] = {}
        for place in sorted(self.places, key=lambda each: each.mode is None):
            if place.leaves_as != place.address or not place.interface.instance_id:
                found.setdefault(place.leaves_as, place)
        return tuple(found.values())


class _Drawing:
    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        count = chance.choice([2, 3, 3, 4])
        self.subnets = {f"subnet-{number}": cidr for number, cidr in enumerate(chance.sample(_SUBNET_CIDRS, count))}
        self.interfaces: list[Interface] = []
        self.places: list[Place] = []
        self._free_prefixes = chance.sample(range(8, 64), 8)
        self._free = {subnet: self._hosts(cidr) for subnet, cidr in self.subnets.items()}

    def _hosts(self, cidr: str) -> list[str]:
        """Return hosts that lie close together, so that drawn CIDRs cut between them."""
        block = ip_network(cidr)
        return [str(block[offset]) for offset in self.chance.sample(range(4, 64), 40)]

    def subnet(self) -> str:
        return self.chance.choice(sorted(self.subnets))

    def address(self, subnet: str) -> str:
        return self._free[subnet].pop()

    def prefix(self, subnet: str) -> str:
        return f"{ip_network(self.subnets[subnet])[16 * self._free_prefixes.pop()]}/28"

    def add(self, interface: Interface) -> Interface:
        self.interfaces.append(interface)
        return interface


def draw_places(chance: random.Random) -> Places:
    """Draw subnets, 3 or 4 nodes with pods, some with branch interfaces, and one interface of AWS itself."""
    drawing = _Drawing(chance)
    for number in range(chance.choice([3, 4])):
        _node(drawing, number)
    nodes = [place for place in drawing.places if not place.node]
    for number, mode in enumerate(_MODES):
        _branch(drawing, number, chance.choice(nodes), mode)
    subnet = drawing.subnet()
    own = Interface(id="eni-eks", subnet_id=subnet, addresses=(drawing.address(subnet),))
    drawing.places.append(Place(address=own.addresses[0], interface=drawing.add(own)))
    return Places(
        subnets=drawing.subnets,
        interfaces=tuple(drawing.interfaces),
        places=tuple(drawing.places),
        resolver=vpc_resolver(VPC_CIDR),
        outside=str(ip_network(OUTSIDE_CIDR)[chance.randrange(4, 64)]),
    )


def _branch(drawing: _Drawing, number: int, node: Place, mode: EnforcingMode) -> None:
    """Add a pod with a branch interface, in any subnet."""
    subnet = drawing.subnet()
    branch = Interface(
        id=f"eni-branch{number}",
        subnet_id=subnet,
        addresses=(drawing.address(subnet),),
        trunk_id=node.interface.id,
    )
    drawing.places.append(
        Place(address=branch.addresses[0], interface=drawing.add(branch), node=node.address, mode=mode)
    )


def _node(drawing: _Drawing, number: int) -> None:
    """Add a node with two pods: on its first interface, in a prefix, or on a second interface, perhaps elsewhere."""
    chance, instance = drawing.chance, f"i-{number}"
    subnet = drawing.subnet()
    pod, prefix = drawing.address(subnet), drawing.prefix(subnet)
    first = drawing.add(
        Interface(
            id=f"eni-{number}a",
            subnet_id=subnet,
            addresses=(drawing.address(subnet), pod),
            prefix=prefix,
            instance_id=instance,
        )
    )
    drawing.places += [
        Place(address=first.addresses[0], interface=first),
        Place(address=pod, interface=first, node=first.addresses[0]),
    ]
    if chance.random() < 0.5:  # noqa: PLR2004  # an even chance
        inside = str(ip_network(prefix)[chance.randrange(16)])
        drawing.places.append(Place(address=inside, interface=first, node=first.addresses[0]))
        return
    other = drawing.subnet()
    addresses = (drawing.address(other), drawing.address(other))
    second = drawing.add(Interface(id=f"eni-{number}b", subnet_id=other, addresses=addresses, instance_id=instance))
    drawing.places.append(Place(address=addresses[1], interface=second, node=first.addresses[0]))


def build(wiring: VpcWiring, places: Places) -> dict[str, str]:
    """Make the namespaces; return their full names by address, the resolver's among them."""
    netns = {places.resolver: wiring.netns}
    for number, place in enumerate(places.places):
        if place.mode is not None:
            netns[place.address] = wiring.attach_branch_pod(
                place.node, place.address, place.address, vlan=number, mode=place.mode
            )
        elif place.node:
            netns[place.address] = wiring.attach_pod(place.node, place.address, place.address)
        elif place.interface.instance_id:
            mine = [each for each in places.interfaces if each.instance_id == place.interface.instance_id]
            secondary = [each for one in mine for each in one.addresses if each != place.address]
            prefixes = [one.prefix for one in mine if one.prefix]
            netns[place.address] = wiring.attach_node(place.address, place.address, [*secondary, *prefixes])
        else:
            netns[place.address] = wiring.attach_host(place.address, place.address)
    return netns
