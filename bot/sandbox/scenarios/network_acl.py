"""A subnet's network ACL denies 53, or the ephemeral ports of the answers (A8)."""

from __future__ import annotations

import random
from typing import Any

from bot.sandbox.world.control_plane_interfaces import control_plane_subnets
from bot.sandbox.world.scenario import ByFix, Operator, Scenario
from bot.sandbox.world.world import World, WorldSubnet

_ALL = {"Protocol": "-1", "CidrBlock": "0.0.0.0/0", "RuleAction": "allow"}
_UDP, _TCP = "17", "6"


def _entry(cidr: str, action: str, protocol: str, first: int, last: int) -> dict[str, Any]:
    ports = {"From": first, "To": last}
    return {"Protocol": protocol, "CidrBlock": cidr, "RuleAction": action, "PortRange": ports}


def drawn_entries(chance: random.Random, cidr: str) -> list[tuple[int, bool, dict[str, Any]]]:
    """Return (number, egress, entry) in the order in which the operator typed them. `cidr`: the VPC's."""
    if chance.random() < 0.5:  # noqa: PLR2004  # an even chance
        egress = False
        denied = [_entry(cidr, "deny", protocol, 53, 53) for protocol in (_UDP, _TCP)]
    else:
        egress = True
        denied = [_entry(cidr, "deny", protocol, 32768, 65535) for protocol in (_UDP, _TCP)]
    numbers = sorted(chance.sample(range(20, 90, 5), 2))
    chance.shuffle(denied)
    entries = [(200, False, _ALL), (200, True, _ALL)]
    entries += [(number, egress, entry) for number, entry in zip(numbers, denied, strict=True)]
    chance.shuffle(entries)
    return entries


def _subnet(world: World, operator: Operator) -> WorldSubnet:
    """Return a subnet in which a CoreDNS pod runs, with an interface of the control plane where there is such a one.

    What an ACL closes besides DNS is then up to the seed, and not to where the scheduler happened to place CoreDNS.
    """
    pods = operator.get("pods", namespace="kube-system", labels="k8s-app=kube-dns")
    nodes = {pod["spec"]["nodeName"] for pod in pods}
    asked = {node.subnet_id for node in world.nodes if node.name in nodes}
    shared = [subnet for subnet in control_plane_subnets(operator, world) if subnet.id in asked]
    return world.chance("acl-subnet").choice(shared or [one for one in world.home.subnets if one.id in asked])


def _harmless_entries(world: World) -> list[tuple[int, bool, dict[str, Any]]]:
    """Return entries that deny 53 too late, return ports that no client has, and 53 towards the VPC resolver."""
    chance = world.chance("network-acl")
    early, late = sorted(chance.sample(range(20, 60), 2)), sorted(chance.sample(range(60, 100), 2))
    resolver = f"{world.home.resolver}/32"
    entries = [(200, False, _ALL), (200, True, _ALL)]
    for number, protocol in enumerate(chance.sample((_UDP, _TCP), 2)):
        entries += [
            (early[number], False, _entry(world.home.cidr, "allow", protocol, 53, 53)),
            (late[number], False, _entry("0.0.0.0/0", "deny", protocol, 53, 53)),
            (early[number], True, _entry(resolver, "deny", protocol, 53, 53)),
            (late[number], True, _entry(world.home.cidr, "deny", protocol, 61000, 65535)),
        ]
    chance.shuffle(entries)
    return entries


def _put(world: World, operator: Operator, entries: list[tuple[int, bool, dict[str, Any]]]) -> None:
    """Give the subnet of a CoreDNS pod a network ACL of its own with these entries."""
    subnet = _subnet(world, operator)
    acl = operator.aws("ec2", "CreateNetworkAcl", VpcId=world.home.id)["NetworkAcl"]["NetworkAclId"]
    for number, egress, entry in entries:
        operator.aws("ec2", "CreateNetworkAclEntry", NetworkAclId=acl, RuleNumber=number, Egress=egress, **entry)
    shown = operator.aws("ec2", "DescribeNetworkAcls", NetworkAclIds=[subnet.network_acl_id])["NetworkAcls"][0]
    association = next(item for item in shown["Associations"] if item["SubnetId"] == subnet.id)
    operator.aws(
        "ec2",
        "ReplaceNetworkAclAssociation",
        AssociationId=association["NetworkAclAssociationId"],
        NetworkAclId=acl,
    )


def _acts(world: World, operator: Operator) -> None:
    _put(world, operator, drawn_entries(world.chance("network-acl"), world.home.cidr))


def _harmless(world: World, operator: Operator) -> None:
    _put(world, operator, _harmless_entries(world))


SCENARIO = Scenario(
    name="network-acl",
    title="A subnet's network ACL denies 53, or the return ports",
    story=(
        "An operator gave one private subnet, in which a CoreDNS pod runs and EKS keeps an interface of the control "
        "plane, a network ACL of its own. By the seed it denies udp and tcp 53 from the VPC on the way in, or ports "
        "32768 to 65535 to the VPC on the way out, which are the ports that the answers go to, the API's as well."
    ),
    root_cause="dns_blocked_by_network_acl",
    explains=("dns_lookups_fail", "control_plane_blocked_by_network_acl"),
    healed_by=ByFix(fix="allow_dns_in_network_acl"),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="network-acl-look-alike",
    title="A subnet's network ACL denies 53 after it was allowed, and return ports that no client uses",
    story=(
        "An operator gave the same subnet a network ACL of its own. It denies udp and tcp 53 from everywhere, but "
        "behind entries that allow it from the VPC; on the way out it denies ports 61000 to 65535, which Linux clients "
        "do not use, and 53 towards the VPC resolver, which no ACL filters."
    ),
    root_cause="",
    not_to_blame=("dns_blocked_by_network_acl",),
    weighed={"dns_blocked_by_network_acl": r"no fault: .* closes udp/61000-65535 out to .* use 32768-60999 only"},
    acts=_harmless,
)
