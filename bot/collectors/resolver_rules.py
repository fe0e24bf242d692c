"""Route 53 Resolver's endpoints, rules and associations in the cluster's account and in its peers' (D3, D4, D5).

Why it matters to DNS: a peer's lookup of the private endpoint's name is led to the cluster's VPC by a FORWARD rule,
from an outbound to an inbound endpoint. Resolver allows five calls a second for each account and region, so each list
is asked for once there and joined here. Nothing is asked where no peer and no network on premises is configured.
Source: Route 53 API Reference, Resolver. Cost: three lists an account and region, and one an endpoint.

```yaml
gather:
  - collector: resolver_rules
```
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.collectors._places import Spot, ask_each, everywhere, needs_names, once_an_account, spots
from bot.collectors.eks_cluster import EksCluster
from bot.domain.addresses import address
from bot.domain.evidence import Collector, Gap
from bot.domain.peers import Peers
from bot.domain.places import Place
from bot.domain.ports import AwsReader
from bot.domain.reading import reading
from bot.domain.views import View
from bot.network.names import (
    Association,
    Direction,
    EndpointAddress,
    ResolverEndpoint,
    ResolverRule,
    RuleType,
    Target,
    plain,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcAssociation:
    """A rule's association, with the VPC."""

    vpc_id: str
    association: Association


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountResolver:
    """What one account has, or may use, in one region."""

    place: Place
    """As whose reader it was asked for."""
    account: str
    region: str
    endpoints: tuple[ResolverEndpoint, ...]
    rules: tuple[ResolverRule, ...]
    """Its own, and those that others share with it."""
    associations: tuple[VpcAssociation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverRules:
    """One entry for each account and region that could be asked."""

    accounts: tuple[AccountResolver, ...]
    gaps: tuple[Gap, ...] = ()


def collect(look: View) -> ResolverRules:
    """List what each account has."""
    asked = once_an_account(spots(look)) if needs_names(look) else []
    found = ask_each(look, asked, "Route 53 Resolver", _account)
    return ResolverRules(accounts=found.answers, gaps=found.gaps)


def _account(aws: AwsReader, spot: Spot) -> AccountResolver:
    rules = aws.read("route53resolver", "ListResolverRules")
    associations = aws.read("route53resolver", "ListResolverRuleAssociations")
    with reading("route53resolver:ListResolverRules with route53resolver:ListResolverRuleAssociations"):
        return AccountResolver(
            place=spot.place,
            account=spot.account,
            region=spot.region,
            endpoints=tuple(_endpoints(aws, spot)),
            rules=tuple(_rule(row, spot.region) for row in rules["ResolverRules"]),
            associations=tuple(map(_association, associations["ResolverRuleAssociations"])),
        )


def _endpoints(aws: AwsReader, spot: Spot) -> Iterator[ResolverEndpoint]:
    listed = aws.read("route53resolver", "ListResolverEndpoints")
    with reading("route53resolver:ListResolverEndpoints"):
        for row in listed["ResolverEndpoints"]:
            yield ResolverEndpoint(
                id=row["Id"],
                direction=Direction(row["Direction"]),
                account=spot.account,
                region=spot.region,
                vpc_id=row["HostVPCId"],
                status=row["Status"],
                status_message=row.get("StatusMessage") or "",
                security_group_ids=tuple(row["SecurityGroupIds"]),
                addresses=tuple(_addresses(aws, row["Id"])),
            )


def _addresses(aws: AwsReader, endpoint_id: str) -> Iterator[EndpointAddress]:
    listed = aws.read("route53resolver", "ListResolverEndpointIpAddresses", ResolverEndpointId=endpoint_id)
    with reading("route53resolver:ListResolverEndpointIpAddresses"):
        for row in listed["IpAddresses"]:
            for text in (row.get("Ip"), row.get("Ipv6")):
                if text:
                    yield EndpointAddress(address=address(text), subnet_id=row["SubnetId"], status=row["Status"])


def _rule(row: Mapping[str, Any], region: str) -> ResolverRule:
    return ResolverRule(
        id=row["Id"],
        name=plain(row.get("DomainName") or ""),
        type=RuleType(row["RuleType"]),
        status=row["Status"],
        owner=row["OwnerId"],
        region=region,
        share_status=row.get("ShareStatus") or "NOT_SHARED",
        endpoint_id=row.get("ResolverEndpointId") or "",
        targets=tuple(map(_target, row.get("TargetIps") or ())),
        delegation_record=plain(row.get("DelegationRecord") or ""),
    )


def _target(row: Mapping[str, Any]) -> Target:
    return Target(
        address=address(row.get("Ip") or row["Ipv6"]),
        port=int(row.get("Port") or 53),
        protocol=row.get("Protocol") or "Do53",
    )


def _association(row: Mapping[str, Any]) -> VpcAssociation:
    return VpcAssociation(
        vpc_id=row["VPCId"],
        association=Association(
            id=row["Id"],
            rule_id=row["ResolverRuleId"],
            status=row["Status"],
            status_message=row.get("StatusMessage") or "",
        ),
    )


def summarise(evidence: ResolverRules) -> str:
    """Say how many endpoints, rules of people's own and associations there are in how many accounts."""
    if not evidence.accounts:
        return "not asked for: no peer and no network on premises is configured"
    endpoints = sum(len(one.endpoints) for one in evidence.accounts)
    rules = {rule.id for one in evidence.accounts for rule in one.rules if rule.type is not RuleType.RECURSIVE}
    associated = sum(item.association.rule_id in rules for one in evidence.accounts for item in one.associations)
    return (
        f"{endpoints} endpoints, {len(rules)} rules with {associated} associations in {len(evidence.accounts)} "
        "accounts and regions"
    )


_WHY = "follow the private endpoint's name through rules and endpoints"

COLLECTOR = Collector(
    name="resolver_rules",
    title="Route 53 Resolver: endpoints, rules, associations",
    evidence=ResolverRules,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        *everywhere("route53resolver:ListResolverRules", _WHY),
        *everywhere("route53resolver:ListResolverRuleAssociations", _WHY),
        *everywhere("route53resolver:ListResolverEndpoints", _WHY),
        *everywhere("route53resolver:ListResolverEndpointIpAddresses", _WHY),
    ),
    needs=(EksCluster, Peers),
)
