"""The two rules about the way to the Kubernetes API, on worlds that differ in one thing."""

from __future__ import annotations

from typing import Any

import pytest

from bot.collectors.control_plane import ControlPlane
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.network_acls import NetworkAcls
from bot.collectors.security_group_rules import SecurityGroupRules
from bot.collectors.subnets import Subnets
from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.api_calls import ApiCall
from bot.domain.evidence import Gap
from bot.domain.findings import Judgement, Verdict
from bot.domain.lookups import Client, ClientKind
from bot.errors import EvidenceUnavailable
from bot.kubernetes.nodes import Compute
from bot.rules.control_plane_blocked_by_network_acl import RULE as ACL
from bot.rules.control_plane_blocked_by_security_group import RULE as GROUP
from bot.rules.dns_blocked_by_network_acl import RULE as DNS_ACL

BOTH = pytest.mark.parametrize("rule", [GROUP, ACL], ids=lambda rule: rule.name)
CLOSED_443 = ("udp", 53), ("tcp", 53)


def admitting(parts: Any, *allowed: tuple[str, int], **more: Any) -> Any:
    """Return the world whose only group admits these protocols and ports from itself, and lets all out."""
    own = [
        parts.rule(
            f"sgr-{protocol}-{port}", "sg-cluster", "ingress", "group", "sg-cluster", protocol=protocol, port=port
        )
        for protocol, port in allowed
    ]
    return parts.world(rules=(parts.rule("sgr-out", "sg-cluster", "egress", "cidr", "0.0.0.0/0"), *own), **more)


def denying(parts: Any, subnet: str, *entries: Any, **more: Any) -> Any:
    """Return the world in which these entries stand before the open ones on one subnet."""
    opened = {"subnet-a": parts.open_entries, "subnet-b": parts.open_entries}
    return parts.world(entries={**opened, subnet: (*entries, *parts.open_entries)}, **more)


def explains(judgement: Judgement, node: str, kind: ClientKind, pod: str, server: str = "10.0.1.200") -> bool:
    """Return whether the judgement accounts for a call of this pod that timed out."""
    caller = Client(node=node, kind=kind, pod=f"kube-system/{pod}")
    call = ApiCall(caller=caller, server=server, through_service=kind is not ClientKind.HOST, silent=True)
    return any(reach.covers(call) for reach in judgement.call_reach)


@BOTH
def test_open_ways_are_healthy(parts: Any, rule: Any) -> None:
    """Three nodes and two CoreDNS pods, each to two interfaces: ten ways, all open."""
    judgement = parts.world().judge(rule)

    assert judgement.verdict is Verdict.HEALTHY
    assert "on all 10 ways from nodes and CoreDNS pods to the control plane's interfaces" in judgement.summary


def test_a_group_without_443_is_named_with_the_rule_that_is_missing(parts: Any) -> None:
    """DNS passes and 443 does not: both groups, the direction and the command that adds the rule."""
    judgement = admitting(parts, *CLOSED_443).judge(GROUP)

    assert judgement.verdict is Verdict.PROBLEM
    assert (
        "on 10 of 10 ways: security group sg-cluster has no inbound rule for tcp/443 from itself" in judgement.summary
    )
    assert any(
        line.startswith("missing rule: ingress tcp 443 on sg-cluster from sg-cluster") for line in judgement.proof
    )
    assert judgement.advice == (
        (
            "aws ec2 authorize-security-group-ingress --group-id sg-cluster --ip-permissions "
            "'IpProtocol=tcp,FromPort=443,ToPort=443,UserIdGroupPairs=[{GroupId=sg-cluster}]'"
        ),
    )


def test_443_alone_is_enough(parts: Any) -> None:
    """What closes DNS closes nothing here: the hardened group of the documents admits tcp 443."""
    assert admitting(parts, ("tcp", 443)).judge(GROUP).verdict is Verdict.HEALTHY


def test_udp_443_is_not_needed(parts: Any) -> None:
    """The API speaks TCP: nothing is said of UDP, and UDP alone does not help."""
    assert admitting(parts, ("udp", 443)).judge(GROUP).verdict is Verdict.PROBLEM


def test_only_the_nodes_of_the_closed_group_are_cut_off(parts: Any) -> None:
    """Another node group has its own group: its nodes and CoreDNS pods are named, others' calls are not explained."""
    world = parts.world(
        groups={"node-1": ("sg-cluster",), "node-2": ("sg-cluster",), "node-3": ("sg-apps",)},
        rules=(
            parts.rule("sgr-out", "sg-cluster", "egress", "cidr", "0.0.0.0/0"),
            parts.rule("sgr-self", "sg-cluster", "ingress", "group", "sg-cluster"),
            parts.rule("sgr-apps-out", "sg-apps", "egress", "cidr", "0.0.0.0/0"),
        ),
    )

    judgement = world.judge(GROUP)

    assert "on 4 of 10 ways" in judgement.summary
    assert "1 node (node-3) and 1 CoreDNS pod (coredns-2 on node-3) cannot connect" in judgement.summary
    assert explains(judgement, "node-3", ClientKind.POD, "coredns-2")
    assert explains(judgement, "node-3", ClientKind.HOST, "kube-proxy-3")
    assert not explains(judgement, "node-1", ClientKind.POD, "coredns-1")
    assert not explains(judgement, "node-1", ClientKind.HOST, "kube-proxy-1")
    assert not explains(judgement, "node-3", ClientKind.HOST, "kube-proxy-3", server="10.9.9.9")


def test_a_pod_with_a_group_of_its_own_is_judged_by_it(parts: Any) -> None:
    """A CoreDNS pod on a branch interface is cut off while its node is not."""
    world = parts.world(
        coredns=(("10.0.1.150", "node-1"), ("10.0.2.103", "node-3")),
        more_interfaces=(parts.branch("eni-branch", "10.0.1.150", "sg-dns", node="node-1"),),
        rules=(
            parts.rule("sgr-out", "sg-cluster", "egress", "cidr", "0.0.0.0/0"),
            parts.rule("sgr-self", "sg-cluster", "ingress", "group", "sg-cluster"),
            parts.rule("sgr-dns-out", "sg-dns", "egress", "cidr", "0.0.0.0/0"),
        ),
    )

    judgement = world.judge(GROUP)

    assert "security group sg-cluster has no inbound rule for tcp/443 from sg-dns" in judgement.summary
    assert explains(judgement, "node-1", ClientKind.POD, "coredns-1")
    assert not explains(judgement, "node-1", ClientKind.HOST, "kube-proxy-1")


def test_an_entry_that_denies_443_is_named(parts: Any) -> None:
    """The ACL of one interface's subnet: callers of the other subnet lose it, those within the subnet do not."""
    judgement = denying(parts, "subnet-b", parts.entry(90, "in", "deny", "6", (443, 443))).judge(ACL)

    assert judgement.verdict is Verdict.PROBLEM
    assert judgement.summary == (
        "Network ACL acl-subnet-b blocks tcp/443 to the control plane, or its answers, on 3 of 10 ways: acl-subnet-b "
        "(subnet-b) lets no tcp/443 in from 10.0.1.0/24: entry 90 denies it; every connection there hangs. Cut off "
        "from interfaces of the control plane: 2 nodes (node-1, node-2) and 1 CoreDNS pod (coredns-1 on node-1)."
    )
    assert judgement.details["blocked"] == [
        {
            "acl_id": "acl-subnet-b",
            "subnet_id": "subnet-b",
            "direction": "ingress",
            "protocol": "tcp",
            "from_port": 443,
            "to_port": 443,
            "counterpart_cidr": "10.0.1.0/24",
            "entry_number": 90,
            "share": 1.0,
        }
    ]
    assert not explains(judgement, "node-3", ClientKind.POD, "coredns-2")


def test_closed_ports_of_answers_are_the_same_fault_as_those_of_dns(parts: Any) -> None:
    """One entry closes the answers' ports of both: the keys of the ways are alike, so the graph has one cause."""
    world = denying(parts, "subnet-b", parts.entry(90, "out", "deny", "6", (32768, 65535)))

    api, dns = world.judge(ACL), world.judge(DNS_ACL)

    assert api.closed_ways
    assert api.closed_ways <= dns.closed_ways


def test_an_entry_that_denies_443_is_not_the_fault_of_dns(parts: Any) -> None:
    """DNS passes there."""
    world = denying(parts, "subnet-b", parts.entry(90, "in", "deny", "6", (443, 443)))

    assert world.judge(DNS_ACL).verdict is Verdict.HEALTHY


@pytest.mark.parametrize(
    ("entry", "ports"), [("deny", (53, 53)), ("deny", (61000, 65535))], ids=["53", "ports that no caller uses"]
)
def test_entries_about_other_ports_close_no_way(parts: Any, entry: str, ports: tuple[int, int]) -> None:
    """What closes DNS, or ports that answers never come to, closes nothing here."""
    judgement = denying(parts, "subnet-b", parts.entry(90, "in", entry, "6", ports)).judge(ACL)

    assert judgement.verdict is Verdict.HEALTHY


@BOTH
def test_pods_that_are_cut_off_and_not_ready_account_for_failing_look_ups(parts: Any, rule: Any) -> None:
    """A CoreDNS that serves on accounts for none."""
    closed: dict[str, Any] = {
        "rules": admitting(parts, *CLOSED_443).rules,
        "entries": {"subnet-a": (), "subnet-b": ()},
    }

    assert parts.world(**closed, coredns_ready=False).judge(rule).reach
    assert parts.world(**closed).judge(rule).reach == ()


@BOTH
def test_with_public_access_alone_only_coredns_goes_through_the_vpc(parts: Any, rule: Any) -> None:
    """Nodes call over the internet: not judged, and said so; being Ready shows that their kubelets get through."""
    judgement = parts.world(endpoint_private=False).judge(rule)

    assert judgement.verdict is Verdict.HEALTHY
    assert "on all 4 ways" in judgement.summary
    assert judgement.proof == (
        (
            "the endpoint has public access alone: nodes call it over the internet, which is not judged here; 3 of 3 "
            "are Ready, so their kubelets reach it"
        ),
    )


@BOTH
def test_a_node_that_is_not_ready_leaves_the_public_way_open(parts: Any, rule: Any) -> None:
    """Nobody has looked at the way over the internet, and one node may have lost it."""
    judgement = parts.world(endpoint_private=False, unready_nodes=("node-2",)).judge(rule)

    assert judgement.verdict is Verdict.UNKNOWN
    assert "1 node (node-2) is not Ready" in judgement.missing[0].reason


def test_with_public_access_alone_a_closed_group_cuts_off_coredns_and_no_kube_proxy(parts: Any) -> None:
    """The group is on CoreDNS's way, not on kube-proxy's."""
    judgement = admitting(parts, *CLOSED_443, endpoint_private=False).judge(GROUP)

    assert "on 4 of 4 ways" in judgement.summary
    assert explains(judgement, "node-1", ClientKind.POD, "coredns-1")
    assert not explains(judgement, "node-1", ClientKind.HOST, "kube-proxy-1")


@BOTH
def test_without_the_control_planes_interfaces_nothing_is_known(parts: Any, rule: Any) -> None:
    """No interface seen is no way judged."""
    judgement = parts.world(plane={}).judge(rule)

    assert judgement.verdict is Verdict.UNKNOWN
    assert "No interface described as `Amazon EKS CLUSTER`" in judgement.summary


@BOTH
def test_auto_mode_has_no_such_way_of_its_own(parts: Any, rule: Any) -> None:
    """No CoreDNS pod and no kube-proxy: healthy by design."""
    judgement = parts.world(compute=Compute.AUTO, coredns=()).judge(rule)

    assert judgement.verdict is Verdict.HEALTHY
    assert "EKS Auto Mode" in judgement.summary


@pytest.mark.parametrize(
    ("rule", "unread"),
    [(GROUP, CorednsPods), (GROUP, Subnets), (ACL, CorednsPods), (ACL, Subnets), (ACL, NetworkAcls)],
)
def test_what_could_not_be_read_leaves_it_open(parts: Any, rule: Any, unread: type) -> None:
    """The gap is handed on, with its grant."""
    gap = Gap(what=unread.__name__, reason="not allowed", grant="a permission")
    # a group that is only referenced holds on a direct way alone, so subnets matter to groups, too
    judgement = parts.world(unread={unread: gap}).judge(rule)

    assert judgement.verdict is Verdict.UNKNOWN
    assert gap in judgement.missing


@pytest.mark.parametrize(
    ("rule", "unread"),
    [(GROUP, WorkerNodes), (GROUP, ControlPlane), (GROUP, SecurityGroupRules), (ACL, WorkerNodes), (ACL, ControlPlane)],
)
def test_what_is_needed_and_could_not_be_read_is_raised(parts: Any, rule: Any, unread: type) -> None:
    """The rule is UNKNOWN with the reason of the evidence."""
    world = parts.world(unread={unread: Gap(what=unread.__name__, reason="not allowed")})

    with pytest.raises(EvidenceUnavailable, match="not allowed"):
        world.judge(rule)


@BOTH
def test_an_address_that_no_interface_holds_is_open(parts: Any, rule: Any) -> None:
    """A CoreDNS pod somewhere else: its groups and subnet are not known."""
    judgement = parts.world(coredns=(("10.0.9.9", "node-1"),)).judge(rule)

    assert judgement.verdict is Verdict.UNKNOWN
    assert "holds 10.0.9.9" in judgement.missing[0].reason


def test_a_problem_is_named_where_another_part_could_not_be_read(parts: Any) -> None:
    """What is proven stays proven; the gap is told beside it."""
    gap = Gap(what="CoreDNS pods", reason="not allowed")
    judgement = admitting(parts, *CLOSED_443, unread={CorednsPods: gap}).judge(GROUP)

    assert judgement.verdict is Verdict.PROBLEM
    assert gap in judgement.missing
