"""DNS Firewall blocks AWS's own names in a peered VPC, the private endpoint's among them."""

from __future__ import annotations

from bot.sandbox.world.private_endpoint import filter_names, lead, make_private
from bot.sandbox.world.scenario import ByHand, Neighbour, Operator, Scenario
from bot.sandbox.world.world import World

_NOT_IN_LAB = "lab.fuzz_names compares how its names are answered; a lab of its own costs a minute"
_PEER = (Neighbour(name="tools", account="210987654321"),)


def _acts(world: World, operator: Operator) -> None:
    (peer,) = world.neighbours
    make_private(operator)
    lead(world, operator, peer)
    filter_names(operator.at(peer.account, peer.region), peer, "BLOCK", "*.amazonaws.com.")


def _heal(world: World, operator: Operator) -> None:
    (peer,) = world.neighbours
    there = operator.at(peer.account, peer.region)
    (group,) = there.aws("route53resolver", "ListFirewallRuleGroupAssociations")["FirewallRuleGroupAssociations"]
    (rule,) = there.aws("route53resolver", "ListFirewallRules", FirewallRuleGroupId=group["FirewallRuleGroupId"])[
        "FirewallRules"
    ]
    named = {key: rule[key] for key in ("FirewallRuleGroupId", "FirewallDomainListId")}
    there.aws("route53resolver", "DeleteFirewallRule", **named)


def _alerts(world: World, operator: Operator) -> None:
    (peer,) = world.neighbours
    make_private(operator)
    lead(world, operator, peer)
    filter_names(operator.at(peer.account, peer.region), peer, "ALERT", "*.amazonaws.com.")


SCENARIO = Scenario(
    name="dns-firewall-blocks",
    title="DNS Firewall in a peered VPC blocks the private cluster endpoint's name",
    story=(
        "Everything is built that leads the endpoint's name from a peered VPC to the cluster's. Then the owner of that "
        "VPC associated a DNS Firewall rule group with it that blocks all names under amazonaws.com."
    ),
    root_cause="dns_firewall_blocks",
    explains=("private_endpoint_lookups_fail",),
    healed_by=ByHand(acts=_heal),
    neighbours=_PEER,
    not_to_blame=("resolver_rule_broken", "private_zone_shadow"),
    not_in_lab=_NOT_IN_LAB,
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="dns-firewall-blocks-look-alike",
    title="The same rule group only alerts",
    story="The owner of the peered VPC associated the same group with the action ALERT: names pass and are noted.",
    root_cause="",
    neighbours=_PEER,
    not_to_blame=("dns_firewall_blocks", "private_endpoint_not_resolvable"),
    weighed={"dns_firewall_blocks": r"Domain list rslvr-fdl-\w+ .* ALERT"},
    not_in_lab=_NOT_IN_LAB,
    acts=_alerts,
)
