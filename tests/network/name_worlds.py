"""Small worlds of names, drawn as plain facts; made into what the evaluator takes, and answered by a slow reference.

The reference goes through a name label by label and follows the drawn facts; it shares nothing with the evaluator.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network

from hypothesis import strategies as st

from bot.network.model import AclEntry, Direction, Interface, NetworkAcl, Route, SecurityGroupRule, Subnet, Vpc
from bot.network.names import (
    Association,
    EndpointAddress,
    FirewallAction,
    FirewallRule,
    NameWorld,
    Peering,
    PrivateZone,
    ResolverEndpoint,
    ResolverRule,
    RuleType,
    Target,
    VpcNames,
)
from bot.network.names import Direction as Way
from bot.network.transit import Attachment, GatewayRoute, Transit

NAME = "c.b.a"
DOMAINS = ("", "a", "b.a", "c.b.a", "x.a", "x")
BREAKS = ("", "groups", "no route", "no route back", "gone", "acl")
GATEWAY_BREAKS = ("", "groups", "no route", "no route back", "acl", "no way", "no way back", "dropped")
"""Between VPCs that a transit gateway joins; the last three are its own."""
MOST_STEPS = 8


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule of a VPC: of type SYSTEM without targets. `targets` are VPCs whose inbound endpoints are aimed at."""

    domain: str
    targets: tuple[int, ...] = ()
    nowhere: bool = False
    """One more target, that nobody holds."""
    status: str = "COMPLETE"


@dataclass(frozen=True, kw_only=True)
class Zone:
    """A private zone. `record`: none, one with addresses, or one that stands for another name."""

    domain: str
    record: str = ""
    wildcard: bool = False
    falls_back: bool = False


@dataclass(frozen=True, kw_only=True)
class Fact:
    """What is so in one VPC, and what of it may be read."""

    support: bool = True
    hostnames: bool = True
    firewall: tuple[tuple[str, tuple[str, ...], bool], ...] = ()
    """(action, list, whether the list may be read)."""
    rules: tuple[Rule, ...] = ()
    zones: tuple[Zone, ...] = ()
    unread: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All VPCs, and what breaks the way between two, by (from, to)."""

    vpcs: tuple[Fact, ...]
    broken: dict[tuple[int, int], str]
    hidden: frozenset[str] = frozenset()
    """What of the network may not be read: peerings, acls, groups, transit."""
    by_gateway: frozenset[tuple[int, int]] = frozenset()
    """The ways that lead through a transit gateway; the others over a peering connection each."""


def known(facts: Facts) -> Facts:
    """Return the same, all of it read."""
    vpcs = (
        replace(each, unread=frozenset(), firewall=tuple((*one[:2], True) for one in each.firewall))
        for each in facts.vpcs
    )
    return replace(facts, vpcs=tuple(vpcs), hidden=frozenset())


def reference(facts: Facts, vpc: int, name: str, steps: int = 0, *, inbound: bool = False) -> str:
    """Return how it ends: answered at a VPC, public, no record, blocked or lost."""
    fact = facts.vpcs[vpc]
    if steps > MOST_STEPS or not fact.support:
        return "lost"
    for action, listed, _ in fact.firewall:
        if _listed(name, listed):
            if action == "BLOCK" and not inbound:
                return "blocked"
            break
    labels = name.split(".")
    ruled = True
    for start in range(len(labels) + 1):
        domain = ".".join(labels[start:])
        rule = next((one for one in fact.rules if one.domain == domain and one.status == "COMPLETE"), None)
        if rule is not None and ruled and (rule.targets or rule.nowhere):
            return _forwarded(facts, vpc, rule, name, steps)
        ruled = ruled and rule is None
        zone = next((one for one in fact.zones if one.domain == domain), None)
        if zone is not None and fact.hostnames:
            return _in_zone(facts, vpc, zone, name, steps)
    return "public"


def _in_zone(facts: Facts, vpc: int, zone: Zone, name: str, steps: int) -> str:
    own = name == NAME or (zone.wildcard and name != zone.domain)
    if zone.record and own and (name != zone.domain or not zone.wildcard):
        return f"answered at {vpc}" if zone.record == "here" else reference(facts, vpc, zone.record, steps + 1)
    there = name == zone.domain
    return "public" if zone.falls_back and not there else "no record"


def _forwarded(facts: Facts, vpc: int, rule: Rule, name: str, steps: int) -> str:
    open_ways = [one for one in rule.targets if not facts.broken.get((vpc, one))]
    ends = {reference(facts, one, name, steps + 1, inbound=True) for one in open_ways}
    return "lost" if not ends else ends.pop() if len(ends) == 1 else "any"


def _listed(name: str, listed: tuple[str, ...]) -> bool:
    return any(one in {"*", name} or (one[:2] == "*." and name[-len(one) + 1 :] == one[1:]) for one in listed)


def built(facts: Facts) -> NameWorld:
    """Make it what the evaluator takes."""
    rules: dict[str, ResolverRule] = {}
    numbers = range(len(facts.vpcs))
    vpcs = {f"vpc-{number}": _vpc(facts, number, rules) for number in numbers}
    endpoints = {one.id: one for number in numbers for one in _endpoints(facts, number)}
    return NameWorld(
        vpcs=vpcs,
        rules=rules,
        endpoints=endpoints,
        read=frozenset({("1", "r")}),
        network=_network(facts, endpoints),
        asked_addresses=frozenset({ip_address(f"10.{number}.9.9") for number in numbers}),
        peerings=None if "peerings" in facts.hidden else tuple(_peerings(facts)),
        transit=None if "transit" in facts.hidden else _transit(facts),
    )


def _vpc(facts: Facts, number: int, rules: dict[str, ResolverRule]) -> VpcNames:
    fact = facts.vpcs[number]
    associations = []
    for place, rule in enumerate(fact.rules):
        own = f"rule-{number}-{place}"
        targets = [Target(address=ip_address(f"10.{one}.{number}.10")) for one in rule.targets]
        targets += [Target(address=ip_address(f"10.{number}.9.9"))] if rule.nowhere else []
        rules[own] = ResolverRule(
            id=own,
            name=rule.domain,
            type=RuleType.FORWARD if targets else RuleType.SYSTEM,
            status="COMPLETE",
            owner="1",
            region="r",
            endpoint_id=f"out-{number}",
            targets=tuple(targets),
        )
        associations.append(Association(id=f"assoc-{own}", rule_id=own, status=rule.status))
    return VpcNames(
        vpc_id=f"vpc-{number}",
        account="1",
        region="r",
        cidrs=(f"10.{number}.0.0/16",),
        dns_support=None if "support" in fact.unread else fact.support,
        dns_hostnames=None if "hostnames" in fact.unread else fact.hostnames,
        firewall=None if "firewall" in fact.unread else tuple(_firewall(fact)),
        profiles=None if "profiles" in fact.unread else (),
        associations=None if "rules" in fact.unread else tuple(associations),
        zones=None if "zones" in fact.unread else tuple(_zone(fact, one) for one in fact.zones),
    )


def _firewall(fact: Fact) -> list[FirewallRule]:
    return [
        FirewallRule(
            group_id=f"group-{place}",
            list_id=f"list-{place}",
            action=FirewallAction(action),
            domains=listed if readable else None,
        )
        for place, (action, listed, readable) in enumerate(fact.firewall)
    ]


def _zone(fact: Fact, zone: Zone) -> PrivateZone:
    held = f"*.{zone.domain}" if zone.wildcard else NAME
    records = ((held, "" if zone.record == "here" else zone.record),) if zone.record else ()
    return PrivateZone(
        id=f"zone-{zone.domain}",
        name=zone.domain,
        owner="1",
        records=None if "records" in fact.unread else records,
        falls_back=None if "fallback" in fact.unread else zone.falls_back,
    )


def _endpoints(facts: Facts, number: int) -> list[ResolverEndpoint]:
    """Each VPC has an outbound endpoint, and an inbound one for each VPC that asks: each way has its own groups."""
    inbound = [(f"in-{number}-{far}", Way.INBOUND, f"10.{number}.{far}.10") for far in range(len(facts.vpcs))]
    outbound = [(f"out-{number}", Way.OUTBOUND, f"10.{number}.{number}.20")]
    return [
        ResolverEndpoint(
            id=own,
            direction=way,
            account="1",
            region="r",
            vpc_id=f"vpc-{number}",
            status="OPERATIONAL",
            security_group_ids=(f"sg-{own}",),
            addresses=(
                EndpointAddress(address=ip_address(address), subnet_id=_subnet_of(number, address), status="ATTACHED"),
            ),
        )
        for own, way, address in (*inbound, *outbound)
    ]


def _subnet_of(number: int, address: str) -> str:
    return f"subnet-{number}-{address.split('.')[2]}"


def _network(facts: Facts, endpoints: dict[str, ResolverEndpoint]) -> Vpc:
    interfaces = tuple(
        Interface(
            id=f"eni-{one.id}",
            instance_id="",
            subnet_id=one.addresses[0].subnet_id,
            security_group_ids=frozenset(one.security_group_ids),
            addresses=frozenset({one.addresses[0].address}),
        )
        for one in endpoints.values()
    )
    groups = frozenset(f"sg-{one}" for one in endpoints)
    unread = frozenset(one for one in groups if "groups" in facts.hidden and one.startswith("sg-in"))
    return Vpc(
        interfaces=interfaces,
        rules=tuple(rule for one in endpoints.values() for rule in _group(facts, one) if f"sg-{one.id}" not in unread),
        read_group_ids=groups - unread,
        acls=None if "acls" in facts.hidden else tuple(_acls(facts)),
        subnets=tuple(_subnet(facts, number, far) for number in _all(facts) for far in _all(facts)),
    )


def _all(facts: Facts) -> range:
    return range(len(facts.vpcs))


def _group(facts: Facts, endpoint: ResolverEndpoint) -> list[SecurityGroupRule]:
    inbound = endpoint.direction is Way.INBOUND
    if inbound and facts.broken.get(_between(endpoint.id)) == "groups":
        return []
    return [
        SecurityGroupRule(
            id=f"sgr-{endpoint.id}-{protocol}",
            security_group_id=f"sg-{endpoint.id}",
            direction=Direction.INGRESS if inbound else Direction.EGRESS,
            protocol=protocol,
            from_port=53,
            to_port=53,
            cidr=ip_network("10.0.0.0/8"),
        )
        for protocol in ("udp", "tcp")
    ]


def _between(inbound_id: str) -> tuple[int, int]:
    _, to, start = inbound_id.split("-")
    return int(start), int(to)


def _acls(facts: Facts) -> list[NetworkAcl]:
    made = []
    for number in _all(facts):
        for far in _all(facts):
            closed = far != number and facts.broken.get((far, number)) == "acl"
            everywhere = ip_network("0.0.0.0/0")
            entries = tuple(
                AclEntry(number=100, egress=egress, allow=not (closed and egress), protocol="-1", cidr=everywhere)
                for egress in (True, False)
            )
            made.append(
                NetworkAcl(
                    id=f"acl-{number}-{far}",
                    vpc_id=f"vpc-{number}",
                    is_default=False,
                    entries=entries,
                    subnet_ids=frozenset({f"subnet-{number}-{far}"}),
                )
            )
    return made


def _subnet(facts: Facts, number: int, far: int) -> Subnet:
    """Subnet `far` of a VPC: its own is where its outbound endpoint stands, another is where `far` is answered."""
    routes = [Route(destination=f"10.{number}.0.0/16", target="local", active=True)]
    if number == far:
        routes += [
            Route(destination=f"10.{other}.{number}.0/24", target=_joint(facts, number, other), active=True)
            for other in _all(facts)
            if other != number and facts.broken.get((number, other)) != "no route"
        ]
    elif facts.broken.get((far, number)) != "no route back":
        routes.append(Route(destination=f"10.{far}.0.0/16", target=_joint(facts, far, number), active=True))
    return Subnet(
        id=f"subnet-{number}-{far}",
        vpc_id=f"vpc-{number}",
        zone="a",
        cidrs=(ip_network(f"10.{number}.{far}.0/24"),),
        route_table_id=f"rtb-{number}-{far}",
        routes=tuple(routes),
    )


def _joint(facts: Facts, start: int, to: int) -> str:
    return "tgw-1" if (start, to) in facts.by_gateway else f"pcx-{start}-{to}"


def _transit(facts: Facts) -> Transit:
    """Each VPC's attachment has a route table of its own, with a route for each way there and each way back."""
    attachments = tuple(
        Attachment(
            id=f"tgw-attach-{one}",
            gateway_id="tgw-1",
            vpc_id=f"vpc-{one}",
            state="available",
            subnet_ids=frozenset({f"subnet-{one}-0"}),
            table_id=f"tgw-rtb-{one}",
            region="r",
        )
        for one in _all(facts)
    )
    tables: dict[str, list[GatewayRoute]] = {one.table_id: [] for one in attachments}
    for start, to in facts.by_gateway:
        broken = facts.broken.get((start, to))
        ways = ((start, f"10.{to}.{start}.0/24", to, "no way"), (to, f"10.{start}.{start}.0/24", start, "no way back"))
        for table, block, end, lack in ways:
            if broken != lack:
                route = GatewayRoute(
                    destination=ip_network(block),
                    active=broken != "dropped",
                    kind="vpc",
                    resource_id=f"vpc-{end}",
                )
                tables[f"tgw-rtb-{table}"].append(route)
    return Transit(attachments=attachments, tables={key: tuple(routes) for key, routes in tables.items()})


def _peerings(facts: Facts) -> list[Peering]:
    return [
        Peering(id=f"pcx-{one}-{other}", vpc_ids=frozenset({f"vpc-{one}", f"vpc-{other}"}))
        for one in _all(facts)
        for other in _all(facts)
        if one != other and facts.broken.get((one, other)) != "gone"
    ]


@st.composite
def drawn(draw: st.DrawFn) -> Facts:
    """Draw two or three VPCs; what is unread changes nothing that is so."""
    count = draw(st.integers(2, 3))
    pairs = [(one, other) for one in range(count) for other in range(count)]
    own = [(one, other) for one, other in pairs if one == other]
    by_gateway = frozenset(draw(st.sets(st.sampled_from([pair for pair in pairs if pair not in own]))))
    breaks = {pair: GATEWAY_BREAKS if pair in by_gateway else BREAKS for pair in pairs}
    broken = {pair: draw(st.sampled_from(breaks[pair] if pair not in own else ("", "groups"))) for pair in pairs}
    hidden = draw(st.sets(st.sampled_from(["peerings", "acls", "groups", "transit"]), max_size=2))
    return Facts(
        vpcs=tuple(draw(_fact(count)) for _ in range(count)),
        broken=broken,
        hidden=frozenset(hidden),
        by_gateway=by_gateway,
    )


@st.composite
def _fact(draw: st.DrawFn, count: int) -> Fact:
    domains = st.sampled_from(DOMAINS)
    forwarded = st.lists(st.integers(0, count - 1), max_size=2, unique=True).map(tuple)
    status = st.sampled_from(["COMPLETE"] * 5 + ["FAILED"])
    rule = st.builds(Rule, domain=domains, targets=forwarded, nowhere=st.booleans(), status=status)
    record = st.sampled_from(["", "here", "here", "x.a", "x"])
    zone = st.builds(
        Zone, domain=st.sampled_from(DOMAINS[1:]), record=record, wildcard=st.booleans(), falls_back=st.booleans()
    )
    listed = st.lists(st.sampled_from([NAME, "*.a", "*.c.b.a", "x.a", "*"]), max_size=2).map(tuple)
    action = st.sampled_from(["ALLOW", "BLOCK", "ALERT"])
    unread = st.sampled_from(["support", "hostnames", "firewall", "profiles", "rules", "zones", "records", "fallback"])
    return Fact(
        support=draw(st.sampled_from([True] * 5 + [False])),
        hostnames=draw(st.sampled_from([True] * 3 + [False])),
        firewall=tuple(draw(st.lists(st.tuples(action, listed, st.sampled_from([True, True, False])), max_size=2))),
        rules=tuple(draw(st.lists(rule, max_size=2, unique_by=lambda one: one.domain))),
        zones=tuple(draw(st.lists(zone, max_size=2, unique_by=lambda one: one.domain))),
        unread=frozenset(draw(st.sets(unread, max_size=draw(st.sampled_from([0, 0, 1, 2]))))),
    )
