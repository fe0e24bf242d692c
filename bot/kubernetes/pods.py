"""Pods as values: where they run, who controls them, and what the kubelet says of the container that matters.

Sources: Kubernetes API reference, "Pod" (PodSpec, PodStatus, ContainerStatus); "Pod Lifecycle"; EKS User Guide,
"Assign security groups to individual Pods".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from bot.domain.json_values import RawObject
from bot.domain.lookup_matrix import uses_cluster_dns
from bot.domain.lookups import Client, ClientKind
from bot.kubernetes import members
from bot.kubernetes.members import condition, optional_moment, optional_text, part, parts, text
from bot.kubernetes.owners import NOBODY, Owner, owner_of_pod
from bot.kubernetes.workloads import RESTARTED_AT

BRANCH_INTERFACE = "vpc.amazonaws.com/pod-eni"
"""What a pod with an interface and security groups of its own requests, and the annotation that says which it got."""
STARTING = frozenset({"", "ContainerCreating", "PodInitializing"})
"""What a container waits for that is on its way to its first start."""
DEBUG_CONTAINER = "dnsbot-debug"
"""Name of the ephemeral container that the measure `add_debug_container` adds; a pod keeps it until it is replaced."""
LONGEST_MESSAGE = 1_000
"""Characters kept of what the kubelet or the scheduler says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container: what was asked for, and its state. One that was never started has restarts 0 and no reasons."""

    name: str
    image: str = ""
    memory_limit: str = ""
    """As in the pod's resources: `170Mi`; empty: none."""
    readiness_path: str = ""
    """What its HTTP readiness probe asks for; empty: it has none, or one of another kind."""
    ready: bool = False
    restarts: int = 0
    waiting_reason: str = ""
    """CrashLoopBackOff, ImagePullBackOff, ErrImagePull, …; empty when running."""
    waiting_message: str = ""
    running_since: datetime | None = None
    last_terminated_reason: str = ""
    """OOMKilled, Error, Completed; empty when it never ended."""
    last_exit_code: int | None = None
    last_terminated_at: datetime | None = None

    @property
    def has_run(self) -> bool:
        """Return whether the container ever ran, so that it must have written a log."""
        return self.running_since is not None or bool(self.last_terminated_reason) or self.restarts > 0

    @classmethod
    def of(cls, asked: RawObject, statuses: list[RawObject]) -> Self:
        """Return the container that `spec.containers` asks for, with its state among `status.containerStatuses`."""
        name = text(asked, "name")
        status = next((one for one in statuses if text(one, "name") == name), {})
        state = part(status, "state")
        waiting = part(state, "waiting")
        ended = part(state, "terminated") or part(part(status, "lastState"), "terminated")
        return cls(
            name=name,
            image=optional_text(asked, "image"),
            memory_limit=optional_text(part(part(asked, "resources"), "limits"), "memory"),
            readiness_path=optional_text(part(part(asked, "readinessProbe"), "httpGet"), "path"),
            ready=status.get("ready") is True,
            restarts=members.optional_number(status, "restartCount"),
            waiting_reason=optional_text(waiting, "reason"),
            waiting_message=optional_text(waiting, "message")[:LONGEST_MESSAGE],
            running_since=optional_moment(part(state, "running"), "startedAt"),
            last_terminated_reason=optional_text(ended, "reason"),
            last_exit_code=members.number(ended, "exitCode") if "exitCode" in ended else None,
            last_terminated_at=optional_moment(ended, "finishedAt"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One pod."""

    namespace: str
    name: str
    uid: str = ""
    node: str = ""
    """Empty while it is not scheduled."""
    ip: str = ""
    """Empty while it has none."""
    phase: str
    """Pending, Running, Succeeded, Failed or Unknown."""
    ready: bool
    """Whether Services hand it anything: Ready and not being deleted."""
    created_at: datetime
    container: Container
    """The one that the pod is there for."""
    owner: Owner = NOBODY
    ready_since: datetime | None = None
    """Since when its Ready condition holds."""
    unready_since: datetime | None = None
    """Since when its Ready condition does not hold."""
    unschedulable_message: str = ""
    """What the scheduler says where it finds no node."""
    service_account: str = ""
    dns_policy: str = "ClusterFirst"
    host_network: bool = False
    branch_interface: bool = False
    """Whether it has, or waits for, a branch interface of its own: a SecurityGroupPolicy selects it."""
    nameservers: tuple[str, ...] = ()
    """Of its own `dnsConfig`; empty otherwise."""
    restarted_at: str = ""
    """The pod's annotation `kubectl.kubernetes.io/restartedAt`: when its controller was last restarted by hand."""
    terminating: bool = False
    debug_container: str = ""
    """The bot's own ephemeral container, where one runs beside the pod's; empty: none does."""

    @property
    def over(self) -> bool:
        """Whether it has run its course and never runs again: a job's, or the leftover of an eviction or a shutdown."""
        return self.phase in {"Succeeded", "Failed"}

    @property
    def why_not_ready(self) -> str:
        """What the kubelet says of a pod that is not ready: what its container waits for, or how it ended."""
        container = self.container
        if container.waiting_reason:
            return f"{container.waiting_reason}: {container.waiting_message}".rstrip(": ")
        ended = f", last ended: {container.last_terminated_reason}" if container.last_terminated_reason else ""
        return f"{self.phase}, not ready{ended}"

    @property
    def client_kind(self) -> ClientKind:
        """What kind of client this pod is when it looks a name up."""
        if self.host_network:
            return ClientKind.HOST
        return ClientKind.BRANCH if self.branch_interface else ClientKind.POD

    @property
    def client(self) -> Client:
        """Who asks when this pod looks a name up."""
        return Client(node=self.node, kind=self.client_kind, pod=f"{self.namespace}/{self.name}")

    @property
    def uses_cluster_dns(self) -> bool:
        """Whether the kubelet gives this pod its cluster DNS address."""
        return uses_cluster_dns(self.client_kind, self.dns_policy)

    @classmethod
    def of(cls, answer: RawObject, *, container: str = "") -> Self:
        """Return the pod; `container` names the container that it is there for, else it is the first one."""
        metadata, spec, status = answer["metadata"], answer["spec"], answer["status"]
        ready, scheduled = condition(status, "Ready"), condition(status, "PodScheduled")
        unschedulable = optional_text(scheduled, "status") == "False"
        annotations, terminating = members.text_map(metadata, "annotations"), bool(metadata.get("deletionTimestamp"))
        asked = parts(spec, "containers")
        chosen = next((one for one in asked if text(one, "name") == container), asked[0])
        return cls(
            namespace=text(metadata, "namespace"),
            name=text(metadata, "name"),
            uid=optional_text(metadata, "uid"),
            node=optional_text(spec, "nodeName"),
            ip=optional_text(status, "podIP"),
            phase=text(status, "phase"),
            ready=members.holds(ready) and not terminating,
            created_at=members.moment(metadata, "creationTimestamp"),
            container=Container.of(chosen, parts(status, "containerStatuses")),
            owner=owner_of_pod(answer),
            ready_since=optional_moment(ready, "lastTransitionTime") if members.holds(ready) else None,
            unready_since=None if members.holds(ready) else optional_moment(ready, "lastTransitionTime"),
            unschedulable_message=optional_text(scheduled, "message")[:LONGEST_MESSAGE] if unschedulable else "",
            service_account=optional_text(spec, "serviceAccountName"),
            dns_policy=optional_text(spec, "dnsPolicy") or "ClusterFirst",
            host_network=spec.get("hostNetwork") is True,
            branch_interface=BRANCH_INTERFACE in annotations or any(map(_requests_branch_interface, asked)),
            nameservers=members.optional_texts(part(spec, "dnsConfig"), "nameservers"),
            restarted_at=annotations.get(RESTARTED_AT, ""),
            terminating=terminating,
            debug_container=_debug_container(status),
        )


def _debug_container(status: RawObject) -> str:
    running = (one for one in parts(status, "ephemeralContainerStatuses") if part(part(one, "state"), "running"))
    return DEBUG_CONTAINER if any(text(one, "name") == DEBUG_CONTAINER for one in running) else ""


def _requests_branch_interface(container: RawObject) -> bool:
    return BRANCH_INTERFACE in part(part(container, "resources"), "requests")
