"""The way of a name: from a VPC's resolver by firewall, rules, zones and endpoints to whoever answers it.

First DNS Firewall; then the longest matching name among the VPC's rules and private zones, of two with the same name
the rule; else public DNS. A zone that lacks the record answers NXDOMAIN unless it falls back to public DNS. A FORWARD
rule asks its targets from its outbound endpoint, and an inbound endpoint asks its own VPC's resolver.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

from bot.network.name_at_vpc import (
    IN_FORCE,
    delegated,
    lacking,
    matching_zone,
    profiles,
    rule_doubt,
    same_name,
    support_unread,
    through_firewall,
)
from bot.network.name_hops import UNDECIDED, End, Hop, HopKind, HopState, NameWay, after, ended, hop_at, new_hop
from bot.network.name_passage import Passage, Passages
from bot.network.names import (
    Direction,
    NameWorld,
    PrivateZone,
    ResolverEndpoint,
    ResolverRule,
    RuleType,
    Target,
    VpcNames,
    belongs,
    plain,
)
from bot.network.ports import DNS

MOST_STEPS = 8
"""Rules and names that stand for others are followed so far."""
_IN_SERVICE = frozenset({"OPERATIONAL", "UPDATING", "AUTO_RECOVERING"})
_WITHOUT_NAME = frozenset({RuleType.RECURSIVE, RuleType.DELEGATE})
"""Rules that no name is looked for among: Resolver's own, and what counts for what a zone delegates."""
_OWN_NAMES = ("compute.internal", "compute.amazonaws.com", "in-addr.arpa", "ip6.arpa")
"""Names for which Resolver makes rules by itself, before any FORWARD rule for the root."""


def way_of(world: NameWorld, vpc_id: str, name: str, passages: Passages | None = None) -> NameWay:
    """Return the way of a name that a client asks the resolver of a VPC for. `vpc_id` is among the world's VPCs."""
    return _Walk(world, passages or Passages(world)).ask(vpc_id, plain(name), 0)


@dataclass(frozen=True, slots=True)
class _Walk:
    world: NameWorld
    passages: Passages

    def ask(self, vpc_id: str, name: str, steps: int, *, inbound: bool = False) -> NameWay:
        """Ask a VPC's resolver; `inbound`: an inbound endpoint asks it."""
        vpc = self.world.vpcs.get(vpc_id)
        if vpc is None:
            text = f"What {vpc_id} resolves by was not read"
            return ended(name, vpc_id, End.ELSEWHERE, new_hop(HopKind.RESOLVER, HopState.MAY_TURN, vpc_id, text))
        if steps > MOST_STEPS:
            text = f"{name} is led on and on, more than {MOST_STEPS} times"
            return ended(name, vpc_id, End.LOST, new_hop(HopKind.RESOLVER, HopState.STOPS, vpc_id, text))
        if vpc.dns_support is False:
            text = f"{vpc_id} has enableDnsSupport off: its resolver does not answer"
            return ended(name, vpc_id, End.LOST, new_hop(HopKind.RESOLVER, HopState.STOPS, vpc_id, text))
        before = [*support_unread(vpc), *through_firewall(vpc, name, inbound=inbound)]
        if before and before[-1].state is HopState.STOPS:
            return ended(name, vpc_id, End.BLOCKED, *before)
        return after(before, self._decided(vpc, name, steps))

    def _decided(self, vpc: VpcNames, name: str, steps: int) -> NameWay:
        """Go where the longest matching name leads; of two with the same name the rule."""
        rule, rule_doubts = self._rule(vpc, name)
        zone, zone_doubts = matching_zone(vpc, name)
        reach, covered = len(rule.name) if rule else -1, len(zone.name) if zone else -1
        exact = rule is not None and rule.name == name
        forwards = rule is not None and rule.type is RuleType.FORWARD and reach >= covered
        doubts = [*profiles(vpc, exact=exact)]
        doubts += [hop for matching, hop in rule_doubts if matching >= max(reach, covered)]
        doubts += [] if forwards and (exact or zone is not None) else zone_doubts
        doubts += same_name(vpc, rule, zone) if rule is not None and zone is not None and forwards else ()
        if rule is not None and forwards:
            return after(doubts, self._forwarded(vpc, rule, name, steps))
        if zone is not None:
            return after(doubts, self._from_zone(vpc, zone, name, steps))
        if rule is not None:
            text = f"{rule.id} ({rule.type}, {rule.name or '.'}) keeps {name} from other rules"
            doubts.append(new_hop(HopKind.RULE, HopState.PASSES, vpc.vpc_id, text, rule.id))
        return ended(name, vpc.vpc_id, End.PUBLIC, *doubts)

    def _rule(self, vpc: VpcNames, name: str) -> tuple[ResolverRule | None, list[tuple[float, Hop]]]:
        """Return the rule in force with the longest matching name, and what of the rules is undecided.

        What is undecided comes with the length of its name: it matters where nothing longer decides.
        """
        if vpc.associations is None:
            text = f"Which rules hold in {vpc.vpc_id} could not be read"
            return None, [(inf, hop_at(HopKind.RULE, HopState.MAY_TURN, vpc, text))]
        best: ResolverRule | None = None
        doubts: list[tuple[float, Hop]] = []
        for association in vpc.associations:
            rule = self.world.rules.get(association.rule_id)
            if rule is not None and (rule.type in _WITHOUT_NAME or not belongs(name, rule.name)):
                continue
            doubt = rule_doubt(vpc, association, rule)
            doubts += [(inf if rule is None else len(rule.name), doubt)] if doubt else []
            if rule and association.status == IN_FORCE:
                best = max(best or rule, rule, key=lambda one: len(one.name))
        return best, doubts

    def _from_zone(self, vpc: VpcNames, zone: PrivateZone, name: str, steps: int) -> NameWay:
        where = f"{zone.id} ({zone.name})"
        held = (self.world.rules.get(one.rule_id) for one in vpc.associations or () if one.status != "FAILED")
        leads = delegated(vpc, zone, (rule for rule in held if rule is not None), name)
        if zone.records is None:
            text = f"The records of {where} could not be read: without {name} it answers NXDOMAIN"
            hops = (*([leads] if leads else ()), hop_at(HopKind.ZONE, HopState.MAY_STOP, vpc, text, zone.id))
            return ended(name, vpc.vpc_id, End.ANSWERED, *hops)
        if leads is not None:
            return ended(name, vpc.vpc_id, End.NO_RECORD, leads)
        found = zone.find(name)
        if found is None:
            return lacking(vpc, zone, name)
        hop = hop_at(HopKind.ZONE, HopState.PASSES, vpc, f"{where} has a record of {name}", zone.id)
        target = dict(zone.records)[found]
        if target:
            return after([hop], replace(self.ask(vpc.vpc_id, target, steps + 1), name=name))
        return ended(name, vpc.vpc_id, End.ANSWERED, hop)

    def _forwarded(self, vpc: VpcNames, rule: ResolverRule, name: str, steps: int) -> NameWay:
        """Ask the rule's targets from its outbound endpoint."""
        targets = ", ".join(map(str, rule.targets))
        text = f"{rule.id} forwards {rule.name or '.'} by {rule.endpoint_id} to {targets or 'nowhere'}"
        hops = [hop_at(HopKind.RULE, HopState.PASSES, vpc, text, rule.id)]
        if not rule.name and any(belongs(name, own) for own in _OWN_NAMES):
            text = f"Resolver may keep {name} from {rule.id}, which is for all names"
            hops.append(hop_at(HopKind.RULE, HopState.MAY_TURN, vpc, text, rule.id))
        endpoint = self.world.endpoints.get(rule.endpoint_id)
        hops.append(self._outbound(rule, endpoint))
        if hops[-1].state is HopState.STOPS:
            return ended(name, vpc.vpc_id, End.LOST, *hops)
        reached = [self._target(endpoint, target, vpc) for target in rule.targets]
        return after(hops, self._by_targets(vpc, rule, reached, name, steps))

    def _outbound(self, rule: ResolverRule, endpoint: ResolverEndpoint | None) -> Hop:
        vpc_id = endpoint.vpc_id if endpoint else ""
        if endpoint is None:
            gone = (rule.owner, rule.region) in self.world.read
            state = HopState.STOPS if gone else HopState.MAY_STOP
            why = "is not there" if gone else f"is not among those read: account {rule.owner} was not looked at"
            return new_hop(
                HopKind.OUTBOUND, state, vpc_id, f"Outbound endpoint {rule.endpoint_id} {why}", rule.endpoint_id
            )
        return _status(HopKind.OUTBOUND, "Outbound", endpoint)

    def _target(self, start: ResolverEndpoint | None, target: Target, vpc: VpcNames) -> _Reached:
        """Follow the packets to one target."""
        there = self._inbound_at(target)
        if there is not None:
            return self._inbound(start, target, there)
        home = self.passages.vpc_of(target.address, near=start.vpc_id if start else vpc.vpc_id)
        if home is None:
            text = f"{target} is in none of the VPCs that were looked at: what answers there is not known"
            return _Reached(hops=(new_hop(HopKind.TARGET, HopState.MAY_TURN, "", text),), end=End.ELSEWHERE)
        known = self.world.vpcs[home]
        nobody = target.address in self.world.asked_addresses and self.passages.holder(target.address, home) is None
        if nobody and (known.account, known.region) in self.world.read:
            text = f"Nobody holds {target} in {home}: no inbound endpoint has this address"
            return _Reached(hops=(new_hop(HopKind.TARGET, HopState.STOPS, home, text),), end=End.LOST)
        text = f"{target} in {home} is no inbound endpoint's: whether a server answers there is not known"
        return _Reached(hops=(new_hop(HopKind.TARGET, HopState.MAY_TURN, home, text),), end=End.ELSEWHERE)

    def _inbound_at(self, target: Target) -> ResolverEndpoint | None:
        inbound = (each for each in self.world.endpoints.values() if each.direction is Direction.INBOUND)
        return next((each for each in inbound if target.address in {one.address for one in each.addresses}), None)

    def _inbound(self, start: ResolverEndpoint | None, target: Target, there: ResolverEndpoint) -> _Reached:
        if target.port != DNS.first:
            text = f"{target}: an inbound endpoint answers on port {DNS.first} alone"
            return _Reached(hops=(new_hop(HopKind.TARGET, HopState.STOPS, there.vpc_id, text, there.id),), end=End.LOST)
        passage = self._passage(start, target, there)
        hops = [*_told(passage, there.vpc_id), _status(HopKind.INBOUND, "Inbound", there)]
        stopped = any(hop.state is HopState.STOPS for hop in hops)
        return _Reached(hops=tuple(hops), end=End.LOST if stopped else None, vpc_id=there.vpc_id)

    def _passage(self, start: ResolverEndpoint | None, target: Target, there: ResolverEndpoint) -> Passage:
        if start is None:
            return Passage(unread=(f"From where {target} is asked is not known",))
        return self.passages.any_of(start, target.address, there.vpc_id)

    def _by_targets(
        self, vpc: VpcNames, rule: ResolverRule, reached: Sequence[_Reached], name: str, steps: int
    ) -> NameWay:
        """Go on from the targets that can be reached: Resolver asks the next where one does not answer."""
        open_ways = [one for one in reached if one.end is not End.LOST]
        if not open_ways:
            hops = [hop for one in reached for hop in one.hops] or [
                hop_at(HopKind.TARGET, HopState.STOPS, vpc, f"{rule.id} has no targets", rule.id)
            ]
            return ended(name, vpc.vpc_id, End.LOST, *hops)
        open_ways.sort(key=lambda one: one.doubtful)
        ends = [self._on(one, name, steps) for one in open_ways]
        first = ends[0]
        closed = [_passed(hop) for one in reached if one.end is End.LOST for hop in one.hops]
        if any((one.end, one.vpc_id) != (first.end, first.vpc_id) or one.doubts for one in ends[1:]):
            text = f"The targets of {rule.id} do not lead to the same answer for certain"
            closed.append(hop_at(HopKind.TARGET, HopState.MAY_TURN, vpc, text, rule.id))
        return after(closed, first)

    def _on(self, reached: _Reached, name: str, steps: int) -> NameWay:
        if reached.end is not None:
            return ended(name, reached.vpc_id, reached.end, *reached.hops)
        return after(reached.hops, self.ask(reached.vpc_id, name, steps + 1, inbound=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reached:
    """How far queries come that are sent to one target."""

    hops: tuple[Hop, ...]
    end: End | None
    """None: an inbound endpoint asks the resolver of `vpc_id`."""
    vpc_id: str = ""

    @property
    def doubtful(self) -> bool:
        return any(hop.state in UNDECIDED for hop in self.hops)


def _passed(hop: Hop) -> Hop:
    """Return a hop that stops one of several targets: the others are asked."""
    if hop.state is HopState.PASSES:
        return hop
    return replace(hop, state=HopState.PASSES, text=f"{hop.text} (another target answers)")


def _status(kind: HopKind, word: str, endpoint: ResolverEndpoint) -> Hop:
    """Say whether an endpoint is in service."""
    state = HopState.PASSES if endpoint.status in _IN_SERVICE else HopState.MAY_STOP
    message = f" ({endpoint.status_message})" if endpoint.status_message and state is not HopState.PASSES else ""
    text = f"{word} endpoint {endpoint.id} in {endpoint.vpc_id} is {endpoint.status}{message}"
    return new_hop(kind, state, endpoint.vpc_id, text, endpoint.id)


def _told(passage: Passage, vpc_id: str) -> Iterator[Hop]:
    """Yield what the network does with the packets."""
    for stop in passage.stops[:1]:
        yield Hop(
            kind=HopKind.NETWORK, state=HopState.STOPS, vpc_id=vpc_id, id="", text=stop.text, command=stop.command
        )
    for text in () if passage.stops else passage.unread:
        yield new_hop(HopKind.NETWORK, HopState.MAY_STOP, vpc_id, text)
    for text in passage.notes:
        yield new_hop(HopKind.NETWORK, HopState.PASSES, vpc_id, text)
