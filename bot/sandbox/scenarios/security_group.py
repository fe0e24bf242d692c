"""The cluster security group was hardened too far (A5)."""

from __future__ import annotations

from bot.sandbox.world.scenario import ByFix, Operator, Scenario
from bot.sandbox.world.security_groups import admit, from_group, revoke
from bot.sandbox.world.world import World


def _harden(world: World, operator: Operator) -> None:
    group = world.cluster_security_group_id
    revoke(operator, group, from_group(group, "-1"))
    admitted = [
        from_group(group, "tcp", 443),
        from_group(group, "tcp", 10250),
        from_group(world.unused_security_group_id, "-1"),
    ]
    world.chance("security-group").shuffle(admitted)
    for permission in admitted:
        admit(operator, group, permission)


def _acts(world: World, operator: Operator) -> None:
    _harden(world, operator)


def _harmless(world: World, operator: Operator) -> None:
    made = operator.aws(
        "ec2", "CreateSecurityGroup", GroupName="dns-clients", Description="Asks CoreDNS", VpcId=world.home.id
    )
    group = str(made["GroupId"])
    for protocol in ("udp", "tcp"):
        admit(operator, group, from_group(group, protocol, 53))
    for node in world.nodes:
        for interface in node.interface_ids:
            wanted = [world.cluster_security_group_id, group]
            operator.aws("ec2", "ModifyNetworkInterfaceAttribute", NetworkInterfaceId=interface, Groups=wanted)
    _harden(world, operator)


SCENARIO = Scenario(
    name="security-group",
    title="The cluster security group admits only 443 and 10250 from itself",
    story=(
        "An operator hardened the cluster security group: the rule that admitted everything from the group itself is "
        "gone; tcp 443 and 10250 from itself stay, and everything from another group that no node carries."
    ),
    root_cause="dns_blocked_by_security_group",
    explains=("dns_lookups_fail",),
    healed_by=ByFix(fix="authorize_security_group_self_ingress"),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="security-group-look-alike",
    title="The cluster security group does not admit 53, and a second group of the nodes does",
    story=(
        "An operator gave all nodes a second security group that admits udp and tcp 53 from itself, and hardened the "
        "cluster security group afterwards. All groups of an interface count together (A3, A6)."
    ),
    root_cause="",
    not_to_blame=("dns_blocked_by_security_group",),
    acts=_harmless,
)
