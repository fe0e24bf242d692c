"""What collectors make of AWS's answers about names: Resolver, private zones, DNS Firewall, Profiles, networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any

import pytest

from bot.collectors import (
    dns_firewall,
    dns_profiles,
    endpoint_networks,
    private_zones,
    resolver_quotas,
    resolver_rules,
    transit_gateways,
    vpc_dns,
)
from bot.collectors.dns_profiles import DnsProfiles, ProfileContent, VpcProfile
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.resolver_quotas import Limited, Quota
from bot.collectors.resolver_rules import ResolverRules
from bot.domain.deadline import Deadline
from bot.domain.evidence import Collector
from bot.domain.peers import Peers, SeenPlace
from bot.domain.places import HOME, Peer, Place
from bot.errors import AccessDenied, EvidenceUnavailable
from bot.network.names import Direction, FirewallAction, RuleType
from tests.looking import TARGET, Ends, ListsWhatItReads, as_stored, collect_through

PEER = Place(name="tools", region="eu-west-1", account="210987654321", vpc_id="vpc-peer")
NEAR = Place(name="near", region="eu-west-1", account="111122223333", vpc_id="vpc-near")
HOST = "abc.gr7.eu-west-1.eks.amazonaws.com"
CLUSTER = EksCluster(
    name="cluster-prod", arn="arn:aws:eks:eu-west-1:111122223333:cluster/cluster-prod", account="111122223333",
    status="ACTIVE", version="1.33", vpc_id="vpc-home", cluster_security_group_id="sg-1", security_group_ids=(),
    subnet_ids=(), endpoint=f"https://{HOST.upper()}", endpoint_public=False, endpoint_private=True,
    service_cidr="172.20.0.0/16", auto_mode=False,
)  # fmt: skip
ENDPOINT = {"Id": "rslvr-in-1", "Direction": "INBOUND", "HostVPCId": "vpc-home", "Status": "OPERATIONAL",
            "SecurityGroupIds": ["sg-dns"]}  # fmt: skip
FORWARD = {"Id": "rslvr-rr-1", "DomainName": f"{HOST.upper()}.", "RuleType": "FORWARD", "Status": "COMPLETE",
           "OwnerId": "210987654321", "ShareStatus": "SHARED_WITH_ME", "ResolverEndpointId": "rslvr-out-1",
           "TargetIps": [{"Ip": "10.0.1.10", "Port": 53}, {"Ip": "10.0.9.9"}]}  # fmt: skip
ROOT = {"Id": "rslvr-autodefined-rr-internet-resolver", "DomainName": ".", "RuleType": "RECURSIVE",
        "Status": "COMPLETE", "OwnerId": "Route 53 Resolver"}  # fmt: skip
ASSOCIATED = {"Id": "rslvr-rrassoc-1", "ResolverRuleId": "rslvr-rr-1", "VPCId": "vpc-peer", "Status": "COMPLETE"}
RESOLVER = {
    "route53resolver:ListResolverEndpoints": {"ResolverEndpoints": [ENDPOINT]},
    "route53resolver:ListResolverEndpointIpAddresses": {
        "IpAddresses": [{"Ip": "10.0.1.10", "SubnetId": "subnet-a", "Status": "ATTACHED"}]
    },
    "route53resolver:ListResolverRules": {"ResolverRules": [FORWARD, ROOT]},
    "route53resolver:ListResolverRuleAssociations": {"ResolverRuleAssociations": [ASSOCIATED]},
}


@dataclass
class Account(ListsWhatItReads):
    """Answers at one place, as written down."""

    answers: Mapping[str, Any]
    asked: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)

    def read(self, service: str, operation: str, **parameters: object) -> Any:
        """Answer, or raise the error in the answer's stead."""
        self.asked.append((f"{service}:{operation}", parameters))
        answer = self.answers[f"{service}:{operation}"]
        answer = answer(parameters) if callable(answer) else answer
        if isinstance(answer, EvidenceUnavailable):
            raise answer
        return answer


@dataclass(frozen=True, kw_only=True)
class Accounts(Ends):
    """Gives the reader of each place."""

    by_place: Mapping[Place, Account]

    def aws(self, deadline: Deadline, place: Place = HOME) -> Account:
        """See `Sources.aws`."""
        del deadline
        return self.by_place[place]


Gather = Callable[..., Any]


@pytest.fixture
def gather() -> Gather:
    """Return a function that runs a collector at home and at peers, each with its own answers."""

    def run(collector: Collector[Any, Any], accounts: Mapping[Place, Account], *needed: object) -> Any:
        peers = [place for place in accounts if place != HOME]
        target = replace(TARGET, peers=tuple(Peer(place=place) for place in peers))
        seen = Peers(peers=tuple(SeenPlace(place=place, found=place) for place in peers))
        held = {type(one): one for one in (CLUSTER, seen, *needed)}
        found, _ = collect_through(collector, Accounts(by_place=accounts), needed=held, target=target)
        assert as_stored(found) == found
        assert collector.summarise(found)
        return found

    return run


PROFILED = {
    "route53profiles:ListProfileAssociations": {
        "ProfileAssociations": [{"ProfileId": "rp-1", "ResourceId": "vpc-peer", "Status": "COMPLETE"}]
    },
    "route53profiles:ListProfileResourceAssociations": {
        "ProfileResourceAssociations": [
            {"ResourceArn": f"arn:aws:{arn}", "ResourceProperties": properties, "Status": status}
            for arn, properties, status in (
                ("route53resolver:eu-west-1:210987654321:resolver-rule/rslvr-rr-7", "", "COMPLETE"),
                ("route53resolver:eu-west-1:210987654321:resolver-rule/rslvr-rr-8", "", "DELETING"),
                (
                    "route53resolver:eu-west-1:210987654321:firewall-rule-group/rslvr-frg-7",
                    '{"priority": 102}',
                    "COMPLETE",
                ),
                ("route53:::hostedzone/Z7", "", "COMPLETE"),
                ("ec2:eu-west-1:210987654321:vpc-endpoint/vpce-7", "", "COMPLETE"),
            )
        ]
    },
}
BROUGHT = DnsProfiles(
    accounts=(("111122223333", "eu-west-1"), ("210987654321", "eu-west-1")),
    associations=(VpcProfile(vpc_id="vpc-peer", profile_id="rp-1"),),
    contents=(
        ProfileContent(
            profile_id="rp-1", rule_ids=("rslvr-rr-7",), zone_ids=("Z7",), firewall_groups=((102, "rslvr-frg-7"),)
        ),
    ),
)
EMPTY = {
    "route53resolver:ListResolverEndpoints": {"ResolverEndpoints": []},
    "route53resolver:ListResolverRules": {"ResolverRules": [ROOT]},
    "route53resolver:ListResolverRuleAssociations": {"ResolverRuleAssociations": []},
}


def test_resolver_is_listed_once_an_account_and_region(gather: Gather) -> None:
    """A peer in the cluster's own account and region costs nothing more: five calls a second are few."""
    accounts = {HOME: Account(RESOLVER), NEAR: Account({}), PEER: Account(EMPTY)}

    found = gather(resolver_rules.COLLECTOR, accounts)

    assert [(one.account, one.region) for one in found.accounts] == [
        ("111122223333", "eu-west-1"),
        ("210987654321", "eu-west-1"),
    ]
    assert (len(accounts[HOME].asked), accounts[NEAR].asked) == (4, [])


def test_a_delegate_rule_has_its_delegation_record_and_no_name(gather: Gather) -> None:
    """AWS gives it no domain name."""
    row = {"Id": "rslvr-rr-2", "DelegationRecord": "Corp.Example.", "RuleType": "DELEGATE", "Status": "COMPLETE",
           "OwnerId": "111122223333", "ResolverEndpointId": "rslvr-out-1"}  # fmt: skip
    answers = {**RESOLVER, "route53resolver:ListResolverRules": {"ResolverRules": [row]}}

    (found,) = gather(resolver_rules.COLLECTOR, {HOME: Account(answers), NEAR: Account({})}).accounts

    (rule,) = found.rules
    assert (rule.type, rule.name, rule.delegation_record) == (RuleType.DELEGATE, "", "corp.example")
    assert (rule.endpoint_id, rule.targets) == ("rslvr-out-1", ())


def test_rules_endpoints_and_associations_are_what_aws_says(gather: Gather) -> None:
    """Names in small letters without a final dot, port 53 where none is named, statuses in AWS's words."""
    (found,) = gather(resolver_rules.COLLECTOR, {HOME: Account(RESOLVER), NEAR: Account({})}).accounts

    rule, root = found.rules
    (endpoint,) = found.endpoints
    assert (rule.name, rule.type, rule.share_status) == (HOST, RuleType.FORWARD, "SHARED_WITH_ME")
    assert [str(target) for target in rule.targets] == ["10.0.1.10:53", "10.0.9.9:53"]
    assert (root.name, root.type, root.owner) == ("", RuleType.RECURSIVE, "Route 53 Resolver")
    assert (endpoint.direction, endpoint.addresses[0].address) == (Direction.INBOUND, ip_address("10.0.1.10"))
    assert [(one.vpc_id, one.association.status) for one in found.associations] == [("vpc-peer", "COMPLETE")]


def test_a_peer_whose_rules_may_not_be_listed_is_one_gap(gather: Gather) -> None:
    """The others are kept, and the gap names what to grant and where."""
    refused = AccessDenied("Cannot list rules.", grant="route53resolver:ListResolverRules")
    there = Account({**EMPTY, "route53resolver:ListResolverRules": refused})

    found = gather(resolver_rules.COLLECTOR, {HOME: Account(RESOLVER), PEER: there})

    assert [one.place for one in found.accounts] == [HOME]
    assert [(gap.what, gap.grant) for gap in found.gaps] == [
        (f"Route 53 Resolver at {PEER}", "route53resolver:ListResolverRules")
    ]


QUOTAS = {
    "servicequotas:ListServiceQuotas": {
        "Quotas": [
            {"QuotaCode": "L-4A669CC0", "Value": 12.0},
            {"QuotaCode": "L-51D8A1FB", "ErrorReason": {"ErrorCode": "DEPENDENCY_SERVICE_ERROR"}},
            {"QuotaCode": "L-D2FE9758", "Value": 6.0},
        ]
    }
}


def test_quotas_are_the_accounts_own_where_they_can_be_read(gather: Gather) -> None:
    """AWS's default, called not read, stands in for what Service Quotas does not tell, and for a refused account's."""
    refused = AccessDenied("Cannot list quotas.", grant="servicequotas:ListServiceQuotas")
    there = Account({"servicequotas:ListServiceQuotas": refused})

    found = gather(resolver_quotas.COLLECTOR, {HOME: Account(QUOTAS), PEER: there})

    here, at_peer = ("111122223333", "eu-west-1"), ("210987654321", "eu-west-1")
    assert found.of(Limited.ENDPOINTS, *here) == Quota(most=12, read=True)
    assert found.of(Limited.RULES, *here) == Quota(most=1000, read=False)
    assert found.of(Limited.ENDPOINTS, *at_peer) == Quota(most=4, read=False)
    assert [gap.grant for gap in found.gaps] == ["servicequotas:ListServiceQuotas"]


def attached(number: str, vpc_id: str, state: str = "available") -> dict[str, Any]:
    """Return a row of DescribeTransitGatewayVpcAttachments."""
    return {"TransitGatewayAttachmentId": number, "TransitGatewayId": "tgw-1", "VpcId": vpc_id, "State": state,
            "SubnetIds": ["subnet-a"]}  # fmt: skip


ASSOCIATED_WITH = {"TransitGatewayRouteTableId": "tgw-rtb-1", "State": "associated"}
OWNS_GATEWAY = {
    "ec2:DescribeTransitGatewayVpcAttachments": {
        "TransitGatewayVpcAttachments": [attached("a-1", "vpc-home"), attached("a-2", "vpc-peer")]
    },
    "ec2:DescribeTransitGatewayAttachments": {
        "TransitGatewayAttachments": [
            {"TransitGatewayAttachmentId": number, "TransitGatewayOwnerId": "111122223333", "Association": one}
            for number, one in (("a-1", ASSOCIATED_WITH), ("a-2", {**ASSOCIATED_WITH, "State": "disassociating"}))
        ]
    },
    "ec2:SearchTransitGatewayRoutes": {
        "Routes": [
            {"DestinationCidrBlock": "10.9.0.0/16", "State": "active", "Type": "propagated",
             "TransitGatewayAttachments": [{"ResourceType": "vpc", "ResourceId": "vpc-peer"}]},
            {"DestinationCidrBlock": "10.8.0.0/16", "State": "blackhole", "Type": "static"},
            {"PrefixListId": "pl-1", "State": "active", "Type": "static"},
        ]
    },
}  # fmt: skip
ATTACHED_TO_IT = {
    "ec2:DescribeTransitGatewayVpcAttachments": {"TransitGatewayVpcAttachments": [attached("a-2", "vpc-peer")]},
    "ec2:DescribeTransitGatewayAttachments": {
        "TransitGatewayAttachments": [{"TransitGatewayAttachmentId": "a-2", "TransitGatewayOwnerId": "111122223333"}]
    },
}


def test_transit_gateways_are_what_their_owner_and_those_attached_to_them_see(gather: Gather) -> None:
    """The owner's account alone is asked for routes; of one attachment counts who sees its route table."""
    there = Account(ATTACHED_TO_IT)

    transit = gather(transit_gateways.COLLECTOR, {HOME: Account(OWNS_GATEWAY), PEER: there}).transit

    assert {one.id: (one.vpc_id, one.table_id) for one in transit.attachments} == {
        "a-1": ("vpc-home", "tgw-rtb-1"), "a-2": ("vpc-peer", ""),
    }  # fmt: skip
    assert [(str(one.destination), one.active, one.kind, one.resource_id) for one in transit.tables["tgw-rtb-1"]] == [
        ("10.9.0.0/16", True, "vpc", "vpc-peer"), ("10.8.0.0/16", False, "", ""),
    ]  # fmt: skip
    assert "ec2:SearchTransitGatewayRoutes" not in {action for action, _ in there.asked}


def test_without_attachments_nothing_more_is_asked_of_transit_gateways(gather: Gather) -> None:
    """One list an account; and one that may not be read leaves all of it unread."""
    none: dict[str, Any] = {"ec2:DescribeTransitGatewayVpcAttachments": {"TransitGatewayVpcAttachments": []}}
    refused = AccessDenied("No.", grant="ec2:SearchTransitGatewayRoutes")
    home = Account(none)

    found = gather(transit_gateways.COLLECTOR, {HOME: home, PEER: Account(none)})
    unread = {HOME: Account({**OWNS_GATEWAY, "ec2:SearchTransitGatewayRoutes": refused}), PEER: Account(none)}
    gone = gather(transit_gateways.COLLECTOR, unread)

    assert (len(home.asked), found.transit.attachments) == (1, ())
    assert (gone.transit, [gap.grant for gap in gone.gaps]) == (None, ["ec2:SearchTransitGatewayRoutes"])


ELSEWHERE = (
    resolver_rules, resolver_quotas, private_zones, dns_firewall, dns_profiles, endpoint_networks, transit_gateways,
)  # fmt: skip


@pytest.mark.parametrize("collector", ELSEWHERE, ids=[one.COLLECTOR.name for one in ELSEWHERE])
def test_without_anybody_elsewhere_nothing_is_asked(gather: Gather, collector: Any) -> None:
    """No peer and no network on premises: no call."""
    account = Account({})

    found = gather(collector.COLLECTOR, {HOME: account}, ResolverRules(accounts=()))

    assert (account.asked, found.gaps) == ([], ())


HUB = {**ENDPOINT, "Id": "rslvr-in-2", "HostVPCId": "vpc-hub"}
AIMED_AT_HUB = {
    **EMPTY,
    "route53resolver:ListResolverEndpoints": {"ResolverEndpoints": [HUB]},
    "route53resolver:ListResolverEndpointIpAddresses": {
        "IpAddresses": [{"Ip": "10.7.0.9", "SubnetId": "subnet-h", "Status": "ATTACHED"}]
    },
}


@pytest.mark.parametrize(
    ("name", "target", "asked"),
    [(f"{HOST}.", "10.7.0.9", True), ("eks.amazonaws.com.", "10.7.0.9", True), (".", "10.7.0.9", True),
     ("corp.example.", "10.7.0.9", False), (f"{HOST}.", "10.7.0.8", False)],
    ids=["the name", "a name above it", "all names", "another name", "aimed elsewhere"],
)  # fmt: skip
def test_a_vpc_that_a_rule_leads_the_name_through_is_looked_at_like_a_peers(
    gather: Gather, name: str, target: str, *, asked: bool
) -> None:
    """A hub is no peer, and its resolver decides: by the reader of the account whose inbound endpoint it is."""
    rule = {**FORWARD, "DomainName": name, "TargetIps": [{"Ip": target, "Port": 53}]}
    at_home = {**AIMED_AT_HUB, "route53resolver:ListResolverRules": {"ResolverRules": [rule, ROOT]}}
    resolver = gather(resolver_rules.COLLECTOR, {HOME: Account(at_home), PEER: Account(EMPTY)})
    answers = {**vpc("default"), **ZONES}

    dns = gather(vpc_dns.COLLECTOR, {HOME: Account(answers), PEER: Account(answers)}, resolver)
    zones = gather(private_zones.COLLECTOR, {HOME: Account(answers), PEER: Account(answers)}, resolver)

    refused = AccessDenied("Not this one.", grant="ec2:DescribeVpcs")
    unread = {
        **answers,
        "ec2:DescribeVpcs": lambda ask: refused if ask["VpcIds"] == ["vpc-home"] else answers["ec2:DescribeVpcs"],
    }
    without = gather(vpc_dns.COLLECTOR, {HOME: Account(unread), PEER: Account(answers)}, resolver)

    hubs = ["vpc-hub"] if asked else []
    assert [one.vpc_id for one in dns.vpcs] == [one.vpc_id for one in zones.vpcs] == ["vpc-home", "vpc-peer", *hubs]
    assert [(one.vpc_id, one.place) for one in dns.vpcs if one.hub] == [(one, HOME) for one in hubs]
    assert (dns.home.vpc_id, without.home) == ("vpc-home", None)


def vpc(options: str, *, support: bool = True) -> dict[str, Any]:
    """Return EC2's answers about one VPC."""
    block = {"CidrBlock": "10.0.0.0/16", "CidrBlockState": {"State": "associated"}}
    other = {"Key": "domain-name", "Values": []}
    servers = {"Key": "domain-name-servers", "Values": [{"Value": "10.0.0.5"}, {"Value": "10.0.0.6"}]}
    return {
        "ec2:DescribeVpcs": {"Vpcs": [{"DhcpOptionsId": options, "CidrBlockAssociationSet": [block]}]},
        "ec2:DescribeVpcAttribute": lambda asked: {
            f"E{asked['Attribute'][1:]}": {"Value": support if asked["Attribute"] == "enableDnsSupport" else True}
        },
        "ec2:DescribeDhcpOptions": {"DhcpOptions": [{"DhcpConfigurations": [other, servers]}]},
    }


def test_each_vpc_says_who_answers_in_it(gather: Gather) -> None:
    """Both attributes, and the servers of its DHCP options; none where there is no set of options."""
    found = gather(vpc_dns.COLLECTOR, {HOME: Account(vpc("dopt-1", support=False)), PEER: Account(vpc("default"))})

    home, peer = found.vpcs
    assert (home.dns_support, home.dns_hostnames, home.servers) == (False, True, ("10.0.0.5", "10.0.0.6"))
    assert (peer.dns_support, peer.servers, peer.cidrs) == (True, (), ("10.0.0.0/16",))
    assert found.home == home


ELSEWHERES = {"HostedZoneId": "ZELB", "DNSName": "Elsewhere."}
ZONES = {
    "route53:ListHostedZonesByVPC": lambda asked: (
        {"HostedZoneSummaries": [zone("Z1", "eks.amazonaws.com.")], "NextToken": "more"}
        if "NextToken" not in asked
        else {"HostedZoneSummaries": [zone("Z2", "corp.example."), zone("Z3", f"{HOST}.", OwningService="eks")]}
    ),
    "route53:GetHostedZone": lambda asked: (
        {"HostedZone": {}} if asked["Id"] == "Z1" else AccessDenied("It is not yours.", grant="route53:GetHostedZone")
    ),
    "route53:ListResourceRecordSets": {
        "ResourceRecordSets": [
            {"Name": "eks.amazonaws.com.", "Type": "SOA"},
            {"Name": "\\052.eks.amazonaws.com.", "Type": "A", "AliasTarget": ELSEWHERES},
            {"Name": "www.eks.amazonaws.com.", "Type": "CNAME", "ResourceRecords": [{"Value": "web.example."}]},
        ]
    },
}


def zone(number: str, name: str, **owner: str) -> dict[str, Any]:
    """Return a row of ListHostedZonesByVPC."""
    return {"HostedZoneId": number, "Name": name, "Owner": owner or {"OwningAccount": "111122223333"}}


def test_zones_of_all_pages_are_known_and_those_above_the_name_are_read(gather: Gather) -> None:
    """Wildcards, aliases and CNAMEs by the name they stand for; a service's own zone that nobody may read is no gap."""
    found = gather(private_zones.COLLECTOR, {HOME: Account(ZONES), PEER: Account(ZONES)})

    first, second, third = found.vpcs[0].zones
    assert dict(first.records or ()) == {"*.eks.amazonaws.com": "elsewhere", "www.eks.amazonaws.com": "web.example"}
    assert (first.without_addresses, first.falls_back) == ({"eks.amazonaws.com"}, False)
    assert (second.name, second.records) == ("corp.example", None)
    assert (third.owner, third.records, found.gaps) == ("eks", None, ())


def test_an_alias_within_its_zone_has_the_records_of_its_target(gather: Gather) -> None:
    """Also by a second alias, and what the target stands for; one to a name that has no addresses has none."""

    def alias(name: str, target: str) -> dict[str, Any]:
        return {"Name": f"{name}.", "Type": "A", "AliasTarget": {"HostedZoneId": "Z1", "DNSName": f"{target}."}}

    rows = [
        alias("second.eks.amazonaws.com", "first.eks.amazonaws.com"),
        alias("first.eks.amazonaws.com", "api.eks.amazonaws.com"),
        {"Name": "api.eks.amazonaws.com.", "Type": "A", "ResourceRecords": [{"Value": "10.0.0.1"}]},
        {"Name": "text.eks.amazonaws.com.", "Type": "TXT", "ResourceRecords": [{"Value": '"words"'}]},
        alias("none.eks.amazonaws.com", "text.eks.amazonaws.com"),
        alias("ring.eks.amazonaws.com", "ring.eks.amazonaws.com"),
    ]
    answers = {**ZONES, "route53:ListResourceRecordSets": {"ResourceRecordSets": rows}}

    zone = gather(private_zones.COLLECTOR, {HOME: Account(answers), PEER: Account(ZONES)}).vpcs[0].zones[0]

    assert dict(zone.records or ()) == {f"{each}.eks.amazonaws.com": "" for each in ("api", "first", "second")}
    assert zone.without_addresses == {f"{each}.eks.amazonaws.com" for each in ("text", "none", "ring")}


def test_what_a_zone_delegates_is_known_with_its_servers(gather: Gather) -> None:
    """NS records under its own name; those of the zone itself delegate nothing."""
    rows = [
        {"Name": name, "Type": "NS", "ResourceRecords": [{"Value": "NS1.corp.example."}, {"Value": "ns2.corp.example"}]}
        for name in ("eks.amazonaws.com.", "gr7.eks.amazonaws.com.")
    ]
    answers = {**ZONES, "route53:ListResourceRecordSets": {"ResourceRecordSets": rows}}

    zone = gather(private_zones.COLLECTOR, {HOME: Account(answers), PEER: Account(ZONES)}).vpcs[0].zones[0]

    assert zone.delegations == (("gr7.eks.amazonaws.com", ("ns1.corp.example", "ns2.corp.example")),)


@pytest.mark.parametrize(
    ("features", "falls_back"),
    [(None, False), ({}, False), ({"AcceleratedRecoveryStatus": "DISABLED"}, None)],
)
def test_features_in_words_that_nobody_knows_decide_nothing(
    gather: Gather, features: Any, *, falls_back: bool | None
) -> None:
    """A zone without features does not fall back; one with others may."""
    answers = {**ZONES, "route53:GetHostedZone": {"HostedZone": {"Features": features} if features is not None else {}}}

    found = gather(private_zones.COLLECTOR, {HOME: Account(answers), PEER: Account(ZONES)})

    assert found.vpcs[0].zones[0].falls_back is falls_back


def test_a_zone_of_another_account_is_a_gap(gather: Gather) -> None:
    """Its records decide, and cannot be read."""
    listed = {"HostedZoneSummaries": [zone("Z9", "amazonaws.com.", OwningAccount="999988887777")]}
    answers = {**ZONES, "route53:ListHostedZonesByVPC": listed}

    found = gather(private_zones.COLLECTOR, {HOME: Account(answers), PEER: Account(ZONES)})

    assert found.vpcs[0].zones[0].records is None
    assert found.gaps[0].grant == "route53:GetHostedZone"


FIREWALL = {
    "route53resolver:ListFirewallRuleGroupAssociations": {
        "FirewallRuleGroupAssociations": [
            {"FirewallRuleGroupId": "rslvr-frg-2", "VpcId": "vpc-home", "Priority": 200},
            {"FirewallRuleGroupId": "rslvr-frg-1", "VpcId": "vpc-home", "Priority": 101},
            {"FirewallRuleGroupId": "rslvr-frg-3", "VpcId": "vpc-other", "Priority": 1},
        ]
    },
    "route53resolver:ListFirewallRules": lambda asked: {
        "FirewallRules": [
            {"Priority": 2, "Action": "BLOCK", "BlockResponse": "NXDOMAIN", "FirewallDomainListId": "rslvr-fdl-own"},
            {"Priority": 1, "Action": "ALERT", "FirewallDomainListId": "rslvr-fdl-aws", "Qtype": "TXT"},
            *([{"Priority": 3, "Action": "BLOCK", "FirewallThreatProtectionId": "rslvr-ftp-1"}]
              if asked["FirewallRuleGroupId"] == "rslvr-frg-2" else []),
        ]
    },
    "route53resolver:GetFirewallDomainList": lambda asked: {
        "FirewallDomainList": {"ManagedOwnerName": "AWS"} if asked["FirewallDomainListId"] == "rslvr-fdl-aws" else {}
    },
    "route53resolver:ListFirewallDomains": {"Domains": ["*.amazonaws.com."]},
}  # fmt: skip


def test_firewall_rules_come_in_the_order_in_which_they_are_asked(gather: Gather) -> None:
    """By the groups' priorities, then their own; AWS's own lists and threat protection have no domains to read."""
    account = Account(FIREWALL)

    found = gather(dns_firewall.COLLECTOR, {HOME: account, NEAR: Account({})})

    home, near = found.vpcs
    assert [(one.group_id, one.action, one.domains) for one in home.rules] == [
        ("rslvr-frg-1", FirewallAction.ALERT, None),
        ("rslvr-frg-1", FirewallAction.BLOCK, ("*.amazonaws.com.",)),
        ("rslvr-frg-2", FirewallAction.ALERT, None),
        ("rslvr-frg-2", FirewallAction.BLOCK, ("*.amazonaws.com.",)),
        ("rslvr-frg-2", FirewallAction.BLOCK, None),
    ]
    assert (home.rules[0].every_type, home.rules[1].response, near.rules) == (False, "NXDOMAIN", ())
    assert [call for call, _ in account.asked].count("route53resolver:ListFirewallDomains") == 1


def test_a_list_that_may_not_be_read_is_a_gap_and_undecided(gather: Gather) -> None:
    """The rule is there, without domains."""
    refused = AccessDenied("No.", grant="route53resolver:ListFirewallDomains")
    answers = {**FIREWALL, "route53resolver:ListFirewallDomains": refused}

    found = gather(dns_firewall.COLLECTOR, {HOME: Account(answers), NEAR: Account({})})

    assert {one.domains for one in found.vpcs[0].rules} == {None}
    assert [gap.grant for gap in found.gaps] == ["route53resolver:ListFirewallDomains"]


def test_profiles_are_known_by_vpc(gather: Gather) -> None:
    """And which accounts were asked."""
    here = Account({"route53profiles:ListProfileAssociations": {"ProfileAssociations": []}})

    found = gather(dns_profiles.COLLECTOR, {HOME: here, PEER: Account(PROFILED)})

    assert [(one.vpc_id, one.profile_id) for one in found.associations] == [("vpc-peer", "rp-1")]
    assert len(found.accounts) == 2


def test_what_a_profile_brings_is_told_by_kind(gather: Gather) -> None:
    """Rules, zones and firewall groups with their priorities, in force; what is no matter of names is left out."""
    here = Account({"route53profiles:ListProfileAssociations": {"ProfileAssociations": []}})

    (content,) = gather(dns_profiles.COLLECTOR, {HOME: here, PEER: Account(PROFILED)}).contents

    assert (content.rule_ids, content.zone_ids) == (("rslvr-rr-7",), ("Z7",))
    assert content.firewall_groups == ((102, "rslvr-frg-7"),)


def test_a_profile_whose_resources_may_not_be_listed_is_a_gap(gather: Gather) -> None:
    """The association is known, what it brings is not, and the gap names what to grant."""
    refused = AccessDenied("No.", grant="route53profiles:ListProfileResourceAssociations")
    here = Account({"route53profiles:ListProfileAssociations": {"ProfileAssociations": []}})
    there = Account({**PROFILED, "route53profiles:ListProfileResourceAssociations": refused})

    found = gather(dns_profiles.COLLECTOR, {HOME: here, PEER: there})

    assert (found.of("vpc-peer"), len(found.associations)) == ((), 1)
    assert [gap.grant for gap in found.gaps] == ["route53profiles:ListProfileResourceAssociations"]


def test_firewall_groups_of_profiles_are_mixed_with_a_vpcs_own_by_priority(gather: Gather) -> None:
    """The group that the Profile brings has the lower priority, and is asked first."""
    here = Account({"route53resolver:ListFirewallRuleGroupAssociations": {"FirewallRuleGroupAssociations": []}})
    own = {"FirewallRuleGroupId": "rslvr-frg-own", "VpcId": "vpc-peer", "Priority": 200}
    there = Account({
        "route53resolver:ListFirewallRuleGroupAssociations": {"FirewallRuleGroupAssociations": [own]},
        "route53resolver:ListFirewallRules": {
            "FirewallRules": [{"Priority": 1, "Action": "ALLOW", "FirewallDomainListId": "rslvr-fdl-1"}]
        },
        "route53resolver:GetFirewallDomainList": {"FirewallDomainList": {}},
        "route53resolver:ListFirewallDomains": {"Domains": ["*"]},
    })  # fmt: skip

    found = gather(dns_firewall.COLLECTOR, {HOME: here, PEER: there}, BROUGHT)

    (peer,) = [one for one in found.vpcs if one.vpc_id == "vpc-peer"]
    assert [one.group_id for one in peer.rules] == ["rslvr-frg-7", "rslvr-frg-own"]


def test_zones_of_profiles_are_the_vpcs_too(gather: Gather) -> None:
    """Read as its own are; one that may not be read is a gap, since its name is not known."""
    record = {"Name": f"{HOST}.", "Type": "A", "ResourceRecords": [{"Value": "10.0.0.1"}]}
    here = Account({"route53:ListHostedZonesByVPC": {"HostedZoneSummaries": []}})
    answers = {
        "route53:ListHostedZonesByVPC": {"HostedZoneSummaries": []},
        "route53:GetHostedZone": {"HostedZone": {"Name": "eks.amazonaws.com."}},
        "route53:ListResourceRecordSets": {"ResourceRecordSets": [record]},
    }
    refused = AccessDenied("No.", grant="route53:GetHostedZone")

    found = gather(private_zones.COLLECTOR, {HOME: here, PEER: Account(answers)}, BROUGHT)
    unread = gather(
        private_zones.COLLECTOR, {HOME: here, PEER: Account({**answers, "route53:GetHostedZone": refused})}, BROUGHT
    )

    (zone,) = next(one.zones for one in found.vpcs if one.vpc_id == "vpc-peer")
    assert (zone.id, zone.name, zone.by_profile, zone.find(HOST)) == ("Z7", "eks.amazonaws.com", True, HOST)
    assert [gap.grant for gap in unread.gaps] == ["route53:GetHostedZone"]


def network(cidr: str) -> dict[str, Any]:
    """Return EC2's answers about one VPC with one subnet and one peering."""
    table = {"RouteTableId": "rtb-1", "VpcId": "vpc-x", "Associations": [{"Main": True}],
             "Routes": [{"DestinationCidrBlock": cidr, "GatewayId": "local"}]}  # fmt: skip
    subnet = {"SubnetId": "subnet-a", "VpcId": "vpc-x", "CidrBlock": cidr}
    ends = {"RequesterVpcInfo": {"VpcId": "vpc-home"}, "AccepterVpcInfo": {"VpcId": "vpc-peer"}}
    return {
        "ec2:DescribeSubnets": {"Subnets": [subnet]},
        "ec2:DescribeRouteTables": {"RouteTables": [table]},
        "ec2:DescribeNetworkAcls": {"NetworkAcls": []},
        "ec2:DescribeNetworkInterfaces": {"NetworkInterfaces": []},
        "ec2:DescribeSecurityGroupRules": {"SecurityGroupRules": []},
        "ec2:DescribeSecurityGroups": {"SecurityGroups": []},
        "ec2:DescribeVpcPeeringConnections": {"VpcPeeringConnections": [{"VpcPeeringConnectionId": "pcx-1", **ends}]},
    }


def test_networks_are_those_of_places_and_endpoints_and_strays_are_looked_for(gather: Gather) -> None:
    """A target that is no endpoint's is looked for where it could be; groups are those that endpoints have."""
    accounts = {
        HOME: Account({**RESOLVER, **network("10.0.0.0/16")}),
        PEER: Account({**EMPTY, **network("10.1.0.0/16")}),
    }
    resolver = gather(resolver_rules.COLLECTOR, accounts)

    found = gather(endpoint_networks.COLLECTOR, accounts, resolver)

    home, peer = sorted(found.vpcs, key=lambda one: one.vpc_id)
    assert (home.cidrs, home.asked_addresses) == (("10.0.0.0/16",), {ip_address("10.0.9.9")})
    assert peer.asked_addresses == frozenset()
    groups = {one.account: one for one in found.accounts}
    assert groups["111122223333"].group_ids == {"sg-dns"}
    assert groups["210987654321"].peerings[0].vpc_ids == {"vpc-home", "vpc-peer"}
    assert "ec2:DescribeSecurityGroupRules" not in {call for call, _ in accounts[PEER].asked}


def test_groups_that_plans_made_are_known_with_their_rules(gather: Gather) -> None:
    """By their tag, whoever carries them now: the next plan takes up what an interrupted one left."""
    row = {"GroupId": "sg-made", "GroupName": "dnsbot-inbound-plan0", "VpcId": "vpc-home"}
    made = {"ec2:DescribeSecurityGroups": {"SecurityGroups": [row]}}
    accounts = {
        HOME: Account({**RESOLVER, **network("10.0.0.0/16"), **made}),
        PEER: Account({**EMPTY, **network("10.1.0.0/16")}),
    }

    found = gather(endpoint_networks.COLLECTOR, accounts, gather(resolver_rules.COLLECTOR, accounts))

    groups = {one.account: one for one in found.accounts}
    assert [(one.id, one.vpc_id) for one in groups["111122223333"].made] == [("sg-made", "vpc-home")]
    assert groups["111122223333"].group_ids == {"sg-dns", "sg-made"}
    assert groups["210987654321"].made == ()
