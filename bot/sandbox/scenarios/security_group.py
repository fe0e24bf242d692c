"""The cluster security group was hardened too far (A5)."""

from __future__ import annotations

from typing import Any

from bot.sandbox.scenario import Operator, Scenario
from bot.sandbox.world import World


def _from_itself(group: str, port: int) -> dict[str, Any]:
    pairs = [{"GroupId": group}]
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": pairs}


def _acts(world: World, operator: Operator) -> None:
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
