"""NetworkPolicies between application pods and CoreDNS: what they close, who enforces it, and what lookups say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.collectors.network_policies import LabelledPod, NetworkPolicies
from bot.collectors.node_local_dns import NodeLocalCache, NodeLocalDns
from bot.domain.evidence import Gap
from bot.domain.findings import Judgement, Verdict
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer, Client, ClientKind, Lookup, Transport
from bot.kubernetes.network_policies import Enforcer, NetworkPolicy
from bot.rules.network_policy_blocks_dns import RULE

P, H, U = Verdict.PROBLEM, Verdict.HEALTHY, Verdict.UNKNOWN
SERVICE, COREDNS = "172.20.0.10", "10.0.1.7"
CACHED = NodeLocalDns(cluster_ips=(SERVICE,), caches=())
ENFORCED, OFF, UNTOLD = (Enforcer(title="the agent", enforces=said) for said in (True, False, None))
STRICT = replace(ENFORCED, strict=True)
TO_DNS = {
    "to": [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ]
}
UDP, TCP = {"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}


def policy(namespace: str = "shop", name: str = "egress", **spec: Any) -> NetworkPolicy:
    """Return a policy for all pods of a namespace, from the API's answer."""
    metadata = {"namespace": namespace, "name": name, "labels": {"app.kubernetes.io/managed-by": "Helm"}}
    return NetworkPolicy.of({"metadata": metadata, "spec": {"podSelector": {}, **spec}})


def egress(*rules: dict[str, Any]) -> NetworkPolicy:
    """Return a policy that closes what the shop's pods send, but for these rules."""
    return policy(policyTypes=["Egress"], egress=list(rules))


def labelled(namespace: str, name: str, ip: str, **changes: Any) -> LabelledPod:
    """Return a pod with the labels of its kind."""
    app = {"kube-system": ("k8s-app", "kube-dns")}.get(namespace, ("app", name[:3]))
    made = LabelledPod(namespace=namespace, name=name, node="a", ip=ip, host_network=False, labels=(app,))
    return replace(made, **changes)


WEB = labelled("shop", "web-1", "10.0.9.4")


def policies(
    *held: NetworkPolicy, enforcers: tuple[Enforcer, ...] = (ENFORCED,), client: LabelledPod = WEB, **changes: Any
) -> NetworkPolicies:
    """Return evidence of these policies, one application pod and one CoreDNS pod."""
    made = NetworkPolicies(
        namespaces_looked=("kube-system", "shop"),
        policies=held,
        namespaces=tuple((one, (("kubernetes.io/metadata.name", one),)) for one in ("kube-system", "shop")),
        clients=(client,),
        servers=(labelled("kube-system", "coredns-a", COREDNS),),
        service_addresses=(SERVICE,),
        enforcers=enforcers,
    )
    return replace(made, **changes)


def looked(udp: Answer, tcp: Answer | None = None, pod: str = "shop/web-1") -> LookupMatrix:
    """Return a lookup over UDP and one over TCP from the pod."""
    answers = {Transport.UDP: udp, Transport.TCP: tcp or udp}
    return LookupMatrix(
        nodes_total=1,
        nodes_looked=1,
        lookups=tuple(
            Lookup(
                client=Client(node="a", kind=ClientKind.POD, pod=pod),
                server=SERVICE,
                through_service=True,
                transport=transport,
                external=False,
                name="kubernetes.default.svc.cluster.local.",
                answer=answer,
            )
            for transport, answer in answers.items()
        ),
        resolvers=(),
    )


SILENT, ANSWERED, NOBODY = looked(Answer.TIMED_OUT), looked(Answer.ANSWERED), looked(Answer.NOT_ASKED)
CLOSED, ALLOWED = egress(), egress({**TO_DNS, "ports": [UDP, TCP]})
BY_CIDR = egress({"to": [{"ipBlock": {"cidr": "172.20.0.0/16"}}]})
FARGATE = replace(WEB, node="fargate-ip-10-0-9-4.eu-west-1.compute.internal")
INGRESS = policy("kube-system", policyTypes=["Ingress"], ingress=[{"from": [{"podSelector": {}}]}])

CASES: dict[str, tuple[NetworkPolicies, LookupMatrix, Verdict, str]] = {
    "no policy": (policies(), SILENT, H, "Nothing to check: no NetworkPolicy in the namespaces kube-system, shop"),
    "none allows DNS": (policies(CLOSED), SILENT, P, "lets 1 application pod ask CoreDNS over UDP and TCP 53"),
    "nobody looked": (policies(CLOSED), NOBODY, P, "shop/egress (egress) closes all that none allows"),
    "answered": (policies(CLOSED), ANSWERED, H, "1 application pod may ask"),
    "refused by the enforcer": (policies(CLOSED), looked(Answer.REFUSED), P, "the agent enforces that"),
    "allowed": (policies(ALLOWED), SILENT, H, "1 application pod may ask CoreDNS over UDP and TCP 53"),
    "allowed by another policy": (policies(CLOSED, ALLOWED), SILENT, H, "2 NetworkPolicies"),
    "TCP is forgotten": (
        policies(egress({**TO_DNS, "ports": [UDP]})), looked(Answer.ANSWERED, Answer.TIMED_OUT), P, "over TCP 53, and",
    ),
    "another namespace's policy": (policies(policy("other", policyTypes=["Egress"])), SILENT, H, "may ask"),
    "closed at CoreDNS": (policies(INGRESS), SILENT, P, "kube-system/egress (ingress) closes"),
    "not enforced": (policies(CLOSED, enforcers=(OFF,)), NOBODY, H, "Nothing enforces the 1 NetworkPolicy here"),
    "not enforced, and silent": (policies(CLOSED, enforcers=(OFF,)), SILENT, U, "Not known whether NetworkPolicies"),
    "who enforces is unknown": (policies(CLOSED, enforcers=(UNTOLD,)), SILENT, U, "it is not known whether anything"),
    "nobody is known": (policies(CLOSED, enforcers=()), NOBODY, U, "no program that is known"),
    "unknown, and answered": (policies(CLOSED, enforcers=(UNTOLD,)), ANSWERED, H, "may ask"),
    "by its address": (policies(BY_CIDR), SILENT, U, "only an ipBlock may let shop/web-1 ask CoreDNS"),
    "by its address, and answered": (policies(BY_CIDR), ANSWERED, H, "may ask"),
    "on Fargate": (policies(CLOSED, client=FARGATE), SILENT, U, "they run on Fargate"),
    "on the host's network": (policies(CLOSED, client=replace(WEB, host_network=True)), SILENT, H, "0 application"),
    "strict": (
        policies(INGRESS, ALLOWED, policy("kube-system", "all", ingress=[{}]), enforcers=(STRICT,)),
        SILENT, H, "may ask",
    ),
    "strict, and nothing selects the pod": (
        policies(policy("kube-system", "all", ingress=[{}]), enforcers=(STRICT,)),
        SILENT, U, "is strict: it closes such pods, too",
    ),
    "no CoreDNS pod": (policies(CLOSED, servers=()), SILENT, U, "no CoreDNS pod with an address"),
}  # fmt: skip


@pytest.mark.parametrize(("found", "matrix", "verdict", "words"), CASES.values(), ids=CASES)
def test_policies_are_judged_with_who_enforces_them_and_with_lookups(
    judge: Callable[..., Judgement], found: NetworkPolicies, matrix: LookupMatrix, verdict: Verdict, words: str
) -> None:
    """PROBLEM only where none allows it, something enforces that, and nothing came back; what is open is UNKNOWN."""
    judgement = judge(RULE, found, matrix, CACHED)

    assert (judgement.verdict, words in judgement.summary) == (verdict, True), judgement.summary
    assert bool(judgement.missing) is (verdict is U)


def test_an_answer_by_the_service_refutes_it_only_where_no_coredns_pod_is_open(judge: Callable[..., Judgement]) -> None:
    """With one of two CoreDNS pods closed the other one answers, and every second query is lost."""
    closed = labelled("kube-system", "coredns-b", "10.0.2.7", labels=(("app", "second"),))
    both = (labelled("kube-system", "coredns-a", COREDNS), closed)

    judgement = judge(RULE, policies(ALLOWED, servers=both), ANSWERED, CACHED)

    assert judgement.verdict is P
    assert {server for reach in judgement.reach for server in reach.servers} == {"10.0.2.7"}


@pytest.mark.parametrize("found", [policies(), policies(ALLOWED)], ids=["none", "allowed"])
def test_healthy_says_which_policies_are_not_read(judge: Callable[..., Judgement], found: NetworkPolicies) -> None:
    """Cilium's and Calico's own kinds may close what NetworkPolicies leave open."""
    judgement = judge(RULE, found, SILENT, CACHED)

    assert judgement.verdict is H
    assert any("such as CiliumNetworkPolicy" in told for told in (judgement.summary, *judgement.proof))


def test_a_cache_on_the_node_leaves_it_open(judge: Callable[..., Judgement]) -> None:
    """What enforcers make of a query to the pod's own node is their own."""
    cache = NodeLocalCache(
        namespace="kube-system", name="node-local-dns", container="node-cache", image="", node_cache=True,
        local_addresses=("169.254.20.10",), interface="nodelocaldns", lays_interface=True, lays_rules=True,
        listens=(), dns_policy="Default", pods=(), desired=1, scheduled=1,
    )  # fmt: skip

    judgement = judge(RULE, policies(CLOSED), SILENT, replace(CACHED, caches=(cache,)))

    assert (judgement.verdict, "NodeLocal DNSCache" in judgement.summary) == (U, True)


def test_what_could_not_be_read_of_it_is_named(judge: Callable[..., Judgement]) -> None:
    """Without the DaemonSets nobody knows; a PROBLEM names the policy's owner and reaches the pods' lookups alone."""
    gap = Gap(what="who enforces NetworkPolicies", reason="403 Forbidden", grant="daemonsets.apps: list")
    unread = judge(RULE, policies(CLOSED, enforcers=(), gaps=(gap,)), SILENT, CACHED)
    assert (unread.verdict, unread.missing[0]) == (U, gap)

    found = judge(RULE, policies(CLOSED, INGRESS), SILENT, CACHED)

    assert found.details["blocked"] == (
        {"direction": "egress", "namespace": "shop", "policy": "egress", "clients_in": ["shop"], "pods": 1},
    )
    assert "shop/egress is managed by Helm" in found.proof
    assert all(any(reach.covers(one) for reach in found.reach) for one in SILENT.lookups)
    assert not any(reach.covers(one) for reach in found.reach for one in looked(Answer.TIMED_OUT, pod="pay/a").lookups)
