"""Other networks that the control plane's security groups keep out, and the fix that admits them (D7)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.collectors.control_plane import ControlPlane
from bot.collectors.security_group_rules import SecurityGroupRules
from bot.domain.cluster import ClusterTarget
from bot.domain.evidence import NoParameters
from bot.domain.findings import Case
from bot.domain.lookups import Answer, Client, ClientKind, Lookup, Transport
from bot.domain.network_lookups import Connection, Contact, EndpointLookups, NetworkLooked
from bot.domain.places import OnPremises, Peer, PublicResolution
from bot.network.answers import network
from bot.network.model import Direction, Interface, SecurityGroupRule
from bot.rules._networks_to_api import NetworksToApi, networks_to_api
from tests.looking import NOW
from tests.rules_network.name_evidence import CLUSTER, HOST, INBOUND, PEER, Scene

CLIENT = Client(kind=ClientKind.ON_PREMISES, place="hq")
LOOKUP = Lookup(
    client=CLIENT, server="10.64.0.2", through_service=False, transport=Transport.UDP, external=False, name="a.",
    answer=Answer.ANSWERED, addresses=("10.0.0.5",),
)  # fmt: skip
SILENT = Connection(client=CLIENT, address="10.0.0.5", contact=Contact.TIMED_OUT)
HQ = OnPremises(name="hq", cidrs=("10.64.0.0/10",))


def rule(source: str, port: int = 443, **more: Any) -> SecurityGroupRule:
    """Return a rule of the cluster security group for tcp from a CIDR."""
    made = SecurityGroupRule(
        id=f"sgr-{source}-{port}", security_group_id="sg-1", direction=Direction.INGRESS, protocol="tcp",
        from_port=port, to_port=port, cidr=network(source) if source else None,
    )  # fmt: skip
    return replace(made, **more)


def judged(*rules: SecurityGroupRule, lookup: Lookup = LOOKUP, made: Connection = SILENT) -> NetworksToApi:
    """Return what is concluded from one lookup and one connection from hq."""
    plane = Interface(
        id="eni-1", instance_id="", subnet_id="", security_group_ids=frozenset({"sg-1"}), addresses=frozenset()
    )
    hq = NetworkLooked(place="hq", looked_from="pod dns/a", lookups=(lookup,), connections=(made,))
    evidence: dict[type, object] = {
        ControlPlane: ControlPlane(interfaces=(plane,), endpoint_host="a", endpoint_private=True),
        SecurityGroupRules: SecurityGroupRules(group_ids=frozenset({"sg-1"}), rules=rules),
        EndpointLookups: EndpointLookups(name="a", private_addresses=("10.0.0.5",), networks=(hq,)),
    }
    target = ClusterTarget(name="cluster-prod", eks_name="cluster-prod", region="eu-west-1", on_premises=(HQ,))
    return networks_to_api(Case(target=target, collected_at=NOW, thresholds=NoParameters(), evidence=evidence))


@pytest.mark.parametrize(
    "found",
    [judged(), judged(rule("10.64.0.0/10", 53)), judged(rule("10.0.0.0/16")), judged(rule("", group_id="sg-1"))],
    ids=["no rule", "another port", "another block", "from itself"],
)
def test_a_network_that_no_rule_admits_is_closed_out(found: NetworksToApi) -> None:
    """The name resolves there, and no connection came about."""
    (closed,) = found.closed

    assert closed.row == {"place": "hq", "cidrs": ["10.64.0.0/10"]}
    assert "no rule of sg-1 admits 10.64.0.0/10" in closed.text


@pytest.mark.parametrize(
    "found",
    [
        judged(rule("10.64.0.0/10")),
        judged(rule("10.64.0.53/32")),
        judged(rule("10.64.0.0/10", protocol="6")),
        judged(rule("0.0.0.0/0", protocol="-1", from_port=-1, to_port=-1)),
        judged(rule("", prefix_list_id="pl-1")),
        judged(rule("", group_id="sg-peers")),
        judged(lookup=replace(LOOKUP, answer=Answer.NXDOMAIN, addresses=())),
        judged(made=replace(SILENT, contact=Contact.REACHED)),
        judged(made=replace(SILENT, contact=Contact.NOT_TRIED)),
    ],
    ids=["admitted", "in part", "by number", "all", "a list", "a peer's group", "no name", "reached", "not tried"],
)
def test_what_groups_do_not_keep_out_for_certain_is_not_theirs(found: NetworksToApi) -> None:
    """A name that does not resolve is another fault, and so is a connection that a rule may admit."""
    assert (found.closed, found.gaps) == ((), ())


UNPROBED = EndpointLookups(name="a", private_addresses=("10.0.0.5",), unprobed=("tools", "hq"))


def by_configuration(scene: Scene, *rules: SecurityGroupRule, public: PublicResolution) -> NetworksToApi:
    """Return what is concluded of a peer and of hq, from which nothing looks."""
    plane = Interface(
        id="eni-1", instance_id="", subnet_id="", security_group_ids=frozenset({"sg-1"}), addresses=frozenset()
    )
    evidence: dict[type, object] = scene.evidence() | {
        ControlPlane: ControlPlane(interfaces=(plane,), endpoint_host=HOST, endpoint_private=True),
        SecurityGroupRules: SecurityGroupRules(group_ids=frozenset({"sg-1"}), rules=rules),
        EndpointLookups: UNPROBED,
    }
    target = ClusterTarget(
        name="cluster-prod", eks_name="cluster-prod", region="eu-west-1", peers=(Peer(place=PEER),), on_premises=(HQ,),
        public_resolution=public,
    )  # fmt: skip
    return networks_to_api(Case(target=target, collected_at=NOW, thresholds=NoParameters(), evidence=evidence))


AILING = replace(INBOUND, status="ACTION_NEEDED")
NOT_LED = Scene(associations=())
PUBLIC_TOO = Scene(cluster=replace(CLUSTER, endpoint_public=True))


@pytest.mark.parametrize(
    ("scene", "public", "closed", "undecided"),
    [
        (Scene(), PublicResolution.BLOCKED, ["tools"], ["hq"]),
        (Scene(), PublicResolution.OPEN, ["tools", "hq"], []),
        (NOT_LED, PublicResolution.OPEN, ["tools", "hq"], []),
        (NOT_LED, PublicResolution.BLOCKED, [], ["tools", "hq"]),
        (NOT_LED, PublicResolution.UNKNOWN, [], ["tools", "hq"]),
        (Scene(inbound=(AILING,)), PublicResolution.BLOCKED, [], ["tools", "hq"]),
        (Scene(outbound=()), PublicResolution.OPEN, ["hq"], ["tools"]),
        (PUBLIC_TOO, PublicResolution.OPEN, [], []),
    ],
    ids=[
        "led there",
        "led, public DNS open",
        "public DNS alone",
        "nothing leads",
        "unknown",
        "in doubt",
        "led nowhere",
        "public",
    ],
)
def test_where_nothing_looks_the_groups_alone_decide_once_the_name_certainly_resolves(
    scene: Scene, public: PublicResolution, closed: list[str], undecided: list[str]
) -> None:
    """By a rule for a peer, or by public DNS, which answers a private endpoint's addresses; a forwarder is not seen."""
    found = by_configuration(scene, public=public)

    assert [one.name for one in found.closed] == closed
    assert [(gap.what, gap.setting) for gap in found.gaps] == [
        (f"the way to the API from {name}", "probe") for name in undecided
    ]
    assert all("by configuration the name resolves, and no rule of sg-1 admits" in one.text for one in found.closed)


def test_a_network_without_a_probe_that_a_rule_admits_is_left_alone() -> None:
    """Whole or in part: nothing says that its connections fail."""
    admitted = (rule("10.1.0.0/24"), rule("10.64.0.0/10"))

    found = by_configuration(Scene(), *admitted, public=PublicResolution.OPEN)

    assert (found.closed, found.gaps) == ((), ())
