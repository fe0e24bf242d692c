"""What peers' clients ask and are answered: other servers than the VPC's resolver, and public addresses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.evidence import Gap
from bot.domain.findings import Verdict
from bot.domain.lookups import Answer
from bot.domain.places import PublicResolution
from bot.rules import endpoint_name_answers_public_addresses, vpc_custom_dhcp_dns
from tests.rules_network.name_evidence import CLUSTER, HOST, Scene, judged
from tests.rules_network.test_private_endpoint_lookups import ANSWERS, FAILS, UNPROBED, seen

PROBLEM, HEALTHY, UNKNOWN = Verdict.PROBLEM, Verdict.HEALTHY, Verdict.UNKNOWN
BLOCKED, OPEN, NOT_SAID = PublicResolution.BLOCKED, PublicResolution.OPEN, PublicResolution.UNKNOWN
BUILT = Scene()
ELSEWHERE = replace(BUILT.peer_dns, servers=("10.1.0.53",))
SENT = Scene(peer_dns=ELSEWHERE)
AT_HOME = Scene(home_dns=replace(BUILT.home_dns, servers=("10.0.0.53",)), lookups=ANSWERS)
BOTH = replace(CLUSTER, endpoint_public=True)
SOME = replace(BOTH, public_access_cidrs=("203.0.113.0/24",))
PUBLIC = seen(Answer.ANSWERED, "54.1.2.3")


@pytest.mark.parametrize(
    ("scene", "verdict"),
    [
        pytest.param(replace(SENT, lookups=FAILS), PROBLEM, id="sent elsewhere, and lookups fail"),
        pytest.param(replace(SENT, lookups=ANSWERS), HEALTHY, id="sent to servers that pass the name on"),
        pytest.param(replace(SENT, lookups=UNPROBED), UNKNOWN, id="sent elsewhere, and nobody looked"),
        pytest.param(SENT, UNKNOWN, id="sent elsewhere, and lookups could not be gathered"),
        pytest.param(
            replace(SENT, lookups=FAILS, associations=()), UNKNOWN, id="the VPC's resolver would not know it either"
        ),
        pytest.param(replace(BUILT, lookups=FAILS), HEALTHY, id="AmazonProvidedDNS"),
        pytest.param(
            Scene(peer_dns=replace(ELSEWHERE, servers=("169.254.169.253",)), lookups=FAILS), HEALTHY,
            id="the resolver by its address",
        ),
        pytest.param(AT_HOME, UNKNOWN, id="the cluster's own VPC, private access alone"),
        pytest.param(replace(AT_HOME, cluster=BOTH), HEALTHY, id="the cluster's own VPC, public access too"),
        pytest.param(Scene(gaps=(Gap(what="Resolver", reason="403"),)), UNKNOWN, id="not all read"),
    ],
)  # fmt: skip
def test_dhcp_options_are_blamed_where_look_ups_fail_because_of_them(scene: Scene, verdict: Verdict) -> None:
    """Only what the VPC's resolver would have answered is lost by asking somebody else."""
    assert judged(vpc_custom_dhcp_dns.RULE, scene).verdict is verdict


def test_dhcp_options_are_named_with_their_servers_and_what_to_do() -> None:
    """The option set, the servers, and the command that gives AWS's own back."""
    found = judged(vpc_custom_dhcp_dns.RULE, replace(SENT, lookups=FAILS))

    assert "DHCP option set dopt-1 sends clients to 10.1.0.53" in found.summary
    assert "aws ec2 associate-dhcp-options --vpc-id vpc-peer" in found.advice[0]
    assert [one.places for one in found.reach] == [frozenset({"tools"})]


@pytest.mark.parametrize(
    ("scene", "public", "verdict"),
    [
        pytest.param(Scene(cluster=BOTH, lookups=PUBLIC), BLOCKED, PROBLEM, id="public addresses that may not be used"),
        pytest.param(Scene(cluster=BOTH, lookups=PUBLIC), OPEN, HEALTHY, id="public addresses that everybody may use"),
        pytest.param(Scene(cluster=BOTH, lookups=PUBLIC), NOT_SAID, HEALTHY, id="nobody said that they may not"),
        pytest.param(Scene(cluster=SOME, lookups=PUBLIC), OPEN, UNKNOWN, id="some networks may use them"),
        pytest.param(Scene(cluster=BOTH, lookups=ANSWERS), BLOCKED, HEALTHY, id="private addresses"),
        pytest.param(
            Scene(cluster=BOTH, lookups=seen(Answer.ANSWERED, "54.1.2.3", "10.0.1.6")), BLOCKED, HEALTHY, id="both"
        ),
        pytest.param(Scene(cluster=BOTH, lookups=FAILS), BLOCKED, HEALTHY, id="no answer: another rule's"),
        pytest.param(Scene(lookups=PUBLIC), BLOCKED, HEALTHY, id="private access alone"),
        pytest.param(Scene(cluster=BOTH, lookups=UNPROBED), BLOCKED, UNKNOWN, id="nobody looked"),
        pytest.param(Scene(cluster=BOTH, lookups=UNPROBED), OPEN, HEALTHY, id="nobody looked, and public DNS is open"),
    ],
)
def test_public_addresses_are_blamed_where_they_may_not_be_used(
    scene: Scene, public: PublicResolution, verdict: Verdict
) -> None:
    """An answer is no fault by itself: whoever may use public addresses is served by them."""
    assert judged(endpoint_name_answers_public_addresses.RULE, scene, public).verdict is verdict


def test_what_leads_a_peer_there_is_planned_for_the_peers_that_are_answered_public_addresses() -> None:
    """The finding names them as `private_endpoint_not_resolvable` does, for the same fixes."""
    found = judged(endpoint_name_answers_public_addresses.RULE, Scene(cluster=BOTH, lookups=PUBLIC), BLOCKED)

    assert found.details["peers"] == [
        {"place": "tools", "vpc_id": "vpc-peer", "account": "210987654321", "region": "eu-west-1"}
    ]
    assert HOST in found.summary
