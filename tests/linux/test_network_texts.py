"""`ip` of several makes and ways: iproute2's JSON and text, busybox's text, of one and the same namespace."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SourceGarbled
from bot.linux.interfaces import parse_interfaces
from bot.linux.routes import Route, parse_routes
from bot.linux.routing_rules import RoutingRule, parse_routing_rules
from tests.linux.printed_texts import printed

RULES = ("iproute2-rule.json", "iproute2-rule.txt", "busybox-rule.txt", "iproute2-rule-numeric.json")
ROUTES = ("iproute2-route.json", "iproute2-route.txt", "busybox-route.txt", "iproute2-route-numeric.json")
ADDRESSES = ("iproute2-address.json", "iproute2-address.txt", "busybox-address.txt")


@pytest.mark.parametrize("name", RULES)
def test_strict_mode_sends_branch_packets_past_the_local_table(name: str) -> None:
    """Document row B6, from each form: priority 10 by the branch interface, before `local` at 20."""
    rules = [rule for rule in parse_routing_rules(printed(name)) if rule.priority != 2000]

    assert [rule.text for rule in rules] == [
        "10: from all iif vlan.eth.1 lookup 101",
        "10: from all iif vlanf4a8bd8f1a3 lookup 101",
        "10: from all iif vlan.eth.9 lookup 109",
        "20: from all lookup local",
        "512: from all to 10.0.1.8 lookup main",
        "1024: from all fwmark 0x80/0x80 lookup main",
        "1536: from 10.0.2.0/24 lookup 2",
        "32766: from all lookup main",
        "32767: from all lookup default",
    ]


def test_a_rule_that_leads_to_no_table_says_what_it_does() -> None:
    """What it asks for besides is kept as printed."""
    (rule,) = [one for one in parse_routing_rules(printed("iproute2-rule.txt")) if one.priority == 2000]

    assert rule == RoutingRule(
        priority=2000, source="10.9.0.0/16", inverted=True, action="blackhole", further="ipproto udp dport 53"
    )


@pytest.mark.parametrize("text", ["0:\tfrom 10.9.0.0/16 lookup unspec blackhole\n", "0: from 10.9.0.0/16 blackhole\n"])
def test_busyboxs_table_of_a_rule_that_has_none_is_none(text: str) -> None:
    """Its word is `unspec`."""
    (rule,) = parse_routing_rules(text)

    assert (rule.table, rule.action) == ("", "blackhole")


@pytest.mark.parametrize("name", ROUTES)
def test_the_tables_that_rules_name_are_read(name: str) -> None:
    """Table 101 has the branch's default route and the pod; the local table has NodeLocal DNSCache's addresses (B3)."""
    routes = parse_routes(printed(name))

    assert [route for route in routes if route.table == "101"] == [
        Route(table="101", destination="default", gateway="10.0.1.1", interface="vlan.eth.1"),
        Route(table="101", destination="10.0.1.7", interface="vlanf4a8bd8f1a3"),
    ]
    local = [route for route in routes if route.table == "local" and route.interface == "nodelocaldns"]
    assert [(route.kind, route.destination) for route in local] == [
        ("local", "169.254.20.10"), ("local", "172.20.0.10"),
    ]  # fmt: skip
    assert ("blackhole", "10.99.0.0/16") in [(route.kind, route.destination) for route in routes]


@pytest.mark.parametrize("name", ["iproute2-route.json", "iproute2-route.txt"])
def test_a_route_with_several_hops_is_one_route(name: str) -> None:
    """Its first hop stands for it."""
    (route,) = [one for one in parse_routes(printed(name)) if one.destination == "10.50.0.0/16"]

    assert (route.gateway, route.interface, route.table) == ("10.0.1.1", "eth0", "main")


@pytest.mark.parametrize("name", ADDRESSES)
def test_addresses_stand_with_their_interfaces(name: str) -> None:
    """The interface of NodeLocal DNSCache holds both, and nobody switched it on (B3)."""
    interfaces = {one.name: one for one in parse_interfaces(printed(name))}

    held = interfaces["nodelocaldns"].addresses
    assert {one.address for one in held if one.prefix_length == 32} == {"169.254.20.10", "172.20.0.10"}
    assert (interfaces["nodelocaldns"].up, interfaces["eth0"].up) == (False, True)
    assert interfaces["lo"].holds("127.0.0.1")
    assert interfaces["vlan.eth.1"].parent == "p1"


@pytest.mark.parametrize(
    ("parse", "name"),
    [(parse_routing_rules, name) for name in RULES]
    + [(parse_routes, name) for name in ROUTES]
    + [(parse_interfaces, name) for name in ADDRESSES],
)
@given(share=st.floats(0.01, 0.99))
def test_a_text_that_is_cut_within_a_line_is_no_evidence(parse: object, name: str, share: float) -> None:
    """JSON is whole or nothing; of text the last line must end."""
    text = printed(name)
    cut = text[: int(len(text) * share)].rstrip("\n")

    with pytest.raises(SourceGarbled):
        parse(cut)  # type: ignore[operator]  # a parser


@pytest.mark.parametrize("parse", [parse_routing_rules, parse_routes, parse_interfaces])
@pytest.mark.parametrize("text", ["", "[]", "[1]", "[{}]", "Usage: ip [OPTIONS]\n", "Error: dump\n"])
def test_what_is_none_of_these_texts_is_refused(parse: object, text: str) -> None:
    """Every kernel has a loopback, two rules and a local table."""
    with pytest.raises(SourceGarbled):
        parse(text)  # type: ignore[operator]  # a parser


def test_the_empty_objects_of_some_versions_are_passed_over() -> None:
    """`ip -json` once printed `{}` for what a filter left out."""
    text = printed("iproute2-address.json").replace("[{", "[{},{},{", 1)

    assert parse_interfaces(text) == parse_interfaces(printed("iproute2-address.json"))
