"""A subnet's network ACL denies 53, or the ephemeral ports of the answers (A8)."""

from __future__ import annotations

from typing import Any

from bot.sandbox.scenario import Operator, Scenario
from bot.sandbox.world import World, WorldSubnet

_ALL = {"Protocol": "-1", "CidrBlock": "0.0.0.0/0", "RuleAction": "allow"}
_UDP, _TCP = "17", "6"


def _deny(world: World, protocol: str, first: int, last: int) -> dict[str, Any]:
    ports = {"From": first, "To": last}
    return {"Protocol": protocol, "CidrBlock": world.vpc_cidr, "RuleAction": "deny", "PortRange": ports}


def drawn_entries(world: World) -> list[tuple[int, bool, dict[str, Any]]]:
    """Return (number, egress, entry) in the order in which the operator typed them."""
    chance = world.chance("network-acl")
    if chance.random() < 0.5:  # noqa: PLR2004  # an even chance
        egress = False
        denied = [_deny(world, _UDP, 53, 53), _deny(world, _TCP, 53, 53)]
    else:
        egress = True
        denied = [_deny(world, _UDP, 32768, 65535), _deny(world, _TCP, 32768, 65535)]
    numbers = sorted(chance.sample(range(20, 90, 5), 2))
    chance.shuffle(denied)
    entries = [(200, False, _ALL), (200, True, _ALL)]
    entries += [(number, egress, entry) for number, entry in zip(numbers, denied, strict=True)]
    chance.shuffle(entries)
    return entries


def _subnet(world: World, operator: Operator) -> WorldSubnet:
    """Return a subnet in which a CoreDNS pod runs."""
    pods = operator.get("pods", namespace="kube-system", labels="k8s-app=kube-dns")
    nodes = {pod["spec"]["nodeName"] for pod in pods}
    subnets = [world.subnet_of(node) for node in world.nodes if node.name in nodes]
    return world.chance("acl-subnet").choice(sorted(subnets, key=lambda subnet: subnet.id))


def _acts(world: World, operator: Operator) -> None:
    subnet = _subnet(world, operator)
    acl = operator.aws("ec2", "CreateNetworkAcl", VpcId=world.vpc_id)["NetworkAcl"]["NetworkAclId"]
    for number, egress, entry in drawn_entries(world):
        operator.aws("ec2", "CreateNetworkAclEntry", NetworkAclId=acl, RuleNumber=number, Egress=egress, **entry)
    shown = operator.aws("ec2", "DescribeNetworkAcls", NetworkAclIds=[subnet.network_acl_id])["NetworkAcls"][0]
    association = next(item for item in shown["Associations"] if item["SubnetId"] == subnet.id)
    operator.aws(
        "ec2",
        "ReplaceNetworkAclAssociation",
        AssociationId=association["NetworkAclAssociationId"],
        NetworkAclId=acl,
    )


SCENARIO = Scenario(
    name="network-acl",
    title="A subnet's network ACL denies 53, or the return ports",
    story=(
        "An operator gave one private subnet, in which a CoreDNS pod runs, a network ACL of its own. By the seed it "
        "denies udp and tcp 53 from the VPC on the way in, or ports 32768 to 65535 to the VPC on the way out, which "
        "are the ports that the answers go to."
    ),
    root_cause="dns_blocked_by_network_acl",
    acts=_acts,
)
