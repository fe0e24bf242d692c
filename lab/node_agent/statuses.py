"""A pod's status as its kubelet writes it (Kubernetes documentation, "Pod Lifecycle")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from lab.kubernetes_api import Json

_SIGNALLED = 128


def timestamp(moment: datetime) -> str:
    """Return a time as the API writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def now() -> datetime:
    """Return the time, UTC."""
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class ContainerRun:
    """One run of a container's program."""

    log: Path
    process_id: int
    started: datetime = field(default_factory=now)
    ended: datetime | None = None
    exit_code: int = 0
    identity: str = field(default_factory=lambda: f"containerd://{token_hex(32)}")

    def end(self, status: int) -> None:
        """Note how it ended; `status` as subprocess gives it: negative is a signal's number."""
        self.ended = now()
        self.exit_code = status if status >= 0 else _SIGNALLED - status

    @property
    def terminated(self) -> Json:
        """The `terminated` state."""
        return {
            "exitCode": self.exit_code,
            "reason": "Error" if self.exit_code else "Completed",
            "startedAt": timestamp(self.started),
            "finishedAt": timestamp(self.ended or now()),
            "containerID": self.identity,
        }


@dataclass(slots=True, kw_only=True)
class ContainerState:
    """What is known of one container; its keeper changes it."""

    name: str
    image: str
    run: ContainerRun | None = None
    previous: ContainerRun | None = None
    restarts: int = 0
    ready: bool = False
    waiting: str = "ContainerCreating"
    back_off: str = ""
    """Message of CrashLoopBackOff."""

    def status(self) -> Json:
        """Return the container's status."""
        run, last = self.run, self.previous
        state: Json
        if run is None or (run.ended is not None and self.waiting):
            state = {"waiting": {"reason": self.waiting} | ({"message": self.back_off} if self.back_off else {})}
            last = run or last
        elif run.ended is not None:
            state = {"terminated": run.terminated}
        else:
            state = {"running": {"startedAt": timestamp(run.started)}}
        return {
            "name": self.name,
            "image": self.image,
            "imageID": f"{self.image.partition(':')[0]}@sha256:{'0' * 64}" if run else "",
            "containerID": run.identity if run else "",
            "ready": self.ready,
            "started": run is not None and run.ended is None,
            "restartCount": self.restarts,
            "state": state,
            "lastState": {"terminated": last.terminated} if last is not None and last.ended else {},
        }


def pod_status(pod: Json, containers: Sequence[ContainerState], *, address: str, node_address: str) -> Json:
    """Return the status of a pod; `address` empty: it has no sandbox yet."""
    unready = [container.name for container in containers if not container.ready]
    conditions = {item["type"]: item for item in (pod.get("status") or {}).get("conditions") or []}
    started = all(container.run is not None for container in containers)
    reasons = {"reason": "ContainersNotReady", "message": f"containers with unready status: [{' '.join(unready)}]"}
    wanted = {
        "PodReadyToStartContainers": (bool(address), {}),
        "Initialized": (True, {}),
        "Ready": (not unready, reasons),
        "ContainersReady": (not unready, reasons),
        "PodScheduled": (True, {}),
    }
    status: Json = {
        "phase": "Running" if started else "Pending",
        "hostIP": node_address,
        "hostIPs": [{"ip": node_address}],
        "startTime": (pod.get("status") or {}).get("startTime") or timestamp(now()),
        "containerStatuses": [container.status() for container in containers],
        "conditions": [
            _condition(kind, conditions.get(kind), true=true, otherwise=otherwise)
            for kind, (true, otherwise) in wanted.items()
        ],
    }
    return status | ({"podIP": address, "podIPs": [{"ip": address}]} if address else {})


def _condition(kind: str, before: Json | None, *, true: bool, otherwise: Json) -> Json:
    status = "True" if true else "False"
    since = before["lastTransitionTime"] if before and before["status"] == status else timestamp(now())
    said: Json = {"reason": None, "message": None} if true else otherwise
    return {"type": kind, "status": status, "lastProbeTime": None, "lastTransitionTime": since, **said}
