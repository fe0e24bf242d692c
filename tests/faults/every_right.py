"""Makes a world with a peer use every right to read names: zones, firewall, rules, DHCP options in both VPCs."""

from __future__ import annotations

from typing import Any

from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.world.private_endpoint import dns_group, endpoint, forward
from bot.sandbox.world.scenario import AwsHands
from bot.sandbox.world.world import WorldVpc


def use_every_right(running: RunningWorld) -> None:
    """Change nothing about how the endpoint's name resolves."""
    world, operator = running.world, running.operator
    (peer,) = world.neighbours
    there = operator.at(peer.account, peer.region)
    for hands, vpc in ((operator, world.home), (there, peer)):
        _dhcp_options(hands, vpc)
        _zone(hands, vpc)
        _firewall(hands, vpc)
    outbound = endpoint(operator, world.home, "OUTBOUND", dns_group(operator, world.home, "dns-elsewhere"))
    nobody = [world.nobody("dns"), peer.cidr.replace(".0.0/16", ".1.250")]
    forward(operator, "corp.example", outbound, nobody)


def _dhcp_options(hands: AwsHands, vpc: WorldVpc) -> None:
    servers = [{"Key": "domain-name-servers", "Values": ["AmazonProvidedDNS"]}]
    made = hands.aws("ec2", "CreateDhcpOptions", DhcpConfigurations=servers)["DhcpOptions"]["DhcpOptionsId"]
    hands.aws("ec2", "AssociateDhcpOptions", VpcId=vpc.id, DhcpOptionsId=made)


def _zone(hands: AwsHands, vpc: WorldVpc) -> None:
    where = {"VPCRegion": vpc.region, "VPCId": vpc.id}
    hands.aws("route53", "CreateHostedZone", Name="eks.amazonaws.com", CallerReference=vpc.name, VPC=where)


def _firewall(hands: AwsHands, vpc: WorldVpc) -> None:
    def ask(operation: str, **parameters: Any) -> Any:
        return hands.aws("route53resolver", operation, **parameters)

    listed = ask("CreateFirewallDomainList", Name="known", CreatorRequestId="known")["FirewallDomainList"]["Id"]
    ask("UpdateFirewallDomains", FirewallDomainListId=listed, Operation="ADD", Domains=["*.amazonaws.com."])
    group = ask("CreateFirewallRuleGroup", Name="dns", CreatorRequestId="dns")["FirewallRuleGroup"]["Id"]
    ask("CreateFirewallRule", FirewallRuleGroupId=group, FirewallDomainListId=listed, Priority=1, Action="ALLOW",
        Name="known", CreatorRequestId="rule")  # fmt: skip
    ask("AssociateFirewallRuleGroup", FirewallRuleGroupId=group, VpcId=vpc.id, Priority=101, Name="dns",
        CreatorRequestId="associated")  # fmt: skip
