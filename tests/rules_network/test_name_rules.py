"""The rules about how a peer resolves the private endpoint's name, as tables over one scene."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from bot.collectors.dns_profiles import ProfileContent, VpcProfile
from bot.collectors.transit_gateways import AccountTransit, GatewayTable, TransitGateways
from bot.domain.evidence import Gap
from bot.domain.findings import Verdict
from bot.domain.places import HOME, PublicResolution
from bot.network.names import FirewallAction, FirewallRule, PrivateZone, RuleType, Target
from bot.network.transit import Attachment, GatewayRoute
from bot.rules import (
    dns_firewall_blocks,
    private_endpoint_not_resolvable,
    private_zone_shadow,
    resolver_rule_broken,
    vpc_dns_disabled,
)
from tests.rules_network.name_evidence import (
    CLUSTER,
    HELD,
    HOST,
    INBOUND,
    OTHER,
    OUTBOUND,
    OWN,
    REGION,
    RULE,
    Scene,
    by_gateway,
    judged,
    network,
    without_routes,
)

NOT_RESOLVABLE, BROKEN = private_endpoint_not_resolvable.RULE, resolver_rule_broken.RULE
PROBLEM, HEALTHY, UNKNOWN = Verdict.PROBLEM, Verdict.HEALTHY, Verdict.UNKNOWN
BLOCKED, OPEN, NOT_SAID = PublicResolution.BLOCKED, PublicResolution.OPEN, PublicResolution.UNKNOWN
BUILT = Scene()
NOTHING = Scene(inbound=(), outbound=(), rules=(), associations=())
FAILED = Scene(associations=(replace(HELD, status="FAILED"),))
OVERRIDDEN = Scene(associations=(replace(HELD, status="OVERRIDDEN"),))
PROFILED = Scene(profiles=(VpcProfile(vpc_id="vpc-peer", profile_id="rp-1"),))
BRINGS = Scene(
    profiles=PROFILED.profiles, associations=(), brought=(ProfileContent(profile_id="rp-1", rule_ids=(RULE.id,)),)
)
OTHER_SERVERS = Scene(peer_dns=replace(BUILT.peer_dns, servers=("10.1.0.2", "10.1.0.53")))
OWN_SERVERS = Scene(peer_dns=replace(BUILT.peer_dns, servers=("10.1.0.2", "169.254.169.253")))
SHUT = Scene(home_groups=replace(BUILT.home_groups, rules=()))
STRAY = replace(RULE, targets=(Target(address=ip_address("10.0.1.99")),))
SEEN_STRAY = replace(network(HOME, "vpc-home", 0, 1), asked_addresses=frozenset({ip_address("10.0.1.99")}))
SYSTEM = replace(RULE, id="rslvr-rr-sys", name="amazonaws.com", type=RuleType.SYSTEM, endpoint_id="", targets=())
WIDE = replace(RULE, name="com")
BY_SYSTEM = Scene(rules=(WIDE, SYSTEM), associations=(HELD, replace(HELD, id="rslvr-rrassoc-2", rule_id=SYSTEM.id)))
SHADOW = PrivateZone(id="Z1", name="eks.amazonaws.com", owner=OTHER)
BLOCKS = FirewallRule(group_id="rslvr-frg-1", list_id="rslvr-fdl-1", action=FirewallAction.BLOCK, domains=("*",))
UNREADABLE = replace(BLOCKS, domains=None)


@pytest.mark.parametrize(
    ("scene", "public", "resolvable", "broken"),
    [
        pytest.param(BUILT, BLOCKED, HEALTHY, HEALTHY, id="all is built"),
        pytest.param(NOTHING, BLOCKED, PROBLEM, HEALTHY, id="nothing is built"),
        pytest.param(NOTHING, OPEN, HEALTHY, HEALTHY, id="nothing is built and public DNS may be asked"),
        pytest.param(NOTHING, NOT_SAID, UNKNOWN, HEALTHY, id="nothing is built and nobody knows about public DNS"),
        pytest.param(Scene(associations=()), BLOCKED, HEALTHY, PROBLEM, id="not associated"),
        pytest.param(Scene(associations=()), OPEN, HEALTHY, HEALTHY, id="not associated and not needed"),
        pytest.param(Scene(associations=()), NOT_SAID, HEALTHY, UNKNOWN, id="not associated and maybe not needed"),
        pytest.param(FAILED, BLOCKED, HEALTHY, PROBLEM, id="FAILED"),
        pytest.param(OVERRIDDEN, BLOCKED, UNKNOWN, UNKNOWN, id="OVERRIDDEN"),
        pytest.param(
            Scene(rules=(), own_rules=(replace(RULE, owner=OWN),), associations=()), BLOCKED, HEALTHY, PROBLEM,
            id="not shared",
        ),
        pytest.param(
            Scene(rules=(STRAY,), home_network=SEEN_STRAY), NOT_SAID, HEALTHY, PROBLEM, id="aimed at nobody"
        ),
        pytest.param(Scene(rules=(STRAY,)), BLOCKED, UNKNOWN, UNKNOWN, id="aimed at an unknown address"),
        pytest.param(BY_SYSTEM, BLOCKED, HEALTHY, PROBLEM, id="a SYSTEM rule takes the name out"),
        pytest.param(Scene(rules=(WIDE,)), BLOCKED, HEALTHY, HEALTHY, id="a rule for a shorter name does it"),
        pytest.param(
            SHUT, NOT_SAID, PROBLEM, HEALTHY, id="group admits nobody"
        ),
        pytest.param(
            Scene(peer_network=without_routes(BUILT.peer_network)), NOT_SAID, PROBLEM, HEALTHY, id="no route"
        ),
        pytest.param(PROFILED, BLOCKED, UNKNOWN, UNKNOWN, id="a Profile that could not be read"),
        pytest.param(BRINGS, BLOCKED, HEALTHY, HEALTHY, id="a Profile brings the rule"),
        pytest.param(replace(BRINGS, rules=()), BLOCKED, UNKNOWN, UNKNOWN, id="a Profile's rule is not seen"),
        pytest.param(replace(PROFILED, associations=()), BLOCKED, UNKNOWN, UNKNOWN, id="a Profile may bring the rule"),
        pytest.param(OTHER_SERVERS, BLOCKED, HEALTHY, HEALTHY, id="sent to other servers: judged by itself"),
        pytest.param(
            replace(OTHER_SERVERS, associations=()), BLOCKED, UNKNOWN, UNKNOWN, id="other servers may know the name"
        ),
        pytest.param(OWN_SERVERS, BLOCKED, HEALTHY, HEALTHY, id="clients are sent to the VPC's own resolver"),
        pytest.param(Scene(firewall=(UNREADABLE,)), BLOCKED, UNKNOWN, UNKNOWN, id="AWS's own firewall list"),
        pytest.param(Scene(firewall=(BLOCKS,)), BLOCKED, HEALTHY, HEALTHY, id="firewall blocks: judged by itself"),
        pytest.param(
            replace(NOTHING, zones=(SHADOW,)), BLOCKED, HEALTHY, HEALTHY, id="a private zone shadows: judged by itself"
        ),
        pytest.param(
            Scene(cluster=replace(CLUSTER, endpoint_private=False, endpoint_public=True)), BLOCKED, HEALTHY, HEALTHY,
            id="public access alone",
        ),
        pytest.param(Scene(cluster=replace(CLUSTER, endpoint="")), BLOCKED, UNKNOWN, UNKNOWN, id="no endpoint yet"),
        pytest.param(
            Scene(gaps=(Gap(what="Resolver", reason="403", grant="x"),)), BLOCKED, UNKNOWN, UNKNOWN, id="not all read"
        ),
    ],
)  # fmt: skip
def test_verdicts(scene: Scene, public: PublicResolution, resolvable: Verdict, broken: Verdict) -> None:
    """Missing parts and faulty rules are told apart, and configuration alone is no proof where public DNS answers."""
    assert judged(NOT_RESOLVABLE, scene, public).verdict is resolvable
    assert judged(BROKEN, scene, public).verdict is broken


def test_what_is_missing_comes_in_the_order_in_which_it_is_built() -> None:
    """Routes, inbound endpoint, outbound endpoint, rule."""
    bare = replace(NOTHING, peer_network=without_routes(BUILT.peer_network))

    found = judged(NOT_RESOLVABLE, bare)

    assert found.details["missing"] == ["route or peering", "inbound endpoint", "outbound endpoint", "FORWARD rule"]
    assert "public DNS is blocked there" in found.summary


def test_what_stops_routes_and_the_way_between_endpoints_is_told_once_where_routes_stand() -> None:
    """A peer's VPC that its gateway has no attachment of comes before the group that shuts it out."""
    leads = GatewayRoute(destination=ip_network("10.1.0.0/16"), active=True, kind="vpc", resource_id="vpc-peer")
    attached = Attachment(
        id="tgw-attach-1", gateway_id="tgw-1", vpc_id="vpc-home", state="available", subnet_ids=frozenset(),
        table_id="tgw-rtb-1", region=REGION,
    )  # fmt: skip
    table = GatewayTable(id="tgw-rtb-1", routes=(leads,))
    seen = AccountTransit(account=OWN, region=REGION, attachments=(attached,), tables=(table,))
    joined = replace(
        SHUT,
        home_network=by_gateway(BUILT.home_network),
        peer_network=by_gateway(BUILT.peer_network),
        transit=TransitGateways(accounts=(seen,)),
    )

    found = judged(NOT_RESOLVABLE, joined)

    assert found.details["missing"] == ["route or peering", "inbound endpoint's security group"]
    assert sum("vpc-peer has no attachment to tgw-1" in line for line in found.proof) == 1


@pytest.mark.parametrize(
    ("scene", "missing", "said"),
    [
        (replace(NOTHING, inbound=(INBOUND,)), ["outbound endpoint", "FORWARD rule"], "has no outbound endpoint"),
        (replace(NOTHING, inbound=(INBOUND,), outbound=(OUTBOUND,)), ["FORWARD rule"], f"No FORWARD rule for {HOST}"),
        (
            replace(NOTHING, inbound=(INBOUND,), home_groups=replace(BUILT.home_groups, rules=())),
            ["inbound endpoint's security group", "outbound endpoint", "FORWARD rule"],
            "has no inbound rule for udp/53 from 10.1.0.0/16",
        ),
        (
            replace(NOTHING, inbound=(replace(INBOUND, addresses=INBOUND.addresses[:1]),)),
            ["inbound endpoint", "outbound endpoint", "FORWARD rule"],
            "is in 1 availability zone",
        ),
        (
            replace(NOTHING, home_dns=replace(BUILT.home_dns, dns_hostnames=False)),
            ["VPC DNS attributes", "inbound endpoint", "outbound endpoint", "FORWARD rule"],
            "enableDnsHostnames off",
        ),
    ],
)
def test_each_part_that_is_missing_is_named(scene: Scene, missing: list[str], said: str) -> None:
    """With the ids and blocks it is about."""
    found = judged(NOT_RESOLVABLE, scene)

    assert found.details["missing"] == missing
    assert any(said in line for line in found.proof)


@pytest.mark.parametrize(
    ("scene", "fault", "command"),
    [
        (Scene(associations=()), "not associated", "associate-resolver-rule --resolver-rule-id rslvr-rr-1"),
        (FAILED, "association failed", "associate-resolver-rule"),
        (
            Scene(rules=(), own_rules=(replace(RULE, owner=OWN),), associations=()), "not shared",
            f"--principals {OTHER} --region eu-west-1",
        ),
        (
            Scene(rules=(STRAY,), home_network=SEEN_STRAY), "wrong targets",
            "TargetIps=[{Ip=10.0.0.10,Port=53}, {Ip=10.0.1.10,Port=53}]",
        ),
        (BY_SYSTEM, "conflict", "disassociate-resolver-rule --resolver-rule-id rslvr-rr-sys"),
    ],
)  # fmt: skip
def test_each_fault_of_a_rule_is_named_with_what_to_do(scene: Scene, fault: str, command: str) -> None:
    """With the rule, the VPC that needs it, and the command."""
    found = judged(BROKEN, scene)

    rows = found.details["rules"]
    assert isinstance(rows, list)
    assert [(row["fault"], row["vpc_id"]) for row in rows] == [(fault, "vpc-peer")]
    assert command in found.advice[0]


def test_a_rule_that_is_aimed_at_another_vpcs_resolver_is_broken() -> None:
    """The inbound endpoint stands in the peer's own VPC, whose resolver goes round in circles."""
    own = replace(INBOUND, id="rslvr-in-2", account=OTHER, vpc_id="vpc-peer", addresses=(
        replace(INBOUND.addresses[0], address=ip_address("10.1.0.30"), subnet_id="vpc-peer-a"),))  # fmt: skip
    groups = replace(BUILT.peer_groups, group_ids=BUILT.peer_groups.group_ids | set(own.security_group_ids), rules=(
        *BUILT.peer_groups.rules,
        *(replace(one, security_group_id=own.security_group_ids[0]) for one in BUILT.home_groups.rules),
    ))  # fmt: skip
    circle = replace(RULE, targets=(Target(address=ip_address("10.1.0.30")),))

    found = judged(BROKEN, Scene(outbound=(OUTBOUND, own), rules=(circle,), peer_groups=groups), NOT_SAID)

    assert (found.verdict, "more than 8 times" in found.summary) == (PROBLEM, True)


def test_without_anybody_elsewhere_there_is_nothing_to_check() -> None:
    """No peer and no network on premises is configured."""
    assert judged(NOT_RESOLVABLE, BUILT, peers=False).summary.startswith("Nothing to check")


def test_an_address_block_is_written_as_it_is() -> None:
    """The scene's blocks do not overlap: routes between them mean something."""
    assert not ip_network(BUILT.home_dns.cidrs[0]).overlaps(ip_network(BUILT.peer_dns.cidrs[0]))


ALLOWS = replace(BLOCKS, action=FirewallAction.ALLOW)
NO_HOST_NAMES = replace(BUILT.home_dns, dns_hostnames=False)


@pytest.mark.parametrize(
    ("scene", "verdict"),
    [
        pytest.param(BUILT, HEALTHY, id="no rule group"),
        pytest.param(Scene(firewall=(BLOCKS,)), PROBLEM, id="blocked"),
        pytest.param(Scene(firewall=(ALLOWS, BLOCKS)), HEALTHY, id="allowed before"),
        pytest.param(Scene(firewall=(UNREADABLE,)), UNKNOWN, id="AWS's own list"),
        pytest.param(Scene(firewall=(UNREADABLE, BLOCKS)), PROBLEM, id="blocked by the one or the other"),
        pytest.param(PROFILED, UNKNOWN, id="a Profile may bring a group"),
        pytest.param(replace(NOTHING, zones=(SHADOW,)), HEALTHY, id="a zone answers, and no firewall"),
    ],
)
def test_dns_firewall(scene: Scene, verdict: Verdict) -> None:
    """The first list with the name decides, whatever public DNS would answer."""
    assert judged(dns_firewall_blocks.RULE, scene, OPEN).verdict is verdict


@pytest.mark.parametrize(
    ("scene", "verdict"),
    [
        pytest.param(BUILT, HEALTHY, id="no zone above the name"),
        pytest.param(replace(NOTHING, zones=(SHADOW,)), PROBLEM, id="lacks it"),
        pytest.param(replace(NOTHING, zones=(replace(SHADOW, records=((HOST, ""),)),)), HEALTHY, id="has it"),
        pytest.param(replace(NOTHING, zones=(replace(SHADOW, falls_back=True),)), HEALTHY, id="falls back"),
        pytest.param(replace(NOTHING, zones=(replace(SHADOW, falls_back=None),)), UNKNOWN, id="may fall back"),
        pytest.param(Scene(zones=(SHADOW,)), HEALTHY, id="a rule for exactly the name comes first"),
        pytest.param(Scene(zones=(SHADOW,), associations=()), HEALTHY, id="that rule is not associated: its own fault"),
        pytest.param(replace(NOTHING, zones=(SHADOW,), firewall=(BLOCKS,)), HEALTHY, id="never asked: blocked before"),
    ],
)
def test_private_zones(scene: Scene, verdict: Verdict) -> None:
    """A zone answers for all names under it, whatever public DNS would answer."""
    assert judged(private_zone_shadow.RULE, scene, OPEN).verdict is verdict


@pytest.mark.parametrize(
    ("scene", "verdict", "off"),
    [
        pytest.param(BUILT, HEALTHY, [], id="both on"),
        pytest.param(Scene(home_dns=NO_HOST_NAMES), PROBLEM, ["enableDnsHostnames"], id="no host names"),
        pytest.param(
            Scene(home_dns=replace(NO_HOST_NAMES, dns_support=False)), PROBLEM,
            ["enableDnsSupport", "enableDnsHostnames"], id="neither",
        ),
        pytest.param(
            Scene(home_dns=NO_HOST_NAMES, cluster=replace(CLUSTER, endpoint_private=False)), HEALTHY, [],
            id="no host names, and public access alone",
        ),
        pytest.param(
            Scene(peer_dns=replace(BUILT.peer_dns, dns_hostnames=False)), HEALTHY, [], id="no host names at the peer",
        ),
    ],
)  # fmt: skip
def test_dns_attributes_of_the_clusters_vpc(scene: Scene, verdict: Verdict, off: list[str]) -> None:
    """Host names matter to private access alone; the peers' do not matter here."""
    found = judged(vpc_dns_disabled.RULE, scene)

    assert (found.verdict, found.details.get("off", [])) == (verdict, off)
    assert all("modify-vpc-attribute --vpc-id vpc-home" in line for line in found.advice)


def test_what_blocks_a_name_is_named_with_what_to_do() -> None:
    """The rule group and its list; the zone and the VPC to take out of it."""
    blocked = judged(dns_firewall_blocks.RULE, Scene(firewall=(BLOCKS,)))
    hidden = judged(private_zone_shadow.RULE, replace(NOTHING, zones=(SHADOW,)))

    assert "rslvr-fdl-1 of rule group rslvr-frg-1 has" in blocked.summary
    assert "action ALLOW" in blocked.advice[0]
    assert "--hosted-zone-id Z1 --vpc VPCRegion=eu-west-1,VPCId=vpc-peer" in hidden.advice[0]
