"""kube-proxy: its DaemonSet, its pods, and which nodes have none (C4).

kube-proxy writes the rules that lead from the DNS service's ClusterIP to the CoreDNS pods. Fargate and
Auto Mode nodes have none by design, nor has a cluster where Cilium replaces it; there its DaemonSet may be left,
parked on a node selector that no node bears. Costs two API calls, and a third where no pod of it runs and Cilium's
DaemonSet is there. In a playbook: `{collector: kube_proxy_pods}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.evidence import Collector, Gap
from bot.domain.json_values import RawObject
from bot.domain.permissions import KubernetesPermission
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import EvidenceUnavailable, NotFound
from bot.kubernetes.members import number, part, text, text_map
from bot.kubernetes.nodes import Node
from bot.kubernetes.pods import Pod
from bot.kubernetes.resources import CONFIG_MAPS, DAEMON_SETS, KUBE_PROXY_PODS, KUBE_SYSTEM, PODS

REPLACES = frozenset({"true", "strict"})
"""Values of Cilium's `kube-proxy-replacement` that take over kube-proxy's work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UncoveredNode:
    """A worker node without a ready kube-proxy pod."""

    node: str
    node_ready: bool
    pod: str
    """Empty: there is none."""
    why: str
    """`ImagePullBackOff: …`, `no pod`, …"""
    created_at: datetime | None = None
    """When the pod was made; None: there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeProxyPods:
    """kube-proxy as Kubernetes runs it."""

    daemon_set_exists: bool
    desired: int
    """`status.desiredNumberScheduled`: nodes that the DaemonSet selects."""
    scheduled: int
    """`status.currentNumberScheduled`."""
    pods: tuple[Pod, ...]
    """Of k8s-app=kube-proxy; their container is the one named kube-proxy."""
    nodes_total: int
    """EC2 nodes of the cluster: those that kube-proxy may have to cover."""
    exempt_nodes: int
    """Fargate and Auto Mode nodes: none by design."""
    uncovered: tuple[UncoveredNode, ...]
    """EC2 nodes without a ready kube-proxy pod."""
    replaced_by: str = ""
    """What visibly replaces kube-proxy: `Cilium (kube-proxy-replacement: true)`; empty: nothing seen."""
    gaps: tuple[Gap, ...] = ()

    @property
    def absent(self) -> bool:
        """Return whether there is no kube-proxy at all: no pod, and no DaemonSet that wants one."""
        return not self.pods and (not self.daemon_set_exists or self.desired == 0)

    @property
    def parked(self) -> bool:
        """Return whether its DaemonSet is there and selects no node."""
        return self.absent and self.daemon_set_exists

    @property
    def by_design(self) -> str:
        """Say why this cluster has no kube-proxy by design, or return an empty text."""
        if not self.absent:
            return ""
        if self.replaced_by:
            return f"{self.replaced_by} replaces kube-proxy" + (", whose DaemonSet is parked" if self.parked else "")
        if self.nodes_total == 0 and self.exempt_nodes:
            return f"all {self.exempt_nodes} nodes are Fargate or Auto Mode nodes, which have no kube-proxy"
        return ""


def collect(look: View) -> KubeProxyPods:
    """Read the DaemonSets of kube-system and the pods of k8s-app=kube-proxy, and compare with the nodes."""
    nodes = look.need(WorkerNodes).nodes
    with reading(f"list DaemonSets and kube-proxy pods in {KUBE_SYSTEM}"):
        named = dict(look.cluster.list(DAEMON_SETS, _named, namespace=KUBE_SYSTEM))
        found = look.cluster.list(PODS, _pod, namespace=KUBE_SYSTEM, labels=KUBE_PROXY_PODS)
        desired, scheduled = _counts(named["kube-proxy"]) if "kube-proxy" in named else (0, 0)
    pods = tuple(sorted(found, key=lambda pod: (pod.node, pod.name)))
    replaced_by, gaps = _replacement(look, "cilium" in named) if not pods and desired == 0 else ("", ())
    covered = [node for node in nodes if node.compute.runs_kube_proxy]
    return KubeProxyPods(
        daemon_set_exists="kube-proxy" in named,
        desired=desired,
        scheduled=scheduled,
        pods=pods,
        nodes_total=len(covered),
        exempt_nodes=len(nodes) - len(covered),
        uncovered=_uncovered(covered, pods),
        replaced_by=replaced_by,
        gaps=gaps,
    )


def _named(daemon_set: RawObject) -> tuple[str, RawObject]:
    """Return its name and status."""
    return text(daemon_set["metadata"], "name"), part(daemon_set, "status")


def _pod(answer: RawObject) -> Pod:
    return Pod.of(answer, container="kube-proxy")


def _counts(status: RawObject) -> tuple[int, int]:
    """Return how many nodes the DaemonSet selects, and how many have a pod of it."""
    return number(status, "desiredNumberScheduled"), number(status, "currentNumberScheduled")


def _uncovered(nodes: list[Node], pods: tuple[Pod, ...]) -> tuple[UncoveredNode, ...]:
    served = {pod.node for pod in pods if pod.ready}
    by_node = {pod.node: pod for pod in pods}
    return tuple(
        _without(node, by_node.get(node.name))
        for node in sorted(nodes, key=lambda node: node.name)
        if node.name not in served
    )


def _without(node: Node, pod: Pod | None) -> UncoveredNode:
    """Return the node with its pod that is not ready, or with none."""
    if pod is None:
        return UncoveredNode(node=node.name, node_ready=node.ready, pod="", why="no kube-proxy pod")
    return UncoveredNode(
        node=node.name, node_ready=node.ready, pod=pod.name, why=pod.why_not_ready, created_at=pod.created_at
    )


def _replacement(look: View, cilium: bool) -> tuple[str, tuple[Gap, ...]]:  # noqa: FBT001  # private, one caller
    if not cilium:
        return "", ()
    try:
        found = look.cluster.get(CONFIG_MAPS, "cilium-config", namespace=KUBE_SYSTEM)
        with reading(f"get ConfigMap {KUBE_SYSTEM}/cilium-config"):
            mode = text_map(found, "data").get("kube-proxy-replacement", "").lower()
    except NotFound:
        return "", ()
    except EvidenceUnavailable as error:
        return "", (Gap.of(f"ConfigMap {KUBE_SYSTEM}/cilium-config", error),)
    return (f"Cilium (kube-proxy-replacement: {mode})", ()) if mode in REPLACES else ("", ())


def summarise(found: KubeProxyPods) -> str:
    """Say on how many of the nodes kube-proxy runs."""
    if found.absent:
        there = "kube-proxy's DaemonSet selects no node" if found.parked else "no kube-proxy"
        return found.by_design or f"{there}, and nothing seen that replaces it"
    exempt = f", {found.exempt_nodes} nodes without by design" if found.exempt_nodes else ""
    return f"kube-proxy ready on {found.nodes_total - len(found.uncovered)} of {found.nodes_total} EC2 nodes{exempt}"


COLLECTOR = Collector(
    name="kube_proxy_pods",
    title="kube-proxy DaemonSet and pods",
    evidence=KubeProxyPods,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(
            verb="list",
            resource="daemonsets",
            group="apps",
            namespace=KUBE_SYSTEM,
            unlocks="whether kube-proxy covers every node",
        ),
        KubernetesPermission(
            verb="list", resource="pods", namespace=KUBE_SYSTEM, unlocks="the state of kube-proxy (C4)"
        ),
        KubernetesPermission(
            verb="get",
            resource="configmaps",
            namespace=KUBE_SYSTEM,
            names=("cilium-config",),
            unlocks="whether Cilium replaces kube-proxy",
        ),
    ),
    needs=(WorkerNodes,),
)
