"""The cluster security group was hardened too far (A5)."""

from __future__ import annotations

from typing import Any

from bot.sandbox.scenario import Operator, Scenario
from bot.sandbox.world import World


def _from_itself(group: str, port: int) -> dict[str, Any]:
    pairs = [{"GroupId": group}]
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": pairs}


def _harden(world: World, operator: Operator) -> None:
    group = world.cluster_security_group_id
    everything = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
    operator.aws("ec2", "RevokeSecurityGroupIngress", GroupId=group, IpPermissions=[everything])
    admitted = [
        _from_itself(group, 443),
        _from_itself(group, 10250),
        {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": world.unused_security_group_id}]},
    ]
    world.chance("security-group").shuffle(admitted)
    for permission in admitted:
        operator.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[permission])


def _acts(world: World, operator: Operator) -> None:
    _harden(world, operator)


def _harmless(world: World, operator: Operator) -> None:
    made = operator.aws(
        "ec2", "CreateSecurityGroup", GroupName="dns-clients", Description="Asks CoreDNS", VpcId=world.vpc_id
    )
    group = str(made["GroupId"])
    for protocol in ("udp", "tcp"):
        admitted = {**_from_itself(group, 53), "IpProtocol": protocol}
        operator.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[admitted])
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
