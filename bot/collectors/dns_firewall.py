"""The DNS Firewall rule groups of the cluster's VPC, its peers' and those on a rule's way, in their order.

Why it matters to DNS: DNS Firewall comes before rules and zones, and can block the private endpoint's name. Lists that
AWS keeps cannot be read: what comes of them stays undecided. Nothing is asked where no peer and no network on premises
is configured. Source: Route 53 Developer Guide, "DNS Firewall rule groups and rules". Cost: one list an account and
region, and two a rule group and domain list in use.

```yaml
gather:
  - collector: dns_firewall
```
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.collectors._led_through import led_through
from bot.collectors._places import Spot, ask_each, everywhere, needs_names, once_an_account
from bot.collectors.dns_profiles import DnsProfiles
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.resolver_rules import ResolverRules
from bot.domain.evidence import Collector, Gap
from bot.domain.peers import Peers
from bot.domain.ports import AwsReader
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import EvidenceUnavailable
from bot.network.names import FirewallAction, FirewallRule

_ASKED_TYPES = frozenset({"", "A"})


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcFirewall:
    """The rules of one VPC, by the priority of their groups and then their own; none: no group is associated."""

    vpc_id: str
    rules: tuple[FirewallRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsFirewall:
    """One entry for each VPC whose rule groups could be listed."""

    vpcs: tuple[VpcFirewall, ...]
    gaps: tuple[Gap, ...] = ()
    """Also domain lists of people's own that could not be read."""


def collect(look: View) -> DnsFirewall:
    """List the associations of each account, and the groups and lists of the VPCs that are looked at."""
    everywhere_asked = led_through(look) if needs_names(look) else []
    found = ask_each(
        look,
        once_an_account(everywhere_asked),
        "DNS Firewall",
        lambda aws, spot: _Account(aws, spot, look.find(DnsProfiles)).read(
            [one for one in everywhere_asked if _together(one, spot)]
        ),
    )
    gaps = [gap for _, own in found.answers for gap in own]
    return DnsFirewall(
        vpcs=tuple(vpc for vpcs, _ in found.answers for vpc in vpcs), gaps=(*found.gaps, *dict.fromkeys(gaps))
    )


def _together(one: Spot, other: Spot) -> bool:
    return (one.account, one.region) == (other.account, other.region)


class _Account:
    """Reads one account and region; what several VPCs use is read once."""

    def __init__(self, aws: AwsReader, spot: Spot, profiles: DnsProfiles | None) -> None:
        self._aws, self._spot, self._profiles = aws, spot, profiles
        self._lists: dict[str, tuple[str, ...] | None] = {}
        self._gaps: list[Gap] = []

    def read(self, spots_here: list[Spot]) -> tuple[list[VpcFirewall], list[Gap]]:
        """Return the VPCs' rules, and what of them could not be read."""
        answer = self._aws.read("route53resolver", "ListFirewallRuleGroupAssociations")
        with reading("route53resolver:ListFirewallRuleGroupAssociations"):
            own = [
                (row["VpcId"], int(row["Priority"]), str(row["FirewallRuleGroupId"]))
                for row in answer["FirewallRuleGroupAssociations"]
            ]
        rows = sorted((*own, *self._brought(spots_here)), key=lambda row: row[1])
        wanted = {one.vpc_id for one in spots_here}
        rules = {
            group: tuple(self._rules(group)) for group in dict.fromkeys(row[2] for row in rows if row[0] in wanted)
        }
        vpcs = [
            VpcFirewall(
                vpc_id=one.vpc_id,
                rules=tuple(rule for vpc_id, _, group in rows if vpc_id == one.vpc_id for rule in rules[group]),
            )
            for one in spots_here
        ]
        return vpcs, self._gaps

    def _brought(self, spots_here: list[Spot]) -> Iterator[tuple[str, int, str]]:
        """Yield the groups that Profiles bring, as (VPC, priority, group), among which a VPC's own are mixed."""
        for one in spots_here:
            for content in self._profiles.of(one.vpc_id) if self._profiles else ():
                yield from ((one.vpc_id, priority, group) for priority, group in content.firewall_groups)

    def _rules(self, group: str) -> Iterator[FirewallRule]:
        answer = self._aws.read("route53resolver", "ListFirewallRules", FirewallRuleGroupId=group)
        with reading("route53resolver:ListFirewallRules"):
            for row in sorted(answer["FirewallRules"], key=lambda each: int(each["Priority"])):
                yield self._rule(row, group)

    def _rule(self, row: Mapping[str, Any], group: str) -> FirewallRule:
        list_id = str(row.get("FirewallDomainListId") or "")
        return FirewallRule(
            group_id=group,
            list_id=list_id or str(row.get("FirewallThreatProtectionId") or "threat protection"),
            action=FirewallAction(row["Action"]),
            domains=self._domains(list_id) if list_id else None,
            response=str(row.get("BlockResponse") or ""),
            every_type=str(row.get("Qtype") or "") in _ASKED_TYPES,
        )

    def _domains(self, list_id: str) -> tuple[str, ...] | None:
        """Return the domains of a list; None: AWS keeps it, or it could not be read."""
        if list_id not in self._lists:
            try:
                self._lists[list_id] = self._listed(list_id)
            except EvidenceUnavailable as error:
                self._lists[list_id] = None
                self._gaps.append(Gap.of(f"DNS Firewall domain list {list_id} at {self._spot.place}", error))
        return self._lists[list_id]

    def _listed(self, list_id: str) -> tuple[str, ...] | None:
        found = self._aws.read("route53resolver", "GetFirewallDomainList", FirewallDomainListId=list_id)
        with reading("route53resolver:GetFirewallDomainList"):
            if found["FirewallDomainList"].get("ManagedOwnerName"):
                return None
        answer = self._aws.read("route53resolver", "ListFirewallDomains", FirewallDomainListId=list_id)
        with reading("route53resolver:ListFirewallDomains"):
            return tuple(map(str, answer["Domains"]))


def summarise(evidence: DnsFirewall) -> str:
    """Say how many rules each VPC has."""
    if not evidence.vpcs:
        return "no VPC's DNS Firewall was read"
    return "; ".join(f"{len(one.rules)} DNS Firewall rules in {one.vpc_id}" for one in evidence.vpcs)


_WHY = "see whether DNS Firewall blocks the private endpoint's name"

COLLECTOR = Collector(
    name="dns_firewall",
    title="DNS Firewall",
    evidence=DnsFirewall,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        *everywhere("route53resolver:ListFirewallRuleGroupAssociations", _WHY),
        *everywhere("route53resolver:ListFirewallRules", _WHY),
        *everywhere("route53resolver:GetFirewallDomainList", _WHY),
        *everywhere("route53resolver:ListFirewallDomains", _WHY),
    ),
    needs=(EksCluster, Peers),
    wants=(DnsProfiles, ResolverRules),
)
