"""DNS Firewall and Profiles of the simulated Route 53, through boto3."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from bot.sandbox.aws.far_end import AwsFarEnd
from bot.sandbox.aws.resolver.firewall import MANAGED_LIST


@pytest.fixture
def resolver(aws: AwsFarEnd) -> Any:
    """Return boto3's client of Resolver."""
    return aws.client("route53resolver")


def own_list(resolver: Any, *domains: str) -> str:
    """Create a domain list and return its id."""
    made = resolver.create_firewall_domain_list(CreatorRequestId="1", Name="own")["FirewallDomainList"]["Id"]
    resolver.update_firewall_domains(FirewallDomainListId=made, Operation="ADD", Domains=list(domains))
    return str(made)


def test_domains_are_added_replaced_removed_and_listed_by_page(resolver: Any) -> None:
    """What is listed is what was last set."""
    listed = own_list(resolver, "a.example.", "b.example.")
    first = resolver.list_firewall_domains(FirewallDomainListId=listed, MaxResults=1)

    assert (first["Domains"], bool(first["NextToken"])) == (["a.example."], True)
    resolver.update_firewall_domains(FirewallDomainListId=listed, Operation="REMOVE", Domains=["a.example."])
    assert resolver.list_firewall_domains(FirewallDomainListId=listed)["Domains"] == ["b.example."]
    resolver.update_firewall_domains(FirewallDomainListId=listed, Operation="REPLACE", Domains=["c.example."])
    assert resolver.get_firewall_domain_list(FirewallDomainListId=listed)["FirewallDomainList"]["DomainCount"] == 1


def test_a_list_that_aws_keeps_shows_its_owner_and_no_domains(resolver: Any) -> None:
    """Every account sees it."""
    shown = resolver.get_firewall_domain_list(FirewallDomainListId=MANAGED_LIST)["FirewallDomainList"]

    assert shown["ManagedOwnerName"]
    with pytest.raises(ClientError, match="AccessDeniedException"):
        resolver.list_firewall_domains(FirewallDomainListId=MANAGED_LIST)


def test_rules_belong_to_a_group_that_is_associated_with_a_vpc(resolver: Any, vpc_id: str) -> None:
    """One rule for each priority; associations are found by VPC; what is not there is refused."""
    listed = own_list(resolver, "*")
    group = resolver.create_firewall_rule_group(CreatorRequestId="1", Name="dns")["FirewallRuleGroup"]["Id"]
    rule = {"FirewallRuleGroupId": group, "FirewallDomainListId": listed, "Priority": 1, "Action": "BLOCK",
            "BlockResponse": "NXDOMAIN", "Name": "all", "CreatorRequestId": "1"}  # fmt: skip
    resolver.create_firewall_rule(**rule)
    resolver.associate_firewall_rule_group(
        CreatorRequestId="1", FirewallRuleGroupId=group, VpcId=vpc_id, Priority=101, Name="dns"
    )

    (associated,) = resolver.list_firewall_rule_group_associations(VpcId=vpc_id)["FirewallRuleGroupAssociations"]
    (shown,) = resolver.list_firewall_rules(FirewallRuleGroupId=group)["FirewallRules"]
    assert (associated["FirewallRuleGroupId"], associated["Status"], shown["Action"]) == (group, "COMPLETE", "BLOCK")
    assert resolver.list_firewall_rule_group_associations(VpcId="vpc-other")["FirewallRuleGroupAssociations"] == []
    with pytest.raises(ClientError, match="already exists"):
        resolver.create_firewall_rule(**rule)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        resolver.list_firewall_rules(FirewallRuleGroupId="rslvr-frg-none")
    resolver.delete_firewall_rule(FirewallRuleGroupId=group, FirewallDomainListId=listed)
    assert resolver.list_firewall_rules(FirewallRuleGroupId=group)["FirewallRules"] == []


def test_profiles_are_associated_with_vpcs(aws: AwsFarEnd, vpc_id: str) -> None:
    """One that is not there cannot be."""
    profiles = aws.client("route53profiles")
    made = profiles.create_profile(Name="shared")["Profile"]["Id"]
    profiles.associate_profile(Name="here", ProfileId=made, ResourceId=vpc_id)

    (found,) = profiles.list_profile_associations(ResourceId=vpc_id)["ProfileAssociations"]
    assert (found["ProfileId"], found["ResourceId"]) == (made, vpc_id)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        profiles.associate_profile(Name="here", ProfileId="rp-none", ResourceId=vpc_id)


def test_profiles_bring_what_is_associated_with_them(aws: AwsFarEnd) -> None:
    """By ARN, with a firewall group's priority in its properties."""
    profiles = aws.client("route53profiles")
    made = profiles.create_profile(Name="filled")["Profile"]["Id"]
    arn = "arn:aws:route53resolver:eu-west-1:123456789012:firewall-rule-group/rslvr-frg-1"

    profiles.associate_resource_to_profile(
        Name="names", ProfileId=made, ResourceArn=arn, ResourceProperties='{"priority": 102}'
    )

    (found,) = profiles.list_profile_resource_associations(ProfileId=made)["ProfileResourceAssociations"]
    assert (found["ResourceArn"], found["ResourceProperties"]) == (arn, '{"priority": 102}')
