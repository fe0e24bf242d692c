"""Deployments, StatefulSets and DaemonSets: what their pod template says, and what they say of their pods.

Source: Kubernetes API reference, "PodTemplateSpec", "DeploymentCondition"; kubectl reference, "rollout restart".
"""

from __future__ import annotations

from datetime import datetime

from bot.domain.json_values import RawObject
from bot.kubernetes.members import condition, optional_moment, optional_text, part, parts, text, text_map

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
"""The annotation of the pod template that `kubectl rollout restart` sets, and with it every pod made since."""


def template_annotations(answer: RawObject) -> dict[str, str]:
    """Return the annotations of the pod template."""
    return text_map(part(_template(answer), "metadata"), "annotations")


def template_labels(answer: RawObject) -> dict[str, str]:
    """Return the labels of the pod template, which every pod has that is made from it."""
    return text_map(part(_template(answer), "metadata"), "labels")


def template_spec(answer: RawObject) -> RawObject:
    """Return what the pod template asks for."""
    return part(_template(answer), "spec")


def complaint(answer: RawObject) -> str:
    """Return why a Deployment has fewer pods than it wants, in its own words; empty where it says nothing.

    `FailedCreate: pods "coredns-…" is forbidden: exceeded quota`: no pod can be made (ReplicaFailure).
    `ProgressDeadlineExceeded: …`: a rollout stands still (Progressing does not hold).
    """
    status = part(answer, "status")
    failure, progress = condition(status, "ReplicaFailure"), condition(status, "Progressing")
    for one, wrong in ((failure, "True"), (progress, "False")):
        if optional_text(one, "status") == wrong:
            return f"{optional_text(one, 'reason')}: {optional_text(one, 'message')}".strip(": ")
    return ""


def last_change(answer: RawObject) -> datetime | None:
    """Return when a Deployment was made or last changed what it says of itself; None where it tells no time."""
    told = [
        optional_moment(one, member)
        for one in parts(part(answer, "status"), "conditions")
        for member in ("lastTransitionTime", "lastUpdateTime")
    ]
    known = (optional_moment(part(answer, "metadata"), "creationTimestamp"), *told)
    return max((at for at in known if at is not None), default=None)


def environment(answer: RawObject, container: str) -> dict[str, str]:
    """Return the variables that the pod template sets in one container to a value of its own.

    A variable that comes from elsewhere (`valueFrom`) has no value here and is left out.
    """
    asked = parts(template_spec(answer), "containers")
    named = next((one for one in asked if text(one, "name") == container), {})
    own = [one for one in parts(named, "env") if "valueFrom" not in one]
    return {text(one, "name"): optional_text(one, "value") for one in own}


def memory_limit(answer: RawObject, container: str) -> str:
    """Return the memory limit that the pod template sets for one container, as it writes it; empty: none."""
    asked = parts(template_spec(answer), "containers")
    named = next((one for one in asked if text(one, "name") == container), {})
    return optional_text(part(part(named, "resources"), "limits"), "memory")


def _template(answer: RawObject) -> RawObject:
    return part(part(answer, "spec"), "template")
