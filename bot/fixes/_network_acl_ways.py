"""Plans of entries that open closed ways through network ACLs: for each way one allow, ahead of what denies it.

Numbers: the highest free ones below every deny that matches; nothing is renumbered or replaced. Shared by the fixes
that open ways; no fix itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.collectors.network_acls import NetworkAcls
from bot.domain.json_values import JsonValue
from bot.domain.permissions import AwsPermission
from bot.domain.plans import Advice, PlanCase, Planned, Step
from bot.fixes import _network_acl_steps as steps
from bot.network.answers import network
from bot.network.model import AclEntry, Direction, Network, NetworkAcl

ENTRIES_PER_DIRECTION = 20
"""Default quota of entries per ACL and direction (VPC User Guide, "Amazon VPC quotas")."""
_ACLS = ("arn:aws:ec2:*:*:network-acl/*",)
_GAP = 10
"""Where only the closing deny stands behind, new entries follow the last one at this distance, as people number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """One closed way through one ACL."""

    protocol: str
    """IANA number as text."""
    first_port: int
    last_port: int
    counterpart: Network

    def meets(self, entry: AclEntry) -> bool:
        """Return whether an entry is about some of this traffic."""
        same_protocol = entry.protocol in {"-1", self.protocol}
        first, last = entry.from_port, entry.to_port
        ports = first is None or last is None or (first <= self.last_port and self.first_port <= last)
        version = entry.cidr.version == self.counterpart.version
        return same_protocol and ports and version and entry.cidr.overlaps(self.counterpart)

    def entry(self, number: int) -> dict[str, JsonValue]:
        """Return the entry that allows this way."""
        return {
            "number": number,
            "action": "allow",
            "protocol": self.protocol,
            "cidr": str(self.counterpart),
            "from_port": self.first_port,
            "to_port": self.last_port,
        }


def plan_entries(fix: str, case: PlanCase, *, lets: str) -> Planned | Advice:
    """Plan one step per ACL and direction for the ways that the finding lists as `blocked`; `lets` says what passes."""
    acls = {acl.id: acl for acl in case.need(NetworkAcls).acls}
    closed: dict[tuple[str, bool], dict[_Way, None]] = {}
    for one in case.finding.rows("blocked"):
        egress = one["direction"] == Direction.EGRESS.value
        closed.setdefault((str(one["acl_id"]), egress), {})[_way(one)] = None
    planned: list[Step] = []
    for (acl_id, egress), ways in sorted(closed.items()):
        if acl_id not in acls:
            return Advice(reason=f"Network ACL {acl_id} is not among those that were read. Diagnose again.")
        entries = _entries(acls[acl_id], list(ways), egress=egress)
        if isinstance(entries, Advice):
            return entries
        planned.append(steps.create_step(fix, acl=acls[acl_id], egress=egress, entries=entries))
    return Planned(steps=tuple(planned), blast_radius=_blast_radius(planned, acls, lets))


def _way(one: Mapping[str, Any]) -> _Way:
    return _Way(
        protocol=steps.PROTOCOL_NUMBERS[str(one["protocol"])],
        first_port=int(one["from_port"]),
        last_port=int(one["to_port"]),
        counterpart=network(str(one["counterpart_cidr"])),
    )


def _entries(acl: NetworkAcl, ways: Sequence[_Way], *, egress: bool) -> list[dict[str, JsonValue]] | Advice:
    """Return an entry for each way at a free number ahead of what denies it, or why there is none."""
    own = [entry for entry in acl.entries if entry.egress == egress]
    counted = sum(entry.number < steps.CLOSING_DENY for entry in own)
    way_text = "outbound" if egress else "inbound"
    if counted + len(ways) > ENTRIES_PER_DIRECTION:
        return Advice(
            reason=f"Network ACL {acl.id} has {counted} {way_text} entries; {len(ways)} more would exceed the default "
            f"quota of {ENTRIES_PER_DIRECTION}.",
            text=("Merge or delete entries, or request a higher quota, and diagnose again.",),
        )
    taken = {entry.number for entry in own}
    entries = []
    for way in sorted(ways, key=lambda one: (one.protocol, one.first_port, str(one.counterpart))):
        denies = [entry.number for entry in own if not entry.allow and way.meets(entry)]
        number = _free_number(min([*denies, steps.CLOSING_DENY]), taken)
        if number is None:
            return Advice(
                reason=f"Network ACL {acl.id} has no free {way_text} number ahead of the deny at {min(denies)}.",
                text=("Renumber its entries so that numbers below that one are free, and diagnose again.",),
            )
        taken.add(number)
        entries.append(way.entry(number))
    return sorted(entries, key=lambda entry: int(str(entry["number"])))


def _free_number(deny: int, taken: set[int]) -> int | None:
    """Return the highest free number below `deny`; before the closing deny alone, the next round one."""
    if deny >= steps.CLOSING_DENY:
        last = max((number for number in taken if number < steps.CLOSING_DENY), default=0)
        if (last // _GAP + 1) * _GAP < steps.CLOSING_DENY:
            return (last // _GAP + 1) * _GAP
        deny = steps.CLOSING_DENY
    return next((number for number in range(deny - 1, 0, -1) if number not in taken), None)


def _blast_radius(planned: Sequence[Step], acls: Mapping[str, NetworkAcl], lets: str) -> str:
    touched = sorted({str(step.parameters["network_acl_id"]) for step in planned})
    subnets = {acl_id: len(acls[acl_id].subnet_ids) for acl_id in touched}
    named = ", ".join(f"{acl_id} ({number} subnet{'s' * (number != 1)})" for acl_id, number in subnets.items())
    return (
        f"The entries hold for every interface in the subnets of {named}, whatever runs there; they allow {lets} "
        "with the named CIDR alone."
    )


def permissions(what: str) -> tuple[AwsPermission, ...]:
    """Return what the calls of such a fix need; `what` is what it lets through."""
    return (
        AwsPermission(action="ec2:DescribeNetworkAcls", unlocks="read an ACL again right before changing it"),
        AwsPermission(
            action="ec2:CreateNetworkAclEntry",
            unlocks=f"allow {what} ahead of the entry that denies it",
            resources=_ACLS,
        ),
        AwsPermission(
            action="ec2:DeleteNetworkAclEntry", unlocks="take back the entries that a plan created", resources=_ACLS
        ),
    )
