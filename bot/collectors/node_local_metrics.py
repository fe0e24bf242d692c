"""What NodeLocal DNSCache's pods count themselves: queries, rcodes, cache hits, whom they forward to (B1).

Read through the API server, which asks each pod at the port that all server blocks of its Corefile name (`prometheus`,
9253 in the manifest), after the lookups of the same diagnosis: what these were answered must be in the counters.
Counters run since the process started. Needs `pods/proxy: get` where the pods are; the control plane must reach the
nodes' port. Cost: one call a pod. In a playbook: `{collector: node_local_metrics, with: {max_pods: 20}}`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bot.collectors.node_local_dns import NodeLocalCache, NodeLocalDns
from bot.dns.coredns_metrics import CorednsCounters, parse_metrics
from bot.domain.cluster import PodName
from bot.domain.evidence import Collector, Gap
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import count
from bot.domain.views import View
from bot.errors import EvidenceUnavailable
from bot.kubernetes.pods import Pod
from bot.kubernetes.resources import KUBE_SYSTEM

_READERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsParameters:
    """How much is read."""

    max_pods: int = 20
    """Pods that are asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheMetrics:
    """What one pod has counted."""

    pod: str
    node: str
    cache: str
    """Its DaemonSet, as `NodeLocalCache.title` names it."""
    counters: CorednsCounters

    @property
    def line(self) -> str:
        """Say what it has counted: `node-a: node-local-dns-x counts 42 queries since it started, 30 from its cache`."""
        hits = self.counters.cache_hits
        cached = "" if hits is None else f", {hits} from its cache"
        return f"{self.node}: {self.pod} counts {self.counters.queries} queries since it started{cached}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLocalMetrics:
    """What the cache's pods have counted since they started."""

    pods: tuple[CacheMetrics, ...]
    """By node."""
    pods_total: int
    """Ready pods."""
    gaps: tuple[Gap, ...] = ()
    """Pods that could not be asked, or were not."""


def collect(look: View) -> NodeLocalMetrics:
    """Read what the ready pods show."""
    caches = look.need(NodeLocalDns).caches
    ready = [(cache, pod) for cache in caches for pod in cache.pods if pod.ready and not pod.terminating]
    shown = [(cache, pod) for cache, pod in ready if cache.metrics_port][: look.parameters.max_pods]
    with ThreadPoolExecutor(max_workers=_READERS) as pool:
        read = list(pool.map(lambda one: _read(look, *one), shown))
    gaps = [one for one in read if isinstance(one, Gap)]
    left = len(ready) - len(shown)
    if left:
        why = "their Corefile has no `prometheus` in every server block, or there are more than `max_pods`"
        gaps.append(Gap(what="metrics of NodeLocal DNSCache", reason=f"{count(left, 'pod')} were not asked: {why}"))
    found = sorted((one for one in read if not isinstance(one, Gap)), key=lambda one: (one.node, one.pod))
    return NodeLocalMetrics(pods=tuple(found), pods_total=len(ready), gaps=tuple(gaps))


def _read(look: View, cache: NodeLocalCache, pod: Pod) -> CacheMetrics | Gap:
    name = PodName(namespace=pod.namespace, name=pod.name)
    try:
        counters = parse_metrics(look.cluster.pod_page(name, port=cache.metrics_port, path="metrics"))
    except EvidenceUnavailable as error:
        return Gap.of(f"metrics of {pod.namespace}/{pod.name}", error)
    return CacheMetrics(pod=pod.name, node=pod.node, cache=cache.title, counters=counters)


def summarise(found: NodeLocalMetrics) -> str:
    """Say how many pods were read, and what they have counted together."""
    if not found.pods_total:
        return "no ready pod of NodeLocal DNSCache"
    queries = sum(one.counters.queries for one in found.pods)
    return f"metrics of {len(found.pods)} of {count(found.pods_total, 'node-local-dns pod')}: {queries} queries"


COLLECTOR = Collector(
    name="node_local_metrics",
    title="NodeLocal DNSCache's metrics",
    evidence=NodeLocalMetrics,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(
            verb="get",
            resource="pods/proxy",
            namespace=KUBE_SYSTEM,
            unlocks="what NodeLocal DNSCache counts: whether queries come to it (B1)",
            follows_dns=True,
        ),
    ),
    needs=(NodeLocalDns,),
    wants=(LookupMatrix,),
    parameters=MetricsParameters,
)
