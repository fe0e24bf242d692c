"""The parts of a VPC that filter packets, as AWS describes them.

Sources: VPC User Guide, "Security group rules", "Network ACL rules", "Managed prefix lists";
EKS User Guide, "Assign security groups to individual pods".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import TypeAlias

from bot.domain import addresses

Address: TypeAlias = addresses.Address
Network: TypeAlias = IPv4Network | IPv6Network


class InterfaceKind(StrEnum):
    """How an interface is attached."""

    INSTANCE = "instance"
    """Primary or secondary interface of an instance."""
    BRANCH = "branch"
    """A pod's own interface (security groups for pods)."""
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """An elastic network interface with every address it holds."""

    id: str
    instance_id: str
    """The instance it is attached to; for a branch interface that of its trunk where known, else empty."""
    subnet_id: str
    security_group_ids: frozenset[str]
    addresses: frozenset[Address]
    """Primary and secondary private addresses, v4 and v6."""
    prefixes: frozenset[Network] = frozenset()
    """Delegated prefixes (/28, /80)."""
    kind: InterfaceKind = InterfaceKind.INSTANCE

    def holds(self, address: Address) -> bool:
        """Return whether the address is one of this interface's, itself or within a delegated prefix."""
        return address in self.addresses or any(
            address.version == prefix.version and address in prefix for prefix in self.prefixes
        )


class Direction(StrEnum):
    """Seen from the interface (groups) or from the subnet (ACLs)."""

    INGRESS = "ingress"
    EGRESS = "egress"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityGroupRule:
    """One row of DescribeSecurityGroupRules. Exactly one of cidr, prefix_list_id, group_id is set."""

    id: str
    security_group_id: str
    direction: Direction
    protocol: str
    """"-1" (all), "tcp", "udp", "icmp", "icmpv6" or a number as text."""
    from_port: int
    """-1: all ports."""
    to_port: int
    cidr: Network | None = None
    prefix_list_id: str = ""
    group_id: str = ""
    """Referenced group; equal to `security_group_id` for a self reference."""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixList:
    """A managed prefix list; `entries` is None where it could not be read."""

    id: str
    name: str
    entries: tuple[Network, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AclEntry:
    """One entry of a network ACL. Entries apply in order of `number`; 32767 is the closing deny."""

    number: int
    egress: bool
    allow: bool
    protocol: str
    """"-1" or an IANA number as text: "6" tcp, "17" udp, "1" icmp."""
    cidr: Network
    from_port: int | None = None
    """None: all ports (protocol -1 or no range)."""
    to_port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkAcl:
    """A network ACL and the subnets it is associated with."""

    id: str
    vpc_id: str
    is_default: bool
    entries: tuple[AclEntry, ...]
    subnet_ids: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route of a route table."""

    destination: str
    """CIDR or prefix-list id."""
    target: str
    """`local`, `igw-…`, `nat-…`, `eni-…`, `vpce-…`, `pcx-…`, `tgw-…`."""
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """A subnet with its routes: its own table's, else the VPC's main table's."""

    id: str
    vpc_id: str
    zone: str
    cidrs: tuple[Network, ...]
    route_table_id: str
    routes: tuple[Route, ...]
    free_addresses: int | None = None
    """Of its IPv4 range, as AWS counts them; None: not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vpc:
    """Everything in one VPC that decides about packets between its interfaces."""

    interfaces: tuple[Interface, ...]
    rules: tuple[SecurityGroupRule, ...]
    """Of every group in `read_group_ids`."""
    read_group_ids: frozenset[str]
    """Groups whose rules were read; an interface's group outside this set makes an answer undecided."""
    prefix_lists: tuple[PrefixList, ...] = ()
    acls: tuple[NetworkAcl, ...] | None = ()
    """None: the ACLs could not be read."""
    subnets: tuple[Subnet, ...] | None = ()
    """None: subnets and routes could not be read."""
