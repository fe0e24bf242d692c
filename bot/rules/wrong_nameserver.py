"""Pods are given a nameserver that is not the cluster's DNS and does not answer them (C6).

The kubelet writes `/etc/resolv.conf` of ClusterFirst pods from its setting `clusterDNS`; where that
names another address than the DNS service's, every pod of the node asks in vain although CoreDNS is well, and
lookups that name the right server work. Where NodeLocal DNSCache listens is right, whatever its address, and whether
it answers there is another rule's; so is whatever else answers cluster names: Auto Mode's resolver is on the node. Not
judged: pods with dnsPolicy None or Default, hostNetwork pods with ClusterFirst (they use the node's resolv.conf), and
servers of a pod's own `dnsConfig`.
Where all pods ask one address and the Service has another, the Service moved: `kube_dns_address_changed`.
"""

from __future__ import annotations

from bot.collectors.kube_dns import KubeDns
from bot.collectors.node_local_dns import NodeLocalDns
from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, unknown
from bot.domain.lookup_matrix import LookupMatrix, PodResolver
from bot.domain.lookups import Reach
from bot.kubernetes.dns_service import may_be_a_service
from bot.kubernetes.nodes import Compute
from bot.rules._nameservers import (
    answers,
    expected_servers,
    named_by,
    nodes_of,
    strangers,
    told_by_kubelet,
    unasked,
    unread,
    vacated,
)

_MAX_PROOF = 20

Pair = tuple[PodResolver, str]
"""A pod's resolv.conf and one server in it."""


def judge(case: Case) -> Judgement:
    """Compare every resolv.conf that was read with the service's addresses, and with what answered."""
    lookups, dns = case.need(LookupMatrix), case.need(KubeDns)
    judged, missing, moved = told_by_kubelet(lookups), unread(lookups), vacated(lookups, dns)
    expected = expected_servers(dns)
    caches = case.find(NodeLocalDns)
    right = {*expected, *(caches.addresses if caches else ()), moved} - {""}
    foreign = [(one, server) for one in judged for server in strangers(one, right)]
    told = {(one.client, server): answers(lookups, one, server) for one, server in foreign}
    open_ones = [pair for pair in foreign if _open(pair, told[pair[0].client, pair[1]], expected)]
    wrong = [pair for pair in foreign if told[pair[0].client, pair[1]] is not True and pair not in open_ones]
    if wrong and not expected:
        gap = Gap(what="the DNS Service", reason="there is none to compare with, and what pods ask does not answer")
        return not_known("whether pods ask the right nameserver", gap, *missing)
    if wrong:
        return _problem(wrong, judged, expected, missing + unasked(open_ones), _fargate(case.find(WorkerNodes)))
    missing += unasked(open_ones)
    if not judged or missing:
        gaps = missing or (Gap(what="/etc/resolv.conf", reason="no pod looked from uses the cluster's DNS settings"),)
        return unknown(
            f"Whether pods ask the right nameserver is known for {len(nodes_of(judged))} of "
            f"{lookups.nodes_total} nodes only: {gaps[0].reason}.",
            *gaps,
        )
    note = " It is the Service that has another address." if moved else ""
    seen = sorted({server for pair, server in foreign if told[pair.client, server]})
    proof = [f"{server} is not the DNS service's address, and answers cluster names" for server in seen]
    proof += dict.fromkeys(f"{one.client.node}: nameserver {', '.join(one.nameservers)}" for one in judged[:_MAX_PROOF])
    return healthy(
        f"Pods on {len(nodes_of(judged))} of {lookups.nodes_total} nodes were looked at; all ask "
        f"{' or '.join(named_by(judged))}.{note}",
        *proof,
    )


def _open(pair: Pair, answered: bool | None, expected: tuple[str, ...]) -> bool:  # noqa: FBT001  # three-valued
    """Return whether it cannot be said that this server is wrong: it was not asked, and may be a cache on the node."""
    return answered is None and not (expected and may_be_a_service(pair[1]))


def _fargate(nodes: WorkerNodes | None) -> frozenset[str]:
    return frozenset(node.name for node in nodes.nodes if node.compute is Compute.FARGATE) if nodes else frozenset()


def _problem(
    wrong: list[Pair],
    judged: list[PodResolver],
    expected: tuple[str, ...],
    missing: tuple[Gap, ...],
    fargate: frozenset[str],
) -> Judgement:
    pods = list({one.client: one for one, _ in wrong}.values())
    nodes, looked = nodes_of(pods), nodes_of(judged)
    groups = sorted({resolver.node_group for resolver in pods} - {""})
    servers = sorted({server for _, server in wrong})
    asked = " or ".join(expected)
    of_groups = f" (node group {', '.join(groups)})" if groups else ""
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"Pods on {len(nodes)} of {len(looked)} nodes looked at{of_groups} are "
            f"told to ask {', '.join(servers)}; the cluster's DNS service is {asked}. "
            "Their lookups do not reach CoreDNS."
        ),
        proof=tuple(
            f"{one.client.node}: /etc/resolv.conf of {one.client.pod} (dnsPolicy {one.dns_policy}) names "
            f"{', '.join(one.nameservers)}, expected {asked}"
            for one in pods[:_MAX_PROOF]
        ),
        details={"nodes": nodes, "node_groups": groups, "nameservers": servers, "expected": list(expected)},
        missing=missing,
        reach=(Reach(nodes=frozenset(nodes), servers=frozenset(servers), service_path=False),),
        advice=_advice(nodes, groups, servers, expected, fargate),
    )


def _advice(
    nodes: list[str], groups: list[str], servers: list[str], expected: tuple[str, ...], fargate: frozenset[str]
) -> tuple[str, ...]:
    if set(nodes) <= fargate:
        told = "Nobody sets the kubelet of Fargate nodes: EKS tells it the service CIDR's tenth address"
        return (f"{told}. Let the DNS Service have {servers[0]}; the pods need no change.",)
    where = f"node group {', '.join(groups)}" if groups else f"node {', '.join(nodes[:5])}"
    return (
        (
            f"Set the kubelet's clusterDNS to {expected[0]} for {where}: in NodeConfig "
            "`spec.kubelet.config.clusterDNS` (AL2023), `--dns-cluster-ip` of bootstrap.sh (AL2), or "
            "`settings.kubernetes.cluster-dns-ip` (Bottlerocket)."
        ),
        (
            "Then replace the nodes, or restart their kubelets and recreate their pods: resolv.conf is written once, "
            "when a pod starts."
        ),
        "If a DNS cache should listen on that address on each node, look at its pods: it does not answer.",
    )


RULE = Rule(
    name="wrong_nameserver",
    title="Pods use the wrong nameserver",
    check="The pods' nameserver",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(LookupMatrix, KubeDns),
    wants=(WorkerNodes, NodeLocalDns),
    problem_refuted_by=(
        (LookupMatrix, "an answer from the server that is called wrong"),
        (KubeDns, "an address of the DNS service"),
        (NodeLocalDns, "a cache that listens at that address"),
    ),
    healthy_refuted_by=(
        (LookupMatrix, "a pod that is told to ask another server, or whose resolv.conf was not read"),
        (NodeLocalDns, "no cache at the address that pods ask and that does not answer"),
    ),
    decides_without=(NodeLocalDns,),
)
