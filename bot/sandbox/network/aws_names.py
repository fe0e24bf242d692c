"""Reads hosted zones, and the rules and endpoints of Route 53 Resolver, through the API.

A rule holds for a VPC, and an endpoint answers, once AWS says that they do: what is being created does nothing yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bot.sandbox.network.aws_calls import PlaceCalls
from bot.sandbox.network.aws_profiles import Brought
from bot.sandbox.network.names import Filter, Record, ResolverEndpoint, ResolverRule, Zone, plain

_IN_FORCE = frozenset({"COMPLETE", "OVERRIDDEN"})
_IN_SERVICE = frozenset({"OPERATIONAL", "UPDATING", "AUTO_RECOVERING", "ACTION_NEEDED"})
_ATTACHED = "ATTACHED"
"""Of an address of an endpoint."""
_FORWARD, _INBOUND = "FORWARD", "INBOUND"


def read_zones(places: Iterable[PlaceCalls], brought: Brought) -> tuple[Zone, ...]:
    """Return the hosted zones of these places' accounts; Route 53 has no regions."""
    found: dict[str, Zone] = {}
    for calls in places:
        for row in calls.pages("route53", "list_hosted_zones", "HostedZones"):
            if row["Id"] not in found:
                found[row["Id"]] = _zone(calls, row, brought)
    return tuple(found.values())


def _zone(calls: PlaceCalls, row: Any, brought: Brought) -> Zone:  # noqa: ANN401  # JSON
    shown = calls.call("route53", "get_hosted_zone", Id=row["Id"])
    sets = calls.pages("route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=row["Id"])
    number = row["Id"].rpartition("/")[2]
    held = {(plain(item["Name"]), item["Type"]): item for item in sets}
    records: dict[str, Record] = {}
    for item in sets:
        name = plain(item["Name"])
        record = _record(_behind_alias(item, held, number))
        if record.addresses or record.target or name not in records:
            records[name] = record
    return Zone(
        id=number,
        name=plain(row["Name"]),
        private=row["Config"]["PrivateZone"],
        vpc_ids=frozenset(vpc["VPCId"] for vpc in shown.get("VPCs") or []) | brought.to(number),
        records=records,
    )


def _behind_alias(item: Any, held: Mapping[tuple[str, str], Any], zone_id: str) -> Any:  # noqa: ANN401  # JSON
    """Return the set whose records an alias within its zone has, by whatever others; empty where there is none.

    Source: Route 53 Developer Guide, "Choosing between alias and non-alias records".
    """
    for _ in held:
        alias = item.get("AliasTarget")
        if not alias or alias["HostedZoneId"] != zone_id:
            return item
        item = held.get((plain(alias["DNSName"]), item["Type"]), {})
    return {}


def _record(item: Any) -> Record:  # noqa: ANN401  # JSON
    """Return what the set says about A records; a name that has only others has no addresses."""
    values = [one["Value"] for one in item.get("ResourceRecords") or []]
    ttl = int(item.get("TTL") or 60)
    if item.get("Type") == "CNAME":
        return Record(target=plain(values[0]), ttl_seconds=ttl)
    if item.get("Type") != "A":
        return Record()
    return Record(
        addresses=tuple(values), target=plain((item.get("AliasTarget") or {}).get("DNSName", "")), ttl_seconds=ttl
    )


def read_rules(places: Iterable[PlaceCalls], brought: Brought) -> tuple[ResolverRule, ...]:
    """Return the rules of these places, each with the VPCs of all of them for which it holds."""
    rules: dict[str, Any] = {}
    vpcs: dict[str, set[str]] = {}
    for calls in places:
        rules |= {row["Id"]: row for row in calls.pages("route53resolver", "list_resolver_rules", "ResolverRules")}
        for row in calls.pages("route53resolver", "list_resolver_rule_associations", "ResolverRuleAssociations"):
            if row["Status"] in _IN_FORCE:
                vpcs.setdefault(row["ResolverRuleId"], set()).add(row["VPCId"])
    return tuple(
        ResolverRule(
            id=number,
            name=plain(row["DomainName"]),
            vpc_ids=frozenset(vpcs.get(number, ())) | brought.to(number),
            targets=tuple(one["Ip"] for one in row.get("TargetIps") or []) if row["RuleType"] == _FORWARD else (),
            endpoint_id=row.get("ResolverEndpointId") or "",
        )
        for number, row in rules.items()
    )


def read_endpoints(calls: PlaceCalls) -> tuple[ResolverEndpoint, ...]:
    """Return the endpoints of the place that are in service."""
    rows = calls.pages("route53resolver", "list_resolver_endpoints", "ResolverEndpoints")
    return tuple(
        ResolverEndpoint(
            id=row["Id"],
            vpc_id=row["HostVPCId"],
            inbound=row["Direction"] == _INBOUND,
            addresses=_addresses(calls, row["Id"]),
        )
        for row in rows
        if row["Status"] in _IN_SERVICE
    )


def _addresses(calls: PlaceCalls, endpoint_id: str) -> tuple[str, ...]:
    operation = "list_resolver_endpoint_ip_addresses"
    rows = calls.pages("route53resolver", operation, "IpAddresses", ResolverEndpointId=endpoint_id)
    return tuple(row["Ip"] for row in rows if row["Status"] == _ATTACHED)


def read_filters(calls: PlaceCalls, brought: Brought) -> dict[str, tuple[Filter, ...]]:
    """Return what DNS Firewall does in each VPC of the place: groups by priority, and in each its rules by theirs."""
    rows = calls.pages("route53resolver", "list_firewall_rule_group_associations", "FirewallRuleGroupAssociations")
    held = [(int(row["Priority"]), row["VpcId"], row["FirewallRuleGroupId"]) for row in rows]
    held += brought.groups.get(calls.place.account, [])
    found: dict[str, list[Filter]] = {}
    for _, vpc_id, group in sorted(held):
        rules = calls.pages("route53resolver", "list_firewall_rules", "FirewallRules", FirewallRuleGroupId=group)
        for rule in sorted(rules, key=lambda one: int(one["Priority"])):
            found.setdefault(vpc_id, []).append(_filter(calls, rule))
    return {vpc_id: tuple(each) for vpc_id, each in found.items()}


def _filter(calls: PlaceCalls, rule: Any) -> Filter:  # noqa: ANN401  # JSON
    listed = rule["FirewallDomainListId"]
    names = calls.pages("route53resolver", "list_firewall_domains", "Domains", FirewallDomainListId=listed)
    return Filter(blocks=rule["Action"] == "BLOCK", domains=tuple(map(plain, names)))
