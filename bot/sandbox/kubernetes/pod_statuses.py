"""A pod's status as its kubelet writes it (Kubernetes documentation, "Pod Lifecycle")."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from bot.sandbox.kubernetes.resources import Json
from bot.sandbox.kubernetes.store import timestamp

CREATING, CRASH_LOOP = "ContainerCreating", "CrashLoopBackOff"


class Run(Protocol):
    """One run of a container's program."""

    @property
    def identity(self) -> str:
        """`containerd://…`."""
        ...

    @property
    def started(self) -> datetime:
        """When it started."""
        ...

    @property
    def ended(self) -> datetime | None:
        """When it ended; None: it lasts."""
        ...

    @property
    def exit_code(self) -> int:
        """How it ended."""
        ...

    @property
    def out_of_memory(self) -> bool:
        """Whether the kernel killed it for exceeding its memory limit."""
        ...


R = TypeVar("R", bound=Run)


@dataclass(slots=True, kw_only=True)
class ContainerState(Generic[R]):
    """What is known of one container; its keeper changes it."""

    name: str
    image: str
    run: R | None = None
    previous: R | None = None
    restarts: int = 0
    ready: bool = False
    waiting: str = CREATING
    """Why no program runs; empty: one does, or it has just ended."""
    back_off: str = ""
    """Message of CrashLoopBackOff."""

    def begin(self, run: R) -> None:
        """Start a further run."""
        self.previous, self.run = self.run, run
        self.waiting, self.back_off = "", ""

    def status(self) -> Json:
        """Return the container's status."""
        run, last = self.run, self.previous
        if run is None or (run.ended and self.waiting):
            message = {"message": self.back_off} if self.back_off else {}
            state: Json = {"waiting": {"reason": self.waiting, **message}}
            last = run or last
        else:
            state = (
                {"terminated": _terminated(run)} if run.ended else {"running": {"startedAt": timestamp(run.started)}}
            )
        digest = hashlib.sha256(self.image.encode()).hexdigest()
        return {
            "name": self.name,
            "image": self.image,
            "imageID": f"{self.image.partition(':')[0]}@sha256:{digest}" if run else "",
            "containerID": run.identity if run else "",
            "ready": self.ready,
            "started": run is not None and run.ended is None,
            "restartCount": self.restarts,
            "state": state,
            "lastState": {"terminated": _terminated(last)} if last is not None and last.ended else {},
        }


def _terminated(run: Run) -> Json:
    reason = "Error" if run.exit_code else "Completed"
    return {
        "exitCode": run.exit_code,
        "reason": "OOMKilled" if run.out_of_memory else reason,
        "startedAt": timestamp(run.started),
        "finishedAt": timestamp(run.ended or run.started),
        "containerID": run.identity,
    }


def pod_status(
    pod: Json, containers: Sequence[ContainerState[Any]], *, address: str, node_address: str, now: datetime
) -> Json:
    """Return the status of a pod on a node; `address` empty: it has no sandbox yet."""
    status: Json = {
        "phase": "Running" if all(container.run is not None for container in containers) else "Pending",
        "conditions": _conditions(pod, containers, now, has_sandbox=bool(address)),
        "hostIP": node_address,
        "hostIPs": [{"ip": node_address}],
        "startTime": (pod.get("status") or {}).get("startTime") or timestamp(now),
        "containerStatuses": [container.status() for container in containers],
        "qosClass": _quality(pod),
    }
    beside = besides(pod, now)
    status |= {"ephemeralContainerStatuses": beside} if beside else {}
    return status | ({"podIP": address, "podIPs": [{"ip": address}]} if address else {})


def besides(pod: Json, now: datetime) -> list[Json]:
    """Return the statuses of a pod's ephemeral containers: each runs since it was first seen."""
    known = {one["name"]: one for one in (pod.get("status") or {}).get("ephemeralContainerStatuses") or []}
    running = {"running": {"startedAt": timestamp(now)}}
    return [
        known.get(one["name"], {"name": one["name"], "image": one["image"], "state": running, "ready": False})
        for one in pod["spec"].get("ephemeralContainers") or []
    ]


def _quality(pod: Json) -> str:
    """Return the pod's class (Kubernetes documentation, "Pod Quality of Service Classes"). It never changes."""
    said = (pod.get("status") or {}).get("qosClass")
    if said:
        return str(said)
    resources = [container.get("resources") or {} for container in pod["spec"]["containers"]]
    if not any(one.get("requests") or one.get("limits") for one in resources):
        return "BestEffort"
    limits = [one.get("limits") or {} for one in resources]
    whole = all({"cpu", "memory"} <= limit.keys() for limit in limits)
    same = all((one.get("requests") or limit) == limit for one, limit in zip(resources, limits, strict=True))
    return "Guaranteed" if whole and same else "Burstable"


def _conditions(
    pod: Json, containers: Sequence[ContainerState[Any]], now: datetime, *, has_sandbox: bool
) -> list[Json]:
    unready = [container.name for container in containers if not container.ready]
    reason = {"reason": "ContainersNotReady", "message": f"containers with unready status: [{' '.join(unready)}]"}
    known = {item["type"]: item for item in (pod.get("status") or {}).get("conditions") or []}
    found = []
    for kind, true, otherwise in (
        ("PodReadyToStartContainers", has_sandbox, {}),
        ("Initialized", True, {}),
        ("Ready", not unready, reason),
        ("ContainersReady", not unready, reason),
        ("PodScheduled", True, {}),
    ):
        status = "True" if true else "False"
        before = known.get(kind)
        since = before["lastTransitionTime"] if before and before["status"] == status else timestamp(now)
        said = {} if true else otherwise
        found.append({"type": kind, "status": status, "lastProbeTime": None, "lastTransitionTime": since, **said})
    return found
