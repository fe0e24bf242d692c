"""Which events of CloudTrail tell of a change to an object, and what one of them says. No collector itself.

Sources: CloudTrail User Guide, "CloudTrail record contents" and "CloudTrail userIdentity element"; CloudTrail API
Reference, LookupEvents. Events of EC2 name their resources, so an id finds them; those of EKS and of Resolver are
looked for by their own names, one each call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.domain.faulty_objects import FaultyObject, ObjectKind
from bot.domain.json_values import RawObject
from bot.domain.who_changed import Change

_GROUP_EVENTS = frozenset(
    {
        "AuthorizeSecurityGroupIngress",
        "AuthorizeSecurityGroupEgress",
        "RevokeSecurityGroupIngress",
        "RevokeSecurityGroupEgress",
        "ModifySecurityGroupRules",
        "CreateSecurityGroup",
    }
)
_ACL_EVENTS = frozenset(
    {
        "CreateNetworkAclEntry",
        "ReplaceNetworkAclEntry",
        "DeleteNetworkAclEntry",
        "ReplaceNetworkAclAssociation",
        "CreateNetworkAcl",
    }
)
_VPC_EVENTS = frozenset({"ModifyVpcAttribute", "AssociateDhcpOptions"})
_ADDON_EVENTS = ("UpdateAddon", "CreateAddon")
_ENDPOINT_EVENTS = (
    "DisassociateResolverEndpointIpAddress",
    "UpdateResolverEndpoint",
    "AssociateResolverEndpointIpAddress",
    "CreateResolverEndpoint",
)
_RULE_EVENTS = ("UpdateResolverRule", "DisassociateResolverRule", "AssociateResolverRule", "CreateResolverRule")
_GROUP_KEYS = frozenset({"groupId", "groupName", "groupDescription", "vpcId"})
_ADDON_KEYS = frozenset({"name", "clusterName", "addonName", "clientRequestToken"})
_ID_KEYS = frozenset({"vpcId", "vPCId", "resolverEndpointId", "resolverRuleId", "creatorRequestId"})
"""What only says again which object it is."""
_MOST_ASKED = 300
"""Characters of what a call asked for."""
_SHOWN_OF_A_LIST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """One lookup."""

    attribute: str
    value: str


def searches(one: FaultyObject) -> tuple[Search, ...]:
    """Return the lookups by which events of this object are found, the likeliest first; one that finds any will do."""
    names = {
        ObjectKind.ADDON: _ADDON_EVENTS,
        ObjectKind.RESOLVER_ENDPOINT: _ENDPOINT_EVENTS,
        ObjectKind.RESOLVER_RULE: _RULE_EVENTS,
    }.get(one.kind)
    if names is not None:
        return tuple(Search(attribute="EventName", value=name) for name in names)
    return (Search(attribute="ResourceName", value=one.name),)


def changes(answer: RawObject, one: FaultyObject, *, cluster: str) -> tuple[Change, ...]:
    """Return those events of a lookup's answer that changed this object, newest first; refused calls did not.

    Raises what reading a member raises that is missing or of another type: call it in `reading`. A text that is no
    JSON is a `ValueError`.
    """
    found = (_change(row, one, cluster) for row in answer["Events"])
    return tuple(sorted((change for change in found if change is not None), key=lambda change: change.at, reverse=True))


def _change(row: RawObject, one: FaultyObject, cluster: str) -> Change | None:
    document = json.loads(row["CloudTrailEvent"])
    if not isinstance(document, dict):
        raise TypeError("CloudTrailEvent is no JSON object")
    asked = document.get("requestParameters")
    asked = asked if isinstance(asked, dict) else {}
    name = str(row["EventName"])
    if document.get("errorCode") or not _is_about(name, asked, one, cluster):
        return None
    at: datetime = row["EventTime"]
    return Change(
        at=at.astimezone(UTC),
        event=name,
        by=_who(document.get("userIdentity"), row),
        asked=_asked(name, asked, one)[:_MOST_ASKED],
        fits=_fits(name, asked, one),
    )


def _is_about(event: str, asked: Mapping[str, object], one: FaultyObject, cluster: str) -> bool:
    if one.kind is ObjectKind.SECURITY_GROUP:
        return event in _GROUP_EVENTS
    if one.kind is ObjectKind.NETWORK_ACL:
        return event in _ACL_EVENTS
    if one.kind is ObjectKind.VPC:
        return event in _VPC_EVENTS
    if one.kind is ObjectKind.ADDON:
        # the path names the cluster `name`, CreateAddon's as well; some versions of the API log `clusterName`
        return one.name == asked.get("addonName") and cluster in {asked.get("name"), asked.get("clusterName")}
    key = "resolverEndpointId" if one.kind is ObjectKind.RESOLVER_ENDPOINT else "resolverRuleId"
    return asked.get(key) == one.name


def _fits(event: str, asked: Mapping[str, object], one: FaultyObject) -> bool:
    if one.kind is ObjectKind.NETWORK_ACL:
        return f"{asked.get('ruleNumber')} {'egress' if asked.get('egress') else 'ingress'}" in one.parts
    lost = {f"RevokeSecurityGroup{direction.capitalize()}" for direction in one.parts}
    return event in lost or (event == "ModifySecurityGroupRules" and bool(one.parts))


def _who(identity: object, row: RawObject) -> str:
    """Return the caller without the account's number: an ARN's last part, a service's name, or the user's."""
    known = identity if isinstance(identity, dict) else {}
    arn, service = str(known.get("arn") or ""), str(known.get("invokedBy") or "")
    who = arn.split(":", 5)[-1] if arn.count(":") >= 5 else str(row.get("Username") or "")  # noqa: PLR2004  # an ARN's
    via = f" by way of {service}" if who and service else service
    return f"{who}{via}" or "somebody whom the event does not name"


def _asked(event: str, asked: Mapping[str, object], one: FaultyObject) -> str:
    if one.kind is ObjectKind.SECURITY_GROUP:
        way = "to" if event.endswith("Egress") else "from"
        rules = ", ".join(_permissions(asked, way))
        return rules or _rest(asked, _GROUP_KEYS)
    if one.kind is ObjectKind.NETWORK_ACL:
        return _entry(asked)
    return _rest(asked, _ADDON_KEYS if one.kind is ObjectKind.ADDON else _ID_KEYS)


def _permissions(asked: Mapping[str, object], way: str) -> Iterator[str]:
    """Yield the rules that a call names, each as `udp/53 from sg-0aaa`; by its id alone, as `rule sgr-0aaa`."""
    for row in _items(asked.get("ipPermissions"))[:_SHOWN_OF_A_LIST]:
        protocol = str(row.get("ipProtocol"))
        first, last = row.get("fromPort"), row.get("toPort")
        ports = "" if protocol == "-1" or first is None else f"/{first}" if first == last else f"/{first}-{last}"
        ends = [
            str(end.get(key))
            for member, key in (
                ("groups", "groupId"),
                ("ipRanges", "cidrIp"),
                ("ipv6Ranges", "cidrIpv6"),
                ("prefixListIds", "prefixListId"),
            )
            for end in _items(row.get(member))
        ]
        yield f"{'all traffic' if protocol == '-1' else protocol}{ports} {way} {', '.join(ends) or 'nobody named'}"
    for row in _items(asked.get("securityGroupRuleIds"))[:_SHOWN_OF_A_LIST]:
        yield f"rule {row.get('securityGroupRuleId')}"


def _entry(asked: Mapping[str, object]) -> str:
    if asked.get("ruleNumber") is None:
        return ""
    way = "outbound" if asked.get("egress") else "inbound"
    ports = asked.get("portRange")
    ranged = f" ports {ports.get('from')}-{ports.get('to')}" if isinstance(ports, dict) and ports else ""
    what = f"{asked.get('ruleAction')} protocol {asked.get('aclProtocol')}{ranged} {asked.get('cidrBlock') or ''}"
    return f"entry {asked['ruleNumber']} {way}" + (f": {what.strip()}" if asked.get("ruleAction") else "")


def _rest(asked: Mapping[str, object], known: frozenset[str]) -> str:
    return ", ".join(f"{key} {_short(value)}" for key, value in asked.items() if key not in known and value)


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _items(holder: object) -> Sequence[Mapping[str, object]]:
    """Return the objects of a list as EC2's events write it: `{"items": […]}`."""
    listed = holder.get("items") if isinstance(holder, dict) else holder
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
