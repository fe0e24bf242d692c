"""A peer resolves the private endpoint, and the cluster security group does not admit 443 from its VPC (D7)."""

from __future__ import annotations

from bot.sandbox.world.private_endpoint import lead, make_private
from bot.sandbox.world.scenario import ByFix, Neighbour, Operator, Scenario
from bot.sandbox.world.security_groups import admit, from_cidr, revoke
from bot.sandbox.world.world import World

_PEER = (Neighbour(name="tools", account="210987654321"),)
_NOT_IN_LAB = "a lab of its own costs a minute, and the filter that blocks is judged by others"


def _led(world: World, operator: Operator) -> str:
    (peer,) = world.neighbours
    make_private(operator)
    lead(world, operator, peer)
    return peer.cidr


def _acts(world: World, operator: Operator) -> None:
    cidr = _led(world, operator)
    revoke(operator, world.cluster_security_group_id, from_cidr(cidr, "tcp", 443))


def _by_a_wider_block(world: World, operator: Operator) -> None:
    cidr = _led(world, operator)
    admit(operator, world.cluster_security_group_id, from_cidr("10.0.0.0/8", "tcp", 443))
    revoke(operator, world.cluster_security_group_id, from_cidr(cidr, "tcp", 443))


SCENARIO = Scenario(
    name="control-plane-blocked-for-peer",
    title="A peered VPC resolves the private cluster endpoint, and its connections are not admitted",
    story=(
        "Everything is built that leads the private endpoint's name from a peered VPC to the cluster's. Then an "
        "operator tidied the cluster security group up and took out the rule that admits 443 from there."
    ),
    root_cause="control_plane_blocked_by_security_group",
    healed_by=ByFix(fix="authorize_control_plane_ingress"),
    neighbours=_PEER,
    public_resolution="blocked",
    not_in_lab=_NOT_IN_LAB,
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="control-plane-blocked-for-peer-look-alike",
    title="The rule for the peered VPC is gone, and one for a wider block admits it",
    story="An operator replaced the rule that admits 443 from the peered VPC by one for 10.0.0.0/8.",
    root_cause="",
    neighbours=_PEER,
    public_resolution="blocked",
    not_to_blame=("control_plane_blocked_by_security_group",),
    weighed={"control_plane_blocked_by_security_group": r"tools: tcp/443 of the control plane is reached"},
    not_in_lab=_NOT_IN_LAB,
    acts=_by_a_wider_block,
)
