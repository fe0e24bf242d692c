"""Pods with a branch interface beside NodeLocal DNSCache: who is cut off from it, and how that is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.collectors.branch_pods import BranchPods
from bot.collectors.node_local_dns import NodeLocalDns
from bot.collectors.node_network import NetworkOfNode, NodeNetworks
from bot.collectors.vpc_cni import VpcCni
from bot.domain.cluster import ClusterTarget
from bot.domain.enforcing_mode import EnforcingMode
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Verdict
from bot.domain.lookup_matrix import LookupMatrix, PodResolver
from bot.domain.lookups import Answer, Client, ClientKind, Lookup, Transport
from bot.kubernetes.named_pods import of_details
from bot.kubernetes.owners import Owner
from bot.kubernetes.pods import Container, Pod
from bot.kubernetes.vpc_cni import AwsNode, AwsNodePod
from bot.linux.routes import Route
from bot.linux.routing_rules import RoutingRule
from bot.rules.nodelocal_pod_security_groups_strict import RULE
from tests.rules_cluster.conftest import NOW, YESTERDAY
from tests.rules_cluster.test_nodelocal_rules import CLUSTER_IP, LOCAL, cache, found
from tests.rules_cluster.test_nodelocal_rules import pod as cache_pod

COREDNS = "10.0.1.5"
STRICT, STANDARD = EnforcingMode.STRICT, EnforcingMode.STANDARD
PROBLEM, HEALTHY, UNKNOWN = Verdict.PROBLEM, Verdict.HEALTHY, Verdict.UNKNOWN
TIMED_OUT, ANSWERED = Answer.TIMED_OUT, Answer.ANSWERED
HOUR = timedelta(hours=1)


def branch_pod(name: str = "pay-a", **changes: Any) -> Pod:
    """Return a pod with a branch interface, made an hour after aws-node."""
    made = Pod(
        namespace="pay",
        name=name,
        uid=f"uid-{name}",
        node=name[-1],
        ip=f"10.0.9.{ord(name[-1])}",
        phase="Running",
        ready=True,
        created_at=YESTERDAY + HOUR,
        container=Container(name="pay"),
        owner=Owner(kind="Deployment", name="pay"),
        branch_interface=True,
    )
    return replace(made, **changes)


def cni(mode: str = "", *, pods: str = "ab", now: str | None = None) -> VpcCni:
    """Return a VPC CNI whose pods run with this mode since yesterday; `now`: what the DaemonSet says by now."""
    aws_node = AwsNode(
        uid="u", image="amazon-k8s-cni:v1.19.2", mode=mode if now is None else now, external_snat=False, manager=""
    )
    running = [
        AwsNodePod(node=one, name=f"aws-{one}", created_at=YESTERDAY, mode=EnforcingMode.of(mode)) for one in pods
    ]
    return VpcCni(aws_node=aws_node, pods=tuple(running))


def looked(*rows: tuple[Pod, str, Answer], asks: str = CLUSTER_IP) -> LookupMatrix:
    """Return lookups of (pod, server, answer); pods are told to ask `asks`."""
    return LookupMatrix(
        nodes_total=2,
        nodes_looked=2,
        lookups=tuple(
            Lookup(
                client=pod.client,
                server=server,
                through_service=server == CLUSTER_IP,
                transport=Transport.UDP,
                external=False,
                name="kubernetes.default.svc.cluster.local.",
                answer=answer,
            )
            for pod, server, answer in rows
        ),
        resolvers=(
            PodResolver(
                client=Client(node="a", kind=ClientKind.POD, pod="shop/web"),
                dns_policy="ClusterFirst",
                nameservers=(asks,),
                search=(),
                ndots=5,
            ),
        ),
    )


def network(pod: Pod, *rules: RoutingRule) -> NodeNetworks:
    """Return how the pod's node routes: these rules, and a route to the pod by its interface."""
    routes = (Route(table="102", destination=f"{pod.ip}/32", interface="vlan1"),)
    return NodeNetworks(nodes=(NetworkOfNode(node=pod.node, interfaces=(), rules=rules, routes=routes),), nodes_total=2)


def local(priority: int) -> RoutingRule:
    """Return the rule of the `local` table."""
    return RoutingRule(priority=priority, table="local")


def judge(*evidence: object, dns: NodeLocalDns | None = None, pods: tuple[Pod, ...] = (branch_pod(),)) -> Judgement:
    """Judge strict pods beside a healthy cache, but for what is given."""
    held: list[object] = [dns or found(cache()), cni(), BranchPods(policies=1, pods=pods), *evidence]
    by_class = {type(one): one for one in held}
    target = ClusterTarget(name="cluster-prod", eks_name="cluster-prod", region="eu-west-1")
    missing = {kind: Gap(what=kind.__name__, reason="off") for kind in RULE.inputs if kind not in by_class}
    return RULE.judge(Case(target=target, collected_at=NOW, thresholds=RULE.thresholds(), evidence=by_class | missing))


POD = branch_pod()
OLDER = branch_pod(created_at=YESTERDAY - HOUR)
SILENT = looked((POD, CLUSTER_IP, TIMED_OUT), (POD, COREDNS, ANSWERED))
BEFORE_LOCAL = RoutingRule(priority=10, incoming_interface="vlan1", table="102")
IN_MAIN = RoutingRule(priority=512, destination=POD.ip, table="main")


@pytest.mark.parametrize(
    ("evidence", "pods", "expected"),
    [
        pytest.param((SILENT,), (POD,), PROBLEM, id="strict-and-silent"),
        pytest.param((looked((POD, CLUSTER_IP, TIMED_OUT)),), (POD,), PROBLEM, id="CoreDNS-was-not-asked"),
        pytest.param((looked((POD, CLUSTER_IP, ANSWERED)),), (POD,), HEALTHY, id="strict-and-answered"),
        pytest.param((looked((POD, CLUSTER_IP, Answer.SERVFAIL)),), (POD,), HEALTHY, id="the-cache-answers-badly"),
        pytest.param((), (POD,), UNKNOWN, id="strict-and-nobody-looked"),
        pytest.param((looked((POD, CLUSTER_IP, Answer.NOT_ASKED)),), (POD,), UNKNOWN, id="no-tool-in-the-pod"),
        pytest.param((network(POD, BEFORE_LOCAL, local(20)),), (POD,), PROBLEM, id="the-node-shows-it"),
        pytest.param((network(POD, local(0), IN_MAIN),), (POD,), HEALTHY, id="the-node-shows-standard-mode"),
        pytest.param((network(POD, local(0), BEFORE_LOCAL),), (POD,), UNKNOWN, id="local-comes-first"),
        pytest.param((network(branch_pod("pay-b"), BEFORE_LOCAL, local(20)),), (POD,), UNKNOWN, id="another-node"),
        pytest.param((cni("standard"), SILENT), (POD,), HEALTHY, id="made-in-standard-mode"),
        pytest.param((cni("standard"),), (POD,), HEALTHY, id="made-in-standard-mode-and-nobody-looked"),
        pytest.param((cni("standard"), SILENT), (OLDER,), PROBLEM, id="older-than-the-change-and-silent"),
        pytest.param((cni("standard"),), (OLDER,), UNKNOWN, id="older-than-the-change-and-nobody-looked"),
        pytest.param(
            (cni("standard"), looked((OLDER, CLUSTER_IP, TIMED_OUT), (OLDER, COREDNS, TIMED_OUT))),
            (OLDER,),
            UNKNOWN,
            id="older-and-nothing-at-all-answers-it",
        ),
        pytest.param((cni("Standard"), SILENT), (POD,), PROBLEM, id="the-value-counts-letter-by-letter"),
        pytest.param((VpcCni(aws_node=None), SILENT), (POD,), HEALTHY, id="no-VPC-CNI"),
        pytest.param((SILENT,), (), HEALTHY, id="no-branch-interface"),
        pytest.param((SILENT,), (branch_pod(dns_policy="None"),), HEALTHY, id="it-asks-elsewhere"),
        pytest.param((SILENT,), (branch_pod(phase="Pending"),), HEALTHY, id="it-does-not-run-yet"),
        pytest.param((looked((POD, CLUSTER_IP, TIMED_OUT), asks="10.9.9.9"),), (POD,), HEALTHY, id="no-pod-asks-it"),
        pytest.param(
            (BranchPods(policies=2, pods=(), gaps=(Gap(what="pods", reason="403"),)),), (), UNKNOWN, id="a-gap"
        ),
    ],
)
def test_a_pod_is_cut_off_where_it_is_strict_and_that_was_seen(
    evidence: tuple[object, ...], pods: tuple[Pod, ...], expected: Verdict
) -> None:
    """By its node, or by a lookup from exactly this pod; configuration alone leaves it open, an answer refutes it."""
    assert judge(*evidence, pods=pods).verdict is expected


@pytest.mark.parametrize(
    ("dns", "expected"),
    [
        pytest.param(found(), HEALTHY, id="there-is-none"),
        pytest.param(found(gaps=(Gap(what="DaemonSets", reason="403"),)), UNKNOWN, id="nobody-knows"),
        pytest.param(found(cache(pods=(cache_pod("a", ready=False),))), HEALTHY, id="not-ready-on-its-node"),
        pytest.param(found(cache(pods=(cache_pod("b"),))), HEALTHY, id="only-on-another-node"),
        pytest.param(found(cache(listens=(LOCAL,), local_addresses=(LOCAL,))), HEALTHY, id="at-another-address"),
    ],
)
def test_no_cache_that_it_asks_keeps_it_out(dns: NodeLocalDns, expected: Verdict) -> None:
    """Whatever its lookups gave, another rule has to say why."""
    assert judge(SILENT, dns=dns).verdict is expected


def test_the_pods_concerned_are_named_and_their_look_ups_covered() -> None:
    """Those that were seen, and those of which the same must hold; not the one that is answered, nor plain pods."""
    unseen, answered = branch_pod("unseen-b"), branch_pod("other-b", created_at=YESTERDAY - HOUR)
    plain = replace(POD, name="web", branch_interface=False)
    matrix = looked(
        (POD, CLUSTER_IP, TIMED_OUT),
        (POD, LOCAL, TIMED_OUT),
        (POD, COREDNS, ANSWERED),
        (answered, CLUSTER_IP, ANSWERED),
        (plain, CLUSTER_IP, ANSWERED),
    )

    judgement = judge(matrix, network(POD, BEFORE_LOCAL, local(20)), pods=(POD, unseen, answered))

    assert [one.name for one in of_details(judgement.details, RULE.name)] == ["pay-a", "unseen-b"]
    covered = [one for one in matrix.lookups if any(reach.covers(one) for reach in judgement.reach)]
    assert [(one.client.pod, one.server) for one in covered] == [("pay/pay-a", CLUSTER_IP), ("pay/pay-a", LOCAL)]
    assert "2 pods with a branch interface on 2 nodes" in judgement.summary
    proof = "\n".join(judgement.proof)
    assert "POD_SECURITY_GROUP_ENFORCING_MODE is not set, so strict" in proof
    assert "a: 10: from all iif vlan1 lookup 102, before 20: from all lookup local" in proof
    assert "pay/pay-a on a" in proof
    assert "0 of 2 lookups at 172.20.0.10, 169.254.20.10 answered, 1 of 1 at CoreDNS pods' own addresses" in proof
    assert "Plain pods on the same nodes: 1 of 1 lookup answered at the same address" in proof


def test_a_pod_of_which_nothing_is_known_is_named_with_what_to_do() -> None:
    """The gap says from whom to look."""
    (gap,) = judge().missing

    assert gap.reason == "no lookup was made from pay/pay-a; name one with --pod, or let workload_selector select them"


def test_what_leaves_a_pod_open_is_carried() -> None:
    """Revisions that were not read: the pod that is older than aws-node's own is named with it."""
    gap = Gap(what="revisions", reason="refused", grant="controllerrevisions.apps: list")

    judgement = judge(replace(cni("standard"), undated=gap), pods=(OLDER,))

    assert judgement.verdict is UNKNOWN
    assert gap in judgement.missing
    assert judge(replace(cni("standard"), undated=gap)).verdict is HEALTHY
