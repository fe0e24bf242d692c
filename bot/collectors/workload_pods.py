"""Application pods of the cluster's `workload_selector`: where look-ups are made from, and what A7 recreates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadPod:
    """One application pod."""

    namespace: str
    name: str
    uid: str
    node: str
    ip: str
    container: str
    """The first container, where look-ups run."""
    phase: str
    ready: bool
    created_at: datetime | None
    dns_policy: str
    host_network: bool
    nameservers: tuple[str, ...]
    """Of its own `dnsConfig`; empty otherwise."""
    controller_kind: str
    """Deployment, StatefulSet, DaemonSet, Job …, resolved through ReplicaSets; empty for a bare pod."""
    controller_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadPods:
    """The pods that `workload_selector` selects, in all namespaces, and the pod of `--pod` if one was named."""

    selector: str
    pods: tuple[WorkloadPod, ...]
    asked_pod: WorkloadPod | None = None
