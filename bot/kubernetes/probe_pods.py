"""Short-lived pods on nodes' own networks: what they are allowed, and whether one runs.

Each has the host's network, the capabilities that it is made for and nothing else, and no token of a service account.
All bear the same labels, by which those that were left behind are found, whoever made them.

Sources: Kubernetes API reference, "Pod" (PodSpec); "Pod Security Standards"; "Assigning Pods to Nodes" (nodeName).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.domain.cluster import PodName
from bot.domain.json_values import JsonObject, RawObject
from bot.kubernetes.members import optional_text, part, parts

CONTAINER = "probe"
LABELS = {"app.kubernetes.io/name": "dnsbot-node-probe", "app.kubernetes.io/managed-by": "dnsbot"}
SELECTOR = ",".join(f"{key}={value}" for key, value in LABELS.items())
SEES_THE_NETWORK = ("NET_ADMIN", "NET_RAW")
"""Capabilities of a pod that shows what a node's kernel has."""
SCRATCH_SIZE = "16Mi"

_WAITS_IN_VAIN = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"}
    | {"CreateContainerError", "RunContainerError", "StartError"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbePod:
    """A pod that is pinned to a node whatever its taints, on its network, with no right beyond that."""

    pod: PodName
    node: str
    image: str
    command: Sequence[str]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    life_seconds: int
    """The kubelet ends it after this."""
    capabilities: Sequence[str] = SEES_THE_NETWORK
    scratch: str = ""
    """A folder that it may write to, for so much as `SCRATCH_SIZE`; empty: none."""

    @property
    def manifest(self) -> JsonObject:
        """The pod as the API takes it."""
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": self.pod.name,
                "namespace": self.pod.namespace,
                "labels": {**LABELS, **self.labels},
                "annotations": dict(self.annotations),
            },
            "spec": {
                "nodeName": self.node,
                "hostNetwork": True,
                "dnsPolicy": "Default",
                "restartPolicy": "Never",
                "activeDeadlineSeconds": self.life_seconds,
                "terminationGracePeriodSeconds": 1,
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "tolerations": [{"operator": "Exists"}],
                "containers": [self._container()],
                **({"volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": SCRATCH_SIZE}}]} if self.scratch else {}),
            },
        }

    def _container(self) -> JsonObject:
        mounts: JsonObject = {"volumeMounts": [{"name": "scratch", "mountPath": self.scratch}]} if self.scratch else {}
        return {
            "name": CONTAINER,
            "image": self.image,
            "command": list(self.command),
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "128Mi"}},
            "securityContext": {
                "runAsUser": 0,
                "privileged": False,
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"], "add": list(self.capabilities)},
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            **mounts,
        }


def runs(pod: RawObject) -> bool:
    """Return whether a container of it runs."""
    return any("running" in part(one, "state") for one in parts(part(pod, "status"), "containerStatuses"))


def why_not(pod: RawObject) -> str:
    """Return why it will not start; empty: it may yet."""
    status = part(pod, "status")
    if optional_text(status, "phase") == "Failed":
        return f"{optional_text(status, 'reason') or 'Failed'}: {optional_text(status, 'message')}".rstrip(": .")
    for one in parts(status, "containerStatuses"):
        state: Any = part(one, "state")
        stopped = part(state, "waiting") or part(state, "terminated")
        reason = optional_text(stopped, "reason")
        if reason in _WAITS_IN_VAIN or "terminated" in state:
            return f"{reason}: {optional_text(stopped, 'message')[:300]}".rstrip(": .")
    return ""
