"""What other networks answer for the endpoint's name, and what that changes in the rules about its way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.evidence import Gap
from bot.domain.findings import Verdict
from bot.domain.lookups import Answer, Client, ClientKind, Lookup, Transport
from bot.domain.network_lookups import EndpointLookups, NetworkLooked
from bot.domain.places import PublicResolution
from bot.rules import private_endpoint_lookups_fail, private_endpoint_not_resolvable, resolver_rule_broken
from tests.rules_network.name_evidence import CLUSTER, HOST, Scene, judged, without_routes

PROBLEM, HEALTHY, UNKNOWN = Verdict.PROBLEM, Verdict.HEALTHY, Verdict.UNKNOWN
NOT_SAID = PublicResolution.UNKNOWN
PRIVATE = ("10.0.0.5", "10.0.1.6")
NOTHING = Scene(inbound=(), outbound=(), rules=(), associations=())


def seen(answer: Answer, *addresses: str) -> EndpointLookups:
    """Return one lookup from the peer."""
    client = Client(kind=ClientKind.PEER, place="tools")
    lookup = Lookup(
        client=client, server="10.1.0.2", through_service=False, transport=Transport.UDP, external=False,
        name=f"{HOST}.", answer=answer, addresses=addresses,
    )  # fmt: skip
    network = NetworkLooked(place="tools", looked_from="pod dns/a", lookups=(lookup,), connections=())
    return EndpointLookups(name=HOST, private_addresses=PRIVATE, networks=(network,))


FAILS, ANSWERS = seen(Answer.NXDOMAIN), seen(Answer.ANSWERED, "10.0.1.6", "10.0.0.5")
UNPROBED = EndpointLookups(name=HOST, private_addresses=PRIVATE, unprobed=("tools",))
REFUSED = EndpointLookups(name=HOST, private_addresses=PRIVATE, gaps=(Gap(what="lookups from tools", reason="403"),))
NOBODY = EndpointLookups(name="", private_addresses=())
OPEN_TOO = replace(CLUSTER, endpoint_public=True)


@pytest.mark.parametrize(
    ("scene", "verdict"),
    [
        pytest.param(Scene(lookups=ANSWERS), HEALTHY, id="private addresses"),
        pytest.param(Scene(lookups=seen(Answer.ANSWERED, "10.0.1.6")), HEALTHY, id="one of them"),
        pytest.param(Scene(lookups=FAILS), PROBLEM, id="NXDOMAIN"),
        pytest.param(Scene(lookups=seen(Answer.TIMED_OUT)), PROBLEM, id="time-out"),
        pytest.param(Scene(lookups=seen(Answer.NOT_ASKED)), UNKNOWN, id="not asked"),
        pytest.param(Scene(lookups=seen(Answer.ANSWERED, "54.1.2.3")), PROBLEM, id="foreign address"),
        pytest.param(
            Scene(lookups=seen(Answer.ANSWERED, "54.1.2.3"), cluster=OPEN_TOO), HEALTHY, id="public ones"
        ),
        pytest.param(Scene(lookups=seen(Answer.ANSWERED, "10.0.7.7")), UNKNOWN, id="an interface that is gone"),
        pytest.param(Scene(lookups=UNPROBED), UNKNOWN, id="no probe"),
        pytest.param(Scene(lookups=REFUSED), UNKNOWN, id="a probe that refuses"),
        pytest.param(
            Scene(lookups=NOBODY, cluster=replace(CLUSTER, endpoint_private=False)),
            HEALTHY, id="public access alone",
        ),
    ],
)  # fmt: skip
def test_the_symptom_rests_on_look_ups_alone(scene: Scene, verdict: Verdict) -> None:
    """Everything is built here by configuration, which decides nothing."""
    assert judged(private_endpoint_lookups_fail.RULE, scene, NOT_SAID).verdict is verdict


@pytest.mark.parametrize(
    ("scene", "resolvable", "broken"),
    [
        pytest.param(replace(NOTHING, lookups=FAILS), PROBLEM, HEALTHY, id="nothing is built and a lookup fails"),
        pytest.param(replace(NOTHING, lookups=ANSWERS), HEALTHY, HEALTHY, id="nothing is built and public DNS answers"),
        pytest.param(replace(NOTHING, lookups=UNPROBED), UNKNOWN, HEALTHY, id="nothing is built and nobody looked"),
        pytest.param(Scene(associations=(), lookups=FAILS), HEALTHY, PROBLEM, id="not associated and a lookup fails"),
        pytest.param(Scene(associations=(), lookups=ANSWERS), HEALTHY, HEALTHY, id="not associated and not needed"),
        pytest.param(Scene(associations=(), lookups=UNPROBED), HEALTHY, UNKNOWN, id="not associated, nobody looked"),
    ],
)
def test_a_look_up_decides_what_configuration_leaves_open(scene: Scene, resolvable: Verdict, broken: Verdict) -> None:
    """Nobody said whether public DNS may be asked there."""
    assert judged(private_endpoint_not_resolvable.RULE, scene, NOT_SAID).verdict is resolvable
    assert judged(resolver_rule_broken.RULE, scene, NOT_SAID).verdict is broken


def test_causes_reach_the_networks_that_they_name() -> None:
    """The symptom's lookups are accounted for, and none from inside the cluster."""
    found = judged(private_endpoint_not_resolvable.RULE, replace(NOTHING, lookups=FAILS), NOT_SAID)
    failing = judged(private_endpoint_lookups_fail.RULE, Scene(lookups=FAILS), NOT_SAID).failing

    assert [reach.covers(failing[0]) for reach in found.reach] == [True]
    assert not found.reach[0].covers(replace(failing[0], client=Client(kind=ClientKind.POD, node="n", pod="a/b")))


def test_what_drops_queries_for_certain_stays_a_problem() -> None:
    """A rule leads them into a network without routes."""
    lost = Scene(peer_network=without_routes(Scene().peer_network), lookups=FAILS)

    assert judged(private_endpoint_not_resolvable.RULE, lost, NOT_SAID).verdict is PROBLEM
