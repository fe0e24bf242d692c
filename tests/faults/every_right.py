"""Makes a world with a peer use every right about names: zones, firewall, rules, DHCP options in both VPCs."""

from __future__ import annotations

from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.world.private_endpoint import dns_group, endpoint, filter_names, forward, zone
from bot.sandbox.world.scenario import AwsHands
from bot.sandbox.world.world import WorldVpc


def use_every_right(running: RunningWorld) -> None:
    """Change nothing about how the endpoint's name resolves."""
    world, operator = running.world, running.operator
    (peer,) = world.neighbours
    there = operator.at(peer.account, peer.region)
    for hands, vpc in ((operator, world.home), (there, peer)):
        _transit_gateway(hands, vpc)
        _dhcp_options(hands, vpc)
        _profile(hands, vpc)
        zone(hands, vpc, "eks.amazonaws.com")
        filter_names(hands, vpc, "ALLOW", "*.amazonaws.com.")
    left = dns_group(operator, world.home, "dnsbot-inbound-plan0", admits=False)  # as an interrupted plan leaves it
    operator.aws("ec2", "CreateTags", Resources=[left], Tags=[{"Key": "dnsbot:plan", "Value": "plan0"}])
    outbound = endpoint(operator, world.home, "OUTBOUND", dns_group(operator, world.home, "dns-elsewhere"))
    nobody = [world.nobody("dns"), peer.cidr.replace(".0.0/16", ".1.250")]
    forward(operator, "corp.example", outbound, nobody)


def _dhcp_options(hands: AwsHands, vpc: WorldVpc) -> None:
    servers = [{"Key": "domain-name-servers", "Values": ["AmazonProvidedDNS"]}]
    made = hands.aws("ec2", "CreateDhcpOptions", DhcpConfigurations=servers)["DhcpOptions"]["DhcpOptionsId"]
    hands.aws("ec2", "AssociateDhcpOptions", VpcId=vpc.id, DhcpOptionsId=made)


def _transit_gateway(hands: AwsHands, vpc: WorldVpc) -> None:
    """Attach the VPC to a transit gateway of the account's own, to which no route leads."""
    gateway = hands.aws("ec2", "CreateTransitGateway", Description="nothing")["TransitGateway"]["TransitGatewayId"]
    subnet = vpc.subnets[0].id
    hands.aws("ec2", "CreateTransitGatewayVpcAttachment", TransitGatewayId=gateway, VpcId=vpc.id, SubnetIds=[subnet])


def _profile(hands: AwsHands, vpc: WorldVpc) -> None:
    """Associate a Route 53 Profile that brings nothing."""
    profile = hands.aws("route53profiles", "CreateProfile", Name="nothing", ClientToken=vpc.id)["Profile"]["Id"]
    hands.aws("route53profiles", "AssociateProfile", Name=vpc.name, ProfileId=profile, ResourceId=vpc.id)
