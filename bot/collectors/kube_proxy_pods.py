"""kube-proxy: its DaemonSet, its pods, and which nodes have none (C4).

kube-proxy writes the rules that lead from the DNS service's ClusterIP to the CoreDNS pods. Fargate and
Auto Mode nodes have none by design, nor has a cluster where Cilium replaces it. Costs two API calls,
and a third where the DaemonSet is missing and Cilium's is there. In a playbook: `{collector: kube_proxy_pods}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.collectors.worker_nodes import WorkerNode, WorkerNodes
from bot.dns.timestamped import parse_time
from bot.domain.evidence import Collector, Gap, Look
from bot.domain.json_values import RawObject
from bot.domain.permissions import KubernetesPermission
from bot.domain.ports import Resource
from bot.errors import EvidenceUnavailable, NotFound, SourceGarbled

NAMESPACE = "kube-system"
PODS = Resource(plural="pods")
CONFIG_MAPS = Resource(plural="configmaps")
DAEMON_SETS = Resource(group="apps", plural="daemonsets")
REPLACES = frozenset({"true", "strict"})
"""Values of Cilium's `kube-proxy-replacement` that take over kube-proxy's work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeProxyPod:
    """One pod of k8s-app=kube-proxy."""

    name: str
    node: str
    phase: str
    ready: bool
    created_at: datetime | None
    image: str
    container: str
    restarts: int
    waiting_reason: str
    """CrashLoopBackOff, ImagePullBackOff, …; empty when running."""
    waiting_message: str
    running_since: datetime | None
    last_terminated_reason: str
    last_terminated_at: datetime | None

    @property
    def has_run(self) -> bool:
        """Return whether the container ever ran, so that it must have written a log."""
        return self.running_since is not None or bool(self.last_terminated_reason) or self.restarts > 0


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
    pods: tuple[KubeProxyPod, ...]
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
        """Return whether there is no kube-proxy at all, by DaemonSet or as plain pods."""
        return not self.daemon_set_exists and not self.pods

    @property
    def by_design(self) -> str:
        """Say why this cluster has no kube-proxy by design, or return an empty text."""
        if not self.absent:
            return ""
        if self.replaced_by:
            return f"{self.replaced_by} replaces kube-proxy"
        if self.nodes_total == 0 and self.exempt_nodes:
            return f"all {self.exempt_nodes} nodes are Fargate or Auto Mode nodes, which have no kube-proxy"
        return ""


def collect(look: Look) -> KubeProxyPods:
    """Read the DaemonSets of kube-system and the pods of k8s-app=kube-proxy, and compare with the nodes."""
    nodes = look.need(WorkerNodes).nodes
    daemon_sets = look.cluster.list(DAEMON_SETS, namespace=NAMESPACE)
    raw = look.cluster.list(PODS, namespace=NAMESPACE, labels="k8s-app=kube-proxy")
    try:
        named = {one["metadata"]["name"]: one for one in daemon_sets}
        pods = tuple(sorted((_pod(one) for one in raw), key=lambda pod: (pod.node, pod.name)))
        status = named["kube-proxy"]["status"] if "kube-proxy" in named else {}
        desired = int(status["desiredNumberScheduled"]) if status else 0
        scheduled = int(status["currentNumberScheduled"]) if status else 0
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise _garbled("DaemonSets and kube-proxy pods", error) from error
    replaced_by, gaps = _replacement(look, "cilium" in named) if not pods and "kube-proxy" not in named else ("", ())
    covered = [node for node in nodes if node.compute == "ec2"]
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


def _uncovered(nodes: list[WorkerNode], pods: tuple[KubeProxyPod, ...]) -> tuple[UncoveredNode, ...]:
    served = {pod.node for pod in pods if pod.ready}
    by_node = {pod.node: pod for pod in pods}
    return tuple(
        UncoveredNode(
            node=node.name,
            node_ready=node.ready,
            pod=by_node[node.name].name if node.name in by_node else "",
            why=_why(by_node.get(node.name)),
            created_at=by_node[node.name].created_at if node.name in by_node else None,
        )
        for node in sorted(nodes, key=lambda node: node.name)
        if node.name not in served
    )


def _why(pod: KubeProxyPod | None) -> str:
    if pod is None:
        return "no kube-proxy pod"
    if pod.waiting_reason:
        return f"{pod.waiting_reason}: {pod.waiting_message}".rstrip(": ")
    if pod.last_terminated_reason:
        return f"{pod.phase}, not ready, last ended: {pod.last_terminated_reason}"
    return f"{pod.phase}, not ready"


def _replacement(look: Look, cilium: bool) -> tuple[str, tuple[Gap, ...]]:  # noqa: FBT001  # private, one caller
    if not cilium:
        return "", ()
    try:
        data = look.cluster.get(CONFIG_MAPS, "cilium-config", namespace=NAMESPACE).get("data") or {}
        mode = str(data.get("kube-proxy-replacement") or "").lower()
    except NotFound:
        return "", ()
    except AttributeError as error:
        return "", (Gap.of("ConfigMap kube-system/cilium-config", _garbled("ConfigMap cilium-config", error)),)
    except EvidenceUnavailable as error:
        return "", (Gap.of("ConfigMap kube-system/cilium-config", error),)
    return (f"Cilium (kube-proxy-replacement: {mode})", ()) if mode in REPLACES else ("", ())


def _pod(raw: RawObject) -> KubeProxyPod:
    metadata, spec, status = raw["metadata"], raw["spec"], raw["status"]
    container = next((one for one in spec["containers"] if one["name"] == "kube-proxy"), spec["containers"][0])
    statuses = status.get("containerStatuses") or []
    state: RawObject = next((one for one in statuses if one["name"] == container["name"]), {})
    now = state.get("state") or {}
    waiting = now.get("waiting") or {}
    ended = now.get("terminated") or (state.get("lastState") or {}).get("terminated") or {}
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions") or [])
    return KubeProxyPod(
        name=metadata["name"],
        node=spec.get("nodeName") or "",
        phase=status["phase"],
        ready=ready and not metadata.get("deletionTimestamp"),
        created_at=parse_time(metadata["creationTimestamp"]),
        image=container["image"],
        container=container["name"],
        restarts=int(state.get("restartCount") or 0),
        waiting_reason=waiting.get("reason") or "",
        waiting_message=(waiting.get("message") or "")[:1_000],
        running_since=parse_time(str((now.get("running") or {}).get("startedAt") or "")),
        last_terminated_reason=ended.get("reason") or "",
        last_terminated_at=parse_time(str(ended.get("finishedAt") or "")),
    )


def _garbled(what: str, error: Exception) -> SourceGarbled:
    return SourceGarbled(
        f"Read {what} in {NAMESPACE}; the answer is not of the Kubernetes API ({error!r}). "
        "Look at what stands between the bot and the API server."
    )


def summarise(found: KubeProxyPods) -> str:
    """Say on how many of the nodes kube-proxy runs."""
    if found.absent:
        return found.by_design or "no kube-proxy, and nothing seen that replaces it"
    exempt = f", {found.exempt_nodes} nodes without by design" if found.exempt_nodes else ""
    return f"kube-proxy ready on {found.nodes_total - len(found.uncovered)} of {found.nodes_total} EC2 nodes{exempt}"


COLLECTOR = Collector(
    name="kube_proxy_pods",
    title="kube-proxy DaemonSet and pods",
    evidence=KubeProxyPods,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(
            verb="list",
            resource="daemonsets",
            group="apps",
            namespace=NAMESPACE,
            unlocks="whether kube-proxy covers every node",
        ),
        KubernetesPermission(verb="list", resource="pods", namespace=NAMESPACE, unlocks="the state of kube-proxy (C4)"),
        KubernetesPermission(
            verb="get",
            resource="configmaps",
            namespace=NAMESPACE,
            names=("cilium-config",),
            unlocks="whether Cilium replaces kube-proxy",
        ),
    ),
    needs=(WorkerNodes,),
)
