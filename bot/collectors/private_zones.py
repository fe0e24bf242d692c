"""The private hosted zones that could hold the endpoint's name: of the cluster's VPC, peers' and on a rule's way.

Why it matters to DNS: a private zone above the name answers for it, and says NXDOMAIN where it lacks the record. Zones
are listed as the VPC has them, whoever owns them; the records of one are read by its owner alone. An alias within a
zone has the addresses of its target there. Nothing is asked where no peer and no network on premises is configured.
Source: Route 53 API Reference, ListHostedZonesByVPC, AliasTarget. Cost: one call a VPC, and two for each zone above the
name.

```yaml
gather:
  - collector: private_zones
```
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.collectors._led_through import led_through
from bot.collectors._places import Spot, ask_each, everywhere, needs_names
from bot.collectors.dns_profiles import DnsProfiles
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.resolver_rules import ResolverRules
from bot.domain.evidence import Collector, Gap
from bot.domain.peers import Peers
from bot.domain.ports import AwsReader
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import EvidenceUnavailable
from bot.network.names import PrivateZone, belongs, plain

_ADDRESSES = frozenset({"A", "AAAA"})


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcZones:
    """One VPC."""

    vpc_id: str
    zones: tuple[PrivateZone, ...]
    """All of them; the records only of those above the endpoint's name."""
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateZones:
    """The zones by VPC."""

    vpcs: tuple[VpcZones, ...]
    gaps: tuple[Gap, ...] = ()


def collect(look: View) -> PrivateZones:
    """List the zones of each VPC, and read those above the endpoint's name."""
    host = look.need(EksCluster).endpoint_host
    asked = led_through(look) if needs_names(look) else []

    profiles = look.find(DnsProfiles)

    def read(aws: AwsReader, spot: Spot) -> VpcZones:
        brought = [number for one in (profiles.of(spot.vpc_id) if profiles else ()) for number in one.zone_ids]
        return _with_brought(aws, spot, _vpc(aws, spot, host), brought, host)

    found = ask_each(look, asked, "private hosted zones", read)
    return PrivateZones(
        vpcs=found.answers, gaps=(*found.gaps, *dict.fromkeys(gap for one in found.answers for gap in one.gaps))
    )


def _vpc(aws: AwsReader, spot: Spot, host: str) -> VpcZones:
    zones: list[PrivateZone] = []
    gaps: list[Gap] = []
    for row in _listed(aws, spot):
        with reading("route53:ListHostedZonesByVPC"):
            number, name = row["HostedZoneId"], plain(row["Name"])
            owner = str(row["Owner"].get("OwningAccount") or row["Owner"].get("OwningService") or "")
        if not belongs(host, name):
            zones.append(PrivateZone(id=number, name=name, owner=owner, records=None, falls_back=None))
            continue
        try:
            zones.append(_whole(aws, number, name, owner))
        except EvidenceUnavailable as error:
            zones.append(PrivateZone(id=number, name=name, owner=owner, records=None, falls_back=None))
            if not row["Owner"].get("OwningService"):
                gaps.append(Gap.of(f"records of {number} ({name}, owner {owner}) at {spot.place}", error))
    return VpcZones(vpc_id=spot.vpc_id, zones=tuple(zones), gaps=tuple(gaps))


def _with_brought(aws: AwsReader, spot: Spot, own: VpcZones, brought: Iterable[str], host: str) -> VpcZones:
    """Add the zones that Profiles bring, after the VPC's own: of two with one name the VPC's own comes first."""
    zones, gaps = list(own.zones), list(own.gaps)
    known = {one.id for one in zones}
    for number in dict.fromkeys(brought):
        if number in known:
            continue
        try:
            shown = aws.read("route53", "GetHostedZone", Id=number)
            with reading("route53:GetHostedZone"):
                name = plain(shown["HostedZone"]["Name"])
            if belongs(host, name):
                zones.append(replace(_whole(aws, number, name, owner=""), by_profile=True))
        except EvidenceUnavailable as error:
            gaps.append(Gap.of(f"private zone {number}, which a Route 53 Profile brings, at {spot.place}", error))
    return VpcZones(vpc_id=own.vpc_id, zones=tuple(zones), gaps=tuple(gaps))


def _listed(aws: AwsReader, spot: Spot) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of all pages; botocore knows no pages of this list."""
    token: dict[str, str] = {}
    while True:
        answer = aws.read("route53", "ListHostedZonesByVPC", VPCId=spot.vpc_id, VPCRegion=spot.region, **token)
        with reading("route53:ListHostedZonesByVPC"):
            yield from answer["HostedZoneSummaries"]
            if not answer.get("NextToken"):
                return
            token = {"NextToken": answer["NextToken"]}


def _whole(aws: AwsReader, number: str, name: str, owner: str) -> PrivateZone:
    zone = aws.read("route53", "GetHostedZone", Id=number)
    sets = aws.read("route53", "ListResourceRecordSets", HostedZoneId=number)
    with reading("route53:GetHostedZone with route53:ListResourceRecordSets"):
        features = zone["HostedZone"].get("Features")
        records, others = _records(sets["ResourceRecordSets"], number)
        delegations = tuple(_delegations(sets["ResourceRecordSets"], name))
    return PrivateZone(
        id=number,
        name=name,
        owner=owner,
        records=tuple(sorted(records.items())),
        without_addresses=others,
        falls_back=_falls_back(features),
        delegations=delegations,
    )


def _delegations(rows: Sequence[Mapping[str, Any]], zone: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the names under the zone's own that have NS records, with their servers."""
    for row in rows:
        if row["Type"] == "NS" and plain(row["Name"]) != zone:
            yield plain(row["Name"]), tuple(plain(one["Value"]) for one in row.get("ResourceRecords") or ())


def _falls_back(features: Mapping[str, Any] | None) -> bool | None:
    """Return whether it falls back to public DNS: without features it does not, and with some it is not known.

    The installed API model has no member for this feature yet, so that the answer would not show it.
    """
    return None if features else False


def _records(rows: Sequence[Mapping[str, Any]], number: str) -> tuple[dict[str, str], frozenset[str]]:
    """Return what each name with addresses stands for, and the names that have none."""
    known: dict[str, str] = {}
    seen: set[str] = set()
    within = {
        plain(row["Name"]): plain(row["AliasTarget"]["DNSName"])
        for row in rows
        if row["Type"] in _ADDRESSES and row.get("AliasTarget") and row["AliasTarget"]["HostedZoneId"] == number
    }
    for row in rows:
        name = plain(row["Name"])
        seen.add(name)
        if row["Type"] == "CNAME":
            known[name] = plain(row["ResourceRecords"][0]["Value"])
        elif row["Type"] in _ADDRESSES and name not in within:
            known[name] = plain((row.get("AliasTarget") or {}).get("DNSName") or "")
    known |= {name: known[end] for name in within if (end := _end_of(name, within)) in known}
    return known, frozenset(seen - known.keys())


def _end_of(name: str, within: Mapping[str, str]) -> str:
    """Return the name whose records an alias within its zone has, by whatever others."""
    for _ in within:
        name = within.get(name, name)
    return name


def summarise(evidence: PrivateZones) -> str:
    """Say how many zones each VPC has."""
    if not evidence.vpcs:
        return "not asked for: no peer and no network on premises is configured"
    return "; ".join(f"{len(one.zones)} private hosted zones in {one.vpc_id}" for one in evidence.vpcs)


COLLECTOR = Collector(
    name="private_zones",
    title="Private hosted zones",
    evidence=PrivateZones,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        *everywhere("route53:ListHostedZonesByVPC", "see which private zones answer in a VPC"),
        *everywhere("route53:GetHostedZone", "see whether a private zone falls back to public DNS"),
        *everywhere("route53:ListResourceRecordSets", "see whether a private zone has the endpoint's name"),
    ),
    needs=(EksCluster, Peers),
    wants=(DnsProfiles, ResolverRules),
)
