"""Reads the VPCs of one account and region through the API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from bot.sandbox.network.aws_calls import PlaceCalls
from bot.sandbox.network.network import Peering, TransitGateway
from bot.sandbox.network.vpc import ApiEndpoint, Entry, Group, Permission, Port, Route, Vpc
from bot.sandbox.world.world import NO_PUBLIC_DNS

_PAGE = {"PageSize": 1000}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answers:
    """What the place holds, of all its VPCs."""

    interfaces: list[Any]
    acls: list[Any]
    groups: list[Any]
    route_tables: list[Any]
    clusters: list[Any]
    prefix_lists: Mapping[str, tuple[str, ...]]


def read_vpcs(calls: PlaceCalls) -> tuple[Vpc, ...]:
    """Return the VPCs of the place but for the default one, in which nothing of a world stands."""
    vpcs = [row for row in _pages(calls, "describe_vpcs", "Vpcs") if not row["IsDefault"]]
    answers = _read_answers(calls) if vpcs else None
    return tuple(_vpc(calls, row, answers) for row in vpcs if answers)


def read_peerings(calls: PlaceCalls) -> tuple[Peering, ...]:
    """Return the peering connections of the place's VPCs that are active."""
    rows = _pages(calls, "describe_vpc_peering_connections", "VpcPeeringConnections")
    return tuple(
        Peering(
            id=row["VpcPeeringConnectionId"],
            vpc_ids=frozenset({row["RequesterVpcInfo"]["VpcId"], row["AccepterVpcInfo"]["VpcId"]}),
        )
        for row in rows
        if row["Status"]["Code"] == "active"
    )


def read_transits(calls: PlaceCalls, vpcs: Iterable[Vpc]) -> tuple[TransitGateway, ...]:
    """Return the place's own transit gateways; none is asked for where no route of these VPCs leads to one."""
    if not any(route.transit_id for vpc in vpcs for routes in vpc.routes.values() for route in routes):
        return ()
    rows = _pages(calls, "describe_transit_gateway_attachments", "TransitGatewayAttachments")
    tables = {
        row["TransitGatewayId"]: row["Association"]["TransitGatewayRouteTableId"]
        for row in rows
        if row.get("Association")
    }
    return tuple(
        TransitGateway(
            id=gateway,
            vpc_ids=frozenset(
                row["ResourceId"] for row in rows if row["TransitGatewayId"] == gateway and row["State"] == "available"
            ),
            routes=_transit_routes(calls, table),
        )
        for gateway, table in tables.items()
    )


def _transit_routes(calls: PlaceCalls, table: str) -> tuple[tuple[str, str], ...]:
    states = [{"Name": "state", "Values": ["active", "blackhole"]}]
    rows = calls.call("ec2", "search_transit_gateway_routes", TransitGatewayRouteTableId=table, Filters=states)
    return tuple(
        (
            row["DestinationCidrBlock"],
            row["TransitGatewayAttachments"][0]["ResourceId"] if row["State"] == "active" else "",
        )
        for row in rows["Routes"]
    )


def read_cluster_vpc(calls: PlaceCalls, cluster: str) -> str:
    """Return the id of the VPC of an EKS cluster; empty: there is no such cluster yet."""
    if cluster not in calls.pages("eks", "list_clusters", "clusters"):
        return ""
    return str(calls.call("eks", "describe_cluster", name=cluster)["cluster"]["resourcesVpcConfig"]["vpcId"])


def _pages(calls: PlaceCalls, operation: str, member: str) -> list[Any]:
    return calls.pages("ec2", operation, member, PaginationConfig=_PAGE)


def _read_answers(calls: PlaceCalls) -> _Answers:
    groups = _pages(calls, "describe_security_groups", "SecurityGroups")
    names = calls.pages("eks", "list_clusters", "clusters") if "eks" in calls.place.services else []
    return _Answers(
        interfaces=_pages(calls, "describe_network_interfaces", "NetworkInterfaces"),
        acls=_pages(calls, "describe_network_acls", "NetworkAcls"),
        groups=groups,
        route_tables=_pages(calls, "describe_route_tables", "RouteTables"),
        clusters=[calls.call("eks", "describe_cluster", name=name)["cluster"] for name in names],
        prefix_lists=_prefix_lists(calls, groups),
    )


def _prefix_lists(calls: PlaceCalls, groups: list[Any]) -> dict[str, tuple[str, ...]]:
    """Return the CIDRs of every prefix list that a rule names."""
    permissions = [one for item in groups for one in (*item["IpPermissions"], *item["IpPermissionsEgress"])]
    named = {given["PrefixListId"] for one in permissions for given in one.get("PrefixListIds") or []}
    read = partial(calls.pages, "ec2", "get_managed_prefix_list_entries", "Entries")
    return {name: tuple(entry["Cidr"] for entry in read(PrefixListId=name)) for name in sorted(named)}


def _vpc(calls: PlaceCalls, row: Any, answers: _Answers) -> Vpc:  # noqa: ANN401  # JSON
    own = row["VpcId"]

    def is_set(attribute: str) -> bool:
        answer = calls.call("ec2", "describe_vpc_attribute", VpcId=own, Attribute=attribute)
        return bool(answer[f"E{attribute[1:]}"]["Value"])

    interfaces = [item for item in answers.interfaces if item["VpcId"] == own]
    cidrs = [one["CidrBlock"] for one in row.get("CidrBlockAssociationSet") or []]
    return Vpc(
        id=own,
        account=calls.place.account,
        region=calls.place.region,
        cidrs=tuple(dict.fromkeys([row["CidrBlock"], *cidrs])),
        dns_support=is_set("enableDnsSupport"),
        dns_hostnames=is_set("enableDnsHostnames"),
        public_dns=NO_PUBLIC_DNS not in {tag["Key"] for tag in row.get("Tags") or []},
        dhcp_servers=_dhcp_servers(calls, row["DhcpOptionsId"]),
        ports=tuple(map(_port, interfaces)),
        groups={item["GroupId"]: _group(item, answers.prefix_lists) for item in answers.groups if item["VpcId"] == own},
        acls=_acls([item for item in answers.acls if item["VpcId"] == own]),
        routes=_routes([item for item in answers.route_tables if item["VpcId"] == own]),
        api_endpoints=tuple(
            _api_endpoint(one, interfaces) for one in answers.clusters if one["resourcesVpcConfig"]["vpcId"] == own
        ),
    )


def _dhcp_servers(calls: PlaceCalls, options: str) -> tuple[str, ...]:
    if options == "default":
        return ()
    (found,) = calls.call("ec2", "describe_dhcp_options", DhcpOptionsIds=[options])["DhcpOptions"]
    named = [one for one in found["DhcpConfigurations"] if one["Key"] == "domain-name-servers"]
    servers = tuple(value["Value"] for one in named for value in one["Values"])
    return () if "AmazonProvidedDNS" in servers else servers


def _api_endpoint(cluster: Any, interfaces: list[Any]) -> ApiEndpoint:  # noqa: ANN401  # JSON
    access = cluster["resourcesVpcConfig"]
    own = f"Amazon EKS {cluster['name']}"
    return ApiEndpoint(
        host=cluster["endpoint"].removeprefix("https://").split("/")[0].lower(),
        addresses=tuple(item["PrivateIpAddress"] for item in interfaces if item.get("Description") == own),
        private=access["endpointPrivateAccess"],
        public=access["endpointPublicAccess"],
    )


def _acls(rows: list[Any]) -> dict[str, tuple[Entry, ...]]:
    found: dict[str, tuple[Entry, ...]] = {}
    for row in rows:
        entries = tuple(sorted(map(_entry, row["Entries"]), key=lambda entry: entry.number))
        found |= {association["SubnetId"]: entries for association in row["Associations"]}
    return found


def _routes(tables: list[Any]) -> dict[str, tuple[Route, ...]]:
    found: dict[str, tuple[Route, ...]] = {}
    for table in tables:
        routes = tuple(_route(item) for item in table["Routes"] if _is_ours(item))
        found |= {"" if item.get("Main") else item["SubnetId"]: routes for item in table["Associations"]}
    return found


def _is_ours(route: Any) -> bool:  # noqa: ANN401  # JSON
    return bool(route.get("DestinationCidrBlock")) and route.get("GatewayId") != "local"


def _route(row: Any) -> Route:  # noqa: ANN401  # JSON
    gateway = row.get("GatewayId") or ""
    return Route(
        cidr=row["DestinationCidrBlock"],
        peering_id=row.get("VpcPeeringConnectionId") or "",
        gateway_id=gateway if gateway.startswith("vgw-") else "",
        transit_id=row.get("TransitGatewayId") or "",
    )


def _port(item: dict[str, Any]) -> Port:
    return Port(
        id=item["NetworkInterfaceId"],
        instance_id=(item.get("Attachment") or {}).get("InstanceId", ""),
        subnet_id=item["SubnetId"],
        primary=item["PrivateIpAddress"],
        secondary=tuple(
            [address["PrivateIpAddress"] for address in item["PrivateIpAddresses"] if not address.get("Primary")]
            + [address["Ipv6Address"] for address in item.get("Ipv6Addresses") or []]
        ),
        prefixes=tuple(prefix["Ipv4Prefix"] for prefix in item.get("Ipv4Prefixes") or []),
        groups=frozenset(group["GroupId"] for group in item["Groups"]),
        is_branch=item["InterfaceType"] == "branch",
    )


def _permission(item: dict[str, Any], lists: Mapping[str, tuple[str, ...]]) -> Permission:
    return Permission(
        protocol=item["IpProtocol"],
        from_port=item.get("FromPort", -1),
        to_port=item.get("ToPort", -1),
        cidrs=tuple(
            [each["CidrIp"] for each in item.get("IpRanges") or []]
            + [each["CidrIpv6"] for each in item.get("Ipv6Ranges") or []]
            + [cidr for each in item.get("PrefixListIds") or [] for cidr in lists[each["PrefixListId"]]]
        ),
        groups=tuple(pair["GroupId"] for pair in item.get("UserIdGroupPairs") or []),
    )


def _group(item: dict[str, Any], lists: Mapping[str, tuple[str, ...]]) -> Group:
    return Group(
        inbound=tuple(_permission(one, lists) for one in item["IpPermissions"]),
        outbound=tuple(_permission(one, lists) for one in item["IpPermissionsEgress"]),
    )


def _entry(item: dict[str, Any]) -> Entry:
    ports = item.get("PortRange") or {}
    return Entry(
        number=item["RuleNumber"],
        egress=item["Egress"],
        allow=item["RuleAction"] == "allow",
        protocol=item["Protocol"],
        cidr=item.get("CidrBlock") or item["Ipv6CidrBlock"],
        from_port=ports.get("From"),
        to_port=ports.get("To"),
    )
