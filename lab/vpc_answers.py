"""What the AWS API answers about a VPC, as it stands.

Shares nothing with `bot.network`: rows stay the API's own mappings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from lab.aws_clients import AwsClients, rows

Row: TypeAlias = Mapping[str, Any]
"""One item of an EC2 answer, as boto3 gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcKey:
    """Which VPC it is, and where it is asked for."""

    account: str
    region: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcAnswers:
    """The answers that decide about packets between interfaces of a VPC, and between them and peered VPCs."""

    vpc_id: str = ""
    interfaces: Sequence[Row] = ()
    """`NetworkInterfaces` of DescribeNetworkInterfaces."""
    rules: Sequence[Row] = ()
    """`SecurityGroupRules` of DescribeSecurityGroupRules."""
    acls: Sequence[Row] = ()
    """`NetworkAcls` of DescribeNetworkAcls."""
    prefix_lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """CIDRs by prefix list id, of GetManagedPrefixListEntries."""
    route_tables: Sequence[Row] = ()
    """`RouteTables` of DescribeRouteTables."""
    peerings: Sequence[Row] = ()
    """`VpcPeeringConnections` of DescribeVpcPeeringConnections."""


def read_answers(aws: AwsClients, vpc: VpcKey) -> VpcAnswers:
    """Ask for everything; raises botocore's errors where a call fails."""
    pages = partial(rows, aws.client("ec2", vpc.account, vpc.region))
    within = [{"Name": "vpc-id", "Values": [vpc.id]}]
    rules = pages("describe_security_group_rules", "SecurityGroupRules")
    lists = sorted({str(rule["PrefixListId"]) for rule in rules if rule.get("PrefixListId")})
    return VpcAnswers(
        vpc_id=vpc.id,
        interfaces=pages("describe_network_interfaces", "NetworkInterfaces", Filters=within),
        rules=rules,
        acls=pages("describe_network_acls", "NetworkAcls", Filters=within),
        prefix_lists={
            each: [row["Cidr"] for row in pages("get_managed_prefix_list_entries", "Entries", PrefixListId=each)]
            for each in lists
        },
        route_tables=pages("describe_route_tables", "RouteTables", Filters=within),
        peerings=pages("describe_vpc_peering_connections", "VpcPeeringConnections"),
    )
