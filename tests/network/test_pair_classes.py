"""How many evaluations many nodes cost, and how port ranges and CIDR membership are counted."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from bot.domain.lookups import Transport
from bot.network.classes import evaluate_pairs, one_end_for_each_class
from bot.network.membership import Membership
from bot.network.model import Direction, Interface, SecurityGroupRule, Vpc
from bot.network.ports import LINUX_CLIENTS, PortRange, count, union
from bot.network.reachability import End, State


def node(number: int, *, group: str = "sg-nodes", subnet: str = "subnet-a") -> End:
    """Return the client end of one node."""
    address = ip_address(f"10.0.{number // 200}.{number % 200 + 10}")
    interface = Interface(
        id=f"eni-{number}",
        instance_id=f"i-{number}",
        subnet_id=subnet,
        security_group_ids=frozenset({group}),
        addresses=frozenset({address}),
    )
    return End(interface=interface, address=address, name=f"node-{number}")


def ingress(rule_id: str, cidr: str, protocol: str = "-1", port: int = -1) -> SecurityGroupRule:
    """Return an ingress rule of the nodes' group."""
    return SecurityGroupRule(
        id=rule_id,
        security_group_id="sg-nodes",
        direction=Direction.INGRESS,
        protocol=protocol,
        from_port=port,
        to_port=port,
        cidr=ip_network(cidr),
    )


OUT = SecurityGroupRule(
    id="sgr-out",
    security_group_id="sg-nodes",
    direction=Direction.EGRESS,
    protocol="-1",
    from_port=-1,
    to_port=-1,
    cidr=ip_network("0.0.0.0/0"),
)


@pytest.mark.parametrize("nodes", [10, 3000], ids=["10 nodes", "3000 nodes"])
def test_evaluations_do_not_grow_with_the_nodes(nodes: int) -> None:
    """Equal nodes in one subnet cost two evaluations, one for pairs that leave and one for pairs that stay."""
    ends = [node(number) for number in range(nodes)]
    vpc = Vpc(interfaces=(), rules=(OUT, ingress("sgr-1", "10.0.0.0/16")), read_group_ids=frozenset({"sg-nodes"}))

    evaluated = evaluate_pairs(vpc, ends, ends[:2])

    assert evaluated.evaluations == 2
    assert sum(1 for pair_class in evaluated.classes for _ in pair_class.pairs()) == 2 * nodes


def test_a_cidr_that_cuts_the_nodes_makes_two_classes() -> None:
    """Nodes on both sides of a rule's CIDR are judged apart, and only those outside it are blocked."""
    ends = [node(number) for number in range(400)]
    server = node(1000)
    vpc = Vpc(interfaces=(), rules=(OUT, ingress("sgr-1", "10.0.0.0/24")), read_group_ids=frozenset({"sg-nodes"}))

    evaluated = evaluate_pairs(vpc, ends, [server])

    assert evaluated.evaluations == 2
    blocked = [item for item in evaluated.classes if item.answers[0].state is State.BLOCKED]
    assert [len(item.clients) for item in blocked] == [200]
    assert {str(end.address).rpartition(".")[0] for end in blocked[0].clients} == {"10.0.1"}


def test_a_rule_for_another_port_makes_no_class() -> None:
    """CIDRs of rules that are not about port 53 do not tell nodes apart."""
    ends = [node(number) for number in range(20)]
    vpc = Vpc(
        interfaces=(),
        rules=(OUT, ingress("sgr-1", "10.0.0.0/16"), ingress("sgr-2", "10.0.0.12/32", "tcp", 443)),
        read_group_ids=frozenset({"sg-nodes"}),
    )

    assert evaluate_pairs(vpc, ends, [node(1000)]).evaluations == 1


def test_groups_and_subnets_make_classes() -> None:
    """Two groups in two subnets are four classes towards one server."""
    ends = [node(number, group=f"sg-{number % 2}", subnet=f"subnet-{number // 2 % 2}") for number in range(40)]
    vpc = Vpc(interfaces=(), rules=(), read_group_ids=frozenset({"sg-0", "sg-1", "sg-nodes"}))

    assert evaluate_pairs(vpc, ends, [node(1000)]).evaluations == 4


def test_families_are_not_mixed() -> None:
    """An IPv4 client and an IPv6 server are no pair."""
    six = End(interface=None, address=ip_address("fd00::1"))
    vpc = Vpc(interfaces=(), rules=(), read_group_ids=frozenset())

    assert evaluate_pairs(vpc, [node(1)], [six]).evaluations == 0


def test_answers_are_for_udp_then_tcp() -> None:
    """Each class carries one answer for each transport."""
    vpc = Vpc(
        interfaces=(), rules=(OUT, ingress("sgr-1", "0.0.0.0/0", "udp", 53)), read_group_ids=frozenset({"sg-nodes"})
    )

    (pair_class,) = evaluate_pairs(vpc, [node(1)], [node(2)]).classes

    assert [(item.transport, item.state) for item in pair_class.answers] == [
        (Transport.UDP, State.ALLOWED),
        (Transport.TCP, State.BLOCKED),
    ]


def test_a_delegated_prefix_gives_one_client_for_each_part_that_rules_cut() -> None:
    """A rule's CIDR inside a /28 splits it in two; without such a rule the /28 is one client."""
    interface = Interface(
        id="eni-1",
        instance_id="i-1",
        subnet_id="subnet-a",
        security_group_ids=frozenset({"sg-1"}),
        addresses=frozenset({ip_address("10.0.9.1")}),
        prefixes=frozenset({ip_network("10.0.1.16/28")}),
    )
    end = End(interface=None, address=ip_address("10.0.9.1"), name="node-1")
    cut = Membership([ip_network("10.0.1.20/30"), ip_network("10.0.9.0/24")])
    whole = Membership([ip_network("10.0.9.0/24")])

    assert [str(item.address) for item in one_end_for_each_class(interface, cut, end)] == [
        "10.0.1.16",
        "10.0.1.20",
        "10.0.9.1",
    ]
    assert [str(item.address) for item in one_end_for_each_class(interface, whole, end)] == ["10.0.1.16", "10.0.9.1"]


@pytest.mark.parametrize(
    ("addresses", "ends"),
    [
        (["10.0.1.9", "10.0.1.8", "10.0.1.200"], ["10.0.1.8"]),
        (["10.0.1.3", "10.0.1.9"], ["10.0.1.3"]),
        (["10.0.1.3", "10.0.1.5", "10.0.1.9"], ["10.0.1.3", "10.0.1.5"]),
        (["10.0.1.5", "fd00::1"], ["10.0.1.5", "fd00::1"]),
    ],
    ids=["beyond every edge", "on both sides of a block", "inside it, too", "of both families"],
)
def test_an_interface_gives_one_client_for_each_class_of_its_addresses(addresses: list[str], ends: list[str]) -> None:
    """The lowest address stands for all that no rule tells apart."""
    interface = Interface(
        id="eni-1",
        instance_id="i-1",
        subnet_id="subnet-a",
        security_group_ids=frozenset({"sg-1"}),
        addresses=frozenset(map(ip_address, addresses)),
    )
    end = End(interface=None, address=ip_address(addresses[0]), name="node-1")
    cut = Membership([ip_network("10.0.1.4/30")])

    found = one_end_for_each_class(interface, cut, end)

    assert [str(item.address) for item in found] == ends
    assert {(item.interface, item.name, item.client_ports) for item in found} == {(interface, "node-1", LINUX_CLIENTS)}


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [("10.0.1.4", "10.0.1.7", True), ("10.0.1.3", "10.0.1.4", False), ("10.0.1.7", "10.0.1.8", False)],
    ids=["both inside", "below the edge", "above the edge"],
)
def test_membership_changes_at_the_edges_alone(first: str, second: str, alike: bool) -> None:  # noqa: FBT001  # a column
    """Addresses are told apart exactly where a CIDR begins or ends."""
    membership = Membership([ip_network("10.0.1.4/30"), ip_network("10.0.0.0/8")])

    assert (membership.of(ip_address(first)) == membership.of(ip_address(second))) is alike


def test_overlapping_ranges_count_once() -> None:
    """Port ranges that overlap or touch are joined before they are counted."""
    ranges = [PortRange(100, 200), PortRange(150, 250), PortRange(251, 300), PortRange(400, 400)]

    assert union(ranges) == (PortRange(100, 300), PortRange(400, 400))
    assert count(ranges) == 202
