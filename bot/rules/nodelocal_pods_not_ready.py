"""A node-local-dns pod is not ready on a node whose pods ask it.

Its interface and its rules outlive a pod that ended in a hurry: then the node's pods ask an address at which nobody
listens. One that ended in good order took both along: then pods that ask the DNS service's address are led to CoreDNS
again, and those that ask the cache's own address reach nobody. Lookups from the node say which it is.

In a playbook: `{rule: nodelocal_pods_not_ready, severity: critical, with: {grace: 60s, window: 15m, restarts: 3}}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.collectors.node_local_dns import NodeLocalCache, NodeLocalDns
from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, nothing_to_check
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Reach
from bot.domain.phrases import and_more, count
from bot.kubernetes.pods import STARTING, Pod
from bot.rules._node_local import NO_CACHE, asked_there, lookups_through
from bot.rules._unsteady import Unsteady, unsteady

MOST_NODES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When a pod that is not ready counts."""

    grace: timedelta = timedelta(seconds=60)
    """A pod younger than this, or not ready for less long, may still be starting: too early to tell. 0 counts all."""
    window: timedelta = timedelta(minutes=15)
    """A ready pod whose container ended within it may end again: without a readiness probe it is ready for a moment."""
    restarts: int = 3
    """So many restarts of a ready pod, the last within `window`, are "again and again". Below, it is too early."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Down:
    """A node whose pods ask a cache that has no ready pod there."""

    node: str
    pod: Pod | None
    """None: there is none."""
    cache: NodeLocalCache
    unsteady: Unsteady | None = None
    """It is ready now, and has ended lately."""

    @property
    def why(self) -> str:
        if self.pod and self.unsteady:
            return f"{self.unsteady.state} ({count(self.pod.container.restarts, 'restart')})"
        return self.pod.why_not_ready if self.pod else "no pod of it, and the node's pods are told to ask it"


def judge(case: Case) -> Judgement:
    """Conclude from its pods, and from what pods are told to ask."""
    found = case.need(NodeLocalDns)
    if not found.caches:
        return not_known("whether there is one", *found.gaps) if found.gaps else _none()
    lookups, nodes = case.find(LookupMatrix), case.find(WorkerNodes)
    not_ready = {node.name for node in nodes.nodes if not node.ready} if nodes else set()
    down = list(_down(found, lookups, case))
    young = case.collected_at - case.thresholds.grace
    early = [one for one in down if one.pod and _early(one, one.pod, young)]
    standing = [one for one in down if one not in early and one.node not in not_ready]
    unlooked = case.look_for(LookupMatrix)
    missing = (*found.gaps, *_gaps(found, early, [one for one in down if one.node in not_ready]))
    missing += (unlooked,) if isinstance(unlooked, Gap) else ()
    if standing:
        return _problem(standing, found, lookups, missing)
    if missing:
        return not_known("whether it is ready on every node", *missing)
    unasked = [pod for pod in found.pods if not pod.ready]
    proof = [f"{pod.node}: {pod.name} is not ready, and no pod there is told to ask it" for pod in unasked]
    ready = sum(pod.ready for pod in found.pods)
    return healthy(f"{ready} of {count(len(found.pods), 'node-local-dns pod')} are ready.", *proof[:MOST_NODES])


def _none() -> Judgement:
    return nothing_to_check(NO_CACHE)


def _down(found: NodeLocalDns, lookups: LookupMatrix | None, case: Case) -> Iterator[_Down]:
    thresholds: Thresholds = case.thresholds
    for cache in found.caches:
        for pod in cache.pods:
            ended = unsteady(
                pod,
                case.collected_at,
                window=thresholds.window,
                restarts=thresholds.restarts,
                steady_after=thresholds.grace,
            )
            other = any(own is not pod and own.ready for one in found.caches if (own := one.pod_on(pod.node)))
            if (ended or not pod.ready) and pod.node and not other and asked_there(found, cache, pod.node, lookups):
                yield _Down(node=pod.node, pod=pod, cache=cache, unsteady=ended)
    yield from _without(found, lookups)


def _early(one: _Down, pod: Pod, young: datetime) -> bool:
    """Return whether it is too early to tell: it may be starting, or has ended too seldom."""
    return not one.unsteady.again if one.unsteady else _starts_since(pod) > young


def _starts_since(pod: Pod) -> datetime:
    """Return since when it may be starting. One that ends at each start is Ready for a moment, which starts nothing."""
    starts = pod.container.waiting_reason in STARTING
    return (pod.unready_since or pod.created_at) if starts else pod.created_at


def _without(found: NodeLocalDns, lookups: LookupMatrix | None) -> Iterator[_Down]:
    """Yield the nodes where pods are told to ask a cache's own address and no pod of any cache is."""
    covered = {pod.node for pod in found.pods}
    for resolver in lookups.resolvers if lookups else ():
        node = resolver.client.node
        told = [
            one for one in found.caches if resolver.uses_cluster_dns and set(one.link_local) & {*resolver.nameservers}
        ]
        if told and node not in covered:
            covered.add(node)
            yield _Down(node=node, pod=None, cache=told[0])


def _gaps(found: NodeLocalDns, early: list[_Down], not_ready: list[_Down]) -> Iterator[Gap]:
    for one in early:
        yield Gap(what=f"node-local-dns on {one.node}", reason=f"too early to tell: {one.why}")
    for one in not_ready:
        yield Gap(what=f"node-local-dns on {one.node}", reason=f"{one.node} is not Ready itself: {one.why}")
    for cache in found.caches:
        if cache.scheduled < cache.desired:
            lacking = f"DaemonSet {cache.title} wants {cache.desired} pods and has {cache.scheduled}"
            yield Gap(what=f"pods of DaemonSet {cache.title}", reason=lacking)


def _problem(
    down: list[_Down], found: NodeLocalDns, lookups: LookupMatrix | None, missing: tuple[Gap, ...]
) -> Judgement:
    nodes = sorted({one.node for one in down})
    told = lookups_through(found, lookups, nodes)
    first = next((one.pod for one in down if one.pod), None)
    name = first.name if first else "POD"
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"NodeLocal DNSCache is not ready on {count(len(nodes), 'node')} whose pods ask it: {and_more(nodes, 5)}. "
            f"{told}"
        ),
        proof=tuple(f"{one.node}: {one.pod.name + ': ' if one.pod else ''}{one.why}" for one in down[:MOST_NODES]),
        details={
            "nodes": nodes[:MOST_NODES],
            "pods": sorted({f"{one.pod.namespace}/{one.pod.name}" for one in down if one.pod}),
            "addresses": list(found.addresses),
        },
        missing=missing,
        reach=tuple(
            Reach(
                nodes=frozenset(one.node for one in down if one.cache is cache),
                servers=frozenset(cache.own_addresses),
                service_path=found.takes_cluster_ip(cache),
            )
            for cache in {one.cache.title: one.cache for one in down}.values()
        ),
        advice=(
            f"kubectl -n {down[0].cache.namespace} logs {name} --previous  # its last words say why it ended",
            f"kubectl -n {down[0].cache.namespace} describe pod {name}",
            (
                "A pod that was killed leaves its interface and its NOTRACK rules behind, and the node's pods without "
                "an answer until it runs again; one that is deleted takes them along."
            ),
        ),
    )


RULE = Rule(
    name="nodelocal_pods_not_ready",
    title="NodeLocal DNSCache is not ready on a node whose pods ask it",
    check="NodeLocal DNSCache's pods",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(NodeLocalDns,),
    wants=(LookupMatrix, WorkerNodes),
    problem_refuted_by=(
        (NodeLocalDns, "a ready pod of it on the same node, or one that has just started"),
        (LookupMatrix, "pods of the node that are told to ask another server"),
        (WorkerNodes, "a node that is not Ready itself"),
    ),
    healthy_refuted_by=(
        (NodeLocalDns, "a pod that is not ready, or a DaemonSet that wants more pods than it has"),
        (LookupMatrix, "pods that are told to ask it on a node where it has none"),
    ),
    thresholds=Thresholds,
)
