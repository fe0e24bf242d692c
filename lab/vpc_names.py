"""What the AWS API answers about the names that a VPC's resolver knows, and about its Resolver endpoints.

Shares nothing with `bot.network`, nor with the sandbox's own resolver. Sources: Route 53 Developer Guide, "How Resolver
endpoints forward DNS queries from your VPCs to your network", "Working with private hosted zones", "DNS Firewall rule
groups and rules", "What are Amazon Route 53 Profiles?".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bot.sandbox.world.world import NO_PUBLIC_DNS
from lab.aws_clients import AwsClients, rows
from lab.errors import LabError
from lab.vpc_answers import Row, VpcKey

_IN_FORCE = frozenset({"COMPLETE", "OVERRIDDEN"})
_IN_SERVICE = frozenset({"OPERATIONAL", "UPDATING", "AUTO_RECOVERING", "ACTION_NEEDED"})
_RULED = frozenset({"FORWARD", "SYSTEM"})
"""Types that people make: the others only say what happens without them."""
_BROUGHT = frozenset({"COMPLETE", "UPDATING"})
_SET_BY_US = frozenset({"SOA", "NS"})
_NAMING = frozenset({"CNAME", "MX", "PTR", "SRV"})
"""Types whose value ends with a name, which Route 53 takes for a whole one also without a final dot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What DNS Firewall does with the names of one list."""

    domains: tuple[str, ...]
    """`*.` begins one that stands for every name below it; `*` is every name."""
    response: str = ""
    """What they get: NXDOMAIN, NODATA or OVERRIDE. Empty: they pass, whatever comes behind."""
    override: str = ""
    """The name that stands for them then."""


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
    filters: tuple[Filter, ...] = ()
    """In the order in which they are asked: the first that has a name decides."""
    public: bool = True
    """Public DNS may be asked."""
    public_hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What public DNS answers for the names of EKS endpoints without public access."""


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
    brought = _brought(aws, vpc)
    known = {row["Id"]: row for row in _rules(aws)}
    held = [known[number] for number in (*brought.numbers, *_associated(aws, vpc)) if number in known]
    rules = {_plain(row["DomainName"]): row for row in held if row["RuleType"] in _RULED}
    return VpcNames(
        answers=is_set("enableDnsSupport"),
        zones=_zones(aws, vpc, brought.numbers) if has_names else {},
        forwards={name: str(row["ResolverEndpointId"]) for name, row in rules.items() if row["RuleType"] == "FORWARD"},
        excepted=frozenset(name for name, row in rules.items() if row["RuleType"] == "SYSTEM"),
        hosts=dict(_api_endpoints(aws, vpc)) if has_names else {},
        filters=tuple(_filters(aws, vpc, brought.groups)),
        public=_asks_public_dns(ec2, vpc),
        public_hosts=dict(_public_endpoints(aws)),
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
        yield from rows(aws.client("route53resolver", account, region), operation, member, **asked)


def _rules(aws: AwsClients) -> list[Row]:
    return list(_listed(aws, "list_resolver_rules", "ResolverRules"))


def _associated(aws: AwsClients, vpc: VpcKey) -> list[str]:
    held = _listed(aws, "list_resolver_rule_associations", "ResolverRuleAssociations")
    return [row["ResolverRuleId"] for row in held if row["VPCId"] == vpc.id and row["Status"] in _IN_FORCE]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Brought:
    """What a VPC's Profiles bring. What the VPC has itself comes before what they bring for the same name."""

    numbers: tuple[str, ...]
    """Ids of rules and zones."""
    groups: tuple[tuple[int, str], ...]
    """DNS Firewall's rule groups: (priority, id)."""


def _brought(aws: AwsClients, vpc: VpcKey) -> _Brought:
    if (vpc.account, vpc.region) not in aws.called("route53profiles"):
        return _Brought(numbers=(), groups=())
    pages = partial(rows, aws.client("route53profiles", vpc.account, vpc.region))
    resources = [
        row
        for one in pages("list_profile_associations", "ProfileAssociations", ResourceId=vpc.id)
        if one["Status"] in _BROUGHT
        for row in pages(
            "list_profile_resource_associations", "ProfileResourceAssociations", ProfileId=one["ProfileId"]
        )
        if row["Status"] in _BROUGHT
    ]
    priorities = {
        str(row["ResourceArn"]).rpartition("/")[2]: json.loads(row.get("ResourceProperties") or "{}").get("priority")
        for row in resources
    }
    return _Brought(
        numbers=tuple(number for number, priority in priorities.items() if priority is None),
        groups=tuple((int(priority), number) for number, priority in priorities.items() if priority is not None),
    )


def _filters(aws: AwsClients, vpc: VpcKey, brought: tuple[tuple[int, str], ...]) -> Iterator[Filter]:
    """Yield the rules of the VPC's groups, by the groups' priorities and then their own."""
    if (vpc.account, vpc.region) not in aws.called("route53resolver"):
        return
    pages = partial(rows, aws.client("route53resolver", vpc.account, vpc.region))
    associations = pages("list_firewall_rule_group_associations", "FirewallRuleGroupAssociations", VpcId=vpc.id)
    own = [(int(row["Priority"]), str(row["FirewallRuleGroupId"])) for row in associations]
    for _, group in sorted([*own, *brought]):
        rules = pages("list_firewall_rules", "FirewallRules", FirewallRuleGroupId=group)
        for row in sorted(rules, key=lambda one: int(one["Priority"])):
            listed = pages("list_firewall_domains", "Domains", FirewallDomainListId=row["FirewallDomainListId"])
            yield Filter(
                domains=tuple(map(_plain, listed)),
                response=str(row["BlockResponse"]) if row["Action"] == "BLOCK" else "",
                override=_plain(row.get("BlockOverrideDomain") or ""),
            )


def _asks_public_dns(ec2: Any, vpc: VpcKey) -> bool:  # noqa: ANN401  # a boto3 client
    (described,) = ec2.describe_vpcs(VpcIds=[vpc.id])["Vpcs"]
    return NO_PUBLIC_DNS not in {tag["Key"] for tag in described.get("Tags") or ()}


def _targets(aws: AwsClients, endpoint_id: str) -> dict[str, tuple[str, ...]]:
    return {
        _plain(row["DomainName"]): tuple(f"{one['Ip']}:{one.get('Port', 53)}" for one in row.get("TargetIps") or ())
        for row in _rules(aws)
        if row.get("ResolverEndpointId") == endpoint_id
    }


def _endpoint_addresses(aws: AwsClients, endpoint_id: str) -> tuple[str, ...]:
    for row in _listed(aws, "list_resolver_endpoints", "ResolverEndpoints"):
        if row["Id"] == endpoint_id and row["Status"] in _IN_SERVICE:
            operation, member = "list_resolver_endpoint_ip_addresses", "IpAddresses"
            account, region = str(row["Arn"]).split(":")[4], str(row["Arn"]).split(":")[3]
            client = aws.client("route53resolver", account, region)
            found = rows(client, operation, member, ResolverEndpointId=endpoint_id)
            return tuple(one["Ip"] for one in found if one["Status"] == "ATTACHED")
    return ()


def _zones(aws: AwsClients, vpc: VpcKey, brought: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return the records of the VPC's zones by their names; one of its own comes before one that a Profile brings."""
    own: dict[str, tuple[str, ...]] = {}
    others: dict[str, tuple[str, ...]] = {}
    for account, region in aws.called("route53"):
        route53 = aws.client("route53", account, region)
        for zone in [row for row in rows(route53, "list_hosted_zones", "HostedZones") if row["Config"]["PrivateZone"]]:
            associated = vpc.id in {one["VPCId"] for one in route53.get_hosted_zone(Id=zone["Id"])["VPCs"]}
            if associated or zone["Id"].rpartition("/")[2] in brought:
                sets = rows(route53, "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone["Id"])
                lines = tuple(line for row in sets for line in _lines(zone, row, sets))
                (own if associated else others)[_plain(zone["Name"])] = lines
    return {**others, **own}


def _lines(zone: Row, row: Row, sets: Sequence[Row]) -> Iterator[str]:
    """Return a set of records as lines of a zone file.

    An alias within the zone has the records of the other set, whatever else is associated with the VPC. One to another
    zone, or to something of AWS's, becomes a CNAME, which the zone's own name cannot have. Source: Route 53 Developer
    Guide, "Choosing between alias and non-alias records".
    """
    name, kind, alias = f"{_plain(row['Name'])}.", row["Type"], row.get("AliasTarget")
    within = alias and alias["HostedZoneId"] == zone["Id"].rpartition("/")[2]
    if alias and not within and _plain(name) == _plain(zone["Name"]):
        raise LabError(
            f"the private zone {zone['Name']} has an alias at its own name, which the lab's resolver cannot answer"
        )
    if alias and not within:
        yield f"{name} 60 IN CNAME {_plain(alias['DNSName'])}."
    elif kind not in _SET_BY_US:
        own = _set_of(row, sets)
        for record in own.get("ResourceRecords") or ():
            value = str(record["Value"])
            absolute = f"{value}." if kind in _NAMING and not value.endswith(".") else value
            yield f"{name} {own['TTL']} IN {kind} {absolute}"


def _set_of(row: Row, sets: Sequence[Row]) -> Row:
    """Return the set that an alias within the zone leads to, by whatever others; nothing where there is none."""
    for _ in sets:
        if "AliasTarget" not in row:
            return row
        wanted = _plain(row["AliasTarget"]["DNSName"]), row["Type"]
        row = next((one for one in sets if (_plain(one["Name"]), one["Type"]) == wanted), {})
    return {}


def _api_endpoints(aws: AwsClients, vpc: VpcKey) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Return the names of EKS endpoints with private access, with the addresses of their control planes' interfaces."""
    if (vpc.account, vpc.region) in aws.called("eks"):
        for access, host, addresses in _endpoints_in(aws, vpc.account, vpc.region):
            if access["vpcId"] == vpc.id and access["endpointPrivateAccess"]:
                yield host, addresses


def _public_endpoints(aws: AwsClients) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Return what public DNS says about EKS endpoints without public access: the private addresses, to everybody.

    Source: EKS User Guide, "Cluster API server endpoint", private access only.
    """
    for account, region in aws.called("eks"):
        for access, host, addresses in _endpoints_in(aws, account, region):
            if not access["endpointPublicAccess"]:
                yield host, addresses


def _endpoints_in(aws: AwsClients, account: str, region: str) -> Iterator[tuple[Row, str, tuple[str, ...]]]:
    """Yield access, name and private addresses of each cluster's endpoint."""
    eks, ec2 = (aws.client(service, account, region) for service in ("eks", "ec2"))
    for name in eks.list_clusters()["clusters"]:
        cluster = eks.describe_cluster(name=name)["cluster"]
        own = [{"Name": "description", "Values": [f"Amazon EKS {name}"]}]
        found = ec2.describe_network_interfaces(Filters=own)["NetworkInterfaces"]
        host = cluster["endpoint"].removeprefix("https://").split("/")[0].lower()
        yield cluster["resourcesVpcConfig"], host, tuple(row["PrivateIpAddress"] for row in found)


def _plain(name: str) -> str:
    """Return a name in lower case without a final dot; Route 53 writes `*` in octal."""
    return name.rstrip(".").lower().replace("\\052", "*")
