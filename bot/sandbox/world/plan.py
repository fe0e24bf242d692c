"""What the seed decides about a world before anything of it exists."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.sandbox.world.scenario import Neighbour
from bot.sandbox.world.world import ACCOUNT, CLUSTER, REGION, WorldSite

_MANY_NODES = 50
_FULL_SUBNETS = 3000
"""Nodes above which addresses are drawn closely, so that two /18 subnets hold 5,000 of them."""


class PodAddresses(StrEnum):
    """How a node's VPC CNI holds addresses for pods."""

    SECONDARY = "secondary addresses of the first interface"
    SECOND_INTERFACE = "secondary addresses of a second interface"
    PREFIX = "a /28 prefix on the first interface"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubnetPlan:
    """A private subnet to be."""

    cidr: str
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcPlan:
    """A VPC to be. AWS's resolver answers in it, and instances have host names, unless somebody changes that."""

    name: str
    account: str
    region: str
    cidr: str
    public_cidr: str
    """Of the subnet in which the NAT gateway stands; empty: nothing leads to the internet."""
    subnets: tuple[SubnetPlan, ...]
    ipv6: bool = False
    """Whether it and its private subnets have an IPv6 CIDR too, which AWS draws."""
    acl_entry_number: int | None
    """Number of the entries of a network ACL that the private subnets have of their own; None: the VPC's default."""
    dns_servers: tuple[str, ...] = ()
    """What its DHCP options name; none: AWS's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlan:
    """A worker node to be."""

    subnet: int
    """Its place among the subnets of the cluster's VPC."""
    node_group: str
    address: str
    second_address: str
    """Primary address of the second interface; empty: there is none."""
    pod_addresses: tuple[str, ...]
    prefix: str

    @property
    def name(self) -> str:
        """The node's name, which is its private DNS name."""
        return f"ip-{self.address.replace('.', '-')}.{REGION}.compute.internal"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldPlan:
    """Everything that the seed decides before anything exists."""

    seed: int
    home: VpcPlan
    """The cluster's."""
    neighbours: tuple[VpcPlan, ...]
    peered: tuple[str, ...]
    """Names of the neighbours that have a peering connection with `home`."""
    node_groups: tuple[str, ...]
    nodes: tuple[NodePlan, ...]
    on_premises: tuple[WorldSite, ...] = ()


def _addresses(cidr: str) -> Iterator[str]:
    hosts = ipaddress.ip_network(cidr)
    for offset in range(64, hosts.num_addresses - 4096):
        yield str(hosts[offset])


def _prefixes(cidr: str) -> Iterator[str]:
    """Yield /28 prefixes from the upper end of the subnet, where no single address is drawn."""
    hosts = ipaddress.ip_network(cidr)
    for number in range(2, 256):
        yield f"{hosts[hosts.num_addresses - 16 * number]}/28"


def draw_plan(
    seed: int,
    nodes: int | None = None,
    neighbours: Sequence[Neighbour] = (),
    *,
    ipv6: bool = False,
    on_premises: Sequence[str] = (),
) -> WorldPlan:
    """Draw a world. `nodes` None: 3 to 5 by the seed. What stands beside it and `ipv6` change nothing else of it."""
    chance = random.Random(f"world-{seed}")  # noqa: S311  # a drawing, no secret
    second = chance.choice([10, 20, 42, 64, 96, 128, 201])
    count = nodes if nodes is not None else chance.choice([3, 3, 4, 5])
    if count < 2:  # noqa: PLR2004  # CoreDNS on two nodes
        message = f"a world needs at least 2 nodes, {count} were asked for"
        raise ValueError(message)
    zones = chance.sample(["a", "b", "c"], chance.choice([2, 3]))
    thirds = chance.sample([0, 64, 128], len(zones))
    subnets = tuple(
        SubnetPlan(cidr=f"10.{second}.{third}.0/18", zone=f"{REGION}{zone}")
        for third, zone in zip(thirds, zones, strict=True)
    )
    groups = tuple(f"{name}-{chance.randrange(16**6):06x}" for name in chance.sample(["general", "apps", "batch"], 2))
    own_network_acl = chance.random() < 0.5  # noqa: PLR2004  # an even chance
    number = chance.choice([100, 100, 200])
    return WorldPlan(
        seed=seed,
        home=VpcPlan(
            name=CLUSTER,
            account=ACCOUNT,
            region=REGION,
            cidr=f"10.{second}.0.0/16",
            public_cidr=f"10.{second}.192.0/24",
            subnets=subnets,
            ipv6=ipv6,
            acl_entry_number=number if own_network_acl else None,
        ),
        neighbours=_draw_neighbours(seed, second, neighbours),
        peered=tuple(each.name for each in neighbours if each.peered),
        on_premises=_draw_on_premises(seed, on_premises),
        node_groups=groups,
        nodes=_draw_nodes(chance, subnets, groups, count),
    )


def _draw_neighbours(seed: int, taken: int, wanted: Sequence[Neighbour]) -> tuple[VpcPlan, ...]:
    """Draw VPCs in 10.0.0.0/8 with other second octets than `taken`: peered VPCs must not overlap."""
    chance = random.Random(f"neighbours-{seed}")  # noqa: S311  # a drawing, no secret
    octets = chance.sample([each for each in range(1, 250) if each != taken], len(wanted))
    return tuple(
        VpcPlan(
            name=neighbour.name,
            account=neighbour.account,
            region=neighbour.region,
            cidr=f"10.{octet}.0.0/16",
            public_cidr="",
            subnets=tuple(
                SubnetPlan(cidr=f"10.{octet}.{third}.0/24", zone=f"{neighbour.region}{zone}")
                for third, zone in enumerate("ab")
            ),
            acl_entry_number=None,
            dns_servers=neighbour.dns_servers,
        )
        for neighbour, octet in zip(wanted, octets, strict=True)
    )


def _draw_on_premises(seed: int, names: Sequence[str]) -> tuple[WorldSite, ...]:
    """Draw networks in 192.168.0.0/16, in which no VPC of a world is."""
    chance = random.Random(f"on-premises-{seed}")  # noqa: S311  # a drawing, no secret
    octets = chance.sample(range(1, 250), len(names))
    return tuple(WorldSite(name=name, cidr=f"192.168.{octet}.0/24") for name, octet in zip(names, octets, strict=True))


def _draw_nodes(
    chance: random.Random, subnets: tuple[SubnetPlan, ...], groups: tuple[str, ...], count: int
) -> tuple[NodePlan, ...]:
    addresses = [_addresses(subnet.cidr) for subnet in subnets]
    prefixes = [_prefixes(subnet.cidr) for subnet in subnets]
    kinds = [PodAddresses.SECONDARY, PodAddresses.SECOND_INTERFACE, PodAddresses.PREFIX]
    crowded = count > _FULL_SUBNETS
    per_node = 3 if crowded else 5 if count > _MANY_NODES else 12
    drawn = []
    for number in range(count):
        place = number % len(subnets)
        kind = chance.choice(kinds if number <= _MANY_NODES else kinds[:2])
        for _ in range(0 if crowded else chance.randrange(3)):
            next(addresses[place])
        is_second = kind is PodAddresses.SECOND_INTERFACE
        drawn.append(
            NodePlan(
                subnet=place,
                node_group=groups[(number // len(subnets) + place) % len(groups)],
                address=next(addresses[place]),
                second_address=next(addresses[place]) if is_second else "",
                pod_addresses=()
                if kind is PodAddresses.PREFIX
                else tuple(next(addresses[place]) for _ in range(per_node)),
                prefix=next(prefixes[place]) if kind is PodAddresses.PREFIX else "",
            )
        )
    return tuple(drawn)
