"""What is wrong with a Resolver rule that should lead a peer to the private endpoint; no rule of the bot's itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.network.name_at_vpc import IN_FORCE
from bot.network.name_hops import End, HopKind, HopState
from bot.network.names import Association, ResolverRule, RuleType, belongs
from bot.rules._name_ways import NameWays, PeerWay

_RULES_OWN = frozenset({HopKind.RULE, HopKind.OUTBOUND, HopKind.TARGET})
"""Hops at which a way stops because of what the rule says."""


class Fault(StrEnum):
    """What is wrong with it."""

    NOT_ASSOCIATED = "not associated"
    ASSOCIATION_FAILED = "association failed"
    NOT_SHARED = "not shared"
    WRONG_TARGETS = "wrong targets"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFault:
    """One fault, seen from one peer."""

    fault: Fault
    rule: ResolverRule
    peer: PeerWay
    text: str
    """One sentence without a full stop."""
    certain: bool
    """Lookups from there fail for certain; otherwise public DNS is asked, which may answer."""


def rule_fault(ways: NameWays, one: PeerWay) -> RuleFault | None:
    """Return what is wrong with the rule for the name from one peer; None: no rule is, or there is none."""
    if ways.resolves(one):
        return None
    in_force = _followed(ways, one)
    if in_force is not None:
        return _in_force(ways, one, in_force)
    associations = ways.world.vpcs[one.peer.found.vpc_id].associations
    if associations is None or one.way.end not in {End.PUBLIC, End.NO_RECORD}:
        return None
    held = {item.rule_id: item for item in associations}
    return _excepting(ways, one, set(held)) or _not_held(ways, one, held)


def _not_held(ways: NameWays, one: PeerWay, held: Mapping[str, Association]) -> RuleFault | None:
    """Return why a rule for exactly this name does not hold: its association failed, or there is none."""
    named, own = ways.rules_for(one), one.peer.found
    for rule in named:
        found = held.get(rule.id)
        if found is not None:
            text = f"{rule.id} does not hold in {own.vpc_id}: association {found.id} is {found.status}"
            return _fault(one, rule, Fault.ASSOCIATION_FAILED, text) if found.status == "FAILED" else None
    usable = next((rule for rule in named if rule.id in ways.visible_to(one)), None)
    if usable is not None:
        text = f"{usable.id} forwards {ways.host} and is not associated with {own.vpc_id}"
        return _fault(one, usable, Fault.NOT_ASSOCIATED, text)
    if named:
        rule = named[0]
        text = f"{rule.id} of account {rule.owner} forwards {ways.host} and is not shared with account {own.account}"
        return _fault(one, rule, Fault.NOT_SHARED, text)
    return None


def _fault(one: PeerWay, rule: ResolverRule, fault: Fault, text: str) -> RuleFault:
    """Return a fault of a rule that does not hold: whoever asks is answered as if there were none."""
    return RuleFault(fault=fault, rule=rule, peer=one, text=text, certain=one.way.fails)


def _followed(ways: NameWays, one: PeerWay) -> ResolverRule | None:
    """Return the FORWARD rule that the way follows from the peer's VPC."""
    taken = (hop for hop in one.way.of(HopKind.RULE) if hop.state is HopState.PASSES)
    rules = (ways.world.rules.get(hop.id) for hop in taken if hop.vpc_id == one.peer.found.vpc_id)
    forwards = (rule for rule in rules if rule is not None and rule.type is RuleType.FORWARD)
    associations = ways.world.vpcs[one.peer.found.vpc_id].associations or ()
    held = {item.rule_id for item in associations if item.status == IN_FORCE}
    return next((rule for rule in forwards if rule.id in held), None)


def _in_force(ways: NameWays, one: PeerWay, rule: ResolverRule) -> RuleFault | None:
    """Judge a way that follows a rule and does not end where it should."""
    stopped = [hop for hop in one.way.hops if hop.state is HopState.STOPS]
    circle = bool(stopped) and stopped[-1].kind is HopKind.RESOLVER and ways.world.vpcs[one.way.vpc_id].dns_support
    aimed = bool(stopped) and (stopped[-1].kind in _RULES_OWN or circle)
    if one.way.end is End.LOST and aimed and one.way.fails:
        return RuleFault(fault=Fault.WRONG_TARGETS, rule=rule, peer=one, text=stopped[-1].text, certain=True)
    if one.way.end in {End.PUBLIC, End.NO_RECORD, End.ANSWERED} and not one.way.doubts:
        text = f"{rule.id} leads to the resolver of {one.way.vpc_id}, where {one.way.end}"
        certain = one.way.end is End.NO_RECORD
        return RuleFault(fault=Fault.WRONG_TARGETS, rule=rule, peer=one, text=text, certain=certain)
    return None


def _excepting(ways: NameWays, one: PeerWay, held: set[str]) -> RuleFault | None:
    """Find a SYSTEM rule that takes the name out of a FORWARD rule which would lead there."""
    rules = [rule for number in held if (rule := ways.world.rules.get(number)) and belongs(ways.host, rule.name)]
    system = max(
        (rule for rule in rules if rule.type is RuleType.SYSTEM), key=lambda each: len(each.name), default=None
    )
    forward = next((rule for rule in rules if rule.type is RuleType.FORWARD), None)
    if system is None or forward is None or len(forward.name) > len(system.name):
        return None
    text = f"{system.id} (SYSTEM, {system.name}) takes {ways.host} out of {forward.id} ({forward.name or '.'})"
    return _fault(one, system, Fault.CONFLICT, text)
