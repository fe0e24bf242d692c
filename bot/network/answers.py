"""AWS answers as values of `bot.network.model`. Text in, values out; a missing or odd member is `SourceGarbled`.

Sources: EC2 API Reference, data types NetworkInterface, SecurityGroupRule, NetworkAcl, Subnet, RouteTable,
PrefixListEntry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import ip_address, ip_network
from typing import Any

from bot.errors import SourceGarbled
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


@contextmanager
def reading(call: str) -> Iterator[None]:
    """Turn a member that is missing or of the wrong type into `SourceGarbled`, naming the call and the member."""
    try:
        yield
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        what = f"lacks {error.args[0]}" if isinstance(error, KeyError) and error.args else f"is not readable: {error}"
        raise SourceGarbled(
            f"{call} answered, but the answer {what}. Nothing is concluded from it; try again."
        ) from error


def interfaces(rows: Iterable[Mapping[str, Any]]) -> tuple[Interface, ...]:
    """Return the interfaces of `DescribeNetworkInterfaces`; a branch gets the instance of its trunk where tagged."""
    raw = list(rows)
    instances = {row["NetworkInterfaceId"]: _instance_id(row) for row in raw}
    return tuple(_interface(row, instances) for row in raw)


def _interface(row: Mapping[str, Any], instances: Mapping[str, str]) -> Interface:
    private = [item["PrivateIpAddress"] for item in row["PrivateIpAddresses"]]
    six = [item["Ipv6Address"] for item in row.get("Ipv6Addresses") or ()]
    prefixes = [item["Ipv4Prefix"] for item in row.get("Ipv4Prefixes") or ()]
    prefixes += [item["Ipv6Prefix"] for item in row.get("Ipv6Prefixes") or ()]
    branch = row.get("InterfaceType") == "branch"
    instance = instances.get(tags(row).get(TRUNK_TAG, ""), "") if branch else _instance_id(row)
    return Interface(
        id=row["NetworkInterfaceId"],
        instance_id=instance,
        subnet_id=row["SubnetId"],
        security_group_ids=frozenset(group["GroupId"] for group in row["Groups"]),
        addresses=frozenset(ip_address(text) for text in (*private, *six)),
        prefixes=frozenset(network(text) for text in prefixes),
        kind=_kind(branch=branch, instance=instance),
    )


def _kind(*, branch: bool, instance: str) -> InterfaceKind:
    if branch:
        return InterfaceKind.BRANCH
    return InterfaceKind.INSTANCE if instance else InterfaceKind.OTHER


def _instance_id(row: Mapping[str, Any]) -> str:
    return str((row.get("Attachment") or {}).get("InstanceId") or "")


def tags(row: Mapping[str, Any]) -> dict[str, str]:
    """Return an answer's `TagSet` or `Tags` as a mapping."""
    return {tag["Key"]: tag["Value"] for tag in row.get("TagSet") or row.get("Tags") or ()}


def network(text: str) -> Network:
    """Return a CIDR block; AWS keeps host bits in some lists, which mean nothing."""
    return ip_network(text, strict=False)


def security_group_rules(rows: Iterable[Mapping[str, Any]]) -> tuple[SecurityGroupRule, ...]:
    """Return the rows of `DescribeSecurityGroupRules`. Ports that are absent mean all ports."""
    return tuple(_rule(row) for row in rows)


def _rule(row: Mapping[str, Any]) -> SecurityGroupRule:
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
    )


def _route(row: Mapping[str, Any]) -> Route:
    destination = (
        row.get("DestinationCidrBlock") or row.get("DestinationIpv6CidrBlock") or row["DestinationPrefixListId"]
    )
    target = next((str(row[key]) for key in _ROUTE_TARGETS if row.get(key)), "")
    return Route(destination=destination, target=target, active=row.get("State", "active") == "active")
