"""How many Resolver endpoints, rules and associations each account may have in a region, as Service Quotas says.

Why it matters to DNS: what leads other networks to the private endpoint is made of these, and a plan that AWS would end
half way is not begun. Quotas can be raised, so AWS's defaults alone refuse too much; they stand in where an account's
own cannot be read. Nothing is asked where no peer and no network on premises is configured. Source: Service Quotas API
Reference, ListServiceQuotas; Route 53 Developer Guide, "Quotas on Route 53 VPC Resolver". Cost: one list an account
and region.

```yaml
gather:
  - collector: resolver_quotas
```
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.collectors._places import Spot, ask_each, everywhere, needs_names, once_an_account, spots
from bot.collectors.eks_cluster import EksCluster
from bot.domain.evidence import Collector, Gap
from bot.domain.peers import Peers
from bot.domain.ports import AwsReader
from bot.domain.reading import reading
from bot.domain.views import View


class Limited(StrEnum):
    """What there is a quota of, of an account in a region, by the quota's code."""

    ENDPOINTS = "L-4A669CC0"
    RULES = "L-51D8A1FB"
    ASSOCIATIONS = "L-94E19253"


DEFAULTS: Mapping[Limited, int] = {Limited.ENDPOINTS: 4, Limited.RULES: 1000, Limited.ASSOCIATIONS: 2000}
"""What AWS grants where nobody has asked for more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How many there may be."""

    most: int
    read: bool
    """Whether it is the account's own; otherwise AWS's default stands in for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountQuotas:
    """The quotas of one account in one region; None: Service Quotas lists none of its own."""

    account: str
    region: str
    endpoints: int | None
    rules: int | None
    associations: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverQuotas:
    """One entry for each account and region that could be asked."""

    accounts: tuple[AccountQuotas, ...]
    gaps: tuple[Gap, ...] = ()

    def of(self, limited: Limited, account: str, region: str) -> Quota:
        """Return a quota, the default where the account's own is not known."""
        found = next((one for one in self.accounts if (one.account, one.region) == (account, region)), None)
        if found is None:
            return Quota(most=DEFAULTS[limited], read=False)
        known = {
            Limited.ENDPOINTS: found.endpoints,
            Limited.RULES: found.rules,
            Limited.ASSOCIATIONS: found.associations,
        }[limited]
        return Quota(most=DEFAULTS[limited], read=False) if known is None else Quota(most=known, read=True)


def collect(look: View) -> ResolverQuotas:
    """List the quotas of each account."""
    asked = once_an_account(spots(look)) if needs_names(look) else []
    found = ask_each(look, asked, "quotas of Route 53 Resolver", _account)
    return ResolverQuotas(accounts=found.answers, gaps=found.gaps)


def _account(aws: AwsReader, spot: Spot) -> AccountQuotas:
    answer = aws.read("servicequotas", "ListServiceQuotas", ServiceCode="route53resolver")
    with reading("servicequotas:ListServiceQuotas"):
        values = {str(row["QuotaCode"]): int(row["Value"]) for row in answer["Quotas"] if "Value" in row}
    return AccountQuotas(
        account=spot.account,
        region=spot.region,
        endpoints=values.get(Limited.ENDPOINTS),
        rules=values.get(Limited.RULES),
        associations=values.get(Limited.ASSOCIATIONS),
    )


def summarise(evidence: ResolverQuotas) -> str:
    """Say what each account may have."""
    if not evidence.accounts:
        return "no account's quotas were read"
    return "; ".join(_line(evidence, one) for one in evidence.accounts)


def _line(evidence: ResolverQuotas, one: AccountQuotas) -> str:
    said = [
        f"{quota.most} {limited.name.lower()}" + ("" if quota.read else " (AWS's default)")
        for limited in Limited
        for quota in (evidence.of(limited, one.account, one.region),)
    ]
    return f"account {one.account} in {one.region} may have {', '.join(said)}"


_WHY = "know how many Resolver endpoints, rules and associations the account may have"

COLLECTOR = Collector(
    name="resolver_quotas",
    title="Quotas of Route 53 Resolver",
    evidence=ResolverQuotas,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=tuple(everywhere("servicequotas:ListServiceQuotas", _WHY)),
    needs=(EksCluster, Peers),
)
