"""Plan and send the restart of one controller, and see whether its pods are Ready; delete one pod by uid."""

from __future__ import annotations

from datetime import datetime

from bot.domain.json_values import JsonObject, JsonValue, RawObject
from bot.domain.phrases import count, timestamp
from bot.domain.plans import RESTART, Reading, Step, WriterKind, Writing
from bot.domain.ports import ClusterReader
from bot.domain.reading import reading
from bot.domain.settling import COMPLETE, Settled, waiting_for
from bot.errors import EvidenceUnavailable, NotFound, WriteFailed
from bot.kubernetes.disruption_budgets import DisruptionBudget, down_at_once, too_tight
from bot.kubernetes.resources import DISRUPTION_BUDGETS, PODS
from bot.kubernetes.rollouts import RESTARTABLE, unfinished
from bot.kubernetes.workloads import RESTARTED_AT, template_annotations, template_labels

ACTION = "restart"
BY_PLAN = "dnsbot/restarted-by-plan"
"""An annotation beside the time of the restart: which plan restarted, so that the same plan does not do it twice."""
WITHIN_BUDGETS = "within_budgets"
"""The parameter of a step that restarts only within PodDisruptionBudgets."""


def restart_step(
    fix: str,
    *,
    kind: str,
    namespace: str,
    name: str,
    uid: str,
    former: str,
    settles_within_seconds: int,
    pods: int | None = None,
) -> Step:
    """Return the step that restarts a controller as `kubectl rollout restart` does; `restart` sends it.

    `former`: when it was last restarted, by the annotation; empty: never. `pods`: how many it has; None: not told.
    """
    what = f"{kind.lower()}/{name}"
    counted = f" ({count(pods, 'pod')})" if pods is not None else ""
    return Step(
        fix=fix,
        action=ACTION,
        target=f"{what} in namespace {namespace}{counted}",
        parameters={"kind": kind, "namespace": namespace, "name": name, "uid": uid},
        before={"uid": uid, "restarted_at": former},
        diff=(f"  pod template of {what}, annotation {RESTARTED_AT}:", f"- {former or '(none)'}", RESTART),
        undo="",
        command=(
            f"kubectl -n {namespace} rollout restart {what} && kubectl -n {namespace} rollout status {what} --timeout "
            f"{settles_within_seconds}s"
        ),
        writer=WriterKind.KUBERNETES,
        settles_within_seconds=settles_within_seconds,
    )


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
        return {"uid": uid, "restarted_at": template_annotations(found).get(RESTARTED_AT, "")}


def restart(step: Step, writing: Writing) -> dict[str, JsonValue]:
    """Restart the controller unless this plan already did; return the generation reached."""
    found = _object(step, writing.cluster)
    if template_annotations(found).get(BY_PLAN) != writing.plan_id:
        if step.parameters.get(WITHIN_BUDGETS):
            _check_budgets(step, found, writing.cluster)
        found = writing.cluster_writer.patch(
            RESTARTABLE[str(step.parameters["kind"])],
            str(step.parameters["name"]),
            _patch(step, writing.plan_id, writing.begun_at),
            namespace=str(step.parameters["namespace"]),
        )
    return {"generation": int(found.get("metadata", {}).get("generation", 0))}


def _check_budgets(step: Step, found: RawObject, cluster: ClusterReader) -> None:
    """Raise `WriteFailed` where the rollout may take down more pods at once than their budgets allow now."""
    namespace = str(step.parameters["namespace"])
    try:
        with reading(f"list poddisruptionbudgets in {namespace}, and get {step.target}"):
            budgets = cluster.list(DISRUPTION_BUDGETS, DisruptionBudget.of, namespace=namespace)
            down = down_at_once(str(step.parameters["kind"]), found)
            tight = too_tight(budgets, template_labels(found), down)
    except EvidenceUnavailable as error:
        raise WriteFailed(f"it was not restarted, since its PodDisruptionBudgets could not be read: {error}") from error
    if tight:
        named = ", ".join(f"{one.namespace}/{one.name} (allows {one.allowed})" for one in tight)
        raise WriteFailed(
            f"its rollout may take down {count(down, 'pod')} at once, and that is more than its PodDisruptionBudgets "
            f"allow now: {named}. It was not restarted. Wait until more of its pods are Ready, or let its rollout take "
            "down fewer (maxUnavailable), and diagnose again."
        )


def settled(step: Step, effects: JsonObject, look: Reading) -> Settled:
    """Return whether all pods of a restarted controller are new and Ready; a deleted pod is gone at once."""
    del effects
    if step.action == "delete_pod":
        return COMPLETE
    missing = unfinished(str(step.parameters["kind"]), _object(step, look.cluster))
    return waiting_for(missing) if missing else COMPLETE


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
    annotations = {RESTARTED_AT: timestamp(at), BY_PLAN: plan_id}
    body: dict[str, JsonValue] = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
    if step.parameters["uid"]:
        body["metadata"] = {"uid": step.parameters["uid"]}
    return body


def _object(step: Step, cluster: ClusterReader) -> RawObject:
    resource = PODS if step.action == "delete_pod" else RESTARTABLE[str(step.parameters["kind"])]
    return cluster.get(resource, str(step.parameters["name"]), namespace=str(step.parameters["namespace"]))
