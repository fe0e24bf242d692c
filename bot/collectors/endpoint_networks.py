"""The VPCs as far as they decide about queries between Resolver endpoints: routes, ACLs, groups and peerings (D2, D3).

Why it matters to DNS: a query that a rule forwards leaves from the outbound endpoint's subnet, must reach the inbound
endpoint's address, and its answer must come back. Nothing is asked where no peer and no network on premises is
configured. Cost: three EC2 lists a VPC, one of peerings and two of groups an account and region, and one for
targets that no endpoint has.

```yaml
gather:
  - collector: endpoint_networks
```
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.collectors._places import Spot, ask_each, everywhere, needs_names, once_an_account, spots
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.resolver_rules import ResolverRules
from bot.domain.evidence import Collector, Gap
from bot.domain.peers import Peers
from bot.domain.places import Place
from bot.domain.ports import AwsReader
from bot.domain.reading import reading
from bot.domain.views import View
from bot.network import answers
from bot.network.answers import DescribedInterface
from bot.network.model import Address, Interface, NetworkAcl, SecurityGroupRule, Subnet
from bot.network.names import Peering, ResolverEndpoint
from bot.network.resolver import local_cidrs


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcNetwork:
    """One VPC: a place's, or one in which an endpoint stands."""

    place: Place
    """As whose reader it was asked for."""
    vpc_id: str
    subnets: tuple[Subnet, ...]
    acls: tuple[NetworkAcl, ...]
    holders: tuple[Interface, ...]
    """Who holds the addresses that were asked for."""
    asked_addresses: frozenset[Address]
    """Targets of rules within the VPC that are no endpoint's."""

    @property
    def cidrs(self) -> tuple[str, ...]:
        """Its blocks, as its routes name them."""
        return tuple(sorted(map(str, local_cidrs(self.subnets))))


MADE_TAG = "dnsbot:plan"
"""The tag of what a plan makes in EC2; its value is the plan's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeGroup:
    """A security group that a plan of this bot made."""

    id: str
    name: str
    vpc_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountGroups:
    """The rules of the endpoints' security groups in one account and region."""

    account: str
    region: str
    group_ids: frozenset[str]
    """Those whose rules are here whole."""
    rules: tuple[SecurityGroupRule, ...]
    peerings: tuple[Peering, ...]
    """The active ones of its VPCs."""
    made: tuple[MadeGroup, ...] = ()
    """Groups that plans of this bot made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointNetworks:
    """All of it."""

    vpcs: tuple[VpcNetwork, ...]
    accounts: tuple[AccountGroups, ...]
    gaps: tuple[Gap, ...] = ()


def collect(look: View) -> EndpointNetworks:
    """Read the places' VPCs and those in which endpoints stand, as the places that own them."""
    if not needs_names(look):
        return EndpointNetworks(vpcs=(), accounts=())
    resolver, known = look.need(ResolverRules), spots(look)
    endpoints = [one for account in resolver.accounts for one in account.endpoints]
    addresses = {one.address for endpoint in endpoints for one in endpoint.addresses}
    targets = {
        target.address for account in resolver.accounts for rule in account.rules for target in rule.targets
    } - addresses
    accounts = once_an_account(known)
    hosts = [
        Spot(place=spot.place, vpc_id=one.vpc_id, account=spot.account, region=spot.region)
        for spot in accounts
        for one in endpoints
        if (one.account, one.region) == (spot.account, spot.region)
    ]
    vpcs = list({spot.vpc_id: spot for spot in (*hosts, *known)}.values())
    networks = ask_each(look, vpcs, "subnets, routes and network ACLs", lambda aws, spot: _network(aws, spot, targets))
    groups = ask_each(
        look, accounts, "security groups of Resolver endpoints", lambda aws, spot: _groups(aws, spot, endpoints)
    )
    return EndpointNetworks(vpcs=networks.answers, accounts=groups.answers, gaps=(*networks.gaps, *groups.gaps))


def _network(aws: AwsReader, spot: Spot, targets: set[Address]) -> VpcNetwork:
    filters = [{"Name": "vpc-id", "Values": [spot.vpc_id]}]
    described = aws.read("ec2", "DescribeSubnets", Filters=filters)
    routed = aws.read("ec2", "DescribeRouteTables", Filters=filters)
    listed = aws.read("ec2", "DescribeNetworkAcls", Filters=filters)
    with reading("ec2:DescribeSubnets with ec2:DescribeRouteTables and ec2:DescribeNetworkAcls"):
        subnets = answers.subnets(described["Subnets"], routed["RouteTables"])
        acls = answers.network_acls(listed["NetworkAcls"])
    inside = frozenset(one for one in targets if any(one in cidr for cidr in local_cidrs(subnets)))
    return VpcNetwork(
        place=spot.place,
        vpc_id=spot.vpc_id,
        subnets=tuple(sorted(subnets, key=lambda one: one.id)),
        acls=tuple(sorted(acls, key=lambda one: one.id)),
        holders=_holders(aws, spot, inside) if inside else (),
        asked_addresses=inside,
    )


def _holders(aws: AwsReader, spot: Spot, addresses: frozenset[Address]) -> tuple[Interface, ...]:
    filters = [
        {"Name": "vpc-id", "Values": [spot.vpc_id]},
        {"Name": "addresses.private-ip-address", "Values": sorted(map(str, addresses))},
    ]
    answer = aws.read("ec2", "DescribeNetworkInterfaces", Filters=filters)
    with reading("ec2:DescribeNetworkInterfaces"):
        return tuple(DescribedInterface.of(row).interface for row in answer["NetworkInterfaces"])


def _groups(aws: AwsReader, spot: Spot, endpoints: Sequence[ResolverEndpoint]) -> AccountGroups:
    own = [one for one in endpoints if (one.account, one.region) == (spot.account, spot.region)]
    made = _made(aws)
    groups = sorted({group for one in own for group in one.security_group_ids} | {one.id for one in made})
    rules: tuple[SecurityGroupRule, ...] = ()
    if groups:
        filters = [{"Name": "group-id", "Values": groups}]
        answer = aws.read("ec2", "DescribeSecurityGroupRules", Filters=filters)
        with reading("ec2:DescribeSecurityGroupRules"):
            rules = answers.security_group_rules(answer["SecurityGroupRules"])
    return AccountGroups(
        account=spot.account,
        region=spot.region,
        group_ids=frozenset(groups),
        rules=rules,
        peerings=_peerings(aws),
        made=made,
    )


def _made(aws: AwsReader) -> tuple[MadeGroup, ...]:
    answer = aws.read("ec2", "DescribeSecurityGroups", Filters=[{"Name": "tag-key", "Values": [MADE_TAG]}])
    with reading("ec2:DescribeSecurityGroups"):
        return tuple(
            MadeGroup(id=row["GroupId"], name=row["GroupName"], vpc_id=row["VpcId"]) for row in answer["SecurityGroups"]
        )


def _peerings(aws: AwsReader) -> tuple[Peering, ...]:
    filters = [{"Name": "status-code", "Values": ["active"]}]
    answer = aws.read("ec2", "DescribeVpcPeeringConnections", Filters=filters)
    with reading("ec2:DescribeVpcPeeringConnections"):
        return tuple(
            Peering(
                id=row["VpcPeeringConnectionId"],
                vpc_ids=frozenset({row["RequesterVpcInfo"]["VpcId"], row["AccepterVpcInfo"]["VpcId"]}),
            )
            for row in answer["VpcPeeringConnections"]
        )


def summarise(evidence: EndpointNetworks) -> str:
    """Say how many VPCs, peerings and group rules were read."""
    if not evidence.vpcs:
        return "no VPC was read"
    peerings = {one.id for account in evidence.accounts for one in account.peerings}
    rules = sum(len(one.rules) for one in evidence.accounts)
    return (
        f"{len(evidence.vpcs)} VPCs, {len(peerings)} active peering connections, {rules} rules of the endpoints' "
        "security groups"
    )


_WHY = "see whether queries get from one Resolver endpoint to the other, and back"

COLLECTOR = Collector(
    name="endpoint_networks",
    title="Networks between Resolver endpoints",
    evidence=EndpointNetworks,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        *everywhere("ec2:DescribeSubnets", _WHY),
        *everywhere("ec2:DescribeRouteTables", _WHY),
        *everywhere("ec2:DescribeNetworkAcls", _WHY),
        *everywhere("ec2:DescribeSecurityGroupRules", _WHY),
        *everywhere("ec2:DescribeSecurityGroups", "find the groups that earlier plans made for Resolver endpoints"),
        *everywhere("ec2:DescribeVpcPeeringConnections", _WHY),
        *everywhere("ec2:DescribeNetworkInterfaces", "see whether anybody holds an address that a rule aims at"),
    ),
    needs=(EksCluster, Peers, ResolverRules),
)
