"""AWS answers as values of `bot.network.model`. Text in, values out; a missing or odd member is `SourceGarbled`.

Sources: EC2 API Reference, data types NetworkInterface, SecurityGroupRule, NetworkAcl, Subnet, RouteTable,
PrefixListEntry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Any, Self

from bot.domain.addresses import address
from bot.network.model import (
    AclEntry,
    Direction,
    Interface,
    InterfaceKind,
    Network,
    NetworkAcl,
    Route,
    SecurityGroupRule,
    Subnet,
)

TRUNK_TAG = "vpcresources.k8s.aws/trunk-eni-id"
"""The VPC resource controller tags each branch interface with the interface it is a branch of."""
CNI_CLUSTER_TAG = "cluster.k8s.amazonaws.com/name"
"""The VPC CNI tags the interfaces it creates with the name of its cluster."""

_ROUTE_TARGETS = (
    "GatewayId",
    "NetworkInterfaceId",
    "NatGatewayId",
    "VpcPeeringConnectionId",
    "TransitGatewayId",
    "EgressOnlyInternetGatewayId",
    "InstanceId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedInterface:
    """An interface of `DescribeNetworkInterfaces`, with what tells whose it is."""

    interface: Interface
    """A branch as if it had no instance: only its trunk tells (`belonging`)."""
    description: str
    trunk_id: str
    """Of a branch interface, the one that it is a branch of; empty where no tag names it."""
    cluster_tag: str
    """The cluster whose VPC CNI made it; empty where no tag says so."""
    group_names: tuple[tuple[str, str], ...]
    """Id and name of its security groups."""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Return the interface."""
        private = [item["PrivateIpAddress"] for item in row["PrivateIpAddresses"]]
        six = [item["Ipv6Address"] for item in row.get("Ipv6Addresses") or ()]
        prefixes = [item["Ipv4Prefix"] for item in row.get("Ipv4Prefixes") or ()]
        prefixes += [item["Ipv6Prefix"] for item in row.get("Ipv6Prefixes") or ()]
        branch, tagged = row.get("InterfaceType") == "branch", tags(row)
        instance = "" if branch else str((row.get("Attachment") or {}).get("InstanceId") or "")
        groups = tuple((group["GroupId"], group.get("GroupName") or "") for group in row["Groups"])
        return cls(
            interface=Interface(
                id=row["NetworkInterfaceId"],
                instance_id=instance,
                subnet_id=row["SubnetId"],
                security_group_ids=frozenset(group for group, _ in groups),
                addresses=frozenset(map(address, (*private, *six))),
                prefixes=frozenset(network(text) for text in prefixes),
                kind=_kind(branch=branch, instance=instance),
            ),
            description=row.get("Description") or "",
            trunk_id=tagged.get(TRUNK_TAG, "") if branch else "",
            cluster_tag=tagged.get(CNI_CLUSTER_TAG, ""),
            group_names=groups,
        )


NETWORK_INTERFACES = ("ec2", "DescribeNetworkInterfaces", "NetworkInterfaces", DescribedInterface.of)
"""What `AwsReader.list` is asked for, by all who look at interfaces, so that they share the answer."""


def belonging(described: Sequence[DescribedInterface]) -> tuple[DescribedInterface, ...]:
    """Return the interfaces, each branch with the instance of its trunk where that is among them."""
    instances = {one.interface.id: one.interface.instance_id for one in described}
    return tuple(_on_trunk(one, instances.get(one.trunk_id, "")) for one in described)


def _on_trunk(one: DescribedInterface, instance: str) -> DescribedInterface:
    return replace(one, interface=replace(one.interface, instance_id=instance)) if one.trunk_id and instance else one


def _kind(*, branch: bool, instance: str) -> InterfaceKind:
    if branch:
        return InterfaceKind.BRANCH
    return InterfaceKind.INSTANCE if instance else InterfaceKind.OTHER


def tags(row: Mapping[str, Any]) -> dict[str, str]:
    """Return an answer's `TagSet` or `Tags` as a mapping."""
    return {tag["Key"]: tag["Value"] for tag in row.get("TagSet") or row.get("Tags") or ()}


def network(text: str) -> Network:
    """Return a CIDR block; AWS keeps host bits in some lists, which mean nothing."""
    return ip_network(text, strict=False)


def security_group_rules(rows: Iterable[Mapping[str, Any]]) -> tuple[SecurityGroupRule, ...]:
    """Return the rows of `DescribeSecurityGroupRules`. Ports that are absent mean all ports."""
    return tuple(map(security_group_rule, rows))


def security_group_rule(row: Mapping[str, Any]) -> SecurityGroupRule:
    """Return one of them."""
    cidr = row.get("CidrIpv4") or row.get("CidrIpv6")
    return SecurityGroupRule(
        id=row["SecurityGroupRuleId"],
        security_group_id=row["GroupId"],
        direction=Direction.EGRESS if row["IsEgress"] else Direction.INGRESS,
        protocol=str(row["IpProtocol"]).lower(),
        from_port=int(row.get("FromPort", -1)),
        to_port=int(row.get("ToPort", -1)),
        cidr=network(cidr) if cidr else None,
        prefix_list_id=row.get("PrefixListId") or "",
        group_id=(row.get("ReferencedGroupInfo") or {}).get("GroupId") or "",
        description=row.get("Description") or "",
    )


def network_acls(rows: Iterable[Mapping[str, Any]]) -> tuple[NetworkAcl, ...]:
    """Return the ACLs of `DescribeNetworkAcls` with their entries in order of number."""
    return tuple(
        NetworkAcl(
            id=row["NetworkAclId"],
            vpc_id=row["VpcId"],
            is_default=bool(row.get("IsDefault", False)),
            entries=tuple(sorted((_entry(item) for item in row["Entries"]), key=lambda entry: entry.number)),
            subnet_ids=frozenset(item["SubnetId"] for item in row["Associations"]),
        )
        for row in rows
    )


def _entry(row: Mapping[str, Any]) -> AclEntry:
    ports = row.get("PortRange") or {}
    return AclEntry(
        number=int(row["RuleNumber"]),
        egress=bool(row["Egress"]),
        allow=_allow(row["RuleAction"]),
        protocol=str(row["Protocol"]).lower(),
        cidr=network(row.get("CidrBlock") or row["Ipv6CidrBlock"]),
        from_port=ports.get("From"),
        to_port=ports.get("To"),
    )


def _allow(action: str) -> bool:
    if action not in {"allow", "deny"}:
        message = f"RuleAction is {action!r}"
        raise ValueError(message)
    return action == "allow"


def subnets(rows: Iterable[Mapping[str, Any]], tables: Sequence[Mapping[str, Any]]) -> tuple[Subnet, ...]:
    """Return the subnets of `DescribeSubnets` with the routes of their own table, else of the VPC's main one."""
    own: dict[str, Mapping[str, Any]] = {}
    main: dict[str, Mapping[str, Any]] = {}
    for table in tables:
        for association in table["Associations"]:
            if association.get("SubnetId"):
                own[association["SubnetId"]] = table
            elif association.get("Main"):
                main[table["VpcId"]] = table
    return tuple(_subnet(row, own.get(row["SubnetId"]) or main[row["VpcId"]]) for row in rows)


def _subnet(row: Mapping[str, Any], table: Mapping[str, Any]) -> Subnet:
    six = [item["Ipv6CidrBlock"] for item in row.get("Ipv6CidrBlockAssociationSet") or ()]
    return Subnet(
        id=row["SubnetId"],
        vpc_id=row["VpcId"],
        zone=row.get("AvailabilityZone") or "",
        cidrs=tuple(network(text) for text in (row["CidrBlock"], *six) if text),
        route_table_id=table["RouteTableId"],
        routes=tuple(_route(item) for item in table["Routes"]),
        free_addresses=row.get("AvailableIpAddressCount"),
    )


def _route(row: Mapping[str, Any]) -> Route:
    destination = (
        row.get("DestinationCidrBlock") or row.get("DestinationIpv6CidrBlock") or row["DestinationPrefixListId"]
    )
    target = next((str(row[key]) for key in _ROUTE_TARGETS if row.get(key)), "")
    return Route(destination=destination, target=target, active=row.get("State", "active") == "active")
