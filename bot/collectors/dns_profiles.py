"""Which Route 53 Profiles are associated with the cluster's VPC and with its peers'.

Why it matters to DNS: a Profile brings rules, private zones and firewall groups to every VPC that it is associated
with. What one brings is not read yet: names there stay undecided. Nothing is asked where no peer and no network on
premises is configured. Source: Route 53 Developer Guide, "What are Amazon Route 53 Profiles?". Cost: one list an
account and region.

```yaml
gather:
  - collector: dns_profiles
```
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.collectors._places import Spot, ask_each, everywhere, needs_names, once_an_account, spots
from bot.collectors.eks_cluster import EksCluster
from bot.domain.evidence import Collector, Gap
from bot.domain.peers import Peers
from bot.domain.ports import AwsReader
from bot.domain.reading import reading
from bot.domain.views import View


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcProfile:
    """One Profile of one VPC."""

    vpc_id: str
    profile_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsProfiles:
    """All Profiles of all VPCs of the accounts and regions that could be asked."""

    accounts: tuple[tuple[str, str], ...]
    """(account, region)."""
    associations: tuple[VpcProfile, ...]
    gaps: tuple[Gap, ...] = ()


def collect(look: View) -> DnsProfiles:
    """List the associations of each account."""
    asked = once_an_account(spots(look)) if needs_names(look) else []
    found = ask_each(look, asked, "Route 53 Profiles", _account)
    return DnsProfiles(
        accounts=tuple((spot.account, spot.region) for spot, _ in found.answers),
        associations=tuple(dict.fromkeys(one for _, own in found.answers for one in own)),
        gaps=found.gaps,
    )


def _account(aws: AwsReader, spot: Spot) -> tuple[Spot, tuple[VpcProfile, ...]]:
    answer = aws.read("route53profiles", "ListProfileAssociations")
    with reading("route53profiles:ListProfileAssociations"):
        rows = answer["ProfileAssociations"]
        return spot, tuple(VpcProfile(vpc_id=row["ResourceId"], profile_id=row["ProfileId"]) for row in rows)


def summarise(evidence: DnsProfiles) -> str:
    """Say how many Profiles are associated with VPCs."""
    if not evidence.accounts:
        return "no account's Profiles were read"
    return f"{len(evidence.associations)} associations of Profiles in {len(evidence.accounts)} accounts and regions"


COLLECTOR = Collector(
    name="dns_profiles",
    title="Route 53 Profiles",
    evidence=DnsProfiles,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=tuple(
        everywhere("route53profiles:ListProfileAssociations", "know whether a Profile brings rules or zones")
    ),
    needs=(EksCluster, Peers),
)
