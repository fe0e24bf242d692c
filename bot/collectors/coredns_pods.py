"""The CoreDNS Deployment and its pods, with container states and events (C2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


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
