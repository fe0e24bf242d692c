from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from bot.sandbox.aws.far_end import AwsFarEnd
from lab.errors import LabError
from lab.following import Following
from lab.namespaces import Run
from lab.tests.questions import is_answered
from lab.vpc_answers import VpcAnswers, VpcKey
from lab.vpc_filter import FilteredVpc, VpcFilter
from lab.vpc_ruleset import Stage
from lab.vpc_wiring import VpcWiring

WEB, DNS, NEAR = "10.9.0.10", "10.9.64.10", "10.9.64.20"
"""A host in one subnet, and two in another."""


def _interface(number: int, subnet: str, address: str, group: str) -> dict[str, Any]:
    return {
        "NetworkInterfaceId": f"eni-{number}",
        "SubnetId": subnet,
        "PrivateIpAddresses": [{"PrivateIpAddress": address}],
        "Groups": [{"GroupId": group}],
    }


INTERFACES = (
    _interface(1, "subnet-a", WEB, "sg-web"),
    _interface(2, "subnet-b", DNS, "sg-dns"),
    _interface(3, "subnet-b", NEAR, "sg-web"),
)
OUT = tuple(
    {"GroupId": group, "IsEgress": True, "IpProtocol": "-1", "FromPort": -1, "ToPort": -1, "CidrIpv4": "0.0.0.0/0"}
    for group in ("sg-web", "sg-dns")
)


def _from_web(**how: object) -> dict[str, Any]:
    usual = {"GroupId": "sg-dns", "IsEgress": False, "IpProtocol": "udp", "FromPort": 53, "ToPort": 53}
    return {**usual, "ReferencedGroupInfo": {"GroupId": "sg-web"}, **how}


def _entry(number: int, *, egress: bool, action: str, **how: object) -> dict[str, Any]:
    usual = {"RuleNumber": number, "Egress": egress, "RuleAction": action, "Protocol": "-1", "CidrBlock": "0.0.0.0/0"}
    return {**usual, **how}


def _acl(name: str, subnets: tuple[str, ...], *entries: dict[str, Any]) -> dict[str, Any]:
    return {"NetworkAclId": name, "Associations": [{"SubnetId": each} for each in subnets], "Entries": list(entries)}


OPEN = (_entry(100, egress=True, action="allow"), _entry(100, egress=False, action="allow"))
OPEN_ACL = (_acl("acl-open", ("subnet-a", "subnet-b"), *OPEN),)
HIGH = {"From": 40000, "To": 65535}


@dataclass(frozen=True, kw_only=True)
class Hosts:
    """Three hosts whose udp port 53 answers, and their filter."""

    netns: dict[str, str]
    filter: VpcFilter
    wiring: VpcWiring

    def asks(self, client: str, server: str, port: int = 0) -> bool:
        """Send one udp question from a source port (0: any); return whether the answer comes."""
        return is_answered(self.netns[client], self.netns[server], source=(client, port), server=(server, 53))


@pytest.fixture
def hosts(run: Run) -> Hosts:
    """The three hosts, attached."""
    wiring = VpcWiring(run, "nine", "10.9.0.0/16")
    netns = {address: wiring.attach_host(address, address) for address in (WEB, DNS, NEAR)}
    return Hosts(netns=netns, filter=VpcFilter(wiring.netns), wiring=wiring)


def _answers(
    *rules: dict[str, Any], acls: tuple[dict[str, Any], ...] = OPEN_ACL, lists: dict[str, list[str]] | None = None
) -> VpcAnswers:
    return VpcAnswers(interfaces=INTERFACES, rules=[*OUT, *rules], acls=acls, prefix_lists=lists or {})


@pytest.mark.parametrize(
    ("rules", "passes"),
    [
        pytest.param([_from_web()], True, id="the source's group"),
        pytest.param([_from_web(IpProtocol="-1", FromPort=-1, ToPort=-1)], True, id="every protocol"),
        pytest.param([_from_web(FromPort=50, ToPort=60)], True, id="a port range"),
        pytest.param([_from_web(IpProtocol="17")], True, id="protocol by number"),
        pytest.param([_from_web(FromPort=54, ToPort=60)], False, id="another port"),
        pytest.param([_from_web(IpProtocol="tcp")], False, id="tcp alone"),
        pytest.param([_from_web(ReferencedGroupInfo={"GroupId": "sg-dns"})], False, id="itself alone"),
        pytest.param([_from_web(ReferencedGroupInfo=None, CidrIpv4="10.9.0.0/28")], True, id="a CIDR that holds it"),
        pytest.param([_from_web(ReferencedGroupInfo=None, CidrIpv4="10.9.0.0/29")], False, id="a CIDR that does not"),
        pytest.param([_from_web(ReferencedGroupInfo=None, PrefixListId="pl-1")], True, id="a prefix list"),
        pytest.param([_from_web(ReferencedGroupInfo=None, PrefixListId="pl-2")], False, id="an empty prefix list"),
        pytest.param([_from_web(ReferencedGroupInfo=None, CidrIpv6="::/0")], False, id="IPv6 alone"),
        pytest.param([_from_web(IsEgress=True)], False, id="the wrong direction"),
        pytest.param([], False, id="no rule"),
    ],
)
def test_a_group_lets_in_what_one_of_its_rules_names(hosts: Hosts, rules: list[dict[str, Any]], passes: bool) -> None:  # noqa: FBT001  # a table
    """A question passes where some inbound rule holds; else it is counted at the server's groups."""
    hosts.filter.apply(_answers(*rules, lists={"pl-1": ["10.9.0.8/29"], "pl-2": []}))

    assert hosts.asks(WEB, DNS) is passes
    assert hosts.filter.counters()[Stage.SERVER_GROUPS] == (0 if passes else 1)


def test_groups_are_stateful_and_count_each_way(hosts: Hosts) -> None:
    """The answer needs no outbound rule of the server; without an outbound rule of the client nothing leaves."""
    web_out, dns_out = OUT
    hosts.filter.apply(VpcAnswers(interfaces=INTERFACES, rules=[web_out, _from_web()], acls=OPEN_ACL))
    one_way = hosts.asks(WEB, DNS)
    hosts.filter.apply(VpcAnswers(interfaces=INTERFACES, rules=[dns_out, _from_web()], acls=OPEN_ACL))

    assert one_way
    assert not hosts.asks(WEB, DNS)
    assert hosts.filter.counters()[Stage.CLIENT_GROUPS] == 1


@pytest.mark.parametrize(
    ("entries", "port", "stage"),
    [
        pytest.param(OPEN, 50000, None, id="open"),
        pytest.param((OPEN[1],), 50000, Stage.SERVER_SUBNET_OUT, id="no answer out"),
        pytest.param((OPEN[0],), 50000, Stage.SERVER_SUBNET_IN, id="no question in"),
        pytest.param((*OPEN, _entry(99, egress=False, action="deny")), 50000, Stage.SERVER_SUBNET_IN, id="deny first"),
        pytest.param((*OPEN, _entry(101, egress=False, action="deny")), 50000, None, id="deny too late"),
        pytest.param(
            (OPEN[1], _entry(1, egress=True, action="allow", Protocol="17", PortRange=HIGH)),
            40000,
            None,
            id="port 40000",
        ),
        pytest.param(
            (OPEN[1], _entry(1, egress=True, action="allow", Protocol="17", PortRange=HIGH)),
            39999,
            Stage.SERVER_SUBNET_OUT,
            id="port 39999",
        ),
        pytest.param(
            (*OPEN, _entry(1, egress=True, action="deny", Protocol="6")), 50000, None, id="denies another protocol"
        ),
    ],
)
def test_an_acl_judges_each_packet_between_subnets(
    hosts: Hosts, entries: tuple[dict[str, Any], ...], port: int, stage: Stage | None
) -> None:
    """Questions and answers are judged alike, by number; inside the subnet nothing is."""
    acls = (_acl("acl-a", ("subnet-a",), *OPEN), _acl("acl-b", ("subnet-b",), *entries))
    hosts.filter.apply(_answers(_from_web(), acls=acls))

    passes = hosts.asks(WEB, DNS, port)
    counted = {name: number for name, number in hosts.filter.counters().items() if number and name != "passed"}

    assert passes is (stage is None)
    assert counted == ({stage: 1} if stage else {})
    assert hosts.asks(NEAR, DNS)


def test_the_vpc_resolver_is_never_filtered(hosts: Hosts) -> None:
    """With no rule and no ACL entry at all the resolver's addresses still answer."""
    hosts.filter.apply(VpcAnswers(interfaces=INTERFACES, acls=(_acl("acl-a", ("subnet-a", "subnet-b")),)))
    with_resolver = Hosts(
        netns={**hosts.netns, hosts.wiring.resolver_address: hosts.wiring.netns, "169.254.169.253": hosts.wiring.netns},
        filter=hosts.filter,
        wiring=hosts.wiring,
    )

    assert with_resolver.asks(WEB, "10.9.0.2")
    assert with_resolver.asks(WEB, "169.254.169.253")
    assert not with_resolver.asks(WEB, DNS)


def test_pods_of_one_node_never_reach_the_filter(run: Run) -> None:
    """With everything refused, pods of one node answer one another, and their node; those of another do not."""
    wiring = VpcWiring(run, "nine", "10.9.0.0/16")
    netns = {
        "10.9.0.10": wiring.attach_node("one", "10.9.0.10"),
        "10.9.0.11": wiring.attach_pod("one", "a", "10.9.0.11"),
        "10.9.0.12": wiring.attach_pod("one", "b", "10.9.0.12"),
        "10.9.0.20": wiring.attach_node("two", "10.9.0.20"),
        "10.9.0.21": wiring.attach_pod("two", "a", "10.9.0.21"),
    }
    hosts = Hosts(netns=netns, filter=VpcFilter(wiring.netns), wiring=wiring)
    hosts.filter.apply(VpcAnswers())

    assert hosts.asks("10.9.0.11", "10.9.0.12")
    assert hosts.asks("10.9.0.11", "10.9.0.10")
    assert not hosts.asks("10.9.0.11", "10.9.0.21")
    assert hosts.filter.counters()[Stage.NOBODY] == 1


def test_counters_go_on_when_the_rules_change(hosts: Hosts) -> None:
    """Refused packets stay counted after the next state is in force; questions and answers that passed, by pair."""
    hosts.filter.apply(_answers())
    hosts.asks(WEB, DNS)
    hosts.filter.apply(_answers(_from_web()))
    hosts.asks(WEB, DNS)
    hosts.asks(WEB, DNS)

    assert hosts.filter.counters()[Stage.SERVER_GROUPS] == 1
    assert hosts.filter.counters()["passed"] == 4
    assert hosts.filter.queries() == {(WEB, DNS, "udp"): 2}
    assert hosts.filter.answers() == {(WEB, DNS, "udp"): 2}


def test_a_ruleset_that_nft_refuses_changes_nothing(hosts: Hosts) -> None:
    """A state that cannot be loaded is an error, and the former state stays in force."""
    hosts.filter.apply(_answers(_from_web()))

    with pytest.raises(LabError, match="nft -f - in dl"):
        hosts.filter.apply(_answers(_from_web(IpProtocol="nonsense")))

    assert hosts.asks(WEB, DNS)


def test_the_filter_shares_nothing_with_the_evaluator_it_judges() -> None:
    """Of the bot it imports names of the world and of its modes, and where AWS was called: nothing that judges."""
    program = "import lab.vpc_filter, lab.vpc_resolver, lab.fuzz.kernel, sys; print(*sys.modules)"

    imported = subprocess.check_output([sys.executable, "-c", program], text=True).split()

    assert "lab.vpc_ruleset" in imported
    assert {name for name in imported if name.partition(".")[0] == "bot"} == {
        "bot",
        "bot.domain",
        "bot.domain.enforcing_mode",
        "bot.sandbox",
        "bot.sandbox.aws",
        "bot.sandbox.aws.places",
        "bot.sandbox.world",
        "bot.sandbox.world.access_keys",
        "bot.sandbox.world.world",
    }


@pytest.fixture
def aws() -> Iterator[AwsFarEnd]:
    """Simulated AWS, on this machine's loopback."""
    with AwsFarEnd(seed=5) as far_end:
        yield far_end


@dataclass(frozen=True, kw_only=True)
class OwnVpc:
    """Two interfaces in simulated AWS, in two subnets, in one group that holds no inbound rule."""

    id: str
    group: str
    acl: str


@pytest.fixture
def own_vpc(aws: AwsFarEnd) -> OwnVpc:
    """The VPC of the two hosts."""
    return _own_vpc(aws)


def _own_vpc(aws: AwsFarEnd) -> OwnVpc:
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="nodes", Description="nodes", VpcId=vpc)["GroupId"]
    for address, cidr in ((WEB, "10.9.0.0/18"), (DNS, "10.9.64.0/18")):
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr)["Subnet"]["SubnetId"]
        ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=address, Groups=[group])
    found = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]
    return OwnVpc(id=vpc, group=group, acl=found[0]["NetworkAclId"])


def _following(hosts: Hosts, aws: AwsFarEnd, vpc: OwnVpc) -> Following:
    key = VpcKey(account="123456789012", region="eu-west-1", id=vpc.id)
    return Following([FilteredVpc(filter=hosts.filter, vpc=key)], aws_url=aws.url, aws_netns="")


def _soon(hosts: Hosts, *, passes: bool) -> bool:
    until = time.monotonic() + 10
    while hosts.asks(WEB, DNS) is not passes:
        if time.monotonic() > until:
            return False
    return True


def test_an_aws_call_changes_what_the_kernel_does(hosts: Hosts, aws: AwsFarEnd, own_vpc: OwnVpc) -> None:
    """Within moments an authorized rule heals, an ACL entry breaks, and the entry's removal heals again."""
    ec2 = aws.client("ec2")
    rule = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "UserIdGroupPairs": [{"GroupId": own_vpc.group}]}
    with _following(hosts, aws, own_vpc):
        assert not hosts.asks(WEB, DNS)

        ec2.authorize_security_group_ingress(GroupId=own_vpc.group, IpPermissions=[rule])
        assert _soon(hosts, passes=True)

        entry = {"NetworkAclId": own_vpc.acl, "RuleNumber": 50, "Egress": False}
        ports = {"From": 53, "To": 53}
        ec2.create_network_acl_entry(
            **entry, Protocol="17", CidrBlock="10.9.0.0/16", RuleAction="deny", PortRange=ports
        )
        assert _soon(hosts, passes=False)

        ec2.delete_network_acl_entry(**entry)
        assert _soon(hosts, passes=True)


def test_refusals_set_for_the_bot_do_not_hold_up_the_network(hosts: Hosts, aws: AwsFarEnd, own_vpc: OwnVpc) -> None:
    """A rule that was written is in force, whatever AWS refuses to show to others."""
    rule = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": own_vpc.group}]}
    with _following(hosts, aws, own_vpc) as following:
        aws.control("POST", "faults", [{"action": "ec2:Describe*", "kind": "throttle", "times": None}])
        before = hosts.asks(WEB, DNS)
        aws.client("ec2").authorize_security_group_ingress(GroupId=own_vpc.group, IpPermissions=[rule])

        assert not before
        assert following.refresh()
        assert hosts.asks(WEB, DNS)


def test_while_aws_is_gone_the_last_state_stands(hosts: Hosts) -> None:
    """What cannot be read changes nothing, and is not taken for read."""
    with AwsFarEnd(seed=5) as aws:
        vpc = _own_vpc(aws)
        rule = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": vpc.group}]}
        aws.client("ec2").authorize_security_group_ingress(GroupId=vpc.group, IpPermissions=[rule])
        following = _following(hosts, aws, vpc)
        read_before = following.refresh()
    read_after = following.refresh()

    assert (read_before, read_after) == (True, False)
    assert hosts.asks(WEB, DNS)
