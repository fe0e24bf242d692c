"""What the AWS API answers about the names that a VPC's resolver knows, and about its Resolver endpoints.

Shares nothing with `bot.network`, nor with the sandbox's own resolver. Sources: Route 53 Developer Guide, "How Resolver
endpoints forward DNS queries from your VPCs to your network", "Working with private hosted zones".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.aws_clients import AwsClients
from lab.errors import LabError
from lab.vpc_answers import Row, VpcKey

_IN_FORCE = frozenset({"COMPLETE", "OVERRIDDEN"})
_IN_SERVICE = frozenset({"OPERATIONAL", "UPDATING", "AUTO_RECOVERING", "ACTION_NEEDED"})
_SET_BY_US = frozenset({"SOA", "NS"})
_NAMING = frozenset({"CNAME", "MX", "PTR", "SRV"})
"""Types whose value ends with a name, which Route 53 takes for a whole one also without a final dot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcNames:
    """What decides about a name, beside public DNS. Domain names have no final dot; the root is empty."""

    answers: bool = True
    """The VPC has DNS support."""
    zones: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Records of each private zone, as lines of a zone file."""
    forwards: Mapping[str, str] = field(default_factory=dict)
    """Id of the outbound endpoint that is asked for each domain."""
    excepted: frozenset[str] = frozenset()
    """Domains of SYSTEM rules."""
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Addresses of EKS endpoints' names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointNames:
    """A Resolver endpoint that is in service, with its addresses in the VPC."""

    id: str
    addresses: tuple[str, ...]
    forwards: Mapping[str, tuple[str, ...]] | None
    """Of an outbound endpoint: addresses that are asked for each domain. None: an inbound one, which asks its VPC."""


def read_names(aws: AwsClients, vpc: VpcKey) -> VpcNames:
    """Ask for everything; raises botocore's errors where a call fails, and `LabError` for what the lab cannot be."""
    ec2 = aws.client("ec2", vpc.account, vpc.region)

    def is_set(attribute: str) -> bool:
        answer = ec2.describe_vpc_attribute(VpcId=vpc.id, Attribute=attribute)
        return bool(answer[f"E{attribute[1:]}"]["Value"])

    has_names = is_set("enableDnsSupport") and is_set("enableDnsHostnames")
    rules = [row for row in _rules(aws) if row["Id"] in _associated(aws, vpc)]
    return VpcNames(
        answers=is_set("enableDnsSupport"),
        zones=dict(_zones(aws, vpc)) if has_names else {},
        forwards={
            _plain(row["DomainName"]): str(row["ResolverEndpointId"]) for row in rules if row["RuleType"] == "FORWARD"
        },
        excepted=frozenset(_plain(row["DomainName"]) for row in rules if row["RuleType"] == "SYSTEM"),
        hosts=dict(_api_endpoints(aws, vpc)) if has_names else {},
    )


def read_endpoints(aws: AwsClients, vpc: VpcKey) -> tuple[EndpointNames, ...]:
    """Return the endpoints that stand in the VPC; one without any address does not."""
    found = [
        EndpointNames(
            id=row["Id"],
            addresses=_endpoint_addresses(aws, row["Id"]),
            forwards=None if row["Direction"] == "INBOUND" else _targets(aws, row["Id"]),
        )
        for row in _listed(aws, "list_resolver_endpoints", "ResolverEndpoints")
        if row["HostVPCId"] == vpc.id and row["Status"] in _IN_SERVICE
    ]
    return tuple(endpoint for endpoint in found if endpoint.addresses)


def _listed(aws: AwsClients, operation: str, member: str, **asked: object) -> Iterator[Row]:
    """Return rows of Route 53 Resolver from every account and region in which anybody has used it."""
    for account, region in aws.called("route53resolver"):
        pages = aws.client("route53resolver", account, region).get_paginator(operation).paginate(**asked)
        yield from (row for page in pages for row in page[member])


def _rules(aws: AwsClients) -> list[Row]:
    return list(_listed(aws, "list_resolver_rules", "ResolverRules"))


def _associated(aws: AwsClients, vpc: VpcKey) -> set[str]:
    rows = _listed(aws, "list_resolver_rule_associations", "ResolverRuleAssociations")
    return {row["ResolverRuleId"] for row in rows if row["VPCId"] == vpc.id and row["Status"] in _IN_FORCE}


def _targets(aws: AwsClients, endpoint_id: str) -> dict[str, tuple[str, ...]]:
    return {
        _plain(row["DomainName"]): tuple(target["Ip"] for target in row.get("TargetIps") or ())
        for row in _rules(aws)
        if row.get("ResolverEndpointId") == endpoint_id
    }


def _endpoint_addresses(aws: AwsClients, endpoint_id: str) -> tuple[str, ...]:
    for row in _listed(aws, "list_resolver_endpoints", "ResolverEndpoints"):
        if row["Id"] == endpoint_id and row["Status"] in _IN_SERVICE:
            operation, member = "list_resolver_endpoint_ip_addresses", "IpAddresses"
            account, region = str(row["Arn"]).split(":")[4], str(row["Arn"]).split(":")[3]
            pages = aws.client("route53resolver", account, region).get_paginator(operation)
            found = [one for page in pages.paginate(ResolverEndpointId=endpoint_id) for one in page[member]]
            return tuple(one["Ip"] for one in found if one["Status"] == "ATTACHED")
    return ()


def _zones(aws: AwsClients, vpc: VpcKey) -> Iterator[tuple[str, tuple[str, ...]]]:
    for account, region in aws.called("route53"):
        route53 = aws.client("route53", account, region)
        pages = route53.get_paginator("list_hosted_zones").paginate()
        for zone in [row for page in pages for row in page["HostedZones"] if row["Config"]["PrivateZone"]]:
            shown = route53.get_hosted_zone(Id=zone["Id"])
            if vpc.id in {one["VPCId"] for one in shown["VPCs"]}:
                sets = route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone["Id"])
                rows = [row for page in sets for row in page["ResourceRecordSets"]]
                yield _plain(zone["Name"]), tuple(line for row in rows for line in _lines(zone["Name"], row))


def _lines(zone: str, row: Mapping[str, Any]) -> Iterator[str]:
    """Return a set of records as lines of a zone file. An alias becomes a CNAME, which the zone's own name cannot."""
    name, kind = f"{_plain(row['Name'])}.", row["Type"]
    alias = row.get("AliasTarget")
    if alias and _plain(name) == _plain(zone):
        raise LabError(f"the private zone {zone} has an alias at its own name, which the lab's resolver cannot answer")
    if alias:
        yield f"{name} 60 IN CNAME {_plain(alias['DNSName'])}."
    elif kind not in _SET_BY_US:
        for record in row["ResourceRecords"]:
            value = str(record["Value"])
            absolute = f"{value}." if kind in _NAMING and not value.endswith(".") else value
            yield f"{name} {row['TTL']} IN {kind} {absolute}"


def _api_endpoints(aws: AwsClients, vpc: VpcKey) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Return the names of EKS endpoints with private access, with the addresses of their control planes' interfaces."""
    if (vpc.account, vpc.region) not in aws.called("eks"):
        return
    eks, ec2 = (aws.client(service, vpc.account, vpc.region) for service in ("eks", "ec2"))
    clusters = [eks.describe_cluster(name=name)["cluster"] for name in eks.list_clusters()["clusters"]]
    for cluster in clusters:
        access = cluster["resourcesVpcConfig"]
        if access["vpcId"] == vpc.id and access["endpointPrivateAccess"]:
            own = [{"Name": "description", "Values": [f"Amazon EKS {cluster['name']}"]}]
            found = ec2.describe_network_interfaces(Filters=own)["NetworkInterfaces"]
            host = cluster["endpoint"].removeprefix("https://").split("/")[0]
            yield host, tuple(row["PrivateIpAddress"] for row in found)


def _plain(name: str) -> str:
    """Return a name in lower case without a final dot; Route 53 writes `*` in octal."""
    return name.rstrip(".").lower().replace("\\052", "*")
