"""The CoreDNS Deployment and its pods, with container states and events (C2).

Pods that wait, crash or are out of memory are why kube-dns has no endpoints. Costs two API calls, and
one for the events of each pod that is not ready (at most 20); where a pod has no node, one list of nodes:
the scheduler no longer names the taints that keep it away. In a playbook: `{collector: coredns_pods}`.
"""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

from bot.dns.timestamped import parse_time
from bot.domain.evidence import Collector, Gap, Look
from bot.domain.findings import EVERYTHING, Reach
from bot.domain.json_values import RawObject
from bot.domain.permissions import KubernetesPermission
from bot.domain.ports import Resource
from bot.errors import EvidenceUnavailable, NotFound, SourceGarbled

NAMESPACE = "kube-system"
PODS = Resource(plural="pods")
EVENTS = Resource(plural="events")
DEPLOYMENTS = Resource(group="apps", plural="deployments")
NODES = Resource(plural="nodes")
COMPUTE_TYPE = "eks.amazonaws.com/compute-type"
"""Annotation of CoreDNS's pods, and key of the taint that every Fargate node bears (EKS, Fargate pod configuration)."""
MOST_PODS_WITH_EVENTS = 20
MOST_EVENTS = 20
LONGEST_MESSAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerState:
    """What the kubelet says of the coredns container."""

    ready: bool
    restarts: int
    waiting_reason: str
    """CrashLoopBackOff, ImagePullBackOff, ErrImagePull, …; empty when running."""
    waiting_message: str
    running_since: datetime | None
    last_terminated_reason: str
    """OOMKilled, Error, Completed; empty when it never ended."""
    last_exit_code: int | None
    last_terminated_at: datetime | None
    memory_limit: str
    """As in the pod's resources: `170Mi`; empty: none."""
    name: str = "coredns"

    @property
    def has_run(self) -> bool:
        """Return whether the container ever ran, so that it must have written a log."""
        return self.running_since is not None or bool(self.last_terminated_reason) or self.restarts > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PodEvent:
    """One event on a pod."""

    reason: str
    message: str
    count: int
    last_seen: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CorednsPod:
    """One pod of k8s-app=kube-dns."""

    name: str
    ip: str
    node: str
    """Empty while it is not scheduled."""
    phase: str
    ready: bool
    created_at: datetime | None
    image: str
    container: ContainerState | None
    events: tuple[PodEvent, ...]
    unschedulable_message: str = ""
    """Message of the PodScheduled=False condition."""
    synced_since: datetime | None = None
    """Since when the pod is Ready, where its readiness probe asks `/ready`: CoreDNS says so only once
    the kubernetes plugin has listed everything it needs. None where Ready does not show that."""
    service_account: str = ""
    terminating: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CorednsPods:
    """CoreDNS as Kubernetes runs it."""

    deployment_exists: bool
    desired_replicas: int
    pods: tuple[CorednsPod, ...]
    deployment_annotations: tuple[tuple[str, str], ...]
    """Of the pod template; `eks.amazonaws.com/compute-type` decides about Fargate."""
    events_unread: str = ""
    """Why events could not be read, or empty."""
    gaps: tuple[Gap, ...] = ()
    """Parts that could not be read: the Deployment, some pod's events, the nodes' taints."""
    nodes: int = 0
    """How many there are; counted only where a pod has none."""
    fargate_nodes: int = 0
    """How many of them bear Fargate's taint."""

    def pod(self, name: str) -> CorednsPod | None:
        """Return the pod of this name."""
        return next((pod for pod in self.pods if pod.name == name), None)

    @property
    def absent(self) -> bool:
        """Return whether there is no CoreDNS: neither the Deployment nor any pod."""
        return not self.deployment_exists and not self.pods

    def reach_of(self, names: Collection[str]) -> tuple[Reach, ...]:
        """Return which look-ups fail because these pods do not serve.

        All of them when no pod is ready; else those sent straight to the pods among these that are not
        ready: the service hands nothing to them.
        """
        if not any(pod.ready for pod in self.pods):
            return (EVERYTHING,)
        down = frozenset(pod.ip for pod in self.pods if pod.name in names and not pod.ready and pod.ip)
        return (Reach(servers=down, service_path=False),) if down else ()


def collect(look: Look) -> CorednsPods:
    """Read the Deployment `coredns`, the pods of k8s-app=kube-dns, and the events of those not ready."""
    raw = look.cluster.list(PODS, namespace=NAMESPACE, labels="k8s-app=kube-dns")
    try:
        pods = tuple(sorted((_pod(one) for one in raw), key=lambda pod: pod.name))
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise _garbled("pods of k8s-app=kube-dns", error) from error
    exists, replicas, annotations, deployment_gap = _deployment(look)
    pods, event_gaps = _with_events(look, pods)
    homeless = any(not pod.node and not pod.terminating for pod in pods)
    nodes, fargate_nodes, node_gap = _nodes(look) if homeless else (0, 0, ())
    return CorednsPods(
        deployment_exists=exists,
        desired_replicas=replicas,
        pods=pods,
        deployment_annotations=annotations,
        events_unread=event_gaps[0].reason if event_gaps else "",
        gaps=(*deployment_gap, *event_gaps, *node_gap),
        nodes=nodes,
        fargate_nodes=fargate_nodes,
    )


def _nodes(look: Look) -> tuple[int, int, tuple[Gap, ...]]:
    """Return how many nodes there are, and how many of them are Fargate's by their taint."""
    what = "the nodes' taints"
    try:
        taints = [(one["spec"].get("taints") or []) for one in look.cluster.list(NODES)]
        fargate = sum(
            any((each["key"], each.get("value")) == (COMPUTE_TYPE, "fargate") for each in one) for one in taints
        )
    except (KeyError, TypeError, AttributeError) as error:
        return 0, 0, (Gap.of(what, _garbled("nodes", error)),)
    except EvidenceUnavailable as error:
        return 0, 0, (Gap.of(what, error),)
    return len(taints), fargate, ()


def _deployment(look: Look) -> tuple[bool, int, tuple[tuple[str, str], ...], tuple[Gap, ...]]:
    try:
        found = look.cluster.get(DEPLOYMENTS, "coredns", namespace=NAMESPACE)
        spec = found["spec"]
        annotations = (spec["template"].get("metadata") or {}).get("annotations") or {}
        return True, int(spec.get("replicas", 1)), tuple(sorted(annotations.items())), ()
    except NotFound:
        return False, 0, (), ()
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        return False, 0, (), (Gap.of("Deployment kube-system/coredns", _garbled("Deployment coredns", error)),)
    except EvidenceUnavailable as error:
        return False, 0, (), (Gap.of("Deployment kube-system/coredns", error),)


def _pod(raw: RawObject) -> CorednsPod:
    metadata, spec, status = raw["metadata"], raw["spec"], raw["status"]
    container = next((one for one in spec["containers"] if one["name"] == "coredns"), spec["containers"][0])
    conditions = {one["type"]: one for one in status.get("conditions") or []}
    ready = conditions.get("Ready", {}).get("status") == "True"
    probe = ((container.get("readinessProbe") or {}).get("httpGet") or {}).get("path") or ""
    scheduled = conditions.get("PodScheduled", {})
    return CorednsPod(
        name=metadata["name"],
        ip=status.get("podIP") or "",
        node=spec.get("nodeName") or "",
        phase=status["phase"],
        ready=ready and not metadata.get("deletionTimestamp"),
        created_at=parse_time(metadata["creationTimestamp"]),
        image=container["image"],
        container=_container(container, status.get("containerStatuses") or []),
        events=(),
        unschedulable_message=str(scheduled.get("message") or "")[:LONGEST_MESSAGE]
        if scheduled.get("status") == "False"
        else "",
        synced_since=_time(conditions["Ready"], "lastTransitionTime") if ready and probe == "/ready" else None,
        service_account=spec.get("serviceAccountName") or "",
        terminating=bool(metadata.get("deletionTimestamp")),
    )


def _container(spec: RawObject, statuses: list[RawObject]) -> ContainerState | None:
    status = next((one for one in statuses if one["name"] == spec["name"]), None)
    if status is None:
        return None
    state = status.get("state") or {}
    waiting = state.get("waiting") or {}
    ended = state.get("terminated") or (status.get("lastState") or {}).get("terminated") or {}
    return ContainerState(
        ready=bool(status["ready"]),
        restarts=int(status["restartCount"]),
        waiting_reason=waiting.get("reason") or "",
        waiting_message=(waiting.get("message") or "")[:LONGEST_MESSAGE],
        running_since=_time(state.get("running") or {}, "startedAt"),
        last_terminated_reason=ended.get("reason") or "",
        last_exit_code=ended.get("exitCode"),
        last_terminated_at=_time(ended, "finishedAt"),
        memory_limit=str(((spec.get("resources") or {}).get("limits") or {}).get("memory") or ""),
        name=spec["name"],
    )


def _with_events(look: Look, pods: tuple[CorednsPod, ...]) -> tuple[tuple[CorednsPod, ...], tuple[Gap, ...]]:
    asked = [pod for pod in pods if not pod.ready and not pod.terminating][:MOST_PODS_WITH_EVENTS]
    if not asked:
        return pods, ()
    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = dict(
            zip((pod.name for pod in asked), pool.map(lambda pod: _events(look, pod.name), asked), strict=True)
        )
    gaps = tuple(answer for answer in answers.values() if isinstance(answer, Gap))
    found = {name: answer for name, answer in answers.items() if not isinstance(answer, Gap)}
    return tuple(replace(pod, events=found.get(pod.name, ())) for pod in pods), gaps


def _events(look: Look, pod: str) -> tuple[PodEvent, ...] | Gap:
    what = f"events of pod {NAMESPACE}/{pod}"
    try:
        raw = look.cluster.list(
            EVENTS, namespace=NAMESPACE, fields=f"involvedObject.kind=Pod,involvedObject.name={pod}"
        )
        events = [_event(one) for one in raw]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        return Gap.of(what, _garbled(what, error))
    except EvidenceUnavailable as error:
        return Gap.of(what, error)
    events.sort(key=lambda event: event.last_seen.timestamp() if event.last_seen else 0.0, reverse=True)
    return tuple(events[:MOST_EVENTS])


def _event(raw: RawObject) -> PodEvent:
    series = raw.get("series") or {}
    return PodEvent(
        reason=raw["reason"],
        message=(raw.get("message") or "")[:LONGEST_MESSAGE],
        count=int(series.get("count") or raw.get("count") or 1),
        last_seen=_time(series, "lastObservedTime")
        or _time(raw, "lastTimestamp")
        or _time(raw, "eventTime")
        or _time(raw["metadata"], "creationTimestamp"),
    )


def _time(holder: RawObject, key: str) -> datetime | None:
    return parse_time(str(holder.get(key) or ""))


def _garbled(what: str, error: Exception) -> SourceGarbled:
    return SourceGarbled(
        f"Read {what} in {NAMESPACE}; the answer is not of the Kubernetes API ({error!r}). "
        "Look at what stands between the bot and the API server."
    )


def summarise(found: CorednsPods) -> str:
    """Say how many pods are ready, and what keeps the others."""
    ready = sum(pod.ready for pod in found.pods)
    why = sorted({pod.container.waiting_reason for pod in found.pods if pod.container and pod.container.waiting_reason})
    states = f" ({', '.join(why)})" if why else ""
    return f"{ready} of {len(found.pods)} CoreDNS pods ready{states}, {found.desired_replicas} wanted"


COLLECTOR = Collector(
    name="coredns_pods",
    title="CoreDNS Deployment, pods and events",
    evidence=CorednsPods,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(
            verb="get",
            resource="deployments",
            group="apps",
            namespace=NAMESPACE,
            names=("coredns",),
            unlocks="how many CoreDNS pods there should be",
        ),
        KubernetesPermission(verb="list", resource="pods", namespace=NAMESPACE, unlocks="the state of CoreDNS (C2)"),
        KubernetesPermission(
            verb="list", resource="events", namespace=NAMESPACE, unlocks="why a CoreDNS pod is not ready"
        ),
        KubernetesPermission(verb="list", resource="nodes", unlocks="which taints keep a CoreDNS pod away"),
    ),
)
