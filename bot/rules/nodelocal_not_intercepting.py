"""NodeLocal DNSCache runs, and the queries of pods do not come to it: it caches for nobody.

Pods ask the DNS service's address and it listens on its own alone; something else leads that address away before a
packet is made (Cilium in kube-proxy's place) or behind its back (IPVS); or a node lacks what sends queries to it: the
address on an interface, the entry in the `local` table, the NOTRACK rules without which kube-proxy's DNAT comes first
(B3). Nodes are looked at where that is switched on; else the configuration and what pods are told decide, said so. A
cache that counts fewer queries than were answered at its addresses just now contradicts that they come to it.

In a playbook: `{rule: nodelocal_not_intercepting, severity: warning}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from bot.collectors.kube_proxy_pods import KubeProxyPods
from bot.collectors.node_local_dns import NodeLocalCache, NodeLocalDns
from bot.collectors.node_local_metrics import NodeLocalMetrics
from bot.collectors.node_network import NodeNetworks
from bot.collectors.node_packet_filter import NodePacketFilters
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, nothing_to_check
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer, ClientKind
from bot.domain.phrases import and_more, count
from bot.rules._node_local import IPVS, NO_CACHE, lookups_through
from bot.rules._node_local_on_nodes import LackOfNode, lacks, looked_at, tracked_probes

MOST_PROOFS = 20
_SETTLED = timedelta(minutes=5)
"""A process that is older has counted every lookup of this diagnosis that came to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bypass:
    what: str
    proof: str
    advice: str


def judge(case: Case) -> Judgement:
    """Compare what pods ask with where it listens, and what else leads that address."""
    found = case.need(NodeLocalDns)
    ready = [cache for cache in found.caches if any(pod.ready for pod in cache.pods)]
    if not ready:
        return _nothing(found)
    lookups, proxy = case.find(LookupMatrix), case.look_for(KubeProxyPods)
    networks, filters = case.find(NodeNetworks), case.find(NodePacketFilters)
    asked = _asked(lookups)
    missing = list(found.gaps)
    if not asked:
        missing.append(Gap(what="what pods ask", reason="no resolv.conf of a pod that uses the cluster's DNS was read"))
    replaced_by = "" if isinstance(proxy, Gap) else proxy.replaced_by
    missing += [proxy] if isinstance(proxy, Gap) else proxy.gaps
    metrics = case.find(NodeLocalMetrics)
    missing += _uncounted(ready, metrics, lookups, case.collected_at)
    bypasses = [one for cache in ready for one in _bypasses(found, cache, asked, replaced_by)]
    lacking = [one for cache in ready for one in lacks(cache, networks, filters)]
    if bypasses or lacking:
        return _problem(bypasses, lacking, found, lookups, tuple(missing))
    if missing:
        return not_known("whether queries come to NodeLocal DNSCache", *missing)
    nodes = looked_at(ready, networks, filters)
    how = f"seen on {count(len(nodes), 'node')}" if nodes else "by its configuration and by what pods are told to ask"
    said = f"Queries of pods come to NodeLocal DNSCache ({how}): they ask {', '.join(sorted(asked))}."
    counted = [one.line for one in metrics.pods] if metrics else []
    return healthy(said, *counted[:MOST_PROOFS], *islice(tracked_probes(ready, filters), MOST_PROOFS))


def _uncounted(
    ready: list[NodeLocalCache], metrics: NodeLocalMetrics | None, lookups: LookupMatrix | None, now: datetime
) -> Iterator[Gap]:
    """Yield the caches that have not counted what pods of their node were answered at their addresses."""
    for one in metrics.pods if metrics else ():
        started = one.counters.started_at
        if started is None or now - started < _SETTLED:
            continue  # what was asked before it started is not in its counters
        addresses = {address for cache in ready if cache.title == one.cache for address in cache.own_addresses}
        answered = [
            look
            for look in (lookups.lookups if lookups else ())
            if look.client.kind is ClientKind.POD
            and look.client.node == one.node
            and look.server in addresses
            and look.answer is Answer.ANSWERED
        ]
        if len(answered) > one.counters.queries:
            yield Gap(
                what=f"what {one.pod} counts",
                reason=(
                    f"{one.line}, and {count(len(answered), 'lookup')} at its addresses were answered there just now: "
                    "something else seems to answer them"
                ),
            )


def _nothing(found: NodeLocalDns) -> Judgement:
    if found.gaps:
        return not_known("whether there is a cache", *found.gaps)
    if found.caches:
        return healthy("No pod of NodeLocal DNSCache is ready, so queries cannot go past one.")
    return nothing_to_check(NO_CACHE)


def _asked(lookups: LookupMatrix | None) -> frozenset[str]:
    """Return the servers that pods are told to ask by their kubelets."""
    read = [one for one in lookups.resolvers if one.uses_cluster_dns] if lookups else []
    return frozenset(server for one in read for server in one.nameservers if server not in one.own_nameservers)


def _bypasses(found: NodeLocalDns, cache: NodeLocalCache, asked: frozenset[str], replaced_by: str) -> Iterator[_Bypass]:
    shown = f"DaemonSet {cache.title} listens on {', '.join(cache.own_addresses)}; pods ask {', '.join(sorted(asked))}"
    if asked and asked.isdisjoint(cache.own_addresses):
        yield _Bypass(
            what=f"pods ask {', '.join(sorted(asked))}, and it listens on {', '.join(cache.own_addresses)}",
            proof=shown,
            advice=(
                f"Let the kubelets give pods {cache.own_addresses[0]} (clusterDNS) and replace the pods; or, with "
                "kube-proxy in iptables mode, let the cache bind the DNS service's address as well."
            ),
        )
        return
    if not asked & set(found.cluster_ips) or asked & set(cache.link_local):
        return  # pods ask its own address, which nothing else leads away
    if replaced_by:
        yield _Bypass(
            what=f"{replaced_by} leads the DNS service's address to CoreDNS before a packet is made",
            proof=f"{replaced_by}; {shown}",
            advice=(
                "With Cilium use its Local Redirect Policy for the DNS service (the cache then lays no interface, no "
                "rules), or let the kubelets give pods the cache's own address."
            ),
        )
    elif found.kube_proxy_mode == IPVS:
        yield _Bypass(
            what="kube-proxy's IPVS leads the DNS service's address to CoreDNS on every node",
            proof=f"kube-proxy's mode: {found.kube_proxy_mode}; {shown}",
            advice="In ipvs mode let the kubelets give pods the cache's own address (clusterDNS).",
        )


def _problem(
    bypasses: list[_Bypass],
    lacking: list[LackOfNode],
    found: NodeLocalDns,
    lookups: LookupMatrix | None,
    missing: tuple[Gap, ...],
) -> Judgement:
    nodes = sorted({one.node for one in lacking})
    on_nodes = f"{and_more(nodes, 5)}: {lacking[0].what}" if lacking else ""
    what = "; ".join([*dict.fromkeys(one.what for one in bypasses), *([on_nodes] if on_nodes else [])])
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"NodeLocal DNSCache runs and pods' queries pass it by: {what}. "
        f"{lookups_through(found, lookups, nodes)}",
        proof=(*(one.proof for one in bypasses), *(one.proof for one in lacking))[:MOST_PROOFS],
        details={"daemon_sets": [cache.title for cache in found.caches], "nodes": nodes},
        missing=missing,
        reach=tuple(one.reach for one in lacking if one.reach),
        advice=tuple(dict.fromkeys([*(one.advice for one in bypasses), *(one.advice for one in lacking)])),
    )


RULE = Rule(
    name="nodelocal_not_intercepting",
    title="NodeLocal DNSCache runs and gets no queries",
    check="Queries to NodeLocal DNSCache",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(NodeLocalDns,),
    wants=(LookupMatrix, KubeProxyPods, NodeNetworks, NodePacketFilters, NodeLocalMetrics),
    problem_refuted_by=(
        (LookupMatrix, "pods that are told to ask one of its own addresses"),
        (KubeProxyPods, "kube-proxy itself, whose rules come after the cache's"),
        (NodePacketFilters, "its NOTRACK rules on the node"),
        (NodeNetworks, "its addresses on an interface and in the local table of the node"),
    ),
    healthy_refuted_by=(
        (NodeLocalDns, "other addresses than pods ask, or kube-proxy in ipvs mode"),
        (LookupMatrix, "pods that are told to ask an address which it does not listen on"),
        (KubeProxyPods, "something in kube-proxy's place that leads ClusterIPs before a packet is made"),
        (NodeNetworks, "a node without its address on an interface or in the local table"),
        (NodePacketFilters, "a node without its NOTRACK rules"),
        (NodeLocalMetrics, "fewer queries counted than lookups at its addresses were answered"),
    ),
    refuted_with_more=(
        NodeLocalMetrics,
        NodeNetworks,
        NodePacketFilters,
    ),
    decides_without=(NodeNetworks, NodePacketFilters, NodeLocalMetrics),
)
