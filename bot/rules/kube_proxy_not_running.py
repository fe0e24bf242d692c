"""A node that kube-proxy should cover has no ready kube-proxy.

Without it the node's rules are never written, or go stale: the DNS service's ClusterIP leads nowhere for
pods of that node while CoreDNS pod addresses answer. Fargate and Auto Mode nodes have none by design,
nor has a cluster where something else replaces kube-proxy.

In a playbook: `{rule: kube_proxy_not_running, severity: critical, with: {grace: 60s}}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bot.collectors.kube_proxy_pods import KubeProxyPods, UncoveredNode
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Reach, Rule, Verdict, healthy, unknown

MOST_NODES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When a missing kube-proxy counts."""

    grace: timedelta = timedelta(seconds=60)
    """A pod younger than this may still be starting. 0 counts every pod that is not ready."""


def judge(case: Case) -> Judgement:
    """Conclude from the DaemonSet, its pods and the nodes which nodes have no kube-proxy."""
    found = case.need(KubeProxyPods)
    if found.by_design and not found.gaps:
        return healthy(f"kube-proxy is not needed: {found.by_design}.")
    if found.absent:
        gaps = found.gaps or (
            Gap(what="kube-proxy", reason="no DaemonSet kube-system/kube-proxy and nothing that visibly replaces it"),
        )
        return unknown(f"Whether the nodes need kube-proxy is open: {gaps[0].reason}.", *gaps)
    young = case.collected_at - case.thresholds.grace
    down = [one for one in found.uncovered if _counts(one, found) and not (one.created_at and one.created_at > young)]
    if down:
        return _problem(down, found)
    notes = tuple(f"{one.node}: {one.why}" + _note(one) for one in found.uncovered[:MOST_NODES])
    if found.gaps:
        return unknown(
            f"Whether kube-proxy covers every node is open: {found.gaps[0].reason}.", *found.gaps, proof=notes
        )
    running = found.nodes_total - len(found.uncovered)
    return (
        healthy(f"kube-proxy is ready on {running} of {found.nodes_total} EC2 nodes; the others are explained.", *notes)
        if notes
        else healthy(f"kube-proxy is ready on all {found.nodes_total} EC2 nodes.")
    )


def _counts(one: UncoveredNode, found: KubeProxyPods) -> bool:
    """Return whether this node should have a ready kube-proxy.

    A node that is not Ready is another fault. A node without a pod is meant to have one only where the
    DaemonSet wants more pods than it has: else its node selector leaves the node out.
    """
    missing = not found.daemon_set_exists or found.desired > found.scheduled
    return one.node_ready and (bool(one.pod) or missing)


def _note(one: UncoveredNode) -> str:
    if not one.node_ready:
        return "; the node itself is not Ready"
    return "; it has just started" if one.pod else "; the DaemonSet does not select this node"


def _problem(down: list[UncoveredNode], found: KubeProxyPods) -> Judgement:
    nodes = [one.node for one in down]
    named = ", ".join(nodes[:5]) + (f" and {len(nodes) - 5} more" if len(nodes) > 5 else "")  # noqa: PLR2004  # five names fit a line
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"kube-proxy is not running on {len(down)} of {found.nodes_total} EC2 nodes: {named}. "
        "The DNS service's ClusterIP does not lead to CoreDNS there, or leads to old addresses.",
        proof=tuple(f"{one.node}: {one.why}" + (f" ({one.pod})" if one.pod else "") for one in down[:MOST_NODES]),
        details={
            "nodes": nodes[:MOST_NODES],
            "pods": [one.pod for one in down[:MOST_NODES] if one.pod],
            "count": len(down),
        },
        missing=found.gaps,
        reach=(Reach(nodes=frozenset(nodes), service_only=True),),
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
    kind=Kind.CAUSE,
    judge=judge,
    needs=(KubeProxyPods,),
    thresholds=Thresholds,
)
