"""Reads the state of the VPC from the AWS far end, through its ordinary API.

The state is read again only after a call that may have changed something (the far end's call log tells).
Its own calls take no part in what tests inject and count. While a read fails, the last state stands.
"""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Mapping
from typing import Any, Protocol

from bot.sandbox.access_keys import DATA_PLANE
from bot.sandbox.kubernetes.packets import Entry, Group, Permission, Port, Vpc

_CALL_LOG_SECONDS = 0.05
"""For this long the answer of the call log is trusted: 20 pods x 12 look-ups ask once a batch, not 240 times."""
_READS = ("Describe", "Get", "List", "Search", "Lookup", "AssumeRole")


class VpcSource(Protocol):
    """Knows the VPC as it is now."""

    async def current(self) -> Vpc:
        """Return the state of the VPC."""
        ...

    def forget(self) -> None:
        """Read everything anew at the next question."""
        ...


class FixedVpc:
    """A VPC that only its owner changes; for tests."""

    def __init__(self, vpc: Vpc) -> None:
        self.vpc = vpc

    async def current(self) -> Vpc:
        """Return the value."""
        return self.vpc

    def forget(self) -> None:
        """Do nothing."""


class AwsVpc:
    """Reads the VPC of the AWS far end at `url`."""

    def __init__(self, url: str, *, region: str) -> None:
        self._url, self._region = url, region
        self._vpc = Vpc()
        self._seen: tuple[int, str] | None = None
        self._asked_at = 0.0
        self._lock = asyncio.Lock()
        self._clients: dict[str, Any] = {}

    def forget(self) -> None:
        """Read everything anew at the next question."""
        self._seen, self._asked_at = None, 0.0

    async def current(self) -> Vpc:
        """Return the state of the VPC, read again if something was written since."""
        async with self._lock:
            if self._seen is not None and time.monotonic() - self._asked_at < _CALL_LOG_SECONDS:
                return self._vpc
            await asyncio.to_thread(self._refresh)
            return self._vpc

    def _refresh(self) -> None:
        seen = self._writes()
        if self._seen is not None and not seen[0]:
            self._seen = seen  # somebody emptied the log
        if seen != self._seen:
            import botocore.exceptions  # noqa: PLC0415  # boto3 is slow to import and not always needed

            try:
                self._vpc = self._read()
                self._seen = seen
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, LookupError):
                self._seen = self._seen or (-1, "")
        self._asked_at = time.monotonic()

    def _writes(self) -> tuple[int, str]:
        with urllib.request.urlopen(f"{self._url}/sandbox/calls", timeout=10) as answer:  # noqa: S310  # loopback
            calls = json.load(answer)
        answered = [call for call in calls if call["status"] and not call["dry_run"]]
        writes = [call for call in answered if not call["action"].split(":")[-1].startswith(_READS)]
        return len(writes), max((str(call["at"]) for call in writes), default="")

    def _client(self, service: str) -> Any:  # noqa: ANN401  # boto3 has no types
        if service not in self._clients:
            import boto3  # noqa: PLC0415  # slow to import and not always needed
            from botocore.config import Config  # noqa: PLC0415  # the same

            self._clients[service] = boto3.client(
                service,
                endpoint_url=self._url,
                region_name=self._region,
                aws_access_key_id=DATA_PLANE,
                aws_secret_access_key="none",  # noqa: S106  # nothing checks it
                config=Config(connect_timeout=2, read_timeout=30, retries={"total_max_attempts": 1}),
            )
        return self._clients[service]

    def _pages(self, operation: str, member: str) -> list[Any]:
        pages = self._client("ec2").get_paginator(operation).paginate(PaginationConfig={"PageSize": 1000})
        return [item for page in pages for item in page[member]]

    def _read(self) -> Vpc:
        interfaces = self._pages("describe_network_interfaces", "NetworkInterfaces")
        eks = self._client("eks")
        clusters = [eks.describe_cluster(name=name)["cluster"] for name in eks.list_clusters()["clusters"]]
        home = clusters[0]["resourcesVpcConfig"].get("vpcId", "") if clusters else ""
        cidrs = {item["VpcId"]: item["CidrBlock"] for item in self._pages("describe_vpcs", "Vpcs")}
        acls: dict[str, tuple[Entry, ...]] = {}
        for item in self._pages("describe_network_acls", "NetworkAcls"):
            entries = tuple(sorted(map(_entry, item["Entries"]), key=lambda entry: entry.number))
            acls |= {association["SubnetId"]: entries for association in item["Associations"]}
        answers = self._pages("describe_security_groups", "SecurityGroups")
        lists = self._prefix_lists(answers)
        groups = {item["GroupId"]: _group(item, lists) for item in answers}
        endpoint = str(clusters[0].get("endpoint", "")) if clusters else ""
        host = endpoint.removeprefix("https://").split("/")[0]
        return Vpc(
            cidr=cidrs.get(home, ""),
            ports=tuple(map(_port, interfaces)),
            groups=groups,
            acls=acls,
            endpoint_host=host,
            control_plane=tuple(item["PrivateIpAddress"] for item in interfaces if _is_control_plane(item)),
        )

    def _prefix_lists(self, groups: list[Any]) -> dict[str, tuple[str, ...]]:
        """Return the CIDRs of every prefix list that a rule names."""
        permissions = [one for item in groups for one in (*item["IpPermissions"], *item["IpPermissionsEgress"])]
        named = {given["PrefixListId"] for one in permissions for given in one.get("PrefixListIds") or []}
        pages = self._client("ec2").get_paginator("get_managed_prefix_list_entries")
        return {
            name: tuple(entry["Cidr"] for page in pages.paginate(PrefixListId=name) for entry in page["Entries"])
            for name in sorted(named)
        }


def _is_control_plane(interface: dict[str, Any]) -> bool:
    return str(interface.get("Description", "")).startswith("Amazon EKS ")


def _port(item: dict[str, Any]) -> Port:
    return Port(
        id=item["NetworkInterfaceId"],
        instance_id=(item.get("Attachment") or {}).get("InstanceId", ""),
        subnet_id=item["SubnetId"],
        primary=item["PrivateIpAddress"],
        secondary=tuple(
            address["PrivateIpAddress"] for address in item["PrivateIpAddresses"] if not address.get("Primary")
        ),
        prefixes=tuple(prefix["Ipv4Prefix"] for prefix in item.get("Ipv4Prefixes") or []),
        groups=frozenset(group["GroupId"] for group in item["Groups"]),
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
