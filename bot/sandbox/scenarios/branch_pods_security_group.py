"""Pods with a branch interface of their own, whose security group CoreDNS's does not let in on 53 (A4)."""

from __future__ import annotations

from bot.sandbox.world.branch_application import application, make_group
from bot.sandbox.world.scenario import ByFix, Operator, Scenario
from bot.sandbox.world.world import World


def _acts(world: World, operator: Operator) -> None:
    operator.apply(*application(world, make_group(world, operator, dns=False)))


def _harmless(world: World, operator: Operator) -> None:
    operator.apply(*application(world, make_group(world, operator, dns=True)))


SCENARIO = Scenario(
    name="branch-pods-security-group",
    title="Pods with a security group of their own, which CoreDNS's group does not let in on 53",
    story=(
        "An operator gave an application's pods a security group of their own by a SecurityGroupPolicy. The cluster's "
        "group admits tcp 443 and 8080 from it, not 53; the plain pods on the same nodes look names up as before."
    ),
    root_cause="dns_blocked_by_security_group",
    explains=("dns_lookups_fail",),
    healed_by=ByFix(fix="authorize_dns_between_security_groups"),
    not_to_blame=("nodelocal_pod_security_groups_strict",),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="branch-pods-security-group-look-alike",
    title="Pods with a security group of their own that admits no DNS, and need not",
    story=(
        "The same application with a security group of its own, which admits nothing on 53. But the cluster's group "
        "admits udp and tcp 53 from it: answers need no rule (A6)."
    ),
    root_cause="",
    not_to_blame=("dns_blocked_by_security_group", "nodelocal_pod_security_groups_strict"),
    weighed={"dns_blocked_by_security_group": r"\d+ of the clients are pods judged by their own branch interfaces"},
    acts=_harmless,
)
