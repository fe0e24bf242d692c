"""Restart one controller and wait until its pods are Ready; delete one pod by uid.

The conditions of "rolled out" are those of `kubectl rollout status` (Kubernetes documentation, "Deployments",
"DaemonSet", "StatefulSets").
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from bot.domain.deadline import Deadline
from bot.domain.json_values import JsonObject, JsonValue, RawObject
from bot.domain.plans import Reading, Step, Writing
from bot.domain.ports import ClusterReader, Resource
from bot.errors import EvidenceUnavailable, NotFound, WriteFailed
from bot.network.answers import reading

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
BY_PLAN = "dnsbot/restarted-by-plan"
"""Beside it: which plan restarted, so that the same plan does not do it twice."""

RESTARTABLE = {
    "DaemonSet": Resource(group="apps", plural="daemonsets"),
    "Deployment": Resource(group="apps", plural="deployments"),
    "StatefulSet": Resource(group="apps", plural="statefulsets"),
}
PODS = Resource(plural="pods")
POLL_SECONDS = 2.0


def read(step: Step, look: Reading) -> JsonValue:
    """Return uid and last restart of the controller, or the uid of the pod; an absent one has the uid ""."""
    try:
        found = _object(step, look.cluster)
    except NotFound:
        return {"uid": ""} if step.action == "delete_pod" else {"uid": "", "restarted_at": "it does not exist"}
    with reading(f"get {step.target}"):
        if step.action == "delete_pod":
            return {"uid": found["metadata"]["uid"]}
        uid = found["metadata"]["uid"] if step.parameters["uid"] else ""  # a Deployment's does not stand on its pods
        return {"uid": uid, "restarted_at": _template_annotations(found).get(RESTARTED_AT, "")}


def restart(
    step: Step, writing: Writing, *, sleep: Callable[[float], None], now: Callable[[], datetime]
) -> dict[str, JsonValue]:
    """Restart the controller unless this plan already did, and wait; return the generation reached."""
    found = _object(step, writing.cluster)
    if _template_annotations(found).get(BY_PLAN) != writing.plan_id:
        found = writing.cluster_writer.patch(
            RESTARTABLE[str(step.parameters["kind"])],
            str(step.parameters["name"]),
            _patch(step, writing.plan_id, now()),
            namespace=str(step.parameters["namespace"]),
        )
    generation = int(found.get("metadata", {}).get("generation", 0))
    _wait(step, writing, generation, sleep)
    return {"generation": generation}


def delete_pod(step: Step, writing: Writing) -> dict[str, JsonValue]:
    """Delete the pod with exactly the uid of the plan; one that is gone already is done."""
    namespace, name, uid = (str(step.parameters[key]) for key in ("namespace", "name", "uid"))
    try:
        found = writing.cluster.get(PODS, name, namespace=namespace)
    except NotFound:
        return {"deleted_uid": uid}
    if found.get("metadata", {}).get("uid") != uid:
        return {"deleted_uid": uid}
    writing.cluster_writer.delete(PODS, name, namespace=namespace, uid=uid)
    return {"deleted_uid": uid}


def _patch(step: Step, plan_id: str, at: datetime) -> JsonObject:
    annotations = {RESTARTED_AT: at.strftime("%Y-%m-%dT%H:%M:%SZ"), BY_PLAN: plan_id}
    body: dict[str, JsonValue] = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
    if step.parameters["uid"]:
        body["metadata"] = {"uid": step.parameters["uid"]}
    return body


def _wait(step: Step, writing: Writing, generation: int, sleep: Callable[[float], None]) -> None:
    timeout_seconds = float(str(step.parameters["timeout_seconds"]))
    until: Deadline = writing.deadline.sooner(timeout_seconds)
    state = ""
    while True:
        try:
            state = _unfinished(str(step.parameters["kind"]), _object(step, writing.cluster), generation)
        except EvidenceUnavailable as error:
            state = error.reason
        if not state:
            return
        if until.remaining() <= POLL_SECONDS:
            raise WriteFailed(
                f"{step.target} was restarted, but not all its pods became Ready within {timeout_seconds:g} s "
                f"({state}). Look at its pods; later steps were not run.",
                ambiguous=True,
            )
        sleep(POLL_SECONDS)


def _unfinished(kind: str, found: RawObject, generation: int) -> str:
    """Return what is still missing, or an empty string when the rollout is complete and all pods are Ready."""
    status: dict[str, Any] = found.get("status") or {}
    if int(status.get("observedGeneration", 0)) < generation:
        return "the change has not been noticed yet"
    if kind == "DaemonSet":
        wanted = int(status.get("desiredNumberScheduled", 0))
        updated, ready = status.get("updatedNumberScheduled", 0), status.get("numberReady", 0)
        total = wanted
    else:
        wanted = int((found.get("spec") or {}).get("replicas", 1))
        updated, ready = status.get("updatedReplicas", 0), status.get("readyReplicas", 0)
        total = int(status.get("replicas", 0))
    if int(updated) < wanted:
        return f"{updated} of {wanted} pods are new"
    if total > wanted:
        return f"{total - wanted} old pods are still there"
    return "" if int(ready) >= wanted else f"{ready} of {wanted} pods are Ready"


def _object(step: Step, cluster: ClusterReader) -> RawObject:
    resource = PODS if step.action == "delete_pod" else RESTARTABLE[str(step.parameters["kind"])]
    return cluster.get(resource, str(step.parameters["name"]), namespace=str(step.parameters["namespace"]))


def _template_annotations(found: RawObject) -> dict[str, str]:
    return (((found.get("spec") or {}).get("template") or {}).get("metadata") or {}).get("annotations") or {}
