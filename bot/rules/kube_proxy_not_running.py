"""A node that kube-proxy should cover has no ready kube-proxy, or one that ends again and again.

Without it the node's rules are never written, or go stale: the DNS service's ClusterIP leads nowhere for
pods of that node while CoreDNS pod addresses answer. Fargate and Auto Mode nodes have none by design,
nor has a cluster where something else replaces kube-proxy. One that runs and cannot write is
`kube_proxy_rules_missing`.

In a playbook: `{rule: kube_proxy_not_running, severity: critical, with: {grace: 60s, window: 15m, restarts: 3}}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from bot.collectors.kube_proxy_pods import KubeProxyPods, UncoveredNode
from bot.domain.api_calls import CallReach
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known
from bot.domain.lookups import Reach
from bot.domain.phrases import and_more, count, timestamp
from bot.rules._unsteady import unsteady

MOST_NODES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When a missing kube-proxy counts."""

    grace: timedelta = timedelta(seconds=60)
    """A pod younger than this may still be starting: too early to tell. 0 counts every pod that is not ready."""
    window: timedelta = timedelta(minutes=15)
    """A ready pod whose container ended within it may end again: without a readiness probe it is ready for a moment."""
    restarts: int = 3
    """So many restarts of a ready pod, the last within `window`, are "again and again". Below, it is too early."""


def judge(case: Case) -> Judgement:
    """Conclude from the DaemonSet, its pods and the nodes which nodes have no kube-proxy."""
    found = case.need(KubeProxyPods)
    if found.by_design and not found.gaps:
        return healthy(f"kube-proxy is not needed: {found.by_design}.")
    if found.absent:
        there = "its DaemonSet selects no node" if found.parked else "no DaemonSet kube-system/kube-proxy"
        gaps = found.gaps or (Gap(what="kube-proxy", reason=f"{there} and nothing that visibly replaces it"),)
        return not_known("whether the nodes need kube-proxy", *gaps)
    young = case.collected_at - case.thresholds.grace
    down = [one for one in found.uncovered if _counts(one, found) and not (one.created_at and one.created_at > young)]
    down += [one for one, again in _unsteady(found, case) if again]
    if down:
        return _problem(down, found)
    ended = tuple(
        Gap(what=f"kube-proxy on {one.node}", reason=f"too early to tell: {one.pod} is {one.why}")
        for one, _ in _unsteady(found, case)
    )
    notes = tuple(f"{one.node}: {one.why}" + _note(one) for one in found.uncovered[:MOST_NODES])
    missing = (*found.gaps, *_early(found), *ended, *_not_ready(found), *_no_node(found), *_nobody(found))
    if missing:
        return not_known("whether kube-proxy covers every node", *missing, proof=notes)
    running = found.nodes_total - len(found.uncovered)
    return (
        healthy(f"kube-proxy is ready on {running} of {found.nodes_total} EC2 nodes; the others are explained.", *notes)
        if notes
        else healthy(f"kube-proxy is ready on all {found.nodes_total} EC2 nodes.")
    )


def _counts(one: UncoveredNode, found: KubeProxyPods) -> bool:
    """Return whether this node should have a ready kube-proxy.

    A node that is not Ready is another fault, and leaves kube-proxy open there. A node without a pod is meant to have
    one only where the DaemonSet wants more pods than it has: else its node selector leaves the node out.
    """
    missing = not found.daemon_set_exists or found.desired > found.scheduled
    return one.node_ready and (bool(one.pod) or missing)


def _unsteady(found: KubeProxyPods, case: Case) -> Iterator[tuple[UncoveredNode, bool]]:
    """Yield each node whose kube-proxy is ready and has ended lately, and whether it ends again and again."""
    thresholds: Thresholds = case.thresholds
    for pod in found.pods:
        seen = unsteady(
            pod,
            case.collected_at,
            window=thresholds.window,
            restarts=thresholds.restarts,
            steady_after=thresholds.grace,
        )
        if seen:
            last = f"{seen.state} ({count(pod.container.restarts, 'restart')}, the last end {timestamp(seen.ended_at)})"
            yield UncoveredNode(node=pod.node, node_ready=True, pod=pod.name, why=last), seen.again


def _early(found: KubeProxyPods) -> tuple[Gap, ...]:
    """Return a gap for each node whose kube-proxy may be starting."""
    return tuple(
        Gap(what=f"kube-proxy on {one.node}", reason=f"too early to tell: {one.pod} has just started: {one.why}")
        for one in found.uncovered
        if _counts(one, found) and one.pod
    )


def _not_ready(found: KubeProxyPods) -> tuple[Gap, ...]:
    """Return a gap for each node that is not Ready: what ails it may be that it has no kube-proxy."""
    return tuple(
        Gap(what=f"kube-proxy on {one.node}", reason=f"{one.node} is not Ready and has no ready kube-proxy: {one.why}")
        for one in found.uncovered
        if not one.node_ready
    )


def _nobody(found: KubeProxyPods) -> tuple[Gap, ...]:
    """Return a gap where no kube-proxy is ready although some are wanted: "ready on 0" is no health."""
    if not found.desired or len(found.uncovered) < found.nodes_total:
        return ()
    return (Gap(what="kube-proxy", reason=f"none is ready, and its DaemonSet wants {found.desired}"),)


def _no_node(found: KubeProxyPods) -> tuple[Gap, ...]:
    """Return a gap where there is no node to cover: "all 0 nodes" is no health."""
    if found.nodes_total or found.exempt_nodes:
        return ()
    return (Gap(what="nodes", reason="there is no node that kube-proxy could run on"),)


def _note(one: UncoveredNode) -> str:
    if not one.node_ready:
        return "; the node itself is not Ready"
    return "; it has just started" if one.pod else "; the DaemonSet does not select this node"


def _problem(down: list[UncoveredNode], found: KubeProxyPods) -> Judgement:
    nodes = [one.node for one in down]
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"kube-proxy is not running on {len(down)} of {found.nodes_total} EC2 nodes: {and_more(nodes, 5)}. "
        "The DNS service's ClusterIP does not lead to CoreDNS there, or leads to old addresses.",
        proof=tuple(f"{one.node}: {one.why}" + (f" ({one.pod})" if one.pod else "") for one in down[:MOST_NODES]),
        details={
            "nodes": nodes[:MOST_NODES],
            "pods": [one.pod for one in down[:MOST_NODES] if one.pod],
            "count": len(down),
        },
        missing=found.gaps,
        reach=(Reach(nodes=frozenset(nodes), service_only=True),),
        call_reach=(CallReach(nodes=frozenset(nodes), service_only=True),),
        advice=(
            f"kubectl -n kube-system get pods -l k8s-app=kube-proxy -o wide --field-selector spec.nodeName={nodes[0]}",
            "kubectl -n kube-system describe daemonset kube-proxy",
            (
                "An image that cannot be pulled: compare its tag with the add-on's versions: "
                "aws eks describe-addon-versions --addon-name kube-proxy"
            ),
        ),
    )


RULE = Rule(
    name="kube_proxy_not_running",
    title="kube-proxy is not running on a node",
    check="kube-proxy on every node",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(KubeProxyPods,),
    problem_refuted_by=(
        (KubeProxyPods, "something else that replaces kube-proxy, or a node that the DaemonSet leaves out"),
    ),
    healthy_refuted_by=(
        (KubeProxyPods, "a node without a ready kube-proxy, however young its pod, or with one that has just ended"),
    ),
    thresholds=Thresholds,
)
