"""A pod's status as its kubelet writes it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from bot.sandbox.kubernetes.container_runs import ContainerRun
from bot.sandbox.kubernetes.resources import Json
from bot.sandbox.kubernetes.store import timestamp


@dataclass(slots=True, kw_only=True)
class Container:
    """One container with its runs."""

    name: str
    image: str
    run: ContainerRun | None = None
    previous: ContainerRun | None = None
    restarts: int = 0
    ready: bool = False
    back_off: str = ""
    """Message of CrashLoopBackOff, or empty."""

    @property
    def current(self) -> ContainerRun:
        """The newest run."""
        if self.run is None:
            raise LookupError(self.name)
        return self.run

    def begin(self, run: ContainerRun) -> None:
        """Start a further run."""
        self.previous, self.run = self.run, run


def _identifier(container: Container, run: ContainerRun) -> str:
    return "containerd://" + hashlib.sha256(f"{container.name}{run.started}{id(run)}".encode()).hexdigest()


def _terminated(container: Container, run: ContainerRun) -> Json:
    return {
        "terminated": {
            "exitCode": run.exit_code,
            "reason": "Error" if run.exit_code else "Completed",
            "startedAt": timestamp(run.started),
            "finishedAt": timestamp(run.ended or run.started),
            "containerID": _identifier(container, run),
        }
    }


def _container_status(container: Container) -> Json:
    run = container.current
    if run.ended is None:
        state: Json = {"running": {"startedAt": timestamp(run.started)}}
        last = _terminated(container, container.previous) if container.previous else {}
    else:
        state = {"waiting": {"reason": "CrashLoopBackOff", "message": container.back_off}}
        last = _terminated(container, run)
    return {
        "name": container.name,
        "image": container.image,
        "imageID": f"{container.image.split(':')[0]}@sha256:{hashlib.sha256(container.image.encode()).hexdigest()}",
        "containerID": _identifier(container, run),
        "ready": container.ready,
        "started": run.ended is None,
        "restartCount": container.restarts,
        "state": state,
        "lastState": last,
    }


def _conditions(pod: Json, container: Container, now: datetime) -> list[Json]:
    unready = f"containers with unready status: [{container.name}]"
    known = {item["type"]: item for item in (pod.get("status") or {}).get("conditions") or []}
    found = []
    for kind, true in (
        ("PodReadyToStartContainers", True),
        ("Initialized", True),
        ("Ready", container.ready),
        ("ContainersReady", container.ready),
        ("PodScheduled", True),
    ):
        status = "True" if true else "False"
        before = known.get(kind)
        since = before["lastTransitionTime"] if before and before["status"] == status else timestamp(now)
        condition: Json = {"type": kind, "status": status, "lastProbeTime": None, "lastTransitionTime": since}
        if not true:
            condition |= {"reason": "ContainersNotReady", "message": unready}
        found.append(condition)
    return found


def pod_status(pod: Json, container: Container, address: str, node_address: str, now: datetime) -> Json:
    """Return the status of a pod whose sandbox exists."""
    return {
        "phase": "Running",
        "conditions": _conditions(pod, container, now),
        "hostIP": node_address,
        "hostIPs": [{"ip": node_address}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": (pod.get("status") or {}).get("startTime") or timestamp(now),
        "containerStatuses": [_container_status(container)],
        "qosClass": "Burstable",
    }
