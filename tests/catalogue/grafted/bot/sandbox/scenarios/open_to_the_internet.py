"""The cluster's DNS answers whoever asks."""

from __future__ import annotations

from bot.sandbox.world.scenario import ByFix, Operator, Scenario
from bot.sandbox.world.world import World


def _admit(world: World, operator: Operator, cidr: str) -> None:
    admitted = [
        {"IpProtocol": protocol, "FromPort": 53, "ToPort": 53, "IpRanges": [{"CidrIp": cidr}]}
        for protocol in ("udp", "tcp")
    ]
    group = world.cluster_security_group_id
    operator.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=admitted)


def _acts(world: World, operator: Operator) -> None:
    _admit(world, operator, "0.0.0.0/0")


def _harmless(world: World, operator: Operator) -> None:
    _admit(world, operator, world.home.cidr)


SCENARIO = Scenario(
    name="open-to-the-internet",
    title="The cluster security group admits everybody to port 53",
    story="An operator tried lookups from home, admitted all addresses to udp and tcp 53, and forgot to take it back.",
    root_cause="dns_open_to_the_internet",
    healed_by=ByFix(fix="close_dns_to_the_internet"),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="open-to-the-internet-look-alike",
    title="The cluster security group admits the VPC's own addresses to port 53",
    story="An operator admitted the VPC's addresses, and no others, to udp and tcp 53.",
    root_cause="",
    not_to_blame=("dns_open_to_the_internet",),
    weighed={"dns_open_to_the_internet": r"admits udp from \d"},
    acts=_harmless,
)
