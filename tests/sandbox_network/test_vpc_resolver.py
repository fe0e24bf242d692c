from __future__ import annotations

from dataclasses import replace

import pytest

from bot.sandbox.network.names import Record, Zone
from bot.sandbox.network.network import Network
from bot.sandbox.network.replies import TIMEOUT, Outcome
from bot.sandbox.network.resolver import Resolver
from bot.sandbox.network.vpc import ApiEndpoint, Group
from tests.sandbox_network.networks import HOME, INBOUND, OUTBOUND, PEER, PEERED, asked, rule, with_peer

BOTH = frozenset({"vpc-home", "vpc-peer"})
NAME = "db.corp.example"
PUBLIC = "amazon.com"
API_HOST = "abc.gr7.eu-west-1.eks.amazonaws.com"


def _zone(name: str, vpc_ids: frozenset[str] = BOTH, **addresses: str) -> Zone:
    records = {each.replace("_", "."): Record(addresses=(address,)) for each, address in addresses.items()}
    return Zone(id=f"Z{name}", name=name, vpc_ids=vpc_ids, records=records)


def _with(*parts: object, network: Network = PEERED) -> Network:
    zones = tuple(part for part in parts if isinstance(part, Zone))
    rules = tuple(part for part in parts if not isinstance(part, Zone))
    return replace(network, zones=zones, rules=rules)  # type: ignore[arg-type]  # rules


IN_PEER = _zone("corp.example", frozenset({"vpc-peer"}), db_corp_example="10.2.0.20")


def test_without_zones_and_rules_names_are_public() -> None:
    """Public names have addresses, reserved ones do not exist, and instances' names hold their address."""
    assert asked(PEERED, PUBLIC).outcome is Outcome.ANSWER
    assert asked(PEERED, NAME).outcome is Outcome.NXDOMAIN
    assert asked(PEERED, "ip-10-1-0-20.eu-west-1.compute.internal").addresses == ("10.1.0.20",)


def test_a_vpc_without_dns_support_has_no_resolver() -> None:
    """Nothing answers there; the other VPC is not concerned."""
    network = replace(PEERED, home=replace(HOME, dns_support=False))

    assert asked(network, PUBLIC) == TIMEOUT
    assert asked(network, PUBLIC, at=PEER).outcome is Outcome.ANSWER


def test_each_vpc_sees_the_private_zones_that_it_is_associated_with() -> None:
    """The same name has an address in one VPC and none in the other."""
    network = _with(IN_PEER)

    assert asked(network, NAME, at=PEER).addresses == ("10.2.0.20",)
    assert asked(network, NAME).outcome is Outcome.NXDOMAIN


def test_private_zones_need_host_names() -> None:
    """Without enableDnsHostnames the VPC asks public DNS."""
    network = _with(_zone("amazon.com", amazon_com="10.1.0.9"))
    without = replace(network, home=replace(HOME, dns_hostnames=False))

    assert asked(network, PUBLIC).addresses == ("10.1.0.9",)
    assert len(asked(without, PUBLIC).addresses) == 3


def test_the_longest_zone_decides_even_if_it_lacks_the_record() -> None:
    """A private zone shadows what lies behind it."""
    network = _with(_zone("corp.example", db_corp_example="10.1.0.9"), _zone("db.corp.example"))

    assert asked(network, NAME).outcome is Outcome.NXDOMAIN


def test_names_are_told_apart_by_labels_and_not_by_case_or_a_final_dot() -> None:
    """`notamazon.com` is not under `amazon.com`."""
    network = _with(_zone("amazon.com", db_amazon_com="10.1.0.9"))

    assert asked(network, "DB.Amazon.Com.").addresses == ("10.1.0.9",)
    assert len(asked(network, "notamazon.com").addresses) == 3


def test_records_lead_on_and_wildcards_stand_for_names_without_one() -> None:
    """A CNAME is followed through the same resolver; a circle of them ends in SERVFAIL."""
    zone = Zone(
        id="Z1",
        name="corp.example",
        vpc_ids=BOTH,
        records={
            "www.corp.example": Record(target="db.corp.example"),
            "db.corp.example": Record(addresses=("10.1.0.9",), ttl_seconds=300),
            "*.apps.corp.example": Record(addresses=("10.1.0.8",)),
            "round.corp.example": Record(target="round.corp.example"),
            "text.corp.example": Record(),
        },
    )
    network = _with(zone)

    assert (asked(network, "www.corp.example").addresses, asked(network, NAME).ttl_seconds) == (("10.1.0.9",), 300)
    assert asked(network, "a.b.apps.corp.example").addresses == ("10.1.0.8",)
    assert asked(network, "round.corp.example").outcome is Outcome.SERVFAIL
    nothing = asked(network, "text.corp.example")
    assert (nothing.outcome, nothing.addresses) == (Outcome.ANSWER, ())


def test_public_zones_of_the_world_answer_everybody() -> None:
    """Their names are what public DNS has."""
    network = _with(replace(_zone("shop.com", frozenset(), www_shop_com="203.0.113.7"), private=False))

    assert asked(network, "www.shop.com").addresses == ("203.0.113.7",)
    assert asked(network, "other.shop.com").outcome is Outcome.NXDOMAIN


def test_a_rule_asks_what_the_other_vpc_knows() -> None:
    """Through the outbound endpoint to the inbound one, whose VPC answers by its own zones."""
    network = _with(IN_PEER, rule("corp.example", INBOUND))

    assert asked(network, NAME).addresses == ("10.2.0.20",)
    assert asked(network, "none.corp.example").outcome is Outcome.NXDOMAIN


def test_of_a_rule_and_a_zone_of_one_name_the_rule_decides_and_else_the_longer_name() -> None:
    """Route 53 Developer Guide: the most specific name, and of equal ones the rule."""
    own = _zone("corp.example", frozenset({"vpc-home"}), db_corp_example="10.1.0.9")
    longer = _zone("db.corp.example", frozenset({"vpc-home"}), db_corp_example="10.1.0.8")
    to_peer = rule("corp.example", INBOUND)

    assert asked(_with(IN_PEER, own), NAME).addresses == ("10.1.0.9",)
    assert asked(_with(IN_PEER, own, to_peer), NAME).addresses == ("10.2.0.20",)
    assert asked(_with(IN_PEER, own, longer, to_peer), NAME).addresses == ("10.1.0.8",)


def test_a_system_rule_excepts_its_names() -> None:
    """They resolve as if no rule were there: by the VPC's zones, or publicly."""
    everything, excepted = rule("", INBOUND), rule("amazon.com")
    in_peer = _zone("amazon.com", frozenset({"vpc-peer"}), amazon_com="10.2.0.20")

    assert asked(_with(in_peer, everything), PUBLIC).addresses == ("10.2.0.20",)
    assert len(asked(_with(in_peer, everything, excepted), PUBLIC).addresses) == 3


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(replace(PEERED, peerings=()), id="not peered"),
        pytest.param(replace(PEERED, endpoints=PEERED.endpoints[1:]), id="no outbound endpoint"),
        pytest.param(replace(PEERED, endpoints=PEERED.endpoints[:1]), id="no inbound endpoint"),
        pytest.param(
            with_peer(PEERED, replace(PEER, groups={"sg-peer": Group(inbound=(), outbound=())})), id="group not open"
        ),
        pytest.param(with_peer(PEERED, replace(PEER, dns_support=False)), id="no DNS over there"),
    ],
)
def test_a_rule_whose_way_is_cut_fails_the_look_up(network: Network) -> None:
    """The client gets SERVFAIL; the rule does not fall back to public DNS."""
    assert asked(_with(IN_PEER, rule("corp.example", INBOUND), network=network), NAME).outcome is Outcome.SERVFAIL


def test_a_second_target_answers_when_the_first_is_silent() -> None:
    """Targets are asked one after the other."""
    network = _with(IN_PEER, rule("corp.example", "10.2.0.99", INBOUND))

    assert asked(network, NAME).addresses == ("10.2.0.20",)


def test_rules_that_lead_in_a_circle_end_in_servfail() -> None:
    """An inbound endpoint of the VPC whose rule leads to it: the query comes back again and again."""
    circle = replace(PEERED.endpoints[1], vpc_id="vpc-home", addresses=(OUTBOUND,))
    network = replace(PEERED, endpoints=(PEERED.endpoints[0], circle))

    assert asked(_with(rule("corp.example", OUTBOUND), network=network), NAME).outcome is Outcome.SERVFAIL


@pytest.mark.parametrize(("public", "outside"), [(True, 3), (False, 1)])
def test_a_clusters_endpoint_has_private_addresses_inside_its_vpc(*, public: bool, outside: int) -> None:
    """Elsewhere the name has public addresses, or, when the endpoint is private only, the same private ones."""
    endpoint = ApiEndpoint(host=API_HOST, addresses=("10.1.0.20",), public=public)
    network = replace(PEERED, home=replace(HOME, api_endpoints=(endpoint,)))
    without_names = replace(network, home=replace(network.home, dns_hostnames=False))

    assert asked(network, API_HOST).addresses == ("10.1.0.20",)
    assert len(asked(network, API_HOST, at=PEER).addresses) == outside
    assert len(asked(without_names, API_HOST).addresses) == outside


def test_the_endpoint_name_can_be_asked_through_a_rule() -> None:
    """What a private cluster needs: a peer's rule for the name leads to an inbound endpoint in the cluster's VPC."""
    endpoint = ApiEndpoint(host=API_HOST, addresses=("10.1.0.20",))
    ends = (
        replace(PEERED.endpoints[0], vpc_id="vpc-peer", addresses=(INBOUND,)),
        replace(PEERED.endpoints[1], vpc_id="vpc-home", addresses=(OUTBOUND,)),
    )
    network = replace(PEERED, home=replace(HOME, api_endpoints=(endpoint,)), endpoints=ends)
    network = replace(network, rules=(rule(API_HOST, OUTBOUND, vpc_id="vpc-peer"),))

    assert Resolver(network, PEER).answer(API_HOST).addresses == ("10.1.0.20",)
