"""Building what leads a peer to the private endpoint: what is planned, over the simulated Resolver what is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from bot.collectors.eks_cluster import EksCluster
from bot.collectors.endpoint_networks import AccountGroups, EndpointNetworks, VpcNetwork
from bot.collectors.resolver_quotas import AccountQuotas, ResolverQuotas
from bot.collectors.resolver_rules import AccountResolver, ResolverRules, VpcAssociation
from bot.collectors.transit_gateways import AccountTransit, GatewayTable, TransitGateways
from bot.collectors.vpc_dns import VpcDns, VpcDnsSettings
from bot.domain.evidence import NoParameters
from bot.domain.peers import Peers, SeenPlace
from bot.domain.places import HOME, OnPremises, Place
from bot.domain.plans import Advice, PlanCase, Planned, Step
from bot.domain.settling import Progressing
from bot.errors import WriteFailed
from bot.fixes.associate_forwarding_rule import FIX as ASSOCIATE
from bot.fixes.create_forwarding_rule import FIX as RULE
from bot.fixes.create_inbound_resolver_endpoint import FIX as INBOUND
from bot.fixes.create_outbound_resolver_endpoint import FIX as OUTBOUND
from bot.network.answers import network
from bot.network.model import Direction as Way
from bot.network.model import Route, SecurityGroupRule, Subnet
from bot.network.names import Association, Direction, EndpointAddress, ResolverEndpoint
from bot.network.transit import Attachment, GatewayRoute

HOST = "abc.gr7.eu-west-1.eks.amazonaws.com"
HOME_CIDR, PEER_CIDR = "10.0.0.0/16", "10.9.0.0/16"
TOOLS = Place(name="tools", region="eu-west-1", vpc_id="vpc-peer")
ENDPOINT = ResolverEndpoint(
    id="rslvr-in-1", direction=Direction.INBOUND, account="1", region="eu-west-1", vpc_id="vpc-home",
    status="OPERATIONAL", security_group_ids=("sg-in",),
    addresses=(EndpointAddress(address=ip_address("10.0.0.10"), subnet_id="subnet-1", status="ATTACHED"),),
)  # fmt: skip


def subnet(name: str, vpc_id: str, *, zone: str, free: int = 100, far: str = "", target: str = "pcx-1") -> Subnet:
    """Return a subnet with a route to the other VPC, unless `far` is empty."""
    number = int(name.rpartition("-")[2])
    own = "10.0" if vpc_id == "vpc-home" else "10.9"
    routes = [Route(destination=f"{own}.0.0/16", target="local", active=True)]
    routes += [Route(destination=far, target=target, active=True)] if far else []
    return Subnet(
        id=name, vpc_id=vpc_id, zone=zone, cidrs=(network(f"{own}.{number}.0/24"),), route_table_id=f"rtb-{vpc_id}",
        routes=tuple(routes), free_addresses=free,
    )  # fmt: skip


AT_HOME = tuple(subnet(f"subnet-{one}", "vpc-home", zone=zone, far=PEER_CIDR) for one, zone in ((1, "a"), (2, "b")))
AT_PEER = tuple(subnet(f"subnet-{one}", "vpc-peer", zone=zone, far=HOME_CIDR) for one, zone in ((3, "a"), (4, "b")))


def evidence(
    *,
    home: tuple[Subnet, ...] = AT_HOME,
    peer: tuple[Subnet, ...] = AT_PEER,
    endpoints: tuple[ResolverEndpoint, ...] = (),
    there: tuple[ResolverEndpoint, ...] = (),
    rules: tuple[SecurityGroupRule, ...] = (),
    associations: tuple[VpcAssociation, ...] = (),
    quotas: tuple[AccountQuotas, ...] = (),
    transit: tuple[AccountTransit, ...] = (),
) -> tuple[object, ...]:
    """Return two VPCs of two accounts with what Resolver has in each."""
    cluster = EksCluster(
        name="cluster-prod", arn="", account="1", status="ACTIVE", version="1.33", vpc_id="vpc-home",
        cluster_security_group_id="sg-1", security_group_ids=(), subnet_ids=(), endpoint=f"https://{HOST}",
        endpoint_public=False, endpoint_private=True, service_cidr="172.20.0.0/16", auto_mode=False,
    )  # fmt: skip
    spots = ((HOME, "vpc-home", "1", HOME_CIDR), (TOOLS, "vpc-peer", "2", PEER_CIDR))
    settings = tuple(
        VpcDnsSettings(
            place=place, vpc_id=vpc_id, account=account, region="eu-west-1", dns_support=True, dns_hostnames=True,
            dhcp_options_id="default", servers=(), cidrs=(cidr,),
        )
        for place, vpc_id, account, cidr in spots
    )  # fmt: skip
    held = {"1": endpoints, "2": there}
    accounts = tuple(
        AccountResolver(
            place=place, account=account, region="eu-west-1", endpoints=held[account], rules=(),
            associations=associations if account == "2" else (),
        )
        for place, _, account, _ in spots
    )  # fmt: skip
    networks = EndpointNetworks(
        vpcs=tuple(
            VpcNetwork(place=place, vpc_id=vpc_id, subnets=subnets, acls=(), holders=(), asked_addresses=frozenset())
            for (place, vpc_id, _, _), subnets in zip(spots, (home, peer), strict=True)
        ),
        accounts=tuple(
            AccountGroups(
                account=account, region="eu-west-1", group_ids=frozenset({"sg-in"}),
                rules=rules if account == "1" else (), peerings=(),
            )
            for _, _, account, _ in spots
        ),
    )  # fmt: skip
    seen = SeenPlace(place=TOOLS, found=replace(TOOLS, account="2"), cidrs=(PEER_CIDR,))
    resolver = ResolverRules(accounts=accounts)
    more = TransitGateways(accounts=transit), ResolverQuotas(accounts=quotas)
    return cluster, Peers(peers=(seen,)), VpcDns(vpcs=settings), resolver, networks, *more


def case_of(bench: Any, *found: object) -> PlanCase:
    """Return what is planned from for the one peer."""
    details = {"peers": [{"place": "tools", "vpc_id": "vpc-peer"}]}
    case: PlanCase = bench.case("private_endpoint_not_resolvable", details, NoParameters(), *found)
    return case


def whole(case: PlanCase) -> list[Step]:
    """Return the plan as the playbook chains it."""
    for fix in (INBOUND, OUTBOUND, RULE, ASSOCIATE):
        planned = fix.plan(case)
        assert isinstance(planned, Planned), planned
        case = case.after(*planned.steps)
    return list(case.earlier)


def test_the_whole_way_is_one_plan_in_the_order_in_which_it_must_be_built(bench: Any) -> None:
    """Each step at the place of its own, later ones naming what earlier ones make; the interfaces are counted."""
    case = case_of(bench, *evidence())

    steps = whole(case)
    first = INBOUND.plan(case)

    assert [(step.action, step.place.name) for step in steps] == [
        ("create_group", "home"), ("authorize", "home"), ("create_endpoint", "home"),
        ("create_group", "tools"), ("create_endpoint", "tools"), ("create_rule", "tools"), ("associate", "tools"),
    ]  # fmt: skip
    assert steps[5].parameters["targets"] == {"made_by_step": 2, "member": "targets"}
    assert steps[5].parameters["endpoint_id"] == {"made_by_step": 4, "member": "endpoint_id"}
    assert steps[6].parameters["rule_id"] == {"made_by_step": 5, "member": "rule_id"}
    assert [(rule["protocol"], rule["peer"]) for rule in steps[1].parameters["rules"]] == [  # type: ignore[union-attr, call-overload, index]  # JSON
        ("udp", PEER_CIDR), ("tcp", PEER_CIDR),
    ]  # fmt: skip
    assert isinstance(first, Planned)
    assert "4 network interfaces of 2 new Resolver endpoints" in first.blast_radius


@pytest.mark.parametrize(
    ("price", "said"),
    [
        ("", ""),
        ("0.125 USD", "the interfaces cost 0.5 USD an hour, 360 USD in 30 days"),
        ("0.0125 EUR", "the interfaces cost 0.05 EUR an hour, 36 EUR in 30 days"),
    ],
)
def test_a_price_is_told_where_the_settings_have_one(bench: Any, price: str, said: str) -> None:
    """Of the four interfaces; none is told of ours."""
    case = case_of(bench, *evidence())

    planned = INBOUND.plan(replace(case, target=replace(case.target, resolver_interface_price=price)))

    assert isinstance(planned, Planned)
    assert said in planned.blast_radius
    assert ("USD" in planned.blast_radius or "EUR" in planned.blast_radius) is bool(price)


def test_subnets_are_in_two_zones_lead_there_and_have_room(bench: Any) -> None:
    """Those with most free addresses are taken, one a zone; full ones and those without a route are not."""
    home = (
        subnet("subnet-5", "vpc-home", zone="a", free=0, far=PEER_CIDR),
        subnet("subnet-6", "vpc-home", zone="a", free=7, far=PEER_CIDR),
        subnet("subnet-7", "vpc-home", zone="b", free=250),
        subnet("subnet-8", "vpc-home", zone="b", free=9, far=PEER_CIDR),
        subnet("subnet-9", "vpc-home", zone="b", free=8, far=PEER_CIDR),
    )

    steps = whole(case_of(bench, *evidence(home=home)))

    assert steps[2].parameters["subnet_ids"] == ["subnet-8", "subnet-6"]
    assert "subnet-8 (b, 9 free)" in steps[2].diff[1]


def test_an_inbound_endpoint_that_is_there_is_used_and_its_group_opened(bench: Any) -> None:
    """Only what its group keeps out is let in; a second endpoint is not made."""
    udp = SecurityGroupRule(
        id="sgr-1", security_group_id="sg-in", direction=Way.INGRESS, protocol="udp", from_port=53, to_port=53,
        cidr=network("10.0.0.0/8"),
    )  # fmt: skip

    steps = whole(case_of(bench, *evidence(endpoints=(ENDPOINT,), rules=(udp,))))

    assert [step.action for step in steps] == [
        "authorize",
        "create_group",
        "create_endpoint",
        "create_rule",
        "associate",
    ]
    assert steps[0].diff == ("  udp 53 from 10.0.0.0/8", f"+ tcp 53 from {PEER_CIDR}")
    assert steps[3].parameters["targets"] == ["10.0.0.10"]


FOUR = (replace(ENDPOINT, id="x", account="2"),) * 4
ROOM_FOR_FOUR = AccountQuotas(account="2", region="eu-west-1", endpoints=4, rules=None, associations=None)
HELD = VpcAssociation(vpc_id="vpc-x", association=Association(id="rslvr-rrassoc-1", rule_id="x", status="COMPLETE"))


@pytest.mark.parametrize(
    ("found", "reason", "command"),
    [
        ({"peer": (AT_PEER[0],)}, "no subnets in 2 zones with a route to vpc-home", "create-vpc-peering-connection"),
        ({"home": (subnet("subnet-1", "vpc-home", zone="a"),)}, "which an inbound endpoint needs", "create-route"),
        (
            {"there": FOUR},
            (
                "has 4 Resolver endpoints in eu-west-1; 1 more exceed the default quota (the account's own could not "
                "be read) of 4"
            ),
            "request-service-quota-increase --service-code route53resolver --quota-code L-4A669CC0 --desired-value 5",
        ),
        ({"there": FOUR, "quotas": (ROOM_FOR_FOUR,)}, "1 more exceed the quota of 4", "quota"),
        (
            {"associations": (HELD,) * 3, "quotas": (replace(ROOM_FOR_FOUR, associations=3),)},
            "has 3 associations of Resolver rules with VPCs in eu-west-1; 1 more exceed the quota of 3",
            "quota",
        ),
        (
            {"endpoints": (replace(ENDPOINT, status="ACTION_NEEDED"),)},
            "rslvr-in-1 of vpc-home is ACTION_NEEDED",
            "Wait",
        ),
    ],
    ids=["peer without a route", "no way back", "default quota", "quota", "associations", "action needed"],
)
def test_what_cannot_be_built_whole_is_not_begun(bench: Any, found: Any, reason: str, command: str) -> None:
    """Every fix of the chain says the same, joining networks is left to people with the commands."""
    case = case_of(bench, *evidence(**found))

    planned = [fix.plan(case) for fix in (INBOUND, OUTBOUND, RULE)]

    assert all(isinstance(one, Advice) and reason in one.reason for one in planned), planned
    assert isinstance(planned[0], Advice)
    assert any(command in text for text in planned[0].text)


def attachment(vpc_id: str, **members: Any) -> Attachment:
    """Return a VPC's attachment to tgw-1 in both zones, as its owner in account 1 sees it."""
    made = Attachment(
        id=f"tgw-attach-{vpc_id}", gateway_id="tgw-1", vpc_id=vpc_id, state="available",
        subnet_ids=frozenset(), table_id="tgw-rtb-1", region="eu-west-1",
    )  # fmt: skip
    return replace(made, **members)


def by_gateway(*attachments: Attachment, leads_to: Sequence[tuple[str, str]] = ()) -> Any:
    """Return evidence of two VPCs whose routes lead to a transit gateway with these routes."""
    routes = tuple(
        GatewayRoute(destination=network(block), active=True, kind="vpc", resource_id=vpc_id)
        for block, vpc_id in leads_to
    )
    table = GatewayTable(id="tgw-rtb-1", routes=routes)
    seen = AccountTransit(account="1", region="eu-west-1", attachments=attachments, tables=(table,))
    pairs = ((1, "vpc-home", "a"), (2, "vpc-home", "b"), (3, "vpc-peer", "a"), (4, "vpc-peer", "b"))
    subnets = [
        subnet(f"subnet-{one}", vpc_id, zone=zone, far=PEER_CIDR if one < 3 else HOME_CIDR, target="tgw-1")
        for one, vpc_id, zone in pairs
    ]
    return evidence(home=tuple(subnets[:2]), peer=tuple(subnets[2:]), transit=(seen,))


BOTH = (attachment("vpc-home"), attachment("vpc-peer"))
BOTH_WAYS = ((HOME_CIDR, "vpc-home"), (PEER_CIDR, "vpc-peer"))


def test_a_transit_gateway_that_leads_both_ways_is_built_on(bench: Any) -> None:
    """As a peering connection is."""
    steps = whole(case_of(bench, *by_gateway(*BOTH, leads_to=BOTH_WAYS)))

    assert [step.action for step in steps][-3:] == ["create_endpoint", "create_rule", "associate"]


@pytest.mark.parametrize(
    ("found", "command"),
    [
        (by_gateway(*BOTH), "create-transit-gateway-route --transit-gateway-route-table-id tgw-rtb-1"),
        (by_gateway(BOTH[0], leads_to=BOTH_WAYS), "create-transit-gateway-vpc-attachment --transit-gateway-id tgw-1"),
        (
            by_gateway(BOTH[0], attachment("vpc-peer", state="pendingAcceptance"), leads_to=BOTH_WAYS),
            "accept-transit-gateway-vpc-attachment --transit-gateway-attachment-id tgw-attach-vpc-peer",
        ),
    ],
    ids=["no route", "unattached", "not accepted"],
)
def test_a_transit_gateway_that_drops_is_left_to_people_and_nothing_is_billed(
    bench: Any, found: Any, command: str
) -> None:
    """What is missing at the gateway is told with its command; endpoints that could not be reached are not made."""
    planned = INBOUND.plan(case_of(bench, *found))

    assert isinstance(planned, Advice)
    assert any(command in text for text in planned.text), planned
    assert not any("vpc-peering" in text for text in planned.text)


def test_a_quota_that_was_raised_leaves_room(bench: Any) -> None:
    """Four endpoints are AWS's default, not this account's."""
    raised = replace(ROOM_FOR_FOUR, endpoints=5)

    steps = whole(case_of(bench, *evidence(there=FOUR, quotas=(raised,))))

    assert "create_endpoint" in [step.action for step in steps if step.place == TOOLS]


SITE_CIDR = "192.168.7.0/24"
HQ = OnPremises(name="hq", cidrs=(SITE_CIDR,))


def to_site(*subnets: Subnet) -> tuple[Subnet, ...]:
    """Return them with a route to the network on premises."""
    route = Route(destination="192.168.0.0/16", target="vgw-1", active=True)
    return tuple(replace(one, routes=(*one.routes, route)) for one in subnets)


def site_case(bench: Any, *found: object, peers: Sequence[Any] = ()) -> PlanCase:
    """Return what is planned from for a network on premises."""
    details = {"peers": list(peers), "on_premises": [{"place": "hq", "cidrs": [SITE_CIDR]}]}
    case: PlanCase = bench.case("private_endpoint_not_resolvable", details, NoParameters(), *found)
    return replace(case, target=replace(case.target, on_premises=(HQ,)))


def test_for_a_network_on_premises_the_plan_ends_at_the_inbound_endpoint_and_its_group(bench: Any) -> None:
    """Which lets 53 udp and tcp in from there, in subnets with a way back; the forwarder is left to people."""
    case = site_case(bench, *evidence(home=to_site(*AT_HOME)))

    steps, first = whole(case), INBOUND.plan(case)

    assert [step.action for step in steps] == ["create_group", "authorize", "create_endpoint"]
    assert [(rule["protocol"], rule["peer"]) for rule in steps[1].parameters["rules"]] == [  # type: ignore[union-attr, call-overload, index]  # JSON
        ("udp", SITE_CIDR), ("tcp", SITE_CIDR),
    ]  # fmt: skip
    assert isinstance(first, Planned)
    assert "The DNS servers of hq must be told to forward" in first.blast_radius


def test_a_peer_and_a_network_on_premises_share_one_inbound_endpoint(bench: Any) -> None:
    """Its group lets both in, and the peer's part follows."""
    peers = [{"place": "tools", "vpc_id": "vpc-peer"}]

    steps = whole(site_case(bench, *evidence(home=to_site(*AT_HOME)), peers=peers))

    assert [step.action for step in steps] == [
        "create_group", "authorize", "create_endpoint", "create_group", "create_endpoint", "create_rule", "associate",
    ]  # fmt: skip
    rules: Any = steps[1].parameters["rules"]
    assert {rule["peer"] for rule in rules} == {SITE_CIDR, PEER_CIDR}


def test_a_group_that_keeps_a_network_on_premises_out_is_opened(bench: Any) -> None:
    """A group that lets a part of it in, such as its DNS servers' addresses, is left as it is."""
    server = SecurityGroupRule(
        id="sgr-1", security_group_id="sg-in", direction=Way.INGRESS, protocol="-1", from_port=-1, to_port=-1,
        cidr=network("192.168.7.53/32"),
    )  # fmt: skip
    found = {"home": to_site(*AT_HOME), "endpoints": (ENDPOINT,)}

    shut, open_ = (site_case(bench, *evidence(**found, rules=rules)) for rules in ((), (server,)))  # type: ignore[arg-type]  # by name

    assert [(step.action, step.diff) for step in whole(shut)] == [
        ("authorize", (f"+ udp 53 from {SITE_CIDR}", f"+ tcp 53 from {SITE_CIDR}"))
    ]
    left = INBOUND.plan(open_)
    assert isinstance(left, Advice)
    assert "Nothing is left to build in AWS: the inbound endpoint rslvr-in-1 answers at 10.0.0.10" in left.reason


def test_a_network_on_premises_to_which_no_route_leads_is_left_to_people(bench: Any) -> None:
    """Joining networks is theirs; the command is told."""
    left = INBOUND.plan(site_case(bench, *evidence()))

    assert isinstance(left, Advice)
    assert "hq is left out: vpc-home has no subnets in 2 zones with a route to 192.168.7.0/24" in left.reason
    assert "enable-vgw-route-propagation --route-table-id rtb-vpc-home" in left.text[0]


class Made:
    """The steps of the plan over the far end, where one VPC stands for both."""

    def __init__(self, bench: Any) -> None:
        self.bench, self.effects = bench, dict[int, Any]()
        steps = whole(case_of(bench, *evidence()))
        swap = {"vpc-home": bench.vpc_id, "vpc-peer": bench.vpc_id}
        self.steps = [replace(step, parameters=self._real(step.parameters, swap)) for step in steps]

    def _real(self, parameters: Any, swap: dict[str, str]) -> Any:
        found = {key: swap.get(value, value) if isinstance(value, str) else value for key, value in parameters.items()}
        return {**found, **({"subnet_ids": list(self.bench.subnet_ids)} if "subnet_ids" in found else {})}

    def fix(self, step: Step) -> Any:
        """Return the fix of a step."""
        return next(fix for fix in (INBOUND, OUTBOUND, RULE, ASSOCIATE) if fix.name == step.fix)

    def run(self, index: int) -> Step:
        """Run one step until it is complete, as the workflow does; return it as it ran."""
        step, bench = self.steps[index].with_made(self.effects), self.bench
        assert self.fix(step).read(step, bench.reading()) == step.before, step.action
        effects = self.fix(step).apply(step, bench.writing())
        settled = self.fix(step).settled(step, effects, bench.reading())
        assert settled.progress is Progressing.DONE, settled
        self.effects[index] = {**effects, **settled.made}
        return step


def state(bench: Any) -> tuple[int, int, int, int]:
    """Return how many groups, endpoints, rules and associations people made."""
    resolver = bench.far_end.client("route53resolver")
    groups = bench.ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [bench.vpc_id]}])
    rules = [one for one in resolver.list_resolver_rules()["ResolverRules"] if one["RuleType"] == "FORWARD"]
    held = resolver.list_resolver_rule_associations()["ResolverRuleAssociations"]
    associated = [one for one in held if one["ResolverRuleId"] in {rule["Id"] for rule in rules}]
    endpoints = resolver.list_resolver_endpoints()["ResolverEndpoints"]
    return len(groups["SecurityGroups"]), len(endpoints), len(rules), len(associated)


def test_what_is_made_is_taken_back_in_reverse_and_nothing_else(bench: Any) -> None:
    """Every answer is lost on the way: each thing is made once, is found by its mark, and goes again."""
    made, before = Made(bench), state(bench)
    bench.aws.lose |= {"CreateSecurityGroup", "AuthorizeSecurityGroupIngress", "CreateResolverEndpoint"}
    bench.aws.lose |= {"CreateResolverRule", "AssociateResolverRule"}

    ran = [made.run(index) for index in range(len(made.steps))]
    there = state(bench)
    marks = [made.fix(step).found(step, bench.reading(), "plan1") for step in ran]
    again = [made.fix(step).apply(step, bench.writing()) for step in ran]
    bench.aws.lose.clear()
    for index in reversed(range(len(ran))):
        undo = made.fix(ran[index]).inverse(ran[index], made.effects[index])
        assert made.fix(undo).read(undo, bench.reading()) == undo.before
        gone = made.fix(undo).apply(undo, bench.writing())
        assert made.fix(undo).settled(undo, gone, bench.reading()).progress is Progressing.DONE
        assert made.fix(undo).inverse(undo, gone) is None

    assert there == (before[0] + 2, 2, 1, 1)
    assert all(mark and mark.items() <= made.effects[index].items() for index, mark in enumerate(marks))
    assert [set(one) for one in again] == [set(one) for one in marks if one]
    assert state(bench) == before
    assert [made.fix(step).found(step, bench.reading(), "plan1") for step in ran] == [None] * len(ran)


@pytest.mark.parametrize(
    ("seconds", "fails", "progress", "said"),
    [(600, "", Progressing.WAITING, "is CREATING"), (0, "no room", Progressing.FAILED, "is ACTION_NEEDED: no room")],
)
def test_an_endpoint_under_way_is_waited_for_and_a_failed_one_is_not(
    bench: Any, seconds: int, fails: str, progress: Progressing, said: str
) -> None:
    """With AWS's status and message; both can be taken back."""
    made = Made(bench)
    made.run(0)
    made.run(1)
    pace = {"action": "route53resolver:CreateResolverEndpoint", "seconds": seconds, "fails": fails}
    bench.far_end.control("POST", "paces", [pace])
    step = made.steps[2].with_made(made.effects)

    effects = INBOUND.apply(step, bench.writing())
    settled = INBOUND.settled(step, effects, bench.reading())
    bench.far_end.control("POST", "paces", [])

    assert (settled.progress, step.settles_within_seconds) == (progress, 900)
    assert said in settled.text
    assert INBOUND.inverse(step, effects) is not None


def test_a_full_account_is_told_at_once(bench: Any) -> None:
    """LimitExceededException is final: nothing is listed as ours, nothing is sent again."""
    made = Made(bench)
    made.run(0)
    resolver = bench.far_end.client("route53resolver")
    for number in range(4):
        resolver.create_resolver_endpoint(
            CreatorRequestId=f"theirs-{number}", Direction="OUTBOUND", SecurityGroupIds=[made.effects[0]["group_id"]],
            IpAddresses=[{"SubnetId": one} for one in bench.subnet_ids],
        )  # fmt: skip
    step = made.steps[2].with_made(made.effects)

    with pytest.raises(WriteFailed, match="LimitExceededException"):
        INBOUND.apply(step, bench.writing())

    assert INBOUND.found(step, bench.reading(), "plan1") is None
