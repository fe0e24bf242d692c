"""The way of a name, case by case: what decides, and what is said where it stops or is undecided."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.network.name_hops import End, HopState
from bot.network.name_way import way_of
from bot.network.names import PrivateZone, RuleType
from tests.network.name_worlds import NAME, Fact, Facts, Rule, Zone, built, known, reference
from tests.network.test_name_way_properties import word

HERE = Zone(domain=NAME, record="here")
FORWARD = Rule(domain=NAME, targets=(1,))
TWO = Rule(domain=NAME, targets=(1,), nowhere=True)


ANSWERS = Fact(zones=(HERE,))


def facts(
    near: Fact, far: Fact = ANSWERS, broken: str = "", hidden: frozenset[str] = frozenset(), *, gateway: bool = False
) -> Facts:
    """Two VPCs; what is broken is the way from the first to the second."""
    by_gateway = frozenset({(0, 1)} if gateway else ())
    return Facts(vpcs=(near, far), broken={(0, 1): broken}, hidden=hidden, by_gateway=by_gateway)


FORWARDS = Fact(rules=(FORWARD,))
CASES = {
    "nothing": (facts(Fact()), "public", ""),
    "its own zone": (facts(Fact(zones=(HERE,))), "answered at 0", "zone-c.b.a (c.b.a) has a record of c.b.a"),
    "a rule": (facts(FORWARDS), "answered at 1", "rule-0-0 forwards c.b.a by out-0 to 10.1.0.10:53"),
    "the longer name": (facts(Fact(rules=(Rule(domain="a", targets=(1,)),), zones=(HERE,))), "answered at 0", ""),
    "of equals the rule": (facts(replace(FORWARDS, zones=(HERE,))), "answered at 1", ""),
    "SYSTEM excepts": (facts(Fact(rules=(Rule(domain="a", targets=(1,)), Rule(domain="b.a")))), "public", "keeps"),
    "FAILED holds not": (facts(Fact(rules=(replace(FORWARD, status="FAILED"),))), "public", "is FAILED"),
    "zone lacks it": (facts(Fact(zones=(Zone(domain="a"),))), "no record", "public DNS is not asked for it"),
    "zone falls back": (facts(Fact(zones=(Zone(domain="a", falls_back=True),))), "public", "falls back"),
    "a wildcard": (facts(Fact(zones=(Zone(domain="a", record="here", wildcard=True),))), "answered at 0", ""),
    "another name": (facts(Fact(zones=(Zone(domain="a", record="x"),))), "public", "has a record of c.b.a"),
    "no host names": (facts(Fact(hostnames=False, zones=(HERE,))), "public", "enableDnsHostnames off"),
    "no resolver": (facts(Fact(support=False)), "lost", "enableDnsSupport off"),
    "no resolver there": (facts(FORWARDS, Fact(support=False)), "lost", "vpc-1 has enableDnsSupport off"),
    "firewall first": (facts(replace(FORWARDS, firewall=(("BLOCK", ("*.a",), True),))), "blocked", "BLOCK"),
    "ALLOW before": (
        facts(replace(FORWARDS, firewall=(("ALLOW", (NAME,), True), ("BLOCK", ("*",), True)))), "answered at 1", "ALLOW"
    ),
    "no way in": (facts(FORWARDS, broken="groups"), "lost", "security group sg-in-1-0 has no inbound rule for udp/53"),
    "no route": (facts(FORWARDS, broken="no route"), "lost", "No route of route table rtb-0-0"),
    "no route back": (facts(FORWARDS, broken="no route back"), "lost", "No route of route table rtb-1-0"),
    "peering is gone": (facts(FORWARDS, broken="gone"), "lost", "is no active peering connection"),
    "a gateway": (facts(FORWARDS, gateway=True), "answered at 1", ""),
    "no gateway route": (
        facts(FORWARDS, broken="no way", gateway=True), "lost", "No route of route table tgw-rtb-0 of tgw-1 leads to"
    ),
    "no gateway route back": (
        facts(FORWARDS, broken="no way back", gateway=True), "lost", "route table tgw-rtb-1 of tgw-1 leads to 10.0.0.20"
    ),
    "gateway drops": (facts(FORWARDS, broken="dropped", gateway=True), "lost", "drops what it takes (blackhole)"),
    "an ACL": (facts(FORWARDS, broken="acl"), "lost", "acl-1-0"),
    "nobody there": (facts(Fact(rules=(Rule(domain=NAME, nowhere=True),))), "lost", "Nobody holds 10.0.9.9:53"),
    "one of two": (facts(Fact(rules=(TWO,))), "answered at 1", "another target"),
    "round and round": (facts(FORWARDS, FORWARDS), "lost", "more than 8"),
}  # fmt: skip


@pytest.mark.parametrize(("case", "expected", "said"), CASES.values(), ids=CASES)
def test_what_decides_about_a_name(case: Facts, expected: str, said: str) -> None:
    """The end is certain, as the reference has it, and what decides is said with its id."""
    way = way_of(built(case), "vpc-0", f"{NAME.upper()}.")

    assert (word(way), reference(case, 0, NAME)) == (expected, expected)
    assert way.doubts == ()
    assert any(said in hop.text for hop in way.hops) or not said


WILDCARDS = {
    "every name below": ("*.a", NAME, "*.a", "*.a"),
    "its own record first": (NAME, NAME, NAME, NAME),
    "none beside a name that is there": ("*.a", NAME, "b.a", None),
    "the nearest": ("*.a", NAME, "*.b.a", "*.b.a"),
    "none for a name between others": ("*.a", "b.a", "c.b.a", None),
    "none for the zone's own name": ("*.a", "a", "*.a", None),
    "beside other names": ("*.b.a", NAME, "d.b.a", "*.b.a"),
    "below one that is there": ("*.b.a", NAME, "b.a", "*.b.a"),
}  # fmt: skip
"""A record, the name that is asked for, a further record, and which of them answers. From random worlds against real
resolvers (`lab.fuzz_names`)."""


@pytest.mark.parametrize(("held", "asked", "further", "answers"), WILDCARDS.values(), ids=WILDCARDS)
def test_a_wildcard_stands_for_names_that_are_not_there(
    held: str, asked: str, further: str, answers: str | None
) -> None:
    """And that stand under no other name that is (RFC 4592)."""
    zone = PrivateZone(id="Z1", name="a", owner="1", records=((held, ""), (further, "")))

    assert zone.find(asked) == answers


@pytest.mark.parametrize(
    ("rule_brought", "zone_brought", "certain"), [(False, False, True), (True, False, False), (False, True, False)]
)
def test_a_profiles_rule_and_a_zone_of_the_same_name_are_undecided(
    *, rule_brought: bool, zone_brought: bool, certain: bool
) -> None:
    """As a Profile's zone and a rule are: AWS tells the order of two that the VPC has itself."""
    world = built(facts(replace(FORWARDS, zones=(HERE,))))
    near = world.vpcs["vpc-0"]
    assert near.associations is not None
    assert near.zones is not None
    near = replace(
        near,
        associations=tuple(replace(one, by_profile=rule_brought) for one in near.associations),
        zones=tuple(replace(one, by_profile=zone_brought) for one in near.zones),
    )

    way = way_of(replace(world, vpcs={**world.vpcs, "vpc-0": near}), "vpc-0", NAME)

    assert (word(way), way.doubts == ()) == ("answered at 1", certain)
    assert certain or "a Route 53 Profile brings one of them" in way.doubts[0].text


UNREAD = {
    "support": (Fact(unread=frozenset({"support"})), HopState.MAY_STOP, "enableDnsSupport"),
    "firewall": (Fact(unread=frozenset({"firewall"})), HopState.MAY_STOP, "DNS Firewall of vpc-0"),
    "profiles": (Fact(unread=frozenset({"profiles"})), HopState.MAY_TURN, "Route 53 Profiles"),
    "rules": (Fact(unread=frozenset({"rules"})), HopState.MAY_TURN, "rules hold in vpc-0"),
    "zones": (Fact(unread=frozenset({"zones"})), HopState.MAY_TURN, "private zones of vpc-0"),
    "records": (Fact(zones=(HERE,), unread=frozenset({"records"})), HopState.MAY_STOP, "records of zone-c.b.a"),
    "fallback": (Fact(zones=(Zone(domain="a"),), unread=frozenset({"fallback"})), HopState.MAY_TURN, "falls back"),
    "host names": (Fact(zones=(HERE,), unread=frozenset({"hostnames"})), HopState.MAY_TURN, "enableDnsHostnames"),
    "AWS's own list blocks": (Fact(firewall=(("BLOCK", (), False),)), HopState.MAY_STOP, "cannot be read"),
    "AWS's own list allows": (
        Fact(firewall=(("ALLOW", (), False), ("BLOCK", ("*",), True))), HopState.MAY_STOP, "BLOCK"
    ),
    "a status on its way": (Fact(rules=(replace(FORWARD, status="CREATING"),)), HopState.MAY_TURN, "is CREATING"),
    "overridden": (Fact(rules=(replace(FORWARD, status="OVERRIDDEN"),)), HopState.MAY_TURN, "is OVERRIDDEN"),
}  # fmt: skip


@pytest.mark.parametrize(("near", "state", "said"), UNREAD.values(), ids=UNREAD)
def test_what_was_not_read_leaves_it_undecided_and_is_named(near: Fact, state: HopState, said: str) -> None:
    """One hop says what, and whether it could stop the name or turn it elsewhere."""
    way = way_of(built(facts(near)), "vpc-0", NAME)

    assert [hop.state for hop in way.doubts] == [state]
    assert said in way.doubts[0].text


def test_what_cannot_matter_leaves_no_doubt() -> None:
    """A rule for exactly this name comes before zones; an unread list that may only let it pass is none."""
    exact = facts(replace(FORWARDS, firewall=(("ALLOW", (), False),), unread=frozenset({"zones", "hostnames"})))

    way = way_of(built(exact), "vpc-0", NAME)

    assert (word(way), way.doubts) == ("answered at 1", ())


@pytest.mark.parametrize(
    ("hidden", "said"),
    [
        ("groups", "sg-in-1-0"),
        ("acls", "ACL of subnet-0-0"),
        ("peerings", "peering connections"),
        ("transit", "tgw-1: transit gateways could not be read"),
    ],
)
def test_an_unread_network_is_undecided_and_a_proven_stop_stays_one(hidden: str, said: str) -> None:
    """What is proven to stop it is not made uncertain by something else that was not read."""
    gateway = hidden == "transit"
    unread = way_of(built(facts(FORWARDS, hidden=frozenset({hidden}), gateway=gateway)), "vpc-0", NAME)
    shut = facts(FORWARDS, broken="no route", hidden=frozenset({hidden}), gateway=gateway)
    stopped = way_of(built(shut), "vpc-0", NAME)

    assert any(said in hop.text for hop in unread.doubts)
    assert (stopped.end, stopped.fails) == (End.LOST, True)


def test_each_stop_between_networks_is_told_with_its_own_command_alone() -> None:
    """A route back that is missing has one; of two stops the first is told, and a target that is gone has none."""
    world = built(facts(FORWARDS, broken="no route back"))
    gone = tuple(
        replace(each, routes=tuple(replace(route, active=False) for route in each.routes))
        if each.vpc_id == "vpc-0"
        else each
        for each in world.network.subnets or ()
    )
    both = replace(world, network=replace(world.network, subnets=gone))

    ways = [way_of(one, "vpc-0", NAME) for one in (world, both)]
    (back,), (forth,) = ([hop for hop in way.hops if hop.state is HopState.STOPS] for way in ways)

    assert "aws ec2 create-route --route-table-id rtb-1-0 " in back.command
    assert (forth.text.endswith("leads to pcx-0-1, which is gone"), forth.command) == (True, "")


def changed(case: Facts, kind: str, **members: Any) -> Any:
    """Return a built world in which members of its rules or endpoints are others."""
    world = built(case)
    others: dict[str, Any] = {kind: {key: replace(one, **members) for key, one in getattr(world, kind).items()}}
    return replace(world, **others)


@pytest.mark.parametrize(
    ("kind", "members", "fails", "said"),
    [
        ("rules", {"targets": ()}, True, "has no targets"),
        ("rules", {"endpoint_id": "rslvr-out-gone"}, True, "Outbound endpoint rslvr-out-gone is not there"),
        ("rules", {"endpoint_id": "rslvr-out-far", "owner": "2"}, False, "account 2 was not looked at"),
        ("rules", {"status": "FAILED"}, False, "is FAILED"),
        ("endpoints", {"status": "ACTION_NEEDED", "status_message": "no address"}, False, "ACTION_NEEDED (no address)"),
        ("endpoints", {"status": "AUTO_RECOVERING"}, False, ""),
    ],
)
def test_rules_and_endpoints_in_trouble(kind: str, members: dict[str, Any], *, fails: bool, said: str) -> None:
    """What is certain stops it; what may still work is undecided."""
    way = way_of(changed(facts(FORWARDS), kind, **members), "vpc-0", NAME)

    assert way.fails is fails
    assert bool(way.doubts) is (bool(said) and not fails)
    assert any(said in hop.text for hop in way.hops)


SERVERS = ("ns1.corp.example", "ns2.corp.example")


def delegating(record: str, *, status: str = "COMPLETE", delegated: str = "b.a", read: bool = True) -> Any:
    """Return a built world: a zone that delegates, and a DELEGATE rule for name servers of this record."""
    world = built(facts(Fact(rules=(replace(FORWARD, status=status),), zones=(Zone(domain="a"),))))
    rules = {
        key: replace(one, type=RuleType.DELEGATE, name="", targets=(), delegation_record=record)
        for key, one in world.rules.items()
    }
    near = world.vpcs["vpc-0"]
    zones = tuple(
        replace(one, delegations=((delegated, SERVERS),), records=one.records if read else None)
        for one in near.zones or ()
    )
    return replace(world, rules=rules, vpcs={**world.vpcs, "vpc-0": replace(near, zones=zones)})


@pytest.mark.parametrize(
    ("world", "end", "said"),
    [
        (delegating("corp.example"), "", "delegates b.a to ns1.corp.example, ns2.corp.example, and rule-0-0 (DELEGATE"),
        (delegating("ns2.corp.example"), "", "has these asked from out-0"),
        (delegating("", read=False), "", "What zone-a (a) delegates could not be read, and rule-0-0"),
        (delegating("other.example"), "no record", "public DNS is not asked for it"),
        (delegating("corp.example", status="FAILED"), "no record", "public DNS is not asked for it"),
        (delegating("corp.example", delegated="d.a"), "no record", "public DNS is not asked for it"),
    ],
    ids=["its servers", "one of them", "unread", "others' servers", "FAILED", "another name"],
)
def test_a_delegate_rule_counts_where_a_zone_delegates_the_name_to_its_servers(world: Any, end: str, said: str) -> None:
    """There what the servers answer is undecided; elsewhere the rule changes nothing."""
    way = way_of(world, "vpc-0", NAME)

    assert bool(way.doubts) is (not end)
    assert way.fails is bool(end)
    assert any(said in hop.text for hop in way.hops), [hop.text for hop in way.hops]


def test_a_delegate_rule_leaves_names_alone_that_no_zone_delegates() -> None:
    """It has no name of its own: without a zone the name is public, for certain."""
    world = delegating("corp.example")
    near = replace(world.vpcs["vpc-0"], zones=())

    way = way_of(replace(world, vpcs={**world.vpcs, "vpc-0": near}), "vpc-0", NAME)

    assert (way.end, way.doubts) == (End.PUBLIC, ())


def test_another_port_reaches_no_inbound_endpoint() -> None:
    """An inbound endpoint answers on 53 alone."""
    world = built(facts(FORWARDS))
    rules = {key: replace(rule, targets=tuple(replace(one, port=5353) for one in rule.targets))
             for key, rule in world.rules.items()}  # fmt: skip

    way = way_of(replace(world, rules=rules), "vpc-0", NAME)

    assert way.fails
    assert "answers on port 53 alone" in way.hops[-1].text


def test_a_server_outside_and_a_vpc_that_was_not_read_are_undecided() -> None:
    """A target on premises, and an inbound endpoint of whose VPC nothing is known."""
    world = built(facts(FORWARDS))
    near = {"vpc-0": world.vpcs["vpc-0"]}
    on_premises = way_of(replace(world, vpcs=near, endpoints={"out-0": world.endpoints["out-0"]}), "vpc-0", NAME)
    unread = way_of(replace(world, vpcs=near), "vpc-0", NAME)

    assert (on_premises.end, unread.end) == (End.ELSEWHERE, End.ELSEWHERE)
    assert "is in none of the VPCs" in on_premises.doubts[0].text
    assert "What vpc-1 resolves by was not read" in unread.doubts[-1].text


def test_known_facts_are_read_whole() -> None:
    """The helper hides nothing."""
    assert known(facts(Fact(unread=frozenset({"zones"})))).vpcs[0].unread == frozenset()
