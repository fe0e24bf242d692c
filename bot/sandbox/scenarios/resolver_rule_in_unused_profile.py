"""A Route 53 Profile brings the rule for the private endpoint's name, and is not associated with the peered VPC."""

from __future__ import annotations

from bot.sandbox.world.private_endpoint import lead, make_private, put_into_profile
from bot.sandbox.world.scenario import ByFix, Neighbour, Operator, Scenario
from bot.sandbox.world.world import World

_NOT_IN_LAB = "lab.fuzz_names compares how its names are answered; a lab of its own costs a minute"
_PEER = (Neighbour(name="tools", account="210987654321"),)


def _acts(world: World, operator: Operator) -> None:
    _profile(world, operator)


def _associated(world: World, operator: Operator) -> None:
    (peer,) = world.neighbours
    there, profile = operator.at(peer.account, peer.region), _profile(world, operator)
    there.aws("route53profiles", "AssociateProfile", Name=peer.name, ProfileId=profile, ResourceId=peer.id)


def _profile(world: World, operator: Operator) -> str:
    (peer,) = world.neighbours
    make_private(operator)
    rule = lead(world, operator, peer, associated=False)
    return put_into_profile(operator.at(peer.account, peer.region), peer, rule)


SCENARIO = Scenario(
    name="resolver-rule-in-unused-profile",
    title="The Profile that brings the rule for the private endpoint is not associated with the peered VPC",
    story=(
        "The owner of a peered VPC built what leads the private endpoint's name to the cluster's VPC, and put the rule "
        "into a Route 53 Profile, which brings it to every VPC that has the Profile. This VPC has not."
    ),
    root_cause="resolver_rule_broken",
    explains=("private_endpoint_lookups_fail",),
    healed_by=ByFix(fix="associate_forwarding_rule"),
    neighbours=_PEER,
    public_resolution="blocked",
    not_in_lab=_NOT_IN_LAB,
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="resolver-rule-in-unused-profile-look-alike",
    title="No rule is associated with the peered VPC, and a Profile brings it",
    story="The same is built, and the Profile is associated with the peered VPC: no rule is, and the Profile's holds.",
    root_cause="",
    neighbours=_PEER,
    public_resolution="blocked",
    not_to_blame=("resolver_rule_broken", "private_endpoint_not_resolvable"),
    weighed={"private_endpoint_not_resolvable": r"rslvr-rr-\w+ forwards .* has a record of"},
    not_in_lab=_NOT_IN_LAB,
    acts=_associated,
)
