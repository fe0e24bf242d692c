"""The security-group rule on worlds that differ in one thing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import pytest

from bot.collectors.kube_dns import KubeDns
from bot.collectors.node_local_dns import NodeLocalDns
from bot.collectors.security_group_rules import SecurityGroupRules
from bot.collectors.subnets import Subnets
from bot.collectors.vpc_cni import VpcCni
from bot.collectors.worker_nodes import WorkerNodes
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.alike import evidence_document, evidence_from
from bot.domain.enforcing_mode import EnforcingMode
from bot.domain.evidence import Gap
from bot.domain.findings import Verdict
from bot.domain.json_values import canonical
from bot.domain.lookups import Answer, Client, ClientKind, Lookup, Transport
from bot.errors import EvidenceUnavailable
from bot.kubernetes.nodes import Compute
from bot.network.model import Interface, InterfaceKind, PrefixList, Route
from bot.rules.dns_blocked_by_network_acl import RULE as ACL_RULE
from bot.rules.dns_blocked_by_security_group import RULE
from tests.rules_cluster.test_nodelocal_rules import cache, pod


def hardened(parts: Any, **more: Any) -> Any:
    """Return the world whose cluster security group admits only 443 and 10250 from itself (A5)."""
    return parts.world(
        rules=(
            parts.rule("sgr-out", "sg-cluster", "egress", "cidr", "0.0.0.0/0"),
            parts.rule("sgr-443", "sg-cluster", "ingress", "group", "sg-cluster", protocol="tcp", port=443),
            parts.rule("sgr-10250", "sg-cluster", "ingress", "group", "sg-cluster", protocol="tcp", port=10250),
            parts.rule("sgr-other", "sg-cluster", "ingress", "group", "sg-nobody"),
        ),
        **more,
    )


def split(parts: Any, **more: Any) -> Any:
    """Return the world of two node groups with a group each and no 53 between them (A1, A3)."""
    return parts.world(
        groups={"node-1": ("sg-blue",), "node-2": ("sg-blue",), "node-3": ("sg-green",)},
        rules=(
            *(parts.rule(f"sgr-out-{name}", name, "egress", "cidr", "0.0.0.0/0") for name in ("sg-blue", "sg-green")),
            *(parts.rule(f"sgr-in-{name}", name, "ingress", "group", name) for name in ("sg-blue", "sg-green")),
        ),
        **more,
    )


def lookup(
    node: str,
    server: str,
    *,
    service: bool = False,
    transport: Transport = Transport.UDP,
    kind: ClientKind = ClientKind.POD,
    pod: str = "shop/web",
) -> Lookup:
    """Return a lookup that timed out."""
    return Lookup(
        client=Client(node=node, kind=kind, pod=pod),
        server=server,
        through_service=service,
        transport=transport,
        external=False,
        name="kubernetes.default.svc.cluster.local.",
        answer=Answer.TIMED_OUT,
    )


def test_open_group_is_healthy(parts: Any) -> None:
    """A group open to itself lets DNS through in every pair."""
    judgement = parts.world().judge(RULE)

    assert judgement.verdict is Verdict.HEALTHY
    assert judgement.summary == (
        "The security groups let udp/53 and tcp/53 through in all 6 pairs of node and CoreDNS address."
    )


def test_hardened_cluster_group_is_named(parts: Any) -> None:
    """The group, the missing rule and the rules that are there stand in the finding (A5, A6)."""
    judgement = hardened(parts).judge(RULE)

    assert judgement.verdict is Verdict.PROBLEM
    assert judgement.summary.startswith("Security group sg-cluster has no inbound rule for udp/53 from itself")
    assert "Security groups block udp/53 and tcp/53 in 4 of 6 pairs of node and CoreDNS address." in judgement.summary
    assert "Queries from 3 of 3 nodes get no answer there" in judgement.summary
    assert any(
        line.startswith("missing rule: ingress udp 53 on sg-cluster from sg-cluster") for line in judgement.proof
    )
    assert "sgr-443: sg-cluster ingress tcp 443 from sg-cluster" in judgement.proof
    assert "sgr-other: sg-cluster ingress all traffic from sg-nobody" in judgement.proof
    assert "sg-cluster is named eks-cluster-sg-cluster-prod-1" in judgement.proof
    assert judgement.details["security_group_id"] == "sg-cluster"
    assert judgement.details["shared_group_id"] == "sg-cluster"
    assert judgement.details["client_group_ids"] == ["sg-cluster"]
    assert judgement.details["pairs"] == 6
    first = judgement.details["blocked"][0]
    assert set(first) == {
        "client_interface_id",
        "client_subnet_id",
        "client_node",
        "client_pod",
        "client_group_ids",
        "server_interface_id",
        "server_node",
        "server_ip",
        "server_group_ids",
        "protocol",
        "direction",
        "missing",
    }
    assert {item["protocol"] for item in judgement.details["blocked"]} == {"udp", "tcp"}
    assert not judgement.missing


def test_reach_covers_the_pairs_that_leave_a_node_and_no_other(parts: Any) -> None:
    """A lookup from node-1 to the CoreDNS pod on node-1 works, so the cause does not account for its failure."""
    reach = hardened(parts).judge(RULE).reach

    def covered(failure: Lookup) -> bool:
        return any(item.covers(failure) for item in reach)

    assert covered(lookup("node-2", "10.0.1.101"))
    assert covered(lookup("node-1", "10.0.2.103", transport=Transport.TCP))
    assert covered(lookup("node-1", "172.20.0.10", service=True))
    assert not covered(lookup("node-1", "10.0.1.101"))
    assert not covered(lookup("node-9", "10.0.1.101"))


def test_split_node_groups_share_no_group(parts: Any) -> None:
    """Two of six pairs stay on a node, one stays in its group; the three others are blocked, and no group is shared."""
    judgement = split(parts).judge(RULE)

    assert judgement.verdict is Verdict.PROBLEM
    assert "in 3 of 6 pairs" in judgement.summary
    assert judgement.details["shared_group_id"] == ""
    assert judgement.details["client_group_ids"] == ["sg-blue", "sg-green"]
    assert judgement.details["server_group_ids"] == ["sg-blue", "sg-green"]
    assert judgement.details["security_group_id"] == "sg-blue"
    ways = {
        (item["client_group_ids"][0], item["server_group_ids"][0], item["direction"])
        for item in judgement.details["blocked"]
    }
    assert ways == {("sg-blue", "sg-green", "ingress"), ("sg-green", "sg-blue", "ingress")}


@pytest.mark.parametrize(
    ("way", "protocols"), [("udp", {"tcp"}), ("tcp", {"udp"})], ids=["only udp let in", "only tcp let in"]
)
def test_half_open_group_is_a_problem_for_the_other_protocol(parts: Any, way: str, protocols: set[str]) -> None:
    """Port 53 is needed over udp and tcp; the finding and its reach name the one that is missing."""
    world = parts.world(
        rules=(
            parts.rule("sgr-out", "sg-cluster", "egress", "cidr", "0.0.0.0/0"),
            parts.rule("sgr-53", "sg-cluster", "ingress", "group", "sg-cluster", protocol=way, port=53),
        )
    )

    judgement = world.judge(RULE)

    assert judgement.verdict is Verdict.PROBLEM
    assert {item["protocol"] for item in judgement.details["blocked"]} == protocols
    assert {transport.value for item in judgement.reach for transport in item.transports} == protocols


@pytest.mark.parametrize(
    "extra",
    [("cidr", "10.0.0.0/16", "sg-cluster"), ("cidr", "10.0.0.0/8", "sg-more"), ("group", "sg-more", "sg-more")],
    ids=["by CIDR", "by a second group", "by a reference to the second group"],
)
def test_dns_let_in_by_another_route_is_no_fault(parts: Any, extra: tuple[str, str, str]) -> None:
    """DNS may equally be allowed by a CIDR or by another group attached to the nodes (A6)."""
    what, other, group = extra
    world = parts.world(
        groups=dict.fromkeys(("node-1", "node-2", "node-3"), ("sg-cluster", "sg-more")),
        rules=(
            parts.rule("sgr-out", "sg-cluster", "egress", "cidr", "0.0.0.0/0"),
            parts.rule("sgr-443", "sg-cluster", "ingress", "group", "sg-cluster", protocol="tcp", port=443),
            parts.rule("sgr-in", group, "ingress", what, other),
        ),
    )

    assert world.judge(RULE).verdict is Verdict.HEALTHY


def test_coredns_on_fargate_is_judged_by_the_interface_that_holds_its_address(parts: Any) -> None:
    """A Fargate pod's interface belongs to no instance; a group without any rule is said to have none."""
    fargate = Interface(
        id="eni-fargate",
        instance_id="",
        subnet_id="subnet-b",
        security_group_ids=frozenset({"sg-fargate"}),
        addresses=frozenset({ip_address("10.0.2.200")}),
        kind=InterfaceKind.OTHER,
    )

    judgement = parts.world(more_interfaces=(fargate,), coredns=(("10.0.2.200", "fargate-1"),)).judge(RULE)

    assert "in 3 of 3 pairs" in judgement.summary
    assert "sg-fargate has no ingress rule at all" in judgement.proof
    assert judgement.details["security_group_id"] == "sg-fargate"


def test_missing_egress_names_the_clients_group(parts: Any) -> None:
    """Without an outbound rule the client's group is to blame."""
    world = parts.world(
        groups={"node-1": ("sg-dns",), "node-2": ("sg-app",), "node-3": ("sg-dns",)},
        rules=(
            parts.rule("sgr-1", "sg-dns", "ingress", "cidr", "0.0.0.0/0"),
            parts.rule("sgr-2", "sg-dns", "egress", "cidr", "0.0.0.0/0"),
            parts.rule("sgr-3", "sg-app", "egress", "cidr", "0.0.0.0/0", protocol="tcp", port=443),
        ),
    )

    judgement = world.judge(RULE)

    assert judgement.details["security_group_id"] == "sg-app"
    assert {item["direction"] for item in judgement.details["blocked"]} == {"egress"}
    assert "sgr-3: sg-app egress tcp 443 to 0.0.0.0/0" in judgement.proof


def test_pod_with_its_own_group_is_judged_by_its_branch_interface(parts: Any) -> None:
    """A pod's branch interface is the client, even towards CoreDNS on the same node."""
    world = parts.world(
        more_interfaces=(parts.branch("eni-branch", "10.0.1.150", "sg-pod", node="node-1"),),
        rules=(
            *parts.world().rules,
            parts.rule("sgr-pod-out", "sg-pod", "egress", "cidr", "0.0.0.0/0"),
        ),
        pods=(parts.pod("10.0.1.150", node="node-1"),),
    )

    judgement = world.judge(RULE)

    assert judgement.verdict is Verdict.PROBLEM
    assert "in 2 of 8 pairs of client and CoreDNS address" in judgement.summary
    assert "Queries from 1 of 1 branch-interface pods (shop/web-1) get no answer there" in judgement.summary
    blocked = judgement.details["blocked"]
    assert {(item["client_interface_id"], item["client_pod"]) for item in blocked} == {("eni-branch", "shop/web-1")}
    assert any("10.0.1.150 on branch interface eni-branch, node node-1" in line for line in judgement.proof)


STRICT, STANDARD = EnforcingMode.STRICT, EnforcingMode.STANDARD
BEFORE, AFTER = datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC)
ON_ITS_NODE, ELSEWHERE = (("10.0.1.101", "node-1"),), (("10.0.2.103", "node-3"),)


@pytest.mark.parametrize(
    ("mode", "since", "coredns", "trunk", "verdict"),
    [
        pytest.param(STRICT, BEFORE, ON_ITS_NODE, "node-1", Verdict.PROBLEM, id="strict"),
        pytest.param(STANDARD, BEFORE, ON_ITS_NODE, "node-1", Verdict.HEALTHY, id="standard, within the node"),
        pytest.param(STANDARD, BEFORE, ON_ITS_NODE, "", Verdict.HEALTHY, id="standard, trunk not tagged"),
        pytest.param(STANDARD, BEFORE, ELSEWHERE, "node-1", Verdict.PROBLEM, id="standard, to another host"),
        pytest.param(STANDARD, AFTER, ON_ITS_NODE, "node-1", Verdict.PROBLEM, id="older than aws-node's change"),
    ],
)
def test_a_branch_interface_is_judged_by_the_mode_of_its_pod(  # a table
    parts: Any,
    mode: EnforcingMode,
    since: datetime,
    coredns: tuple[tuple[str, str], ...],
    trunk: str,
    verdict: Verdict,
) -> None:
    """In standard mode packets within the node pass no group; a pod keeps the mode that it was made under (B9)."""
    world = parts.world(
        more_interfaces=(parts.branch("eni-branch", "10.0.1.150", "sg-pod", node=trunk),),
        rules=(*parts.world().rules, parts.rule("sgr-pod-out", "sg-pod", "egress", "cidr", "0.0.0.0/0")),
        pods=(parts.pod("10.0.1.150", node="node-1"),),
        coredns=coredns,
        mode=mode,
        mode_since=since,
    )

    assert world.judge(RULE).verdict is verdict


def test_where_no_mode_is_known_a_way_within_the_node_is_left_open(parts: Any) -> None:
    """Neither the groups are blamed nor is everything called well, and what is missing is said."""
    world = parts.world(
        more_interfaces=(parts.branch("eni-branch", "10.0.1.150", "sg-pod", node="node-1"),),
        rules=(*parts.world().rules, parts.rule("sgr-pod-out", "sg-pod", "egress", "cidr", "0.0.0.0/0")),
        pods=(parts.pod("10.0.1.150", node="node-1"),),
        coredns=ON_ITS_NODE,
        unread={VpcCni: Gap(what="aws-node", reason="forbidden")},
    )

    judgement = world.judge(RULE)

    assert judgement.verdict is Verdict.UNKNOWN
    assert "The enforcing mode of 10.0.1.150 is not known" in json.dumps([gap.reason for gap in judgement.missing])


@pytest.mark.parametrize(
    ("mode", "node", "verdict"),
    [
        (EnforcingMode.STANDARD, "node-1", Verdict.HEALTHY),
        (EnforcingMode.STRICT, "node-1", Verdict.PROBLEM),
        (EnforcingMode.STANDARD, "node-2", Verdict.PROBLEM),
    ],
    ids=["answered on its node", "never sees its node", "no cache on its node"],
)
def test_a_pod_that_node_local_dns_answers_needs_no_way_through_the_vpc(
    parts: Any, mode: EnforcingMode, node: str, verdict: Verdict
) -> None:
    """In standard mode traffic within the node passes no group (B9): that its own admits no 53 hurts nobody."""
    world = parts.world(
        more_interfaces=(parts.branch("eni-branch", "10.0.1.150", "sg-pod", node="node-1"),),
        rules=parts.world().rules,
        pods=(replace(parts.pod("10.0.1.150", node="node-1"), branch_interface=True),),
        mode=mode,
    )
    cached = NodeLocalDns(caches=(cache(pods=(pod(node),)),), cluster_ips=("172.20.0.10",))

    judgement = world.judge(RULE, beside=(cached,))

    assert judgement.verdict is verdict


def test_a_block_of_one_pods_branch_interface_reaches_that_pod_alone(parts: Any) -> None:
    """Neither its neighbours behind the node's interface nor another pod with a branch interface are meant."""
    world = parts.world(
        more_interfaces=(
            parts.branch("eni-shut", "10.0.1.150", "sg-shut", node="node-1"),
            parts.branch("eni-open", "10.0.1.151", "sg-cluster", node="node-1"),
        ),
        rules=parts.world().rules,
        pods=(parts.pod("10.0.1.150", node="node-1"), parts.pod("10.0.1.151", node="node-1", name="web-2")),
    )

    reach = world.judge(RULE).reach

    asked = {
        (name, kind): lookup("node-1", "10.0.1.101", pod=f"shop/{name}", kind=kind)
        for name, kind in (
            ("web-1", ClientKind.BRANCH),
            ("web-2", ClientKind.BRANCH),
            ("web-3", ClientKind.POD),
            ("web-4", ClientKind.HOST),
        )
    }
    covered = {key for key, one in asked.items() if any(item.covers(one) for item in reach)}
    assert covered == {("web-1", ClientKind.BRANCH)}


def test_both_nodes_and_pods_are_said_where_both_are_cut_off(parts: Any) -> None:
    """Plain pods of node-3 and the pod at the branch interface."""
    world = parts.world(
        groups={"node-1": ("sg-cluster",), "node-2": ("sg-cluster",), "node-3": ("sg-alone",)},
        more_interfaces=(parts.branch("eni-shut", "10.0.1.150", "sg-shut", node="node-1"),),
        rules=(*parts.world().rules, parts.rule("sgr-out", "sg-alone", "egress", "cidr", "0.0.0.0/0")),
        pods=(parts.pod("10.0.1.150", node="node-1"),),
        coredns=(("10.0.1.101", "node-1"),),
    )

    summary = world.judge(RULE).summary

    assert "from 1 of 3 nodes and from 1 of 1 branch-interface pods (shop/web-1) get no answer there" in summary


def test_a_branch_interface_that_no_application_pod_holds_reaches_no_look_up(parts: Any) -> None:
    """It is a fault all the same, and it is named by its address."""
    world = parts.world(
        more_interfaces=(parts.branch("eni-shut", "10.0.1.150", "sg-shut", node="node-1"),), rules=parts.world().rules
    )

    judgement = world.judge(RULE)

    assert (judgement.verdict, judgement.reach) == (Verdict.PROBLEM, ())
    assert "branch-interface pods (10.0.1.150)" in judgement.summary


@pytest.mark.parametrize(
    ("first", "second", "reached"),
    [
        pytest.param("sg-cluster", "sg-alone", {ClientKind.POD}, id="pods' interface closed"),
        pytest.param("sg-alone", "sg-cluster", {ClientKind.HOST}, id="host's interface closed"),
    ],
)
def test_under_custom_networking_host_network_pods_go_another_way_than_plain_ones(
    parts: Any, first: str, second: str, reached: set[ClientKind]
) -> None:
    """The host's interface has the node's address alone; pods have theirs on another one."""
    world = parts.world(
        groups={"node-1": ("sg-cluster",), "node-2": (first,), "node-3": ("sg-cluster",)},
        bare=("node-2",),
        more_interfaces=(
            Interface(
                id="eni-pods",
                instance_id="i-node-2",
                subnet_id="subnet-a",
                security_group_ids=frozenset({second}),
                addresses=frozenset({ip_address("10.0.1.112"), ip_address("10.0.1.113")}),
            ),
        ),
        rules=parts.world().rules,
        pods=(parts.pod("10.0.1.12", dns_policy="ClusterFirstWithHostNet", host_network=True),),
    )

    reach = world.judge(RULE).reach

    asked = {kind: lookup("node-2", "10.0.1.101", kind=kind) for kind in (ClientKind.POD, ClientKind.HOST)}
    assert {kind for kind, one in asked.items() if any(item.covers(one) for item in reach)} == reached


def test_branch_without_a_known_trunk_counts_where_a_pod_holds_it(parts: Any) -> None:
    """A branch interface nobody's pod uses is not judged; one that an application pod uses is."""
    world = parts.world(
        more_interfaces=(parts.branch("eni-branch", "10.0.1.150", "sg-pod", node=""),),
        rules=parts.world().rules,
    )
    used = parts.world(more_interfaces=world.more_interfaces, rules=world.rules, pods=(parts.pod("10.0.1.150"),))

    assert world.judge(RULE).verdict is Verdict.HEALTHY
    assert used.judge(RULE).verdict is Verdict.PROBLEM


def test_pod_that_does_not_ask_coredns_is_no_client(parts: Any) -> None:
    """A pod of dnsPolicy Default uses the node's resolver."""
    world = parts.world(
        more_interfaces=(parts.branch("eni-branch", "10.0.1.150", "sg-pod", node=""),),
        pods=(parts.pod("10.0.1.150", dns_policy="Default"),),
    )

    assert world.judge(RULE).verdict is Verdict.HEALTHY


@pytest.mark.parametrize(
    ("first", "second", "blocked"),
    [("sg-alone", "sg-cluster", set()), ("sg-cluster", "sg-alone", {"eni-pods"})],
    ids=["first interface closed", "pods' interface closed"],
)
def test_custom_networking_judges_the_pods_interface_not_the_nodes(
    parts: Any, first: str, second: str, blocked: set[str]
) -> None:
    """Where pods sit on secondary interfaces, the first interface's group does not matter, and theirs does."""
    pods_interface = Interface(
        id="eni-pods",
        instance_id="i-node-2",
        subnet_id="subnet-a",
        security_group_ids=frozenset({second}),
        addresses=frozenset({ip_address("10.0.1.180"), ip_address("10.0.1.181")}),
    )
    world = parts.world(
        groups={"node-1": ("sg-cluster",), "node-2": (first,), "node-3": ("sg-cluster",)},
        more_interfaces=(pods_interface,),
        bare=("node-2",),
    )

    judgement = world.judge(RULE)

    assert {item["client_interface_id"] for item in judgement.details.get("blocked", ())} == blocked
    assert (judgement.verdict is Verdict.PROBLEM) is bool(blocked)


def test_auto_mode_nodes_among_others_are_no_clients(parts: Any) -> None:
    """Pods of an Auto Mode node ask the resolver on it; the other nodes are judged."""
    judgement = hardened(parts, auto_nodes=("node-2",)).judge(RULE)

    assert "in 2 of 4 pairs" in judgement.summary
    assert not any("node-2" in item.nodes for item in judgement.reach)


def test_a_group_is_shared_only_where_every_blocked_pair_carries_it(parts: Any) -> None:
    """One class that shares a group and one that does not: no shared group, so opening it to itself is no whole fix."""
    world = parts.world(
        groups={"node-1": ("sg-cluster",), "node-2": ("sg-app",), "node-3": ("sg-cluster",)},
        rules=tuple(
            parts.rule(f"sgr-{name}", name, "egress", "cidr", "0.0.0.0/0") for name in ("sg-cluster", "sg-app")
        ),
    )

    details = world.judge(RULE).details

    assert (details["shared_group_id"], details["security_group_id"]) == ("", "sg-cluster")
    assert (details["client_group_ids"], details["server_group_ids"]) == (["sg-app", "sg-cluster"], ["sg-cluster"])


def test_network_acl_is_not_this_rules_business(parts: Any) -> None:
    """A closed ACL leaves the security groups healthy."""
    world = parts.world(entries={"subnet-a": (), "subnet-b": parts.open_entries})

    assert world.judge(RULE).verdict is Verdict.HEALTHY
    assert world.judge(ACL_RULE).verdict is Verdict.PROBLEM


@pytest.mark.parametrize("needed", [WorkerNodes, SecurityGroupRules, KubeDns], ids=lambda item: item.__name__)
def test_nothing_is_said_without_nodes_rules_or_addresses(parts: Any, needed: type) -> None:
    """Without them the rule raises what was missing, which makes it UNKNOWN."""
    world = parts.world(unread={needed: Gap(what=needed.__name__, reason="refused", grant="ec2:DescribeThings")})

    with pytest.raises(EvidenceUnavailable) as raised:
        world.judge(RULE)

    assert raised.value.grant == "ec2:DescribeThings"


@pytest.mark.parametrize("needed", [WorkloadPods, Subnets], ids=lambda item: item.__name__)
def test_less_evidence_is_unknown_or_a_problem_never_healthy(parts: Any, needed: type) -> None:
    """What was read may prove a problem; where it does not, the rule is UNKNOWN and names what is missing."""
    gap = Gap(what=needed.__name__, reason="refused", grant="some:Grant")

    clean = parts.world(unread={needed: gap}).judge(RULE)
    broken = hardened(parts, unread={needed: gap}).judge(RULE)

    assert clean.verdict is Verdict.UNKNOWN
    assert gap in clean.missing
    assert broken.verdict is Verdict.PROBLEM
    assert gap in broken.missing


def test_no_workload_selector_leaves_the_nodes_judged(parts: Any) -> None:
    """Without a selector there are no application pods to look at; that is no failure to look."""
    gap = Gap(what="workload_pods", reason="no workload_selector is configured")

    judgement = parts.world(workload_selector="", unread={WorkloadPods: gap}).judge(RULE)

    assert (judgement.verdict, judgement.missing) == (Verdict.HEALTHY, ())


def test_unread_prefix_list_is_unknown_with_its_grant(parts: Any) -> None:
    """A list that may hold the clients leaves it undecided, and the permission is named."""
    gap = Gap(what="entries of prefix list pl-1", reason="refused", grant="ec2:GetManagedPrefixListEntries")
    world = parts.world(
        rules=(
            parts.rule("sgr-out", "sg-cluster", "egress", "cidr", "0.0.0.0/0"),
            parts.rule("sgr-list", "sg-cluster", "ingress", "list", "pl-1"),
        ),
        prefix_lists=(PrefixList(id="pl-1", name="pl-1", entries=None),),
        rule_gaps=(gap,),
    )

    judgement = world.judge(RULE)

    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.missing[0].grant == "ec2:GetManagedPrefixListEntries"
    assert "pl-1" in judgement.missing[0].reason


def test_reference_through_a_middlebox_is_unknown(parts: Any) -> None:
    """A group reference does not hold through a firewall between the subnets, so it proves nothing there."""
    routes = (
        Route(destination="10.0.0.0/16", target="local", active=True),
        Route(destination="10.0.2.0/24", target="vpce-firewall", active=True),
    )

    judgement = parts.world(routes=routes).judge(RULE)

    assert judgement.verdict is Verdict.UNKNOWN
    assert any("vpce-firewall" in gap.reason for gap in judgement.missing)


def test_address_that_no_interface_holds_is_unknown(parts: Any) -> None:
    """A CoreDNS address outside all known interfaces is named, and is not healthy."""
    judgement = parts.world(coredns=(("10.0.2.103", "node-3"), ("10.0.9.9", "node-7"))).judge(RULE)

    assert judgement.verdict is Verdict.UNKNOWN
    assert any("10.0.9.9" in gap.reason for gap in judgement.missing)


def test_no_coredns_address_is_unknown(parts: Any) -> None:
    """Without an endpoint there is no pair to judge."""
    judgement = parts.world(coredns=()).judge(RULE)

    assert judgement.verdict is Verdict.UNKNOWN
    assert "No CoreDNS address is known" in judgement.summary


def test_auto_mode_without_kube_dns_is_healthy(parts: Any) -> None:
    """On EKS Auto Mode each node answers its own pods, so no query crosses the VPC."""
    judgement = parts.world(compute=Compute.AUTO, service_exists=False, coredns=()).judge(RULE)

    assert judgement.verdict is Verdict.HEALTHY
    assert "Auto Mode" in judgement.summary


def test_the_same_evidence_gives_the_same_judgement(parts: Any) -> None:
    """Judging twice gives equal judgements, so that a diagnosis can be replayed."""
    assert split(parts).judge(RULE) == split(parts).judge(RULE)


def loaded(evidence: object) -> object:
    """Return evidence as another process reads it from the history."""
    return evidence_from(type(evidence), json.loads(canonical(evidence_document(evidence))))


@pytest.mark.parametrize("rule", [RULE, ACL_RULE], ids=lambda rule: rule.name)
def test_evidence_that_is_stored_by_class_is_judged_as_it_was_collected(parts: Any, rule: Any) -> None:
    """Two hundred branch pods, every third behind a shut group: the same pairs, reach, proof and details."""
    numbers = range(200)
    world = split(
        parts,
        more_interfaces=tuple(
            parts.branch(f"eni-{at}", f"10.0.3.{at}", "sg-shut" if at % 3 == 0 else "sg-blue") for at in numbers
        ),
        pods=tuple(parts.pod(f"10.0.3.{at}", node="node-2", name=f"web-{at}") for at in numbers),
    )

    assert world.judge(rule, keep=loaded) == world.judge(rule, keep=lambda evidence: evidence)
