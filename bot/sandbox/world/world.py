"""The world that the sandbox builds, with the ids that it bears once it stands."""

from __future__ import annotations

import ipaddress
import random
from dataclasses import dataclass

ACCOUNT = "123456789012"
REGION = "eu-west-1"
CLUSTER = "cluster-prod"
CLUSTER_DNS = "172.20.0.10"
SERVICE_CIDR = "172.20.0.0/16"
API_SERVICE = "172.20.0.1"
"""The ClusterIP of the service `kubernetes`: the first of the range."""
SERVICE_CIDR_IPV6 = "fd5a:8c3e:71b0::/108"
"""Of a cluster with ipFamily ipv6; EKS draws it."""
CLUSTER_DNS_IPV6 = "fd5a:8c3e:71b0::a"
API_SERVICE_IPV6 = "fd5a:8c3e:71b0::1"
WORKLOAD_SELECTOR = "app.kubernetes.io/created-by=eks-workshop"
PROBE_SELECTOR = "app=dnsprobe"
"""Of the pods in other networks from which names are looked up."""
PROBE_IMAGE, PROBE_NAMESPACE = "registry.example.com/dnsprobe:1", "dns-probes"
NO_PUBLIC_DNS = "sandbox:no-public-dns"
"""Key of the tag that a world puts on a VPC whose hosts get nothing from public DNS, which AWS itself does not show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldSubnet:
    """A private subnet."""

    id: str
    cidr: str
    zone: str
    network_acl_id: str
    ipv6_cidr: str = ""
    """A /64; empty: it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldVpc:
    """A VPC of the world: whose it is, and what stands in it."""

    name: str
    id: str
    account: str
    region: str
    cidrs: tuple[str, ...]
    """The primary one first."""
    subnets: tuple[WorldSubnet, ...]
    """The private ones."""
    route_table_id: str
    """Of the private subnets."""

    @property
    def cidr(self) -> str:
        """The primary CIDR."""
        return self.cidrs[0]

    @property
    def resolver(self) -> str:
        """Address of the VPC's own resolver."""
        return vpc_resolver(self.cidr)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldPeering:
    """A peering connection between two VPCs of the world, with routes both ways."""

    id: str
    vpc_ids: tuple[str, str]
    """Who asked for it first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldSite:
    """A network on premises: a DNS server, and a host from which names are looked up."""

    name: str
    cidr: str

    @property
    def host(self) -> str:
        """Address of the host."""
        return str(ipaddress.ip_network(self.cidr)[100])


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
    ipv6_address: str = ""
    """Its own, where the cluster's family is IPv6."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A world that exists, before anybody broke it."""

    seed: int
    vpcs: tuple[WorldVpc, ...]
    """The cluster's first."""
    peerings: tuple[WorldPeering, ...]
    nodes: tuple[WorldNode, ...]
    node_groups: tuple[str, ...]
    cluster_security_group_id: str
    unused_security_group_id: str
    """A group that no node carries."""
    endpoint: str
    """`https://…`, the API endpoint of the cluster."""
    corefile: str
    ipv6: bool = False
    """Whether pods and Services have IPv6 addresses alone."""
    on_premises: tuple[WorldSite, ...] = ()

    @property
    def cluster_dns(self) -> str:
        """Where the DNS Service is: the tenth address of the service CIDR."""
        return CLUSTER_DNS_IPV6 if self.ipv6 else CLUSTER_DNS

    @property
    def api_service(self) -> str:
        """Where the Service `kubernetes` is: the first address of the service CIDR."""
        return API_SERVICE_IPV6 if self.ipv6 else API_SERVICE

    def chance(self, purpose: str) -> random.Random:
        """Return a source of chance that repeats with the seed."""
        return random.Random(f"{purpose}-{self.seed}")  # noqa: S311  # a drawing, no secret

    @property
    def home(self) -> WorldVpc:
        """The cluster's VPC."""
        return self.vpcs[0]

    @property
    def neighbours(self) -> tuple[WorldVpc, ...]:
        """The VPCs beside the cluster's, in the order in which the scenario names them."""
        return self.vpcs[1:]

    def nobody(self, purpose: str) -> str:
        """Return an address of the cluster's VPC that nobody has, outside its subnets; another for each purpose."""
        vpc = ipaddress.ip_network(self.home.cidr)
        return str(vpc[vpc.num_addresses - self.chance(purpose).randrange(10, 200)])

    def subnet_of(self, node: WorldNode) -> WorldSubnet:
        """Return the subnet of a node."""
        return next(subnet for subnet in self.home.subnets if subnet.id == node.subnet_id)


def vpc_resolver(cidr: str) -> str:
    """Return where Amazon's resolver is in a VPC: the base of its CIDR plus two (VPC User Guide, "DNS attributes")."""
    return str(ipaddress.ip_network(cidr)[2])
