"""What decides about a name at one VPC's resolver: firewall, Profiles, the rules' associations, private zones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.network.name_hops import End, Hop, HopKind, HopState, NameWay, ended, hop_at
from bot.network.names import (
    Association,
    FirewallAction,
    FirewallRule,
    PrivateZone,
    ResolverRule,
    RuleType,
    VpcNames,
    belongs,
    in_list,
)

IN_FORCE = "COMPLETE"
"""Status of an association by which a rule holds."""


def support_unread(vpc: VpcNames) -> Iterator[Hop]:
    """Yield that it is not known whether the resolver answers at all."""
    if vpc.dns_support is None:
        text = f"Whether {vpc.vpc_id} has enableDnsSupport on could not be read"
        yield hop_at(HopKind.RESOLVER, HopState.MAY_STOP, vpc, text)


def through_firewall(vpc: VpcNames, name: str, *, inbound: bool) -> list[Hop]:
    """Return what DNS Firewall does: the first rule whose list has the name decides, an unread list may.

    AWS does not say whether it filters what an inbound endpoint asks.
    """
    if vpc.firewall is None:
        text = f"The DNS Firewall of {vpc.vpc_id} could not be read"
        return [hop_at(HopKind.FIREWALL, HopState.MAY_STOP, vpc, text)]
    doubts: list[Hop] = []
    may_pass = inbound
    for rule in vpc.firewall:
        blocks = rule.action is FirewallAction.BLOCK
        if not rule.every_type:
            continue
        if rule.domains is None:
            may_pass = may_pass or not blocks
            doubts += [_firewall_hop(vpc, rule, name, HopState.MAY_STOP)] if blocks else []
        elif in_list(name, rule.domains):
            if not blocks:
                return [*doubts, _firewall_hop(vpc, rule, name, HopState.PASSES)]
            return [*doubts, _firewall_hop(vpc, rule, name, HopState.MAY_STOP if may_pass else HopState.STOPS)]
    return doubts


def _firewall_hop(vpc: VpcNames, rule: FirewallRule, name: str, state: HopState) -> Hop:
    where = f"{rule.list_id} of rule group {rule.group_id}"
    if rule.domains is None:
        text = f"Domain list {where} cannot be read: if it has {name}, the answer is {rule.action}"
    else:
        answer = f" ({rule.response})" if rule.response else ""
        text = f"Domain list {where} has {name}: {rule.action}{answer}"
    return hop_at(HopKind.FIREWALL, state, vpc, text, rule.group_id)


def profiles(vpc: VpcNames, *, exact: bool) -> Iterator[Hop]:
    """Yield what Profiles may bring: a rule of the VPC's own for exactly this name comes before theirs."""
    state = HopState.MAY_STOP if exact else HopState.MAY_TURN
    if vpc.profiles is None:
        yield hop_at(HopKind.PROFILE, state, vpc, f"Which Route 53 Profiles {vpc.vpc_id} has could not be read")
    for number in vpc.profiles or ():
        text = f"What Route 53 Profile {number} brings to {vpc.vpc_id} could not be read"
        yield hop_at(HopKind.PROFILE, state, vpc, text, number)


def same_name(vpc: VpcNames, rule: ResolverRule, zone: PrivateZone) -> Iterator[Hop]:
    """Yield that of a rule and a zone with one name, one the VPC's own and one brought, either may come first.

    AWS says so of two that the VPC has itself: the rule comes first.
    """
    held = next((one for one in vpc.associations or () if one.rule_id == rule.id), None)
    if rule.name == zone.name and held is not None and held.by_profile is not zone.by_profile:
        text = f"{rule.id} and {zone.id} are both for {zone.name}, and a Route 53 Profile brings one of them"
        yield hop_at(HopKind.PROFILE, HopState.MAY_TURN, vpc, text, rule.id)


def rule_doubt(vpc: VpcNames, association: Association, rule: ResolverRule | None) -> Hop | None:
    """Return why it is not certain whether an associated rule that may match holds."""
    number = association.rule_id
    if rule is None:
        text = f"Rule {number} is associated with {vpc.vpc_id}, and is not among the rules that were read"
        return hop_at(HopKind.RULE, HopState.MAY_TURN, vpc, text, number)
    if association.status == "FAILED":
        text = f"{number} ({rule.name or '.'}) does not hold: its association {association.id} is FAILED"
        return hop_at(HopKind.RULE, HopState.PASSES, vpc, text, number)
    if association.status != IN_FORCE:
        text = f"Association {association.id} of {number} ({rule.name or '.'}) is {association.status}"
        return hop_at(HopKind.RULE, HopState.MAY_TURN, vpc, text, number)
    if rule.status != IN_FORCE:
        return hop_at(HopKind.RULE, HopState.MAY_TURN, vpc, f"{number} ({rule.name or '.'}) is {rule.status}", number)
    return None


def delegated(vpc: VpcNames, zone: PrivateZone, rules: Iterable[ResolverRule], name: str) -> Hop | None:
    """Return what a DELEGATE rule may do with a name that the zone delegates; None: nothing.

    Such a rule counts where NS records of an answer name servers under its delegation record (Route 53 Developer Guide,
    "Resolver delegation rules tutorial"). What these answer nobody knows here.
    """
    found = zone.delegation_of(name)
    for rule in rules:
        if rule.type is not RuleType.DELEGATE:
            continue
        if zone.records is None:
            text = (
                f"What {zone.id} ({zone.name}) delegates could not be read, and {rule.id} has such name servers asked"
            )
            return hop_at(HopKind.RULE, HopState.MAY_TURN, vpc, text, rule.id)
        if found and any(belongs(server, rule.delegation_record) for server in found[1]):
            text = (
                f"{zone.id} ({zone.name}) delegates {found[0]} to {', '.join(found[1])}, and {rule.id} (DELEGATE "
                f"{rule.delegation_record or '.'}) has these asked from {rule.endpoint_id}"
            )
            return hop_at(HopKind.RULE, HopState.MAY_TURN, vpc, text, rule.id)
    return None


def matching_zone(vpc: VpcNames, name: str) -> tuple[PrivateZone | None, list[Hop]]:
    """Return the private zone that answers for a name, and what is undecided about it.

    Private zones need enableDnsHostnames and enableDnsSupport.
    """
    if vpc.zones is None:
        text = f"The private zones of {vpc.vpc_id} could not be read"
        return None, [hop_at(HopKind.ZONE, HopState.MAY_TURN, vpc, text)]
    zone = max((one for one in vpc.zones if belongs(name, one.name)), key=lambda one: len(one.name), default=None)
    if zone is None or vpc.dns_hostnames:
        return zone, []
    if vpc.dns_hostnames is None:
        text = f"Whether {vpc.vpc_id} has enableDnsHostnames on could not be read: without it {zone.id} is passed over"
        return zone, [hop_at(HopKind.ZONE, HopState.MAY_TURN, vpc, text, zone.id)]
    text = f"{vpc.vpc_id} has enableDnsHostnames off: {zone.id} ({zone.name}) is passed over"
    return None, [hop_at(HopKind.ZONE, HopState.PASSES, vpc, text, zone.id)]


def lacking(vpc: VpcNames, zone: PrivateZone, name: str) -> NameWay:
    """Return the way of a name that the zone which answers for it lacks."""
    where = f"{zone.id} ({zone.name})"
    if zone.falls_back and zone.owner_of(name) is None:
        text = f"{where} has no record of {name} and falls back to public DNS"
        return ended(name, vpc.vpc_id, End.PUBLIC, hop_at(HopKind.ZONE, HopState.PASSES, vpc, text, zone.id))
    if zone.falls_back is None:
        text = f"{where} has no record of {name}; whether it falls back to public DNS could not be read"
        return ended(name, vpc.vpc_id, End.NO_RECORD, hop_at(HopKind.ZONE, HopState.MAY_TURN, vpc, text, zone.id))
    text = f"{where} has no address of {name}, and public DNS is not asked for it"
    return ended(name, vpc.vpc_id, End.NO_RECORD, hop_at(HopKind.ZONE, HopState.STOPS, vpc, text, zone.id))
