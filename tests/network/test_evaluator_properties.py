"""The evaluator against a slow reference that simulates one packet at a time, port by port and rule by rule."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.enforcing_mode import EnforcingMode
from bot.domain.lookups import Transport
from bot.network.classes import evaluate_pairs
from bot.network.evaluate import VpcBook, evaluate
from bot.network.model import (
    AclEntry,
    Direction,
    Interface,
    InterfaceKind,
    NetworkAcl,
    PrefixList,
    Route,
    SecurityGroupRule,
    Subnet,
    Vpc,
)
from bot.network.ports import PortRange
from bot.network.reachability import GROUP_HOPS, End, Hop, State

FEW_PORTS = PortRange(32768, 32790)
"""The clients' source ports in these worlds: few, so that each can be tried."""

GROUP_IDS = ("sg-1", "sg-2", "sg-3")
CIDRS = tuple(
    ip_network(text)
    for text in ("0.0.0.0/0", "10.0.0.0/16", "10.0.1.0/24", "10.0.2.0/24", "10.0.1.4/30", "10.0.2.7/32", "::/0")
)
SUBNETS = {"subnet-a": "10.0.1", "subnet-b": "10.0.2"}
OUTSIDE = End(interface=None, address=ip_address("198.51.100.7"))

rules = st.builds(
    SecurityGroupRule,
    id=st.sampled_from(["sgr-1", "sgr-2"]),
    security_group_id=st.sampled_from(GROUP_IDS),
    direction=st.sampled_from(Direction),
    protocol=st.sampled_from(["-1", "udp", "tcp", "17", "6", "icmp", "50"]),
    from_port=st.sampled_from([-1, 0, 50, 53]),
    to_port=st.sampled_from([-1, 52, 53, 54, 65535]),
).flatmap(
    lambda rule: st.one_of(
        st.sampled_from(CIDRS).map(lambda cidr: replace(rule, cidr=cidr)),
        st.sampled_from(GROUP_IDS).map(lambda group: replace(rule, group_id=group)),
        st.sampled_from(["pl-1", "pl-2"]).map(lambda listed: replace(rule, prefix_list_id=listed)),
    )
)

entries = st.lists(
    st.builds(
        AclEntry,
        number=st.integers(1, 40),
        egress=st.booleans(),
        allow=st.booleans(),
        protocol=st.sampled_from(["-1", "6", "17", "1"]),
        cidr=st.sampled_from(CIDRS),
        from_port=st.sampled_from([None, 0, 53, 32768, 32775]),
        to_port=st.sampled_from([53, 32770, 32780, 32790, 65535]),
    ).map(lambda item: replace(item, to_port=None) if item.from_port is None else item),
    max_size=6,
    unique_by=lambda item: (item.egress, item.number),
).map(tuple)


@st.composite
def interfaces(draw: st.DrawFn) -> Interface:
    """Draw an interface of one of two subnets and three instances, with one or two addresses."""
    subnet = draw(st.sampled_from(sorted(SUBNETS)))
    hosts = draw(st.sets(st.sampled_from([5, 7, 9, 200]), min_size=1, max_size=2))
    return Interface(
        id=f"eni-{draw(st.integers(1, 99))}",
        instance_id=draw(st.sampled_from(["i-1", "i-2", "i-3"])),
        subnet_id=subnet,
        security_group_ids=frozenset(draw(st.sets(st.sampled_from(GROUP_IDS), min_size=1, max_size=2))),
        addresses=frozenset(ip_address(f"{SUBNETS[subnet]}.{host}") for host in hosts),
        kind=draw(st.sampled_from([InterfaceKind.INSTANCE, InterfaceKind.INSTANCE, InterfaceKind.BRANCH])),
    )


def ends(
    interface: Interface, mode: EnforcingMode | None = EnforcingMode.STRICT, leaves_as: Interface | None = None
) -> list[End]:
    """Return one end for each address of the interface; `leaves_as`: what its packets leave the VPC by."""
    primary = None if leaves_as is None else ends(leaves_as)[0]
    return [
        End(interface=interface, address=item, client_ports=FEW_PORTS, mode=mode, leaves_as=primary)
        for item in sorted(interface.addresses)
    ]


modes = st.sampled_from(EnforcingMode)
perhaps_known = st.none() | modes
clients_of_node = st.builds(ends, interfaces(), perhaps_known, st.none() | interfaces())


@st.composite
def vpcs(draw: st.DrawFn) -> Vpc:
    """Draw a VPC of two subnets in which everything was read."""
    names = sorted(SUBNETS)
    shared = draw(st.booleans())
    acls = [
        NetworkAcl(
            id=f"acl-{name}",
            vpc_id="vpc-1",
            is_default=False,
            entries=draw(entries),
            subnet_ids=frozenset(names if shared else {name}),
        )
        for name in (names[:1] if shared else names)
    ]
    listed = st.lists(st.sampled_from(CIDRS), max_size=2).map(tuple)
    return Vpc(
        interfaces=(),
        rules=tuple(draw(st.lists(rules, max_size=8))),
        read_group_ids=frozenset(GROUP_IDS),
        prefix_lists=tuple(PrefixList(id=name, name=name, entries=draw(listed)) for name in ("pl-1", "pl-2")),
        acls=tuple(acls),
        subnets=tuple(
            Subnet(
                id=name,
                vpc_id="vpc-1",
                zone="",
                cidrs=(ip_network(f"{SUBNETS[name]}.0/24"),),
                route_table_id="rtb-1",
                routes=(Route(destination="10.0.0.0/16", target="local", active=True),),
            )
            for name in names
        ),
    )


class SlowReference:
    """Sends single packets: a query from one source port, and its answer."""

    def __init__(self, vpc: Vpc, transport: Transport) -> None:
        self.vpc = vpc
        self.number = {Transport.UDP: 17, Transport.TCP: 6}[transport]

    def lost_at(self, client: End, server: End, source_port: int) -> set[Hop]:
        """Return every hop that would drop the query or the answer of this one source port."""
        near, far = client.interface, server.interface
        assert near is not None
        assert far is not None
        if near.instance_id == far.instance_id and self._node_routes(client, server):
            return set()
        lost = set()
        if not any(self._lets(rule, near, Direction.EGRESS, server) for rule in self.vpc.rules):
            lost.add(Hop.CLIENT_GROUPS)
        if not any(self._lets(rule, far, Direction.INGRESS, client) for rule in self.vpc.rules):
            lost.add(Hop.SERVER_GROUPS)
        if near.subnet_id == far.subnet_id:
            return lost
        for hop, subnet, egress, address, port in (
            (Hop.CLIENT_SUBNET_OUT, near.subnet_id, True, server.address, 53),
            (Hop.SERVER_SUBNET_IN, far.subnet_id, False, client.address, 53),
            (Hop.SERVER_SUBNET_OUT, far.subnet_id, True, client.address, source_port),
            (Hop.CLIENT_SUBNET_IN, near.subnet_id, False, server.address, source_port),
        ):
            if not self._acl_passes(subnet, str(address), port, egress=egress):
                lost.add(hop)
        return lost

    @staticmethod
    def _node_routes(client: End, server: End) -> bool:
        """Ask the node's rules: 10 (all that comes in by a link of strict mode), then those that lead to a pod."""
        own_table = [
            end.interface is not None
            and end.interface.kind is InterfaceKind.BRANCH
            and end.mode is EnforcingMode.STRICT
            for end in (client, server)
        ]
        return not any(own_table)

    def lost_outside(self, client: End, source_port: int) -> set[Hop]:
        """Return every hop of the VPC that would drop a query to `OUTSIDE`, or its answer, of this one source port."""
        sender = client if client.leaves_as is None else client.leaves_as
        interface = sender.interface
        assert interface is not None
        lost = set()
        if not any(self._lets(rule, interface, Direction.EGRESS, OUTSIDE) for rule in self.vpc.rules):
            lost.add(Hop.CLIENT_GROUPS)
        for hop, egress, port in ((Hop.CLIENT_SUBNET_OUT, True, 53), (Hop.CLIENT_SUBNET_IN, False, source_port)):
            if not self._acl_passes(interface.subnet_id, str(OUTSIDE.address), port, egress=egress):
                lost.add(hop)
        return lost

    def _lets(self, rule: SecurityGroupRule, owner: Interface, direction: Direction, other: End) -> bool:
        if rule.security_group_id not in owner.security_group_ids or rule.direction is not direction:
            return False
        numbers = {"-1": (6, 17), "udp": (17,), "17": (17,), "tcp": (6,), "6": (6,), "icmp": (1,), "50": (50,)}
        if self.number not in numbers[rule.protocol]:
            return False
        if rule.protocol != "-1" and rule.from_port != -1 and 53 not in range(rule.from_port, rule.to_port + 1):
            return False
        if rule.group_id:
            return other.interface is not None and rule.group_id in other.interface.security_group_ids
        blocks = [rule.cidr] if rule.cidr is not None else []
        for listed in self.vpc.prefix_lists:
            if listed.id == rule.prefix_list_id:
                blocks += list(listed.entries or ())
        return any(
            block.version == other.address.version
            and int(block.network_address) <= int(other.address) <= int(block.broadcast_address)
            for block in blocks
            if block is not None
        )

    def _acl_passes(self, subnet: str, address: str, port: int, *, egress: bool) -> bool:
        (acl,) = [item for item in self.vpc.acls or () if subnet in item.subnet_ids]
        verdicts = {
            item.number: item.allow
            for item in acl.entries
            if item.egress == egress
            and item.protocol in {"-1", str(self.number)}
            and ip_address(address) in item.cidr
            and (
                item.protocol == "-1"
                or item.from_port is None
                or (item.to_port is not None and item.from_port <= port <= item.to_port)
            )
        }
        return verdicts[min(verdicts)] if verdicts else False


@given(
    vpc=vpcs(),
    client=interfaces(),
    server=interfaces(),
    enforcing=st.tuples(modes, modes),
    transport=st.sampled_from(Transport),
)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_evaluator_agrees_with_single_packets(
    vpc: Vpc,
    client: Interface,
    server: Interface,
    enforcing: tuple[EnforcingMode, EnforcingMode],
    transport: Transport,
) -> None:
    """State, hops and the exact share are those that sending a packet from every source port gives."""
    one, other = ends(client, enforcing[0])[0], ends(server, enforcing[1])[0]
    reference = SlowReference(vpc, transport)

    answer = evaluate(VpcBook.of(vpc), one, other, transport)

    lost = [reference.lost_at(one, other, port) for port in range(FEW_PORTS.first, FEW_PORTS.last + 1)]
    assert {block.hop for block in answer.blocks} == set().union(*lost)
    assert answer.share == sum(bool(hops) for hops in lost) / FEW_PORTS.size
    assert answer.state is (State.BLOCKED if any(lost) else State.ALLOWED)
    for block in answer.blocks:
        assert block.share == sum(block.hop in hops for hops in lost) / FEW_PORTS.size


@given(vpc=vpcs(), client=clients_of_node, transport=st.sampled_from(Transport))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_evaluator_agrees_with_single_packets_out_of_the_vpc(vpc: Vpc, client: list[End], transport: Transport) -> None:
    """Groups and ACL are those of the interface that the packets leave by; it is never said that they arrive."""
    reference = SlowReference(vpc, transport)

    answer = evaluate(VpcBook.of(vpc), client[0], OUTSIDE, transport)

    lost = [reference.lost_outside(client[0], port) for port in range(FEW_PORTS.first, FEW_PORTS.last + 1)]
    unsure = {item.hop for item in answer.unread}
    assert {block.hop for block in answer.blocks} == set().union(*lost) - unsure
    assert unsure <= {Hop.ROUTE, Hop.CLIENT_GROUPS}
    assert answer.state is (State.BLOCKED if answer.blocks else State.UNDECIDED)


@given(
    vpc=vpcs(),
    clients=st.lists(clients_of_node, max_size=5),
    servers=st.lists(st.builds(ends, interfaces(), perhaps_known), max_size=3),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_classes_give_each_pair_its_own_answer(vpc: Vpc, clients: list[list[End]], servers: list[list[End]]) -> None:
    """Judging by classes gives every pair exactly the answer it gets when it is judged alone, once."""
    asking = list(dict.fromkeys(end for item in clients for end in item))
    asked = [*dict.fromkeys(end for item in servers for end in item), OUTSIDE]
    book = VpcBook.of(vpc)

    evaluated = evaluate_pairs(vpc, asking, asked)

    seen = []
    for pair_class in evaluated.classes:
        for client, server in pair_class.pairs():
            seen.append((client, server))
            for answer in pair_class.answers:
                alone = evaluate(book, client, server, answer.transport)
                assert [(item.hop, item.closed) for item in answer.blocks] == [
                    (item.hop, item.closed) for item in alone.blocks
                ]
                assert (answer.state, answer.on_node) == (alone.state, alone.on_node)
    assert sorted(seen, key=repr) == sorted(((one, other) for one in asking for other in asked), key=repr)


@given(
    vpc=vpcs(),
    client=interfaces(),
    server=interfaces(),
    mode=modes,
    hidden=st.sets(st.sampled_from(["pl-1", "sg-1", "acls", "mode", "node"])),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_reading_less_never_turns_an_answer_round(
    vpc: Vpc, client: Interface, server: Interface, mode: EnforcingMode, hidden: set[str]
) -> None:
    """With a part unread, allowed stays or becomes undecided, and so does blocked; neither becomes the other."""
    one, other = ends(client, mode)[0], ends(server)[0]
    less_known = replace(one, mode=None if "mode" in hidden else mode)
    if "node" in hidden and client.kind is InterfaceKind.BRANCH:
        less_known = replace(less_known, interface=replace(client, instance_id=""))
    less = replace(
        vpc,
        rules=tuple(item for item in vpc.rules if item.security_group_id not in hidden),
        read_group_ids=frozenset(set(GROUP_IDS) - hidden),
        prefix_lists=tuple(replace(item, entries=None) if item.id in hidden else item for item in vpc.prefix_lists),
        acls=None if "acls" in hidden else vpc.acls,
    )

    full = evaluate(VpcBook.of(vpc), one, other, Transport.UDP)
    partial = evaluate(VpcBook.of(less), less_known, other, Transport.UDP)

    assert partial.state in {full.state, State.UNDECIDED}
    assert {block.hop for block in partial.blocks} <= {block.hop for block in full.blocks}


@given(vpc=vpcs(), client=interfaces(), server=interfaces(), more=rules)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_further_group_rule_never_blocks(
    vpc: Vpc, client: Interface, server: Interface, more: SecurityGroupRule
) -> None:
    """Security-group rules only allow: adding one removes blocks or changes nothing."""
    one, other = ends(client)[0], ends(server)[0]

    before = evaluate(VpcBook.of(vpc), one, other, Transport.TCP).at(GROUP_HOPS)
    after = evaluate(VpcBook.of(replace(vpc, rules=(*vpc.rules, more))), one, other, Transport.TCP).at(GROUP_HOPS)

    assert {block.hop for block in after.blocks} <= {block.hop for block in before.blocks}
