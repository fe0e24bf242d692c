"""The world that the sandbox builds: what is drawn from the seed, and the ids that it then bears."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

ACCOUNT = "123456789012"
REGION = "eu-west-1"
CLUSTER = "cluster-prod"
CLUSTER_DNS = "172.20.0.10"
SERVICE_CIDR = "172.20.0.0/16"
API_SERVICE = "172.20.0.1"
"""The ClusterIP of the service `kubernetes`: the first of the range."""
WORKLOAD_SELECTOR = "app.kubernetes.io/created-by=eks-workshop"
_MANY_NODES = 50


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
class NodePlan:
    """A worker node to be."""

    subnet: int
    """Its place among the subnets."""
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
    vpc_cidr: str
    public_cidr: str
    subnets: tuple[SubnetPlan, ...]
    own_network_acl: bool
    """The private subnets have a network ACL of their own instead of the VPC's default one."""
    acl_entry_number: int
    node_groups: tuple[str, ...]
    nodes: tuple[NodePlan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldSubnet:
    """A private subnet."""

    id: str
    cidr: str
    zone: str
    network_acl_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldNode:
    """A worker node and its instance."""

    name: str
    instance_id: str
    address: str
    zone: str
    subnet_id: str
    node_group: str
    interface_ids: tuple[str, ...]
    """In the order of their device index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A world that exists, before anybody broke it."""

    seed: int
    vpc_id: str
    vpc_cidr: str
    subnets: tuple[WorldSubnet, ...]
    nodes: tuple[WorldNode, ...]
    node_groups: tuple[str, ...]
    cluster_security_group_id: str
    unused_security_group_id: str
    """A group that no node carries."""
    endpoint: str
    """`https://…`, the API endpoint of the cluster."""
    corefile: str

    def chance(self, purpose: str) -> random.Random:
        """Return a source of chance that repeats with the seed."""
        return random.Random(f"{purpose}-{self.seed}")  # noqa: S311  # a drawing, no secret

    @property
    def resolver(self) -> str:
        """Address of the VPC's own resolver."""
        return vpc_resolver(self.vpc_cidr)

    def nobody(self, purpose: str) -> str:
        """Return an address of the VPC, outside its subnets, that nobody has; another one for each purpose."""
        vpc = ipaddress.ip_network(self.vpc_cidr)
        return str(vpc[vpc.num_addresses - self.chance(purpose).randrange(10, 200)])

    def subnet_of(self, node: WorldNode) -> WorldSubnet:
        """Return the subnet of a node."""
        return next(subnet for subnet in self.subnets if subnet.id == node.subnet_id)


def vpc_resolver(cidr: str) -> str:
    """Return where Amazon's resolver is in a VPC: the base of its CIDR plus two (VPC User Guide, "DNS attributes")."""
    return str(ipaddress.ip_network(cidr)[2])


def _addresses(cidr: str) -> Iterator[str]:
    hosts = ipaddress.ip_network(cidr)
    for offset in range(64, hosts.num_addresses - 4096):
        yield str(hosts[offset])


def _prefixes(cidr: str) -> Iterator[str]:
    """Yield /28 prefixes from the upper end of the subnet, where no single address is drawn."""
    hosts = ipaddress.ip_network(cidr)
    for number in range(2, 256):
        yield f"{hosts[hosts.num_addresses - 16 * number]}/28"


def draw_plan(seed: int, nodes: int | None = None) -> WorldPlan:
    """Draw a world. `nodes` None: 3 to 5 by the seed."""
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
    return WorldPlan(
        seed=seed,
        vpc_cidr=f"10.{second}.0.0/16",
        public_cidr=f"10.{second}.192.0/24",
        subnets=subnets,
        own_network_acl=chance.random() < 0.5,  # noqa: PLR2004  # an even chance
        acl_entry_number=chance.choice([100, 100, 200]),
        node_groups=groups,
        nodes=_draw_nodes(chance, subnets, groups, count),
    )


def _draw_nodes(
    chance: random.Random, subnets: tuple[SubnetPlan, ...], groups: tuple[str, ...], count: int
) -> tuple[NodePlan, ...]:
    addresses = [_addresses(subnet.cidr) for subnet in subnets]
    prefixes = [_prefixes(subnet.cidr) for subnet in subnets]
    kinds = [PodAddresses.SECONDARY, PodAddresses.SECOND_INTERFACE, PodAddresses.PREFIX]
    per_node = 5 if count > _MANY_NODES else 12
    drawn = []
    for number in range(count):
        place = number % len(subnets)
        kind = chance.choice(kinds if number <= _MANY_NODES else kinds[:2])
        for _ in range(chance.randrange(3)):
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
