"""When a restarted controller has all its pods anew.

The conditions are those of `kubectl rollout status` (Kubernetes documentation, "Deployments", "DaemonSet",
"StatefulSets").
"""

from __future__ import annotations

from bot.domain.json_values import RawObject
from bot.kubernetes.members import optional_number, part
from bot.kubernetes.resources import DAEMON_SETS, DEPLOYMENTS, STATEFUL_SETS

RESTARTABLE = {"DaemonSet": DAEMON_SETS, "Deployment": DEPLOYMENTS, "StatefulSet": STATEFUL_SETS}
"""Controllers that make their pods anew when their pod template changes."""


def unfinished(kind: str, answer: RawObject) -> str:
    """Return what is still missing, or an empty text when the rollout is complete and all pods are Ready."""
    status = part(answer, "status")
    if optional_number(status, "observedGeneration") < optional_number(part(answer, "metadata"), "generation"):
        return "the change has not been noticed yet"
    if kind == "DaemonSet":
        wanted = total = optional_number(status, "desiredNumberScheduled")
        updated, ready = optional_number(status, "updatedNumberScheduled"), optional_number(status, "numberReady")
    else:
        wanted = optional_number(part(answer, "spec"), "replicas", 1)
        total = optional_number(status, "replicas")
        updated, ready = optional_number(status, "updatedReplicas"), optional_number(status, "readyReplicas")
    if updated < wanted:
        return f"{updated} of {wanted} pods are new"
    if total > wanted:
        return f"{total - wanted} old pods are still there"
    return "" if ready >= wanted else f"{ready} of {wanted} pods are Ready"
