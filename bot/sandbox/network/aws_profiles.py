"""Reads what Route 53 Profiles bring to VPCs through the API."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.sandbox.network.aws_calls import PlaceCalls

_SERVICE = "route53profiles"


@dataclass(slots=True)
class Brought:
    """By id of a rule, zone or firewall rule group: the VPCs to which Profiles bring it."""

    vpcs: dict[str, set[str]] = field(default_factory=dict)
    groups: dict[str, list[tuple[int, str, str]]] = field(default_factory=dict)
    """Firewall rule groups as (priority, VPC, group), by the account whose they are."""

    def to(self, number: str) -> frozenset[str]:
        """Return the VPCs to which it is brought."""
        return frozenset(self.vpcs.get(number, ()))


def read_profiles(places: Iterable[PlaceCalls]) -> Brought:
    """Return what the Profiles of these places bring."""
    found = Brought()
    for calls in places:
        for row in calls.pages(_SERVICE, "list_profile_associations", "ProfileAssociations"):
            asked = {"ProfileId": row["ProfileId"]}
            operation = "list_profile_resource_associations"
            for item in calls.pages(_SERVICE, operation, "ProfileResourceAssociations", **asked):
                *_, account, resource = item["ResourceArn"].split(":")
                number = resource.partition("/")[2]
                found.vpcs.setdefault(number, set()).add(row["ResourceId"])
                priority = json.loads(item.get("ResourceProperties") or "{}").get("priority")
                if priority is not None:
                    found.groups.setdefault(account, []).append((int(priority), row["ResourceId"], number))
    return found
