"""Which Route 53 Profiles the cluster's VPC, its peers' and those on a rule's way have, and what they bring.

Why it matters to DNS: a Profile brings rules, private zones and firewall groups to every VPC that it is associated
with. Where what one brings cannot be read, names there stay undecided. Nothing is asked where no peer and no network on
premises is configured. Source: Route 53 Developer Guide, "What are Amazon Route 53 Profiles?"; Route 53 Profiles API
Reference, ListProfileResourceAssociations. Cost: one list an account and region, and one a Profile in use.

```yaml
gather:
  - collector: dns_profiles
```
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.collectors._led_through import led_through
from bot.collectors._places import Spot, ask_each, everywhere, needs_names, once_an_account
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.resolver_rules import ResolverRules
from bot.domain.evidence import Collector, Gap
from bot.domain.peers import Peers
from bot.domain.ports import AwsReader
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import EvidenceUnavailable

IN_FORCE = "COMPLETE"
_RULE, _GROUP, _ZONE = "resolver-rule/", "firewall-rule-group/", "hostedzone/"
"""What begins the last part of a resource's ARN, by kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcProfile:
    """One Profile of one VPC."""

    vpc_id: str
    profile_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileContent:
    """What one Profile brings, as far as it is about names: other resources are left out."""

    profile_id: str
    rule_ids: tuple[str, ...] = ()
    zone_ids: tuple[str, ...] = ()
    firewall_groups: tuple[tuple[int, str], ...] = ()
    """(priority, id)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsProfiles:
    """All Profiles of all VPCs of the accounts and regions that could be asked."""

    accounts: tuple[tuple[str, str], ...]
    """(account, region)."""
    associations: tuple[VpcProfile, ...]
    contents: tuple[ProfileContent, ...] = ()
    """Of those whose resources could be listed."""
    gaps: tuple[Gap, ...] = ()

    def of(self, vpc_id: str) -> tuple[ProfileContent, ...]:
        """Return what is known of the Profiles of a VPC."""
        ids = {one.profile_id for one in self.associations if one.vpc_id == vpc_id}
        return tuple(one for one in self.contents if one.profile_id in ids)


def collect(look: View) -> DnsProfiles:
    """List the associations of each account, and the resources of the Profiles of VPCs that are looked at."""
    seen = led_through(look) if needs_names(look) else []
    vpcs = {one.vpc_id for one in seen}
    found = ask_each(look, once_an_account(seen), "Route 53 Profiles", lambda aws, spot: _account(aws, spot, vpcs))
    gaps = [gap for one in found.answers for gap in one.gaps]
    return DnsProfiles(
        accounts=tuple(account for one in found.answers for account in one.accounts),
        associations=tuple(dict.fromkeys(item for one in found.answers for item in one.associations)),
        contents=tuple({item.profile_id: item for one in found.answers for item in one.contents}.values()),
        gaps=(*found.gaps, *dict.fromkeys(gaps)),
    )


def _account(aws: AwsReader, spot: Spot, vpcs: set[str]) -> DnsProfiles:
    answer = aws.read("route53profiles", "ListProfileAssociations")
    with reading("route53profiles:ListProfileAssociations"):
        rows = [row for row in answer["ProfileAssociations"] if row["Status"] != "DELETED"]
        held = tuple(VpcProfile(vpc_id=row["ResourceId"], profile_id=row["ProfileId"]) for row in rows)
        settled = {row["ProfileId"] for row in rows if row["Status"] == IN_FORCE}
    contents: list[ProfileContent] = []
    gaps: list[Gap] = []
    for number in dict.fromkeys(one.profile_id for one in held if one.vpc_id in vpcs and one.profile_id in settled):
        try:
            contents.append(_content(aws, number))
        except EvidenceUnavailable as error:
            gaps.append(Gap.of(f"what Route 53 Profile {number} brings, at {spot.place}", error))
    return DnsProfiles(
        accounts=((spot.account, spot.region),), associations=held, contents=tuple(contents), gaps=tuple(gaps)
    )


def _content(aws: AwsReader, profile_id: str) -> ProfileContent:
    answer = aws.read("route53profiles", "ListProfileResourceAssociations", ProfileId=profile_id)
    with reading("route53profiles:ListProfileResourceAssociations"):
        rows = [row for row in answer["ProfileResourceAssociations"] if row["Status"] in {IN_FORCE, "UPDATING"}]
        return ProfileContent(
            profile_id=profile_id,
            rule_ids=tuple(_named(rows, _RULE)),
            zone_ids=tuple(_named(rows, _ZONE)),
            firewall_groups=tuple(sorted((_priority(row), number) for row in rows for number in _named([row], _GROUP))),
        )


def _named(rows: list[Mapping[str, Any]], kind: str) -> list[str]:
    """Return the ids of the resources of one kind: `arn:…:resolver-rule/rslvr-rr-1`, `arn:…:hostedzone/Z1`."""
    last = [str(row["ResourceArn"]).split(":")[-1] for row in rows]
    return [each.removeprefix(kind) for each in last if each.startswith(kind)]


def _priority(row: Mapping[str, Any]) -> int:
    return int(json.loads(row.get("ResourceProperties") or "{}").get("priority", 0))


def summarise(evidence: DnsProfiles) -> str:
    """Say how many Profiles are associated with VPCs."""
    if not evidence.accounts:
        return "no account's Profiles were read"
    associated = (
        f"{len(evidence.associations)} associations of Profiles in {len(evidence.accounts)} accounts and regions"
    )
    return associated + "".join(f"; {_brought(one)}" for one in evidence.contents)


def _brought(one: ProfileContent) -> str:
    rules, zones, groups = len(one.rule_ids), len(one.zone_ids), len(one.firewall_groups)
    return f"{one.profile_id} brings {rules} rules, {zones} private zones and {groups} firewall rule groups"


COLLECTOR = Collector(
    name="dns_profiles",
    title="Route 53 Profiles",
    evidence=DnsProfiles,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        *everywhere("route53profiles:ListProfileAssociations", "know whether a Profile brings rules or zones"),
        *everywhere("route53profiles:ListProfileResourceAssociations", "know which rules, zones and groups it brings"),
    ),
    needs=(EksCluster, Peers),
    wants=(ResolverRules,),
)
