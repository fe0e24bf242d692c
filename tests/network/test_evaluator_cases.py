"""A table of what AWS documents, each case with its page, against the evaluator."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network

import pytest

from bot.domain.enforcing_mode import EnforcingMode
from bot.domain.lookups import Transport
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
from bot.network.ports import WINDOWS_CLIENTS
from bot.network.reachability import End, Hop, State

GROUPS = "VPC User Guide, Control traffic to your AWS resources using security groups"
RULES = "VPC User Guide, Security group rules"
REFERENCES = "VPC User Guide, Security group referencing"
LISTS = "VPC User Guide, Reference prefix lists in your AWS resources"
ACLS = "VPC User Guide, Network ACL basics"
ACL_RULES = "VPC User Guide, Network ACL rules"
EPHEMERAL = "VPC User Guide, Custom network ACLs, Ephemeral ports"
RESOLVER = "VPC User Guide, Understand Amazon DNS"
MIDDLEBOX = "VPC User Guide, Middlebox routing"
PODS = "EKS User Guide, Assign security groups to individual pods"
MODES = "amazon-vpc-cni-k8s, README, POD_SECURITY_GROUP_ENFORCING_MODE"

CLIENT = ip_address("10.0.1.5")
SERVER = ip_address("10.0.2.7")


def rule(
    rule_id: str,
    group: str,
    direction: str,
    protocol: str = "-1",
    ports: tuple[int, int] = (-1, -1),
    *,
    cidr: str = "",
    source_group: str = "",
    prefix_list: str = "",
) -> SecurityGroupRule:
    """Return one rule."""
    return SecurityGroupRule(
        id=rule_id,
        security_group_id=group,
        direction=Direction(direction),
        protocol=protocol,
        from_port=ports[0],
        to_port=ports[1],
        cidr=ip_network(cidr) if cidr else None,
        group_id=source_group,
        prefix_list_id=prefix_list,
    )


def entry(
    number: int,
    way: str,
    action: str,
    protocol: str = "-1",
    cidr: str = "0.0.0.0/0",
    ports: tuple[int, int] | None = None,
) -> AclEntry:
    """Return one ACL entry."""
    return AclEntry(
        number=number,
        egress=way == "out",
        allow=action == "allow",
        protocol=protocol,
        cidr=ip_network(cidr),
        from_port=ports[0] if ports else None,
        to_port=ports[1] if ports else None,
    )


OPEN_ENTRIES = (entry(100, "in", "allow"), entry(100, "out", "allow"))
OUT_ALL = rule("sgr-out", "sg-client", "egress", cidr="0.0.0.0/0")
IN_ALL = rule("sgr-in", "sg-server", "ingress", source_group="sg-client")
LOCAL = Route(destination="10.0.0.0/16", target="local", active=True)


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """A world that differs from the open one, and what must be said of it."""

    page: str
    says: str
    rules: tuple[SecurityGroupRule, ...] = (OUT_ALL, IN_ALL)
    client_groups: tuple[str, ...] = ("sg-client",)
    server_groups: tuple[str, ...] = ("sg-server",)
    read: tuple[str, ...] = ("sg-client", "sg-server", "sg-more")
    lists: tuple[PrefixList, ...] = ()
    client_entries: tuple[AclEntry, ...] | None = OPEN_ENTRIES
    server_entries: tuple[AclEntry, ...] | None = OPEN_ENTRIES
    client_routes: tuple[Route, ...] = (LOCAL,)
    server_routes: tuple[Route, ...] = (LOCAL,)
    server_subnet: str = "subnet-b"
    server_address: str = "10.0.2.7"
    same_instance: bool = False
    client_kind: InterfaceKind = InterfaceKind.INSTANCE
    client_mode: EnforcingMode | None = EnforcingMode.STRICT
    client_instance: str = "i-1"
    leaves_by_groups: tuple[str, ...] = ()
    """Groups of the node's primary interface, where packets out of the VPC get its address."""
    server_known: bool = True
    acls_read: bool = True
    subnets_read: bool = True
    udp: State = State.ALLOWED
    tcp: State = State.ALLOWED
    hops: frozenset[Hop] = field(default_factory=frozenset)
    share: float | None = None
    words: str = ""


def self_rules(*ports: tuple[str, int]) -> tuple[SecurityGroupRule, ...]:
    """Return egress all, and one self-referencing ingress rule for each protocol and port."""
    return (
        rule("sgr-out", "sg-cluster", "egress", cidr="0.0.0.0/0"),
        *(
            rule(f"sgr-{port}", "sg-cluster", "ingress", protocol, (port, port), source_group="sg-cluster")
            for protocol, port in ports
        ),
    )


BLOCKED, UNDECIDED = State.BLOCKED, State.UNDECIDED
ONE_GROUP = {"client_groups": ("sg-cluster",), "server_groups": ("sg-cluster",), "read": ("sg-cluster",)}

CASES = [
    Expectation(page=GROUPS, says="open-both-ways-allows"),
    Expectation(
        page=GROUPS,
        says="hardened-cluster-group-443-10250-blocks",
        rules=self_rules(("tcp", 443), ("tcp", 10250)),
        udp=BLOCKED,
        tcp=BLOCKED,
        hops=frozenset({Hop.SERVER_GROUPS}),
        share=1.0,
        words="security group sg-cluster has no inbound rule for udp/53 from itself (10.0.1.5)",
        **ONE_GROUP,  # type: ignore[arg-type]
    ),
    Expectation(
        page=GROUPS,
        says="self-reference-admits",
        rules=self_rules(("udp", 53), ("tcp", 53)),
        **ONE_GROUP,  # type: ignore[arg-type]
    ),
    Expectation(
        page=GROUPS,
        says="udp-alone-leaves-tcp-blocked",
        rules=self_rules(("udp", 53)),
        tcp=BLOCKED,
        hops=frozenset({Hop.SERVER_GROUPS}),
        **ONE_GROUP,  # type: ignore[arg-type]
    ),
    Expectation(
        page=GROUPS,
        says="stateful-server-needs-no-egress-client-no-ingress",
        rules=(OUT_ALL, IN_ALL),
    ),
    Expectation(
        page=GROUPS,
        says="no-egress-rule-lets-nothing-out",
        rules=(IN_ALL,),
        udp=BLOCKED,
        tcp=BLOCKED,
        hops=frozenset({Hop.CLIENT_GROUPS}),
        words="security group sg-client has no outbound rule for udp/53 to sg-server (10.0.2.7)",
    ),
    Expectation(
        page=GROUPS,
        says="rules-of-all-groups-add-up",
        rules=(OUT_ALL, rule("sgr-1", "sg-more", "ingress", cidr="10.0.0.0/8")),
        server_groups=("sg-server", "sg-more"),
    ),
    Expectation(
        page=GROUPS,
        says="reference-to-any-group-of-the-client-admits",
        rules=(OUT_ALL, rule("sgr-1", "sg-server", "ingress", source_group="sg-more")),
        client_groups=("sg-client", "sg-more"),
    ),
    Expectation(
        page=REFERENCES,
        says="reference-to-a-group-nobody-carries-admits-nobody",
        rules=(OUT_ALL, rule("sgr-1", "sg-server", "ingress", source_group="sg-other")),
        udp=BLOCKED,
        tcp=BLOCKED,
        hops=frozenset({Hop.SERVER_GROUPS}),
    ),
    Expectation(
        page=REFERENCES,
        says="egress-reference-must-name-a-group-of-the-server",
        rules=(rule("sgr-1", "sg-client", "egress", source_group="sg-client"), IN_ALL),
        udp=BLOCKED,
        tcp=BLOCKED,
        hops=frozenset({Hop.CLIENT_GROUPS}),
    ),
    Expectation(
        page=RULES,
        says="protocol-numbers-count-like-names",
        rules=(
            OUT_ALL,
            rule("sgr-1", "sg-server", "ingress", "17", (53, 53), cidr="10.0.1.0/24"),
            rule("sgr-2", "sg-server", "ingress", "6", (53, 53), cidr="10.0.1.0/24"),
        ),
    ),
    Expectation(
        page=RULES,
        says="port-range-around-53-counts",
        rules=(
            OUT_ALL,
            rule("sgr-1", "sg-server", "ingress", "udp", (0, 65535), cidr="10.0.1.0/24"),
            rule("sgr-2", "sg-server", "ingress", "tcp", (50, 60), cidr="10.0.1.0/24"),
        ),
    ),
    Expectation(
        page=RULES,
        says="port-range-beside-53-does-not",
        rules=(
            OUT_ALL,
            rule("sgr-1", "sg-server", "ingress", "udp", (54, 65535), cidr="10.0.1.0/24"),
            rule("sgr-2", "sg-server", "ingress", "tcp", (0, 52), cidr="10.0.1.0/24"),
        ),
        udp=BLOCKED,
        tcp=BLOCKED,
        hops=frozenset({Hop.SERVER_GROUPS}),
    ),
    Expectation(
        page=RULES,
        says="icmp-is-not-dns",
        rules=(OUT_ALL, rule("sgr-1", "sg-server", "ingress", "icmp", cidr="0.0.0.0/0")),
        udp=BLOCKED,
        tcp=BLOCKED,
        hops=frozenset({Hop.SERVER_GROUPS}),
    ),
    Expectation(
        page=RULES,
        says="cidr-of-another-subnet-does-not",
        rules=(OUT_ALL, rule("sgr-1", "sg-server", "ingress", cidr="10.0.3.0/24")),
        udp=BLOCKED,
        tcp=BLOCKED,
        hops=frozenset({Hop.SERVER_GROUPS}),
    ),
    Expectation(
        page=RULES,
        says="ipv6-open-does-not-admit-ipv4",
        rules=(OUT_ALL, rule("sgr-1", "sg-server", "ingress", cidr="::/0")),
        udp=BLOCKED,
        tcp=BLOCKED,
        hops=frozenset({Hop.SERVER_GROUPS}),
    ),
    Expectation(
        page=LISTS,
        says="prefix-list-admits-its-entries",
        rules=(OUT_ALL, rule("sgr-1", "sg-server", "ingress", prefix_list="pl-1")),
        lists=(PrefixList(id="pl-1", name="nodes", entries=(ip_network("10.0.1.0/28"),)),),
    ),
    Expectation(
        page=LISTS,
        says="prefix-list-without-the-client-does-not",
        rules=(OUT_ALL, rule("sgr-1", "sg-server", "ingress", prefix_list="pl-1")),
        lists=(PrefixList(id="pl-1", name="nodes", entries=(ip_network("10.0.9.0/28"),)),),
        udp=BLOCKED,
        tcp=BLOCKED,
        hops=frozenset({Hop.SERVER_GROUPS}),
    ),
    Expectation(
        page=LISTS,
        says="unread-prefix-list-leaves-it-undecided",
        rules=(OUT_ALL, rule("sgr-1", "sg-server", "ingress", prefix_list="pl-1")),
        lists=(PrefixList(id="pl-1", name="nodes", entries=None),),
        udp=UNDECIDED,
        tcp=UNDECIDED,
        hops=frozenset({Hop.SERVER_GROUPS}),
        words="Rule sgr-1 names prefix list pl-1, whose entries could not be read.",
    ),
    Expectation(
        page=LISTS,
        says="unread-prefix-list-does-not-matter-where-another-rule-admits",
        rules=(OUT_ALL, IN_ALL, rule("sgr-1", "sg-server", "ingress", prefix_list="pl-1")),
    ),
    Expectation(
        page=LISTS,
        says="proven-egress-block-stays-beside-an-unread-prefix-list",
        rules=(rule("sgr-1", "sg-server", "ingress", prefix_list="pl-1"),),
        udp=BLOCKED,
        tcp=BLOCKED,
        hops=frozenset({Hop.CLIENT_GROUPS, Hop.SERVER_GROUPS}),
    ),
    Expectation(
        page=GROUPS,
        says="group-that-was-not-read-leaves-it-undecided",
        rules=(OUT_ALL,),
        read=("sg-client",),
        udp=UNDECIDED,
        tcp=UNDECIDED,
        hops=frozenset({Hop.SERVER_GROUPS}),
        words="The rules of sg-server could not be read.",
    ),
    Expectation(
        page=GROUPS,
        says="address-that-no-interface-holds-is-undecided",
        server_known=False,
        udp=UNDECIDED,
        tcp=UNDECIDED,
        hops=frozenset({Hop.SERVER_GROUPS, Hop.ROUTE}),
        words="No known interface holds 10.0.2.7.",
    ),
    Expectation(
        page=GROUPS,
        says="egress-block-is-proven-towards-an-unknown-interface-too",
        rules=(rule("sgr-1", "sg-client", "egress", "tcp", (443, 443), cidr="0.0.0.0/0"),),
        server_known=False,
        udp=BLOCKED,
        tcp=BLOCKED,
        hops=frozenset({Hop.CLIENT_GROUPS, Hop.SERVER_GROUPS, Hop.ROUTE}),
    ),
    Expectation(
        page=ACLS,
        says="acl-denies-53-into-the-server-subnet",
        server_entries=(entry(90, "in", "deny", "17", ports=(53, 53)), *OPEN_ENTRIES),
        udp=BLOCKED,
        hops=frozenset({Hop.SERVER_SUBNET_IN}),
        share=1.0,
        words="acl-subnet-b (subnet-b) lets no udp/53 in from 10.0.1.0/24: entry 90 denies it",
    ),
    Expectation(
        page=ACLS,
        says="acl-denies-53-out-of-the-client-subnet",
        client_entries=(entry(90, "out", "deny", "6", ports=(53, 53)), *OPEN_ENTRIES),
        tcp=BLOCKED,
        hops=frozenset({Hop.CLIENT_SUBNET_OUT}),
        words="acl-subnet-a (subnet-a) lets no tcp/53 out to 10.0.2.0/24: entry 90 denies it",
    ),
    Expectation(
        page=ACLS,
        says="one-subnet-skips-its-acl",
        server_subnet="subnet-a",
        server_address="10.0.1.9",
        client_entries=(),
    ),
    Expectation(
        page=ACL_RULES,
        says="lower-number-wins-whatever-the-listing-order",
        server_entries=(entry(200, "in", "deny"), entry(100, "in", "allow"), entry(100, "out", "allow")),
    ),
    Expectation(
        page=ACL_RULES,
        says="no-matching-entry-is-the-implicit-deny",
        server_entries=(entry(100, "in", "allow", "6", ports=(443, 443)), entry(100, "out", "allow")),
        udp=BLOCKED,
        tcp=BLOCKED,
        hops=frozenset({Hop.SERVER_SUBNET_IN}),
        words="no entry allows it (implicit deny, 32767)",
    ),
    Expectation(
        page=ACL_RULES,
        says="entry-for-another-cidr-is-passed-over",
        server_entries=(entry(90, "in", "deny", cidr="10.0.3.0/24"), *OPEN_ENTRIES),
    ),
    Expectation(
        page=ACL_RULES,
        says="protocol-minus-one-ignores-ports",
        server_entries=(entry(90, "in", "deny", "-1", ports=(443, 443)), *OPEN_ENTRIES),
        udp=BLOCKED,
        tcp=BLOCKED,
        hops=frozenset({Hop.SERVER_SUBNET_IN}),
    ),
    Expectation(
        page=EPHEMERAL,
        says="answers-closed-wholly",
        server_entries=(entry(100, "in", "allow"), entry(100, "out", "allow", "6", ports=(443, 443))),
        udp=BLOCKED,
        tcp=BLOCKED,
        hops=frozenset({Hop.SERVER_SUBNET_OUT}),
        share=1.0,
    ),
    Expectation(
        page=EPHEMERAL,
        says="answers-closed-for-a-share",
        client_entries=(entry(100, "out", "allow"), entry(100, "in", "allow", "17", ports=(32768, 46883))),
        udp=BLOCKED,
        tcp=BLOCKED,
        hops=frozenset({Hop.CLIENT_SUBNET_IN}),
        share=0.5,
        words="acl-subnet-a (subnet-a) closes 50.0% of the answers' ports, udp/46884-60999, in from 10.0.2.0/24",
    ),
    Expectation(
        page=EPHEMERAL,
        says="ports-outside-the-clients-range-are-a-note",
        client_entries=(entry(100, "out", "allow"), entry(100, "in", "allow", "-1", "10.0.2.0/24")),
        server_entries=(
            entry(100, "in", "allow"),
            entry(100, "out", "allow", "17", ports=(32768, 60999)),
            entry(110, "out", "allow", "6", ports=(32768, 60999)),
        ),
        words="acl-subnet-b (subnet-b) closes udp/1024-32767, 61000-65535 out to 10.0.1.0/24",
    ),
    Expectation(
        page=ACLS,
        says="acls-not-read-leaves-it-undecided",
        acls_read=False,
        udp=UNDECIDED,
        tcp=UNDECIDED,
        hops=frozenset({Hop.CLIENT_SUBNET_OUT, Hop.SERVER_SUBNET_IN, Hop.SERVER_SUBNET_OUT, Hop.CLIENT_SUBNET_IN}),
        words="The network ACL of subnet-a could not be read.",
    ),
    Expectation(
        page=ACLS,
        says="acls-not-read-do-not-matter-within-one-subnet",
        acls_read=False,
        subnets_read=False,
        server_subnet="subnet-a",
        server_address="10.0.1.9",
    ),
    Expectation(
        page=ACLS,
        says="subnet-without-a-known-acl-is-undecided",
        server_entries=None,
        udp=UNDECIDED,
        tcp=UNDECIDED,
        hops=frozenset({Hop.SERVER_SUBNET_IN, Hop.SERVER_SUBNET_OUT}),
        words="The network ACL of subnet-b is not among those read.",
    ),
    Expectation(
        page=GROUPS,
        says="group-block-stays-while-acls-are-unread",
        rules=(OUT_ALL,),
        acls_read=False,
        udp=BLOCKED,
        tcp=BLOCKED,
        hops=frozenset(
            {
                Hop.SERVER_GROUPS,
                Hop.CLIENT_SUBNET_OUT,
                Hop.SERVER_SUBNET_IN,
                Hop.SERVER_SUBNET_OUT,
                Hop.CLIENT_SUBNET_IN,
            }
        ),
    ),
    Expectation(
        page=MIDDLEBOX,
        says="route-through-an-appliance-is-undecided",
        rules=(OUT_ALL, rule("sgr-1", "sg-server", "ingress", cidr="10.0.0.0/16")),
        client_routes=(LOCAL, Route(destination="10.0.2.0/24", target="eni-firewall", active=True)),
        udp=UNDECIDED,
        tcp=UNDECIDED,
        hops=frozenset({Hop.ROUTE}),
        words="leads through the middlebox eni-firewall",
    ),
    Expectation(
        page=MIDDLEBOX,
        says="return-route-through-a-gateway-load-balancer-is-undecided-too",
        rules=(OUT_ALL, rule("sgr-1", "sg-server", "ingress", cidr="10.0.0.0/16")),
        server_routes=(LOCAL, Route(destination="10.0.1.0/24", target="vpce-gwlb", active=True)),
        udp=UNDECIDED,
        tcp=UNDECIDED,
        hops=frozenset({Hop.ROUTE}),
    ),
    Expectation(
        page=REFERENCES,
        says="group-reference-does-not-hold-through-a-middlebox",
        client_routes=(LOCAL, Route(destination="10.0.2.0/24", target="eni-firewall", active=True)),
        udp=UNDECIDED,
        tcp=UNDECIDED,
        hops=frozenset({Hop.SERVER_GROUPS, Hop.ROUTE}),
        words="Only a rule that references a security group lets it through.",
    ),
    Expectation(
        page=MIDDLEBOX,
        says="block-stays-behind-a-middlebox",
        rules=(OUT_ALL,),
        client_routes=(LOCAL, Route(destination="10.0.2.0/24", target="vpce-gwlb", active=True)),
        udp=BLOCKED,
        tcp=BLOCKED,
        hops=frozenset({Hop.SERVER_GROUPS, Hop.ROUTE}),
    ),
    Expectation(
        page=MIDDLEBOX,
        says="blackhole-between-the-subnets-is-undecided",
        rules=(OUT_ALL, rule("sgr-1", "sg-server", "ingress", cidr="10.0.0.0/16")),
        client_routes=(LOCAL, Route(destination="10.0.2.0/24", target="eni-gone", active=False)),
        udp=UNDECIDED,
        tcp=UNDECIDED,
        hops=frozenset({Hop.ROUTE}),
        words="is gone (blackhole)",
    ),
    Expectation(
        page=MIDDLEBOX,
        says="routes-elsewhere-and-the-default-route-do-not-matter",
        client_routes=(
            LOCAL,
            Route(destination="0.0.0.0/0", target="nat-1", active=True),
            Route(destination="10.0.3.0/24", target="eni-firewall", active=True),
            Route(destination="pl-s3", target="vpce-s3", active=True),
        ),
    ),
    Expectation(
        page=MIDDLEBOX,
        says="routes-not-read-leave-it-undecided",
        rules=(OUT_ALL, rule("sgr-1", "sg-server", "ingress", cidr="10.0.0.0/16")),
        subnets_read=False,
        udp=UNDECIDED,
        tcp=UNDECIDED,
        hops=frozenset({Hop.ROUTE}),
        words="Subnets and routes could not be read.",
    ),
    Expectation(
        page=RESOLVER,
        says="vpc-base-plus-two-is-not-filtered",
        rules=(),
        client_entries=(),
        server_address="10.0.0.2",
        server_known=False,
    ),
    Expectation(
        page=RESOLVER,
        says="link-local-resolver-is-not-filtered",
        rules=(),
        client_entries=(),
        server_address="169.254.169.253",
        server_known=False,
    ),
    Expectation(
        page=PODS,
        says="pods-of-one-node-stay-on-it",
        rules=(),
        client_entries=(),
        same_instance=True,
    ),
    Expectation(
        page=PODS,
        says="branch-interface-leaves-even-on-one-node",
        rules=(OUT_ALL,),
        same_instance=True,
        client_kind=InterfaceKind.BRANCH,
        udp=BLOCKED,
        tcp=BLOCKED,
        hops=frozenset({Hop.SERVER_GROUPS}),
    ),
    Expectation(
        page=MODES,
        says="standard-mode-stays-on-one-node",
        rules=(),
        client_entries=(),
        same_instance=True,
        client_kind=InterfaceKind.BRANCH,
        client_mode=EnforcingMode.STANDARD,
    ),
    Expectation(
        page=MODES,
        says="standard-mode-to-another-host-passes-the-branch-interfaces-groups",
        rules=(IN_ALL,),
        client_kind=InterfaceKind.BRANCH,
        client_mode=EnforcingMode.STANDARD,
        udp=BLOCKED,
        tcp=BLOCKED,
        hops=frozenset({Hop.CLIENT_GROUPS}),
    ),
    Expectation(
        page=MODES,
        says="standard-mode-on-an-unknown-node-may-be-on-the-servers",
        rules=(OUT_ALL,),
        same_instance=True,
        client_kind=InterfaceKind.BRANCH,
        client_mode=EnforcingMode.STANDARD,
        client_instance="",
        udp=UNDECIDED,
        tcp=UNDECIDED,
        hops=frozenset({Hop.SERVER_GROUPS}),
        words="The node of 10.0.1.5 is not known",
    ),
    Expectation(
        page=MODES,
        says="unknown-mode-on-an-unknown-node-may-be-on-the-servers",
        rules=(OUT_ALL,),
        same_instance=True,
        client_kind=InterfaceKind.BRANCH,
        client_mode=None,
        client_instance="",
        udp=UNDECIDED,
        tcp=UNDECIDED,
        hops=frozenset({Hop.SERVER_GROUPS}),
        words="The enforcing mode and the node of 10.0.1.5 are not known",
    ),
    Expectation(
        page=MODES,
        says="unknown-mode-on-one-node-may-be-filtered-or-not",
        rules=(OUT_ALL,),
        same_instance=True,
        client_kind=InterfaceKind.BRANCH,
        client_mode=None,
        udp=UNDECIDED,
        tcp=UNDECIDED,
        hops=frozenset({Hop.SERVER_GROUPS}),
        words="The enforcing mode of 10.0.1.5 is not known",
    ),
    Expectation(
        page=MODES,
        says="unknown-mode-to-another-host-passes-the-branch-interfaces-groups",
        rules=(OUT_ALL,),
        client_kind=InterfaceKind.BRANCH,
        client_mode=None,
        udp=BLOCKED,
        tcp=BLOCKED,
        hops=frozenset({Hop.SERVER_GROUPS}),
    ),
    Expectation(
        page=MODES,
        says="standard-mode-leaves-the-vpc-by-the-primary-interfaces-groups-alone",
        rules=(OUT_ALL,),
        client_kind=InterfaceKind.BRANCH,
        client_mode=EnforcingMode.STANDARD,
        leaves_by_groups=("sg-more",),
        server_address="198.51.100.7",
        server_known=False,
        udp=BLOCKED,
        tcp=BLOCKED,
        hops=frozenset({Hop.CLIENT_GROUPS, Hop.ROUTE}),
        words="security group sg-more has no outbound rule for udp/53 to 198.51.100.7",
    ),
    Expectation(
        page=MODES,
        says="strict-mode-leaves-the-vpc-by-the-branch-interfaces-groups",
        rules=(OUT_ALL,),
        client_kind=InterfaceKind.BRANCH,
        server_address="198.51.100.7",
        server_known=False,
        udp=UNDECIDED,
        tcp=UNDECIDED,
        hops=frozenset({Hop.ROUTE}),
        words="198.51.100.7 is out of the VPC",
    ),
]


def world(case: Expectation) -> tuple[Vpc, End, End]:
    """Return the world of a case with its two ends."""
    client = Interface(
        id="eni-client",
        instance_id=case.client_instance,
        subnet_id="subnet-a",
        security_group_ids=frozenset(case.client_groups),
        addresses=frozenset({CLIENT}),
        kind=case.client_kind,
    )
    address = ip_address(case.server_address)
    server = Interface(
        id="eni-server",
        instance_id="i-1" if case.same_instance else "i-2",
        subnet_id=case.server_subnet,
        security_group_ids=frozenset(case.server_groups),
        addresses=frozenset({address}),
    )
    acls = tuple(
        NetworkAcl(
            id=f"acl-{subnet}", vpc_id="vpc-1", is_default=False, entries=entries, subnet_ids=frozenset({subnet})
        )
        for subnet, entries in (("subnet-a", case.client_entries), ("subnet-b", case.server_entries))
        if entries is not None
    )
    subnets = tuple(
        Subnet(
            id=name,
            vpc_id="vpc-1",
            zone="eu-west-1a",
            cidrs=(ip_network(cidr),),
            route_table_id=f"rtb-{name}",
            routes=routes,
        )
        for name, cidr, routes in (
            ("subnet-a", "10.0.1.0/24", case.client_routes),
            ("subnet-b", "10.0.2.0/24", case.server_routes),
        )
    )
    vpc = Vpc(
        interfaces=(client, server),
        rules=case.rules,
        read_group_ids=frozenset(case.read),
        prefix_lists=case.lists,
        acls=acls if case.acls_read else None,
        subnets=subnets if case.subnets_read else None,
    )
    primary = replace(client, id="eni-primary", security_group_ids=frozenset(case.leaves_by_groups))
    return (
        vpc,
        End(
            interface=client,
            address=CLIENT,
            mode=case.client_mode,
            leaves_as=End(interface=primary, address=ip_address("10.0.1.4")) if case.leaves_by_groups else None,
        ),
        End(interface=server if case.server_known else None, address=address),
    )


@pytest.mark.parametrize("case", CASES, ids=[f"{case.says} ({case.page})" for case in CASES])
def test_documented_case(case: Expectation) -> None:
    """The state, the hops, the share and the words are those that the page named in the id implies."""
    vpc, client, server = world(case)

    answers = {transport: evaluate(VpcBook.of(vpc), client, server, transport) for transport in Transport}

    assert (answers[Transport.UDP].state, answers[Transport.TCP].state) == (case.udp, case.tcp)
    blocked_at = {block.hop for answer in answers.values() for block in answer.blocks}
    unread_at = {item.hop for answer in answers.values() for item in answer.unread}
    assert blocked_at | unread_at == case.hops
    texts = [
        text
        for answer in answers.values()
        for text in (
            *(block.missing for block in answer.blocks),
            *(item.what for item in answer.unread),
            *answer.notes,
        )
    ]
    assert case.words in "\n".join(texts)
    if case.share is not None:
        blocked = Transport.UDP if case.udp is BLOCKED else Transport.TCP
        assert answers[blocked].share == case.share


def test_both_return_legs_closed_in_parts_add_up() -> None:
    """Ports closed on either of the two return legs fail; ports closed on both count once."""
    case = Expectation(
        page=EPHEMERAL,
        says="two partly closed legs",
        server_entries=(
            entry(100, "in", "allow"),
            entry(90, "out", "deny", "17", ports=(32768, 39824)),
            entry(100, "out", "allow"),
        ),
        client_entries=(
            entry(100, "out", "allow"),
            entry(90, "in", "deny", "17", ports=(36297, 46882)),
            entry(100, "in", "allow"),
        ),
    )
    vpc, client, server = world(case)

    answer = evaluate(VpcBook.of(vpc), client, server, Transport.UDP)

    assert answer.share == (46882 - 32768 + 1) / 28232
    assert [block.entry_number for block in answer.blocks] == [90, 90]


def test_ipv6_pair_is_judged_by_ipv6_rules() -> None:
    """An IPv6 query passes by ::/0 rules and entries, and is stopped where only IPv4 is open."""
    client = Interface(
        id="eni-c",
        instance_id="i-1",
        subnet_id="subnet-a",
        security_group_ids=frozenset({"sg-1"}),
        addresses=frozenset({ip_address("2600:1f18::5")}),
    )
    server = Interface(
        id="eni-s",
        instance_id="i-2",
        subnet_id="subnet-a",
        security_group_ids=frozenset({"sg-1"}),
        addresses=frozenset(),
        prefixes=frozenset({ip_network("2600:1f18:0:1::/80")}),
    )
    out = rule("sgr-out", "sg-1", "egress", cidr="::/0")
    ends = (
        End(interface=client, address=ip_address("2600:1f18::5")),
        End(interface=server, address=ip_address("2600:1f18:0:1::9")),
    )

    states = [
        evaluate(
            VpcBook.of(
                Vpc(
                    interfaces=(client, server),
                    rules=(out, rule("sgr-in", "sg-1", "ingress", "17", (53, 53), cidr=cidr)),
                    read_group_ids=frozenset({"sg-1"}),
                )
            ),
            *ends,
            Transport.UDP,
        ).state
        for cidr in ("2600:1f18::/32", "0.0.0.0/0")
    ]

    assert states == [State.ALLOWED, State.BLOCKED]
    assert server.holds(ip_address("2600:1f18:0:1::9"))


def test_windows_clients_are_judged_by_their_own_ports() -> None:
    """Ports 32768 to 49151 closed fail no query of a Windows node (Custom network ACLs, Ephemeral ports)."""
    case = Expectation(
        page=EPHEMERAL,
        says="upper range open",
        client_entries=(entry(100, "out", "allow"), entry(100, "in", "allow", ports=(49152, 65535), protocol="17")),
    )
    vpc, client, server = world(case)
    windows = End(interface=client.interface, address=client.address, client_ports=WINDOWS_CLIENTS)

    linux_answer = evaluate(VpcBook.of(vpc), client, server, Transport.UDP)
    windows_answer = evaluate(VpcBook.of(vpc), windows, server, Transport.UDP)

    assert linux_answer.state is State.BLOCKED
    assert windows_answer.state is State.ALLOWED
