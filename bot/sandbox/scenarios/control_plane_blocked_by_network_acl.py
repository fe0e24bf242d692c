"""A subnet's network ACL denies 443 to or from an interface of the control plane (A8)."""

from __future__ import annotations

from typing import Any

from bot.sandbox.world.control_plane_interfaces import control_plane_subnets
from bot.sandbox.world.scenario import ByFix, OperatingError, Operator, Scenario
from bot.sandbox.world.world import World, WorldSubnet

_ALL = {"Protocol": "-1", "CidrBlock": "0.0.0.0/0", "RuleAction": "allow"}
_TCP = "6"

_Entries = list[tuple[int, bool, dict[str, Any]]]
"""Number, egress, and the rest."""


def _tcp(cidr: str, action: str, first: int, last: int) -> dict[str, Any]:
    ports = {"From": first, "To": last}
    return {"Protocol": _TCP, "CidrBlock": cidr, "RuleAction": action, "PortRange": ports}


def _subnet(world: World, operator: Operator) -> WorldSubnet:
    """Return a subnet in which an interface of the control plane stands."""
    subnets = control_plane_subnets(operator, world)
    if not subnets:
        raise OperatingError("no interface of the control plane stands in the cluster's subnets")
    return world.chance("control-plane-subnet").choice(subnets)


def _put(world: World, operator: Operator, entries: _Entries) -> None:
    """Give the subnet a network ACL of its own with these entries, in the order in which they are typed."""
    subnet = _subnet(world, operator)
    acl = operator.aws("ec2", "CreateNetworkAcl", VpcId=world.home.id)["NetworkAcl"]["NetworkAclId"]
    typed = [*entries, (200, False, _ALL), (200, True, _ALL)]
    world.chance("control-plane-acl").shuffle(typed)
    for number, egress, entry in typed:
        operator.aws("ec2", "CreateNetworkAclEntry", NetworkAclId=acl, RuleNumber=number, Egress=egress, **entry)
    shown = operator.aws("ec2", "DescribeNetworkAcls", NetworkAclIds=[subnet.network_acl_id])["NetworkAcls"][0]
    number = next(one["NetworkAclAssociationId"] for one in shown["Associations"] if one["SubnetId"] == subnet.id)
    operator.aws("ec2", "ReplaceNetworkAclAssociation", AssociationId=number, NetworkAclId=acl)


def _acts(world: World, operator: Operator) -> None:
    number = world.chance("control-plane-number").randrange(20, 90, 5)
    egress = world.chance("control-plane-way").random() < 0.3  # noqa: PLR2004  # mostly the way in
    _put(world, operator, [(number, egress, _tcp(world.home.cidr, "deny", 443, 443))])


def _harmless(world: World, operator: Operator) -> None:
    early, late = sorted(world.chance("control-plane-number").sample(range(20, 90), 2))
    _put(
        world,
        operator,
        [
            (early, False, _tcp(world.home.cidr, "allow", 443, 443)),
            (late, False, _tcp("0.0.0.0/0", "deny", 443, 443)),
            (early, True, _tcp(world.home.cidr, "deny", 61000, 65535)),
        ],
    )


SCENARIO = Scenario(
    name="control-plane-blocked-by-network-acl",
    title="A subnet's network ACL denies 443 to an interface of the control plane",
    story=(
        "An operator gave a subnet in which EKS keeps an interface of the control plane a network ACL of its own. It "
        "denies tcp 443 from the VPC on the way in or, by the seed, to the VPC on the way out. Connections that are "
        "led to the other interface still work, so DNS goes on for now."
    ),
    root_cause="control_plane_blocked_by_network_acl",
    healed_by=ByFix(fix="allow_control_plane_in_network_acl"),
    lab_seeds=(1,),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="control-plane-blocked-by-network-acl-look-alike",
    title="A subnet's network ACL denies 443 after it was allowed, and ports that no caller uses",
    story=(
        "An operator gave the same subnet a network ACL of its own. It denies tcp 443 from everywhere, but behind an "
        "entry that allows it from the VPC; on the way out it denies tcp 61000 to 65535, which Linux does not use."
    ),
    root_cause="",
    not_to_blame=("control_plane_blocked_by_network_acl", "dns_blocked_by_network_acl"),
    weighed={
        "control_plane_blocked_by_network_acl": r"no fault: .* closes tcp/61000-65535 out to .* use 32768-60999 only"
    },
    acts=_harmless,
)
