"""Application pods on their node's network ask the node's servers, not CoreDNS: names of Services get no answer there.

With `hostNetwork: true` the usual dnsPolicy ClusterFirst means the node's own `/etc/resolv.conf`, on EKS the VPC's
resolver; only ClusterFirstWithHostNet means the cluster's DNS. Names outside answer all the same, so that it looks
like a missing Service. By hand: `kubectl -n NAMESPACE exec POD -- cat /etc/resolv.conf`. Application pods alone are
judged: what nodes themselves run (aws-node, kube-proxy) rightly asks the node's servers. Who means those says so with
dnsPolicy Default, and is left alone, as is a file that names the cluster's DNS. The fix sets the policy in the pod
template; its undo sets it back; either replaces the pods. Source: Kubernetes documentation, "DNS for Services and
Pods", Pod's DNS Policy.

In a playbook: `{rule: host_network_dns_policy, severity: warning}`.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.collectors.host_network_pods import CLUSTER_FIRST, WITH_HOST_NETWORK, HostNetworkPods, HostNetworkWorkload
from bot.collectors.kube_dns import KubeDns
from bot.collectors.node_local_dns import NodeLocalDns
from bot.dns.node_local_corefile import is_link_local
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, nothing_to_check
from bot.domain.lookups import Reach
from bot.domain.phrases import and_more, count
from bot.kubernetes.rollouts import RESTARTABLE
from bot.rules._nameservers import expected_servers

_MOST_SHOWN = 20


def judge(case: Case) -> Judgement:
    """Hold what these pods are told to ask against the DNS service's addresses."""
    found, dns = case.need(HostNetworkPods), case.need(KubeDns)
    if not found.workloads and not found.gaps:
        return nothing_to_check("no application pod is on its node's network")
    expected, caches = expected_servers(dns), case.look_for(NodeLocalDns)
    right = {*expected, *(() if isinstance(caches, Gap) else caches.addresses)}
    others = [one for one in found.workloads if _asks_others(one, right)]
    away = [one for one in others if not (isinstance(caches, Gap) and any(map(is_link_local, one.nameservers)))]
    missing = (*found.gaps, *([caches] if isinstance(caches, Gap) and len(away) < len(others) else []))
    if away and not expected:
        gap = Gap(what="the DNS Service", reason="there is none to compare with")
        return not_known("whether pods on their node's network ask the cluster's DNS", gap, *missing)
    if away:
        return _problem(away, expected, missing)
    if missing:
        return not_known("whether pods on their node's network ask the cluster's DNS", *missing)
    pods = sum(len(one.pods) for one in found.workloads)
    return healthy(
        f"{count(pods, 'application pod')} on their node's network ask the cluster's DNS, or others on purpose.",
        *map(_line, found.workloads[:_MOST_SHOWN]),
    )


def _asks_others(one: HostNetworkWorkload, right: set[str]) -> bool:
    return one.dns_policy == CLUSTER_FIRST and bool(one.nameservers) and not right & set(one.nameservers)


def _line(one: HostNetworkWorkload) -> str:
    asks = f", nameserver {', '.join(one.nameservers)} in {one.pods[0]}" if one.nameservers else ""
    managed = f"; managed by {one.manager}" if one.manager else ""
    return f"{one.title}: {count(len(one.pods), 'pod')}, dnsPolicy {one.dns_policy}{asks}{managed}"


def _problem(away: Sequence[HostNetworkWorkload], expected: tuple[str, ...], missing: tuple[Gap, ...]) -> Judgement:
    pods = sum(len(one.pods) for one in away)
    asked = sorted({server for one in away for server in one.nameservers})
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"{count(pods, 'application pod')} on their node's network ({and_more([one.title for one in away], 3)}) "
            f"have dnsPolicy {CLUSTER_FIRST}, which there means the node's servers: {', '.join(asked)}; expected "
            f"{expected[0]}, by {WITH_HOST_NETWORK}. Names of Services get no answer in them."
        ),
        proof=tuple(map(_line, away[:_MOST_SHOWN])),
        details={
            "workloads": [
                {"namespace": one.namespace, "kind": one.kind, "name": one.name, "pods": len(one.pods)} for one in away
            ]
        },
        missing=missing,
        reach=tuple(Reach(pods=frozenset(one.pods), servers=frozenset(one.nameservers)) for one in away),
        advice=(
            *(
                f"Set dnsPolicy {WITH_HOST_NETWORK} in what makes {one.title}, and let it make its pods anew."
                for one in away[:_MOST_SHOWN]
                if one.kind not in RESTARTABLE
            ),
            "Where pods are to ask the node's servers, say so with dnsPolicy: Default; then nothing is said here.",
        ),
    )


RULE = Rule(
    name="host_network_dns_policy",
    title="Pods on their node's network do not ask the cluster's DNS",
    check="DNS policy of pods on their node's network",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(HostNetworkPods, KubeDns),
    wants=(NodeLocalDns,),
    problem_refuted_by=(
        (HostNetworkPods, "another dnsPolicy, or a resolv.conf that names the cluster's DNS"),
        (KubeDns, "a DNS Service with the address that they ask"),
        (NodeLocalDns, "a DNS cache on the node with the address that they ask"),
    ),
    healthy_refuted_by=(
        (HostNetworkPods, "such a pod with dnsPolicy ClusterFirst whose resolv.conf names other servers"),
        (KubeDns, "a DNS Service with another address than the one that they ask"),
    ),
    refuted_with_more=(KubeDns, NodeLocalDns),
)
