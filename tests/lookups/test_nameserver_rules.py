"""The servers that pods are told to ask: wrong ones, and the one that the DNS Service had before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from bot.collectors.kube_dns import KubeDns
from bot.collectors.node_local_dns import NodeLocalCache, NodeLocalDns
from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.findings import Judgement, Verdict
from bot.domain.lookup_matrix import PodResolver
from bot.domain.lookups import Answer, Client, ClientKind, Lookup, Transport
from bot.kubernetes.nodes import Compute, Node
from bot.rules import kube_dns_address_changed, wrong_nameserver
from tests.lookups.lookup_evidence import COREDNS_A, INTERNAL, SERVICE, judge, lookup, lookups


def resolver(node: str, *nameservers: str, kind: ClientKind = ClientKind.POD, **changed: Any) -> PodResolver:
    """Return a ClusterFirst pod's resolver."""
    fields: dict[str, Any] = {
        "client": Client(node=node, kind=kind, pod=f"shop/web-{node}"),
        "dns_policy": "ClusterFirst",
        "nameservers": nameservers,
        "search": ("shop.svc.cluster.local",),
        "ndots": 5,
        "node_group": f"group-{node}",
    }
    return PodResolver(**fields | changed)


KUBE_DNS = KubeDns(
    service_exists=True, cluster_ip=SERVICE, cluster_ips=(SERVICE, "fd00::a"), selector="", ports=(), endpoints=()
)


CACHE = NodeLocalCache(
    namespace="kube-system",
    name="node-local-dns",
    container="node-cache",
    image="k8s-dns-node-cache:1.26.4",
    node_cache=True,
    local_addresses=("169.254.25.10",),
    interface="nodelocaldns",
    lays_interface=True,
    lays_rules=True,
    listens=("169.254.25.10",),
    dns_policy="Default",
    pods=(),
    desired=2,
    scheduled=2,
)


def cause(
    *resolvers: PodResolver,
    kube_dns: KubeDns = KUBE_DNS,
    asked: Iterable[Lookup] = (),
    caches: Iterable[NodeLocalCache] = (),
) -> Judgement:
    """Judge the cause."""
    node_local = NodeLocalDns(caches=tuple(caches), cluster_ips=kube_dns.cluster_ips)
    return judge(wrong_nameserver.RULE, lookups(asked, *resolvers), kube_dns, node_local)


RIGHT = [
    ("the ClusterIP", resolver("a", SERVICE)),
    ("the second ClusterIP", resolver("a", SERVICE, "fd00::a")),
    ("NodeLocal DNSCache", resolver("a", "169.254.25.10")),
    ("a server of the pod's own dnsConfig", resolver("a", SERVICE, "10.9.9.9", own_nameservers=("10.9.9.9",))),
]


@pytest.mark.parametrize("right", [row[1] for row in RIGHT], ids=[row[0] for row in RIGHT])
def test_right_nameservers_are_healthy(right: PodResolver) -> None:
    """C6, and what is different on purpose."""
    assert cause(right, caches=[CACHE]).verdict is Verdict.HEALTHY


def test_the_address_of_a_cache_that_is_not_there_is_a_wrong_nameserver() -> None:
    """NodeLocal DNSCache was removed, and its usual address stayed in the kubelet's settings: nothing answers there."""
    asked = asked_of("169.254.20.10", Answer.TIMED_OUT, "a")

    assert cause(resolver("a", "169.254.20.10"), asked=asked).verdict is Verdict.PROBLEM
    assert cause(resolver("a", "169.254.25.10"), caches=[CACHE]).verdict is Verdict.HEALTHY


OTHERS_CHOICE = [
    ("dnsPolicy None", {"dns_policy": "None"}),
    ("dnsPolicy Default", {"dns_policy": "Default"}),
    ("ClusterFirst on the host's network", {"kind": ClientKind.HOST}),
]


@pytest.mark.parametrize("changed", [row[1] for row in OTHERS_CHOICE], ids=[row[0] for row in OTHERS_CHOICE])
def test_nameservers_that_the_kubelet_did_not_choose_are_not_judged(changed: dict[str, Any]) -> None:
    """Beside a right one they change nothing; alone they show nothing."""
    other = resolver("b", "10.9.9.9", **changed)

    assert cause(resolver("a", SERVICE), other).verdict is Verdict.HEALTHY
    assert cause(other).verdict is Verdict.UNKNOWN


def test_a_wrong_nameserver_is_a_problem_of_its_nodes() -> None:
    """Names nodes, groups, servers, and the kubelet's setting."""
    judgement = cause(resolver("a", SERVICE), resolver("b", "172.20.0.2"))

    assert judgement.verdict is Verdict.PROBLEM
    assert judgement.details == {
        "nodes": ["b"],
        "node_groups": ["group-b"],
        "nameservers": ["172.20.0.2"],
        "expected": [SERVICE, "fd00::a"],
    }
    assert "Pods on 1 of 2 nodes looked at (node group group-b) are told to ask 172.20.0.2" in judgement.summary
    assert f"clusterDNS to {SERVICE} for node group group-b" in judgement.advice[0]
    assert "/etc/resolv.conf of shop/web-b" in judgement.proof[0]


def test_host_network_pods_with_the_cluster_policy_are_judged() -> None:
    """ClusterFirstWithHostNet asks for the cluster's DNS."""
    wrong = resolver("a", "10.9.9.9", kind=ClientKind.HOST, dns_policy="ClusterFirstWithHostNet")

    assert cause(wrong).verdict is Verdict.PROBLEM


def test_its_reach_is_look_ups_by_that_server_from_those_nodes() -> None:
    """Lookups by the right server work in that world, so a failing one has another cause."""
    (reach,) = cause(resolver("a", SERVICE), resolver("b", "172.20.0.2")).reach

    assert reach.covers(lookup("b", "172.20.0.2", Transport.UDP, INTERNAL, Answer.TIMED_OUT))
    assert not reach.covers(lookup("a", "172.20.0.2", Transport.UDP, INTERNAL, Answer.TIMED_OUT))
    assert not reach.covers(lookup("b", SERVICE, Transport.UDP, INTERNAL, Answer.TIMED_OUT))
    assert not reach.covers(lookup("b", COREDNS_A, Transport.UDP, INTERNAL, Answer.TIMED_OUT))


def test_an_unread_resolv_conf_is_unknown_and_named() -> None:
    """One node of two was not read."""
    judgement = cause(resolver("a", SERVICE), asked=[lookup("b", SERVICE, Transport.UDP, INTERNAL)])

    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.missing[0].what == "/etc/resolv.conf of pod shop/web-b"


def test_a_wrong_one_stands_beside_an_unread_one() -> None:
    """PROBLEM, with what is missing."""
    judgement = cause(resolver("a", "10.9.9.9"), asked=[lookup("b", SERVICE, Transport.UDP, INTERNAL)])

    assert (judgement.verdict, len(judgement.missing)) == (Verdict.PROBLEM, 1)


def test_without_a_cluster_ip_there_is_nothing_to_compare_with() -> None:
    """A missing Service is another rule's matter."""
    without = KubeDns(service_exists=False, cluster_ip="", cluster_ips=(), selector="", ports=(), endpoints=())

    assert cause(resolver("a", SERVICE), kube_dns=without).verdict is Verdict.UNKNOWN


OTHER = "169.254.25.10"
WAS = "172.20.0.10"
MOVED = KubeDns(
    service_exists=True,
    cluster_ip="172.20.87.33",
    cluster_ips=("172.20.87.33",),
    selector="",
    ports=(),
    endpoints=(),
    asked=(WAS,),
    tenth_address=WAS,
)
ABSENT = KubeDns(service_exists=False, cluster_ip="", cluster_ips=(), selector="", ports=(), endpoints=())


def asked_of(server: str, answer: Answer, *nodes: str) -> list[Lookup]:
    """Return lookups of a cluster name by this server."""
    made = (lookup(node, server, Transport.UDP, INTERNAL, answer) for node in nodes)
    return [replace(one, through_service=False) for one in made]


@pytest.mark.parametrize(
    ("server", "answer", "verdict"),
    [
        (OTHER, Answer.ANSWERED, Verdict.HEALTHY),
        (OTHER, Answer.TIMED_OUT, Verdict.PROBLEM),
        (OTHER, Answer.NOT_ASKED, Verdict.UNKNOWN),
        ("fd00:1::53", Answer.ANSWERED, Verdict.HEALTHY),
        ("172.20.0.53", Answer.ANSWERED, Verdict.HEALTHY),
        ("172.20.0.53", Answer.NXDOMAIN, Verdict.PROBLEM),
        ("172.20.0.53", Answer.NOT_ASKED, Verdict.PROBLEM),
    ],
    ids=str,
)
def test_what_answers_cluster_names_is_no_wrong_nameserver(server: str, answer: Answer, verdict: Verdict) -> None:
    """NodeLocal DNSCache listens where its manifest says; a link-local address that nobody asked may be one."""
    judgement = cause(resolver("a", SERVICE), resolver("b", server), asked=asked_of(server, answer, "b"))

    assert judgement.verdict is verdict


def test_an_answer_to_another_node_says_nothing_about_this_one() -> None:
    """A cache on node a is no cache on node b."""
    both = [resolver(node, OTHER) for node in ("a", "b")]

    judgement = cause(*both, asked=[*asked_of(OTHER, Answer.ANSWERED, "a"), *asked_of(OTHER, Answer.REFUSED, "b")])

    assert (judgement.verdict, judgement.details["nodes"]) == (Verdict.PROBLEM, ["b"])


def test_fargate_pods_are_not_told_to_set_a_kubelet() -> None:
    """Nobody can; the Service is what can have the address."""
    fargate = Node(name="b", ready=True, compute=Compute.FARGATE)
    nodes = WorkerNodes(vpc_id="vpc-1", nodes=(fargate,), interfaces=())

    judgement = judge(
        wrong_nameserver.RULE, lookups([], resolver("a", SERVICE), resolver("b", "172.20.0.2")), KUBE_DNS, nodes
    )

    assert "the DNS Service have 172.20.0.2" in " ".join(judgement.advice)
    assert "clusterDNS" not in " ".join(judgement.advice)


def test_without_a_service_what_does_not_answer_is_the_missing_services_matter() -> None:
    """Nothing to compare with: UNKNOWN; what answers (EKS Auto Mode) is right."""
    pods = [resolver(node, WAS) for node in ("a", "b")]

    silent = cause(*pods, kube_dns=ABSENT, asked=asked_of(WAS, Answer.TIMED_OUT, "a", "b"))
    answered = cause(*pods, kube_dns=ABSENT, asked=asked_of(WAS, Answer.ANSWERED, "a", "b"))

    assert (silent.verdict, answered.verdict) == (Verdict.UNKNOWN, Verdict.HEALTHY)


def changed(*resolvers: PodResolver, kube_dns: KubeDns = MOVED, asked: Iterable[Lookup] = ()) -> Judgement:
    """Judge whether the Service lost its address."""
    return judge(kube_dns_address_changed.RULE, lookups(asked, *resolvers), kube_dns)


@pytest.mark.parametrize("nodes", [("a", "b", "c"), ("a",)], ids=["all nodes", "the only one looked at"])
def test_service_that_lost_its_address_is_named_and_the_nodes_are_not(nodes: tuple[str, ...]) -> None:
    """All pods ask what EKS told their nodes, and the Service is elsewhere."""
    pods, asked = [resolver(node, WAS) for node in nodes], asked_of(WAS, Answer.TIMED_OUT, *nodes)

    found, nodes_rule = changed(*pods, asked=asked), cause(*pods, kube_dns=MOVED, asked=asked)

    assert found.verdict is Verdict.PROBLEM
    assert (found.details["asked"], found.details["has"]) == (WAS, "172.20.87.33")
    assert f"set clusterIP and clusterIPs to {WAS}" in found.advice[0]
    assert all(reach.covers(one) for reach in found.reach for one in asked)
    assert nodes_rule.verdict is Verdict.HEALTHY


@pytest.mark.parametrize(
    ("pods", "kube_dns", "answer"),
    [
        ([resolver("a", WAS), resolver("b", "172.20.87.33")], MOVED, Answer.TIMED_OUT),
        ([resolver("a", "10.9.9.9"), resolver("b", "10.9.9.9")], replace(KUBE_DNS, tenth_address=SERVICE),
         Answer.TIMED_OUT),
        ([resolver("a", OTHER), resolver("b", OTHER)], MOVED, Answer.TIMED_OUT),
        ([resolver("a", WAS), resolver("b", WAS)], MOVED, Answer.ANSWERED),
        ([resolver("a", "10.9.9.9")], MOVED, Answer.TIMED_OUT),
        ([resolver("a", WAS)], ABSENT, Answer.TIMED_OUT),
    ],
    ids=["some nodes", "the Service has EKS's address", "a cache", "it answers", "one node, another address", "none"],
)  # fmt: skip
def test_service_that_kept_its_address_is_not_blamed(
    pods: list[PodResolver], kube_dns: KubeDns, answer: Answer
) -> None:
    """Then it is the nodes, a cache, or nothing at all."""
    asked = [one for pod in pods for one in asked_of(pod.nameservers[0], answer, pod.client.node)]

    assert changed(*pods, kube_dns=kube_dns, asked=asked).verdict is Verdict.HEALTHY


def test_vacated_address_that_nobody_asked_is_open() -> None:
    """The addresses differ, and no lookup shows that nothing answers at the former one."""
    found = changed(resolver("a", WAS), resolver("b", WAS))

    assert found.verdict is Verdict.UNKNOWN
    assert f"nothing was asked at {WAS}" in found.summary


def test_cache_that_answers_beside_the_vacated_address_is_enough() -> None:
    """NodeLocal DNSCache first, the old address second: pods get their answers from the first."""
    pods = [resolver(node, OTHER, WAS) for node in ("a", "b")]
    asked = [*asked_of(OTHER, Answer.ANSWERED, "a", "b"), *asked_of(WAS, Answer.TIMED_OUT, "a", "b")]

    assert changed(*pods, asked=asked).verdict is Verdict.HEALTHY
    assert changed(*pods, asked=asked_of(WAS, Answer.TIMED_OUT, "a", "b")).verdict is Verdict.PROBLEM
