"""Pods are given a nameserver that is not the cluster's DNS service (C6).

The kubelet writes `/etc/resolv.conf` of ClusterFirst pods from its setting `clusterDNS`; where that
names another address than kube-dns, every pod of the node asks in vain although CoreDNS is well, and
look-ups that name the right server work. Not judged: pods with dnsPolicy None or Default, hostNetwork
pods with ClusterFirst (they use the node's resolv.conf), servers of a pod's own `dnsConfig`, and the
NodeLocal DNSCache address, which is another on purpose.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.collectors.kube_dns import KubeDns
from bot.collectors.lookups import Lookups, PodResolver
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Reach, Rule, Verdict, healthy, unknown

_MAX_PROOF = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongNameserverThresholds:
    """What counts as right besides kube-dns."""

    nodelocal_address: str = "169.254.20.10"
    """Where NodeLocal DNSCache listens (B1); empty: nowhere."""


def judge(case: Case) -> Judgement:
    """Compare every resolv.conf that was read with the service's addresses."""
    lookups, kube_dns = case.need(Lookups), case.need(KubeDns)
    expected = tuple(dict.fromkeys(ip for ip in (kube_dns.cluster_ip, *kube_dns.cluster_ips) if ip not in {"", "None"}))
    judged = [resolver for resolver in lookups.resolvers if resolver.uses_cluster_dns]
    missing = _unread(lookups)
    if not expected:
        gap = Gap(what="ClusterIP of kube-dns", reason="there is no kube-dns Service to compare with")
        return unknown("Whether pods ask the right nameserver is not known: kube-dns has no ClusterIP.", gap)
    right = {*expected, case.thresholds.nodelocal_address}
    wrong = [resolver for resolver in judged if _strangers(resolver, right)]
    if wrong:
        return _problem(wrong, judged, right, expected, missing)
    if not judged or missing:
        gaps = missing or (Gap(what="/etc/resolv.conf", reason="no pod looked from uses the cluster's DNS settings"),)
        return unknown(
            f"Whether pods ask the right nameserver is known for {len({r.node for r in judged})} of "
            f"{lookups.nodes_total} nodes only.",
            *gaps,
        )
    nodes = {resolver.node for resolver in judged}
    return healthy(
        f"Pods on {len(nodes)} of {lookups.nodes_total} nodes were looked at; all ask "
        f"{' or '.join(sorted(_named(judged)))}.",
        *(f"{resolver.node}: nameserver {', '.join(resolver.nameservers)}" for resolver in judged[:_MAX_PROOF]),
    )


def _problem(
    wrong: list[PodResolver],
    judged: list[PodResolver],
    right: set[str],
    expected: tuple[str, ...],
    missing: tuple[Gap, ...],
) -> Judgement:
    nodes = sorted({resolver.node for resolver in wrong})
    groups = sorted({resolver.node_group for resolver in wrong} - {""})
    servers = sorted({server for resolver in wrong for server in _strangers(resolver, right)})
    asked = " or ".join(expected)
    of_groups = f" (node group {', '.join(groups)})" if groups else ""
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"Pods on {len(nodes)} of {len({resolver.node for resolver in judged})} nodes looked at{of_groups} are "
            f"told to ask {', '.join(servers)}; the cluster's DNS service is {asked}. Their look-ups go astray."
        ),
        proof=tuple(
            f"{resolver.node}: /etc/resolv.conf of {resolver.pod} (dnsPolicy {resolver.dns_policy}) names "
            f"{', '.join(resolver.nameservers)}, expected {asked}"
            for resolver in wrong[:_MAX_PROOF]
        ),
        details={"nodes": nodes, "node_groups": groups, "nameservers": servers, "expected": list(expected)},
        missing=missing,
        reach=(Reach(nodes=frozenset(nodes), servers=frozenset(servers), service_path=False),),
        advice=_advice(nodes, groups, expected),
    )


def _advice(nodes: list[str], groups: list[str], expected: tuple[str, ...]) -> tuple[str, ...]:
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
        "If a NodeLocal DNSCache listens on that address on purpose, set `nodelocal_address` in the playbook.",
    )


def _strangers(resolver: PodResolver, right: set[str]) -> list[str]:
    return [server for server in resolver.nameservers if server not in right | set(resolver.own_nameservers)]


def _named(resolvers: Iterable[PodResolver]) -> set[str]:
    return {server for resolver in resolvers for server in resolver.nameservers}


def _unread(lookups: Lookups) -> tuple[Gap, ...]:
    """Return the pods that were looked from and whose resolv.conf was not read, or names no server."""
    read = {resolver.pod for resolver in lookups.resolvers if resolver.nameservers}
    sampled = {cell.pod for cell in lookups.cells} | {resolver.pod for resolver in lookups.resolvers}
    known = {pod: gap for pod in sampled - read for gap in lookups.gaps if f" {pod}" in gap.what}
    return tuple(
        known.get(pod) or Gap(what=f"/etc/resolv.conf of pod {pod}", reason="it was not read, or names no server")
        for pod in sorted(sampled - read)
    )


RULE = Rule(
    name="wrong_nameserver",
    title="Pods are told to ask the wrong nameserver",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(Lookups, KubeDns),
    thresholds=WrongNameserverThresholds,
)
