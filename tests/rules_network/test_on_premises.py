"""What networks on premises lack so that the private endpoint's name resolves there (D2, D3, D6)."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from bot.domain.findings import Verdict
from bot.domain.lookups import Answer, Client, ClientKind, Lookup, Transport
from bot.domain.network_lookups import EndpointLookups, NetworkLooked
from bot.domain.places import OnPremises, PublicResolution
from bot.network.model import Route
from bot.rules import private_endpoint_not_resolvable
from tests.rules_network.name_evidence import HOST, Scene, judged

PROBLEM, HEALTHY, UNKNOWN = Verdict.PROBLEM, Verdict.HEALTHY, Verdict.UNKNOWN
BLOCKED, OPEN, NOT_SAID = PublicResolution.BLOCKED, PublicResolution.OPEN, PublicResolution.UNKNOWN
HQ = OnPremises(name="hq", cidrs=("10.64.0.0/10",))
RULE = private_endpoint_not_resolvable.RULE
PEERED = Scene()
ROUTE = Route(destination="10.64.0.0/10", target="vgw-1", active=True)
BUILT = replace(
    PEERED,
    home_network=replace(
        PEERED.home_network,
        subnets=tuple(replace(one, routes=(*one.routes, ROUTE)) for one in PEERED.home_network.subnets),
    ),
)
"""The peer is led there, and the cluster's VPC is ready for the network on premises."""
BARE = replace(BUILT, inbound=())
UDP_ALONE = replace(BUILT.home_groups, rules=BUILT.home_groups.rules[:1])
ELSEWHERE = replace(
    BUILT.home_groups,
    rules=tuple(replace(one, cidr=ip_network("10.1.0.0/16")) for one in BUILT.home_groups.rules),
)


def seen(answer: Answer, *directly: Answer) -> EndpointLookups:
    """Return what the network's own DNS server answered, and the inbound endpoint when asked itself."""

    def lookup(server: str, given: Answer) -> Lookup:
        return Lookup(
            client=Client(kind=ClientKind.ON_PREMISES, place="hq"), server=server, through_service=False,
            transport=Transport.UDP, external=False, name=f"{HOST}.", answer=given,
            addresses=("10.0.0.5",) if given is Answer.ANSWERED else (),
        )  # fmt: skip

    hq = NetworkLooked(
        place="hq", looked_from="pod dns/a", lookups=(lookup("10.64.0.2", answer),), connections=(),
        directly=tuple(lookup("10.0.0.10", one) for one in directly),
    )  # fmt: skip
    return EndpointLookups(name=HOST, private_addresses=("10.0.0.5",), networks=(hq,))


FAILS = seen(Answer.NXDOMAIN)


@pytest.mark.parametrize(
    ("scene", "public", "verdict"),
    [
        pytest.param(replace(BUILT, lookups=seen(Answer.ANSWERED)), BLOCKED, HEALTHY, id="a lookup got there"),
        pytest.param(BARE, OPEN, HEALTHY, id="public DNS may be asked"),
        pytest.param(replace(BARE, lookups=FAILS), OPEN, PROBLEM, id="and it answers nothing"),
        pytest.param(BUILT, BLOCKED, UNKNOWN, id="ready and nobody looked"),
        pytest.param(BARE, NOT_SAID, UNKNOWN, id="not ready and nobody knows about public DNS"),
        pytest.param(BARE, BLOCKED, PROBLEM, id="not ready"),
        pytest.param(replace(BUILT, home_groups=ELSEWHERE), BLOCKED, PROBLEM, id="kept out"),
        pytest.param(replace(BUILT, home_groups=UDP_ALONE), BLOCKED, UNKNOWN, id="kept out over TCP alone"),
        pytest.param(PEERED, BLOCKED, PROBLEM, id="no way back"),
        pytest.param(replace(BUILT, lookups=FAILS), BLOCKED, PROBLEM, id="ready and not forwarded"),
    ],
)
def test_verdicts(scene: Scene, public: PublicResolution, verdict: Verdict) -> None:
    """A lookup decides; without one what is closed is a problem only where public DNS is blocked."""
    assert judged(RULE, scene, public, (HQ,), peers=False).verdict is verdict


@pytest.mark.parametrize(
    ("scene", "missing", "said"),
    [
        (BARE, ["inbound endpoint", "forwarder on premises"], "before there is an inbound endpoint"),
        (
            replace(PEERED, inbound=()), ["route or peering", "inbound endpoint", "forwarder on premises"],
            "No route of vpc-home leads to 10.64.0.0/10 (hq)",
        ),
        (
            replace(BUILT, home_groups=ELSEWHERE),
            ["inbound endpoint's security group", "forwarder on premises"],
            "has no inbound rule for udp/53 from 10.64.0.0/10",
        ),
        (
            replace(BARE, home_dns=replace(BUILT.home_dns, dns_support=False)),
            ["VPC DNS attributes", "inbound endpoint", "forwarder on premises"], "enableDnsSupport off",
        ),
        (replace(BUILT, lookups=FAILS), ["forwarder on premises"], f"must forward {HOST} to 10.0.0.10, 10.0.1.10"),
        (
            replace(BUILT, lookups=seen(Answer.NXDOMAIN, Answer.ANSWERED)), ["forwarder on premises"],
            "is answered by 10.0.0.10, 10.0.1.10 when asked from hq: forward the name there",
        ),
        (
            replace(BUILT, lookups=seen(Answer.NXDOMAIN, Answer.TIMED_OUT)), ["way to the inbound endpoint"],
            "look at network ACLs, and at VPN and firewalls",
        ),
    ],
)  # fmt: skip
def test_what_is_missing_comes_in_the_order_in_which_it_is_built(scene: Scene, missing: list[str], said: str) -> None:
    """With the ids and blocks that it is about; the row holds what a fix plans from."""
    found = judged(RULE, scene, BLOCKED, (HQ,), peers=False)

    rows: Any = found.details["on_premises"]
    (row,) = rows
    assert found.details["missing"] == missing
    assert (row["place"], row["cidrs"]) == ("hq", ["10.64.0.0/10"])
    assert any(said in line for line in found.proof)
    assert [one.places for one in found.reach] == [frozenset({"hq"})]


@pytest.mark.parametrize(
    ("scene", "waits"),
    [
        (replace(BUILT, lookups=seen(Answer.NXDOMAIN, Answer.ANSWERED)), "your forwarder"),
        (replace(BUILT, lookups=FAILS), "your forwarder"),
        (BUILT, "your forwarder"),
        (replace(BUILT, lookups=seen(Answer.NXDOMAIN, Answer.TIMED_OUT)), ""),
        (BARE, ""),
    ],
    ids=["the endpoint answers", "nobody asked it", "nobody looked", "the endpoint does not answer", "not built"],
)
def test_it_waits_for_the_forwarder_where_nothing_else_is_left(scene: Scene, waits: str) -> None:
    """Seen or not; what the bot may still build, or a way that is closed, is more than that."""
    assert judged(RULE, scene, BLOCKED, (HQ,), peers=False).waits_for == waits


def test_the_texts_for_dns_servers_hold_this_clusters_values() -> None:
    """Once there is an address to forward to; before that there are none."""
    handed = judged(RULE, replace(BUILT, lookups=FAILS), BLOCKED, (HQ,), peers=False).files

    assert [one.title for one in handed] == ["BIND", "Unbound", "dnsmasq", "Windows DNS"]
    assert all(HOST in one.text and "10.0.0.10" in one.text for one in handed)
    assert judged(RULE, BARE, BLOCKED, (HQ,), peers=False).files == ()


def test_a_peer_that_is_lost_is_more_than_a_forwarder() -> None:
    """Both are told; the plan for the peer is not done with what people do on premises."""
    scene = replace(BUILT, outbound=(), rules=(), associations=(), lookups=seen(Answer.NXDOMAIN, Answer.ANSWERED))

    found = judged(RULE, scene, BLOCKED, (HQ,))

    assert found.details["missing"] == ["outbound endpoint", "FORWARD rule", "forwarder on premises"]
    assert found.waits_for == ""
