"""What the AWS API answers about a VPC, as it stands, and a cheap way to learn whether anything was written since.

Shares nothing with `bot.network`: rows stay the API's own mappings.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from bot.sandbox.access_keys import DATA_PLANE

Row: TypeAlias = Mapping[str, Any]
"""One item of an EC2 answer, as boto3 gives it."""

Ec2: TypeAlias = Any
"""A boto3 client; its methods are made at run time."""

_READS = ("Describe", "Get", "List", "Search", "Lookup", "AssumeRole")
_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcAnswers:
    """The answers that decide about packets between interfaces."""

    interfaces: Sequence[Row] = ()
    """`NetworkInterfaces` of DescribeNetworkInterfaces."""
    rules: Sequence[Row] = ()
    """`SecurityGroupRules` of DescribeSecurityGroupRules."""
    acls: Sequence[Row] = ()
    """`NetworkAcls` of DescribeNetworkAcls."""
    prefix_lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """CIDRs by prefix list id, of GetManagedPrefixListEntries."""


def ec2_client(aws_url: str, region: str) -> Ec2:
    """Return an EC2 client for the simulated AWS. Call it in a thread that is joined to where that AWS listens."""
    import boto3  # noqa: PLC0415  # slow to import
    from botocore.config import Config  # noqa: PLC0415  # the same

    return boto3.client(
        "ec2",
        endpoint_url=aws_url,
        region_name=region,
        aws_access_key_id=DATA_PLANE,
        aws_secret_access_key="none",  # noqa: S106  # nothing checks it
        config=Config(connect_timeout=2, read_timeout=_SECONDS, retries={"total_max_attempts": 1}),
    )


def read_answers(ec2: Ec2) -> VpcAnswers:
    """Ask for everything; raises botocore's errors where a call fails."""

    def pages(operation: str, member: str, **asked: str) -> list[Row]:
        return [row for page in ec2.get_paginator(operation).paginate(**asked) for row in page[member]]

    rules = pages("describe_security_group_rules", "SecurityGroupRules")
    lists = sorted({str(rule["PrefixListId"]) for rule in rules if rule.get("PrefixListId")})
    return VpcAnswers(
        interfaces=pages("describe_network_interfaces", "NetworkInterfaces"),
        rules=rules,
        acls=pages("describe_network_acls", "NetworkAcls"),
        prefix_lists={
            each: [row["Cidr"] for row in pages("get_managed_prefix_list_entries", "Entries", PrefixListId=each)]
            for each in lists
        },
    )


def writes_so_far(aws_url: str) -> tuple[int, str]:
    """Return how many calls that may have changed something the simulated AWS's log holds, and when the last came."""
    with urllib.request.urlopen(f"{aws_url}/sandbox/calls", timeout=_SECONDS) as answer:  # noqa: S310  # our own server
        calls = json.load(answer)
    writes = [
        call
        for call in calls
        if call["status"] and not call["dry_run"] and not call["action"].partition(":")[2].startswith(_READS)
    ]
    return len(writes), max((str(call["at"]) for call in writes), default="")
