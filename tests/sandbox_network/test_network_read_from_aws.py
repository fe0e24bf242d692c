from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from bot.sandbox.aws.far_end import AwsFarEnd
from bot.sandbox.network.packets import reached
from bot.sandbox.network.replies import Outcome
from bot.sandbox.network.resolver import Resolver, query
from bot.sandbox.world.world import ACCOUNT
from lab.contract.cloud import Cloud

NAME = "db.corp.example"
_TRUSTED = 0.1
"""After so many seconds the far end is asked whether anything changed."""


@pytest.fixture(scope="module")
def far_end() -> Iterator[AwsFarEnd]:
    """Return the simulated AWS, started once."""
    with AwsFarEnd(seed=7) as far_end:
        yield far_end


@pytest.fixture
def cloud(far_end: AwsFarEnd) -> Cloud:
    """Return a cloud of three VPCs."""
    far_end.control("POST", "reset")
    return Cloud(far_end.url)


def _rule_to_peer(cloud: Cloud) -> str:
    """Create a rule by which home's resolver may ask the peer's for names of corp.example, and return its id."""
    _, targets = cloud.add_endpoint(cloud.peer, "INBOUND")
    return cloud.add_rule(cloud.home, targets, "corp.example")


def test_every_accounts_vpcs_are_known_and_the_clusters_is_home(cloud: Cloud) -> None:
    """Home is told by the cluster's name, not by being first; default VPCs are left out."""
    network = cloud.network()

    assert (network.home.id, network.home.account, network.home.cidrs) == (cloud.home.id, ACCOUNT, ("10.1.0.0/16",))
    others = {(vpc.id, vpc.account, vpc.region) for vpc in network.others}
    assert others == {(one.id, one.account, one.region) for one in (cloud.peer, cloud.stranger)}
    (endpoint,) = network.home.api_endpoints
    assert (endpoint.private, endpoint.public, len(endpoint.addresses)) == (True, True, 1)
    assert {port.primary for port in network.home.ports} == set(endpoint.addresses)


def test_packets_cross_as_peering_and_routes_have_it(cloud: Cloud) -> None:
    """To the peer and not to the stranger; no more once the connection is deleted."""
    client, there, elsewhere = (cloud.add_interface(vpc) for vpc in (cloud.home, cloud.peer, cloud.stranger))
    before = cloud.network()
    cloud.operator.aws("ec2", "DeleteVpcPeeringConnection", VpcPeeringConnectionId=cloud.peering.id)
    time.sleep(_TRUSTED)
    after = cloud.network()

    found = reached(before, before.home, query(client, there))
    assert (found.id if found else None) == cloud.peer.id
    assert reached(before, before.home, query(client, elsewhere)) is None
    assert [address in {port.primary for port in before.home.ports} for address in (client, elsewhere)] == [True, False]
    assert reached(after, after.home, query(client, there)) is None


def test_a_rule_leads_to_the_zone_that_only_the_other_vpc_sees(cloud: Cloud) -> None:
    """Zones, rules, endpoints and their associations are read in every account."""
    cloud.add_zone(cloud.peer, NAME, "10.2.0.9")
    rule = _rule_to_peer(cloud)
    unassociated = cloud.network()
    cloud.associate(cloud.home, rule)
    time.sleep(_TRUSTED)
    associated = cloud.network()

    assert Resolver(unassociated, unassociated.home).answer(NAME).outcome is Outcome.NXDOMAIN
    answer = Resolver(associated, associated.home).answer(NAME)
    assert (answer.addresses, answer.ttl_seconds) == (("10.2.0.9",), 30)
    stranger = associated.vpc(cloud.stranger.id)
    assert stranger is not None
    assert Resolver(associated, stranger).answer(NAME).outcome is Outcome.NXDOMAIN


def test_an_alias_within_its_zone_has_the_records_of_its_target(cloud: Cloud) -> None:
    """Whatever else the VPC resolves the target's name by; one that leads nowhere has none."""
    zone = cloud.add_zone(cloud.peer, NAME, "10.2.0.9")
    sets = [
        {"Name": f"{name}.corp.example", "Type": "A", "AliasTarget": {
            "HostedZoneId": zone.rpartition("/")[2], "DNSName": target, "EvaluateTargetHealth": False,
        }}
        for name, target in (("second", "first.corp.example"), ("first", NAME), ("none", "gone.corp.example"))
    ]  # fmt: skip
    changes = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": one} for one in sets]}
    cloud.hands(cloud.peer).aws("route53", "ChangeResourceRecordSets", HostedZoneId=zone, ChangeBatch=changes)
    closer = {"VPCRegion": cloud.peer.region, "VPCId": cloud.peer.id}
    cloud.hands(cloud.peer).aws(
        "route53", "CreateHostedZone", Name=NAME, CallerReference="closer", VPC=closer,
        HostedZoneConfig={"PrivateZone": True, "Comment": ""},
    )  # fmt: skip
    network = cloud.network()
    peer = network.vpc(cloud.peer.id)
    assert peer is not None

    answers = {name: Resolver(network, peer).answer(f"{name}.corp.example") for name in ("second", "none", "db")}

    assert (answers["second"].addresses, answers["second"].ttl_seconds) == (("10.2.0.9",), 30)
    assert (answers["none"].outcome, answers["none"].addresses) == (Outcome.ANSWER, ())
    assert answers["db"].addresses == ()


def test_what_is_being_created_does_nothing_yet(far_end: AwsFarEnd, cloud: Cloud) -> None:
    """A rule leads nowhere while its association is CREATING; time alone makes it hold, without any call."""
    cloud.add_zone(cloud.peer, NAME, "10.2.0.9")
    rule = _rule_to_peer(cloud)
    far_end.control("POST", "paces", [{"action": "route53resolver:AssociateResolverRule", "seconds": 60}])
    cloud.associate(cloud.home, rule)
    during = cloud.network()
    far_end.control("POST", "passed", {"seconds": 61})
    time.sleep(_TRUSTED)
    after = cloud.network()

    assert Resolver(during, during.home).answer(NAME).outcome is Outcome.NXDOMAIN
    assert Resolver(after, after.home).answer(NAME).addresses == ("10.2.0.9",)


def test_addresses_that_could_not_be_created_serve_nobody(far_end: AwsFarEnd, cloud: Cloud) -> None:
    """An endpoint in ACTION_NEEDED serves by those of its addresses that are attached: here by none."""
    pace = {"action": "route53resolver:CreateResolverEndpoint", "fails": "No free address", "times": 1}
    far_end.control("POST", "paces", [pace])
    failed, _ = cloud.add_endpoint(cloud.peer, "INBOUND")
    whole, addresses = cloud.add_endpoint(cloud.home, "INBOUND")

    found = {endpoint.id: endpoint.addresses for endpoint in cloud.network().endpoints}

    assert found == {failed: (), whole: tuple(addresses)}


def test_dns_attributes_are_each_vpcs_own(cloud: Cloud) -> None:
    """Switched off in one, they stay in the others."""
    hands = cloud.hands(cloud.peer)
    hands.aws("ec2", "ModifyVpcAttribute", VpcId=cloud.peer.id, EnableDnsHostnames={"Value": False})

    network = cloud.network()

    changed = network.vpc(cloud.peer.id)
    assert changed is not None
    assert (changed.dns_support, changed.dns_hostnames) == (True, False)
    assert (network.home.dns_support, network.home.dns_hostnames) == (True, True)


def test_the_state_is_read_again_only_after_a_write(far_end: AwsFarEnd, cloud: Cloud) -> None:
    """Reads of others change nothing, emptying the call log neither; a write in any account does."""
    first = cloud.network()
    cloud.operator.aws("ec2", "DescribeVpcs")
    far_end.control("DELETE", "calls")
    time.sleep(_TRUSTED)
    same = cloud.network()
    cloud.hands(cloud.stranger).aws("ec2", "CreateVpc", CidrBlock="10.9.0.0/16")
    time.sleep(_TRUSTED)
    other = cloud.network()

    assert same is first
    assert len(other.others) == len(first.others) + 1
