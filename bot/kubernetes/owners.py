"""Who controls an object: its controller among `metadata.ownerReferences`.

Source: Kubernetes documentation, "Owners and Dependents"; "Deployments", pod-template-hash label.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.json_values import RawObject
from bot.kubernetes.members import optional_text, part, parts, text, text_map

REPLICA_SET = "ReplicaSet"


MADE_BY_PLAN = "dnsbot/made-by-plan"
"""The annotation of what a fix made: the id of the plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The controller of an object; all members are empty for an object that nobody controls."""

    kind: str = ""
    """Deployment, StatefulSet, DaemonSet, Job …: anybody may add kinds."""
    name: str = ""
    uid: str = ""
    """Empty where it does not stand on the object: a Deployment's is on its ReplicaSets, not on its pods."""


NOBODY = Owner()


def controller_of(answer: RawObject) -> Owner:
    """Return the object's own controller."""
    for one in parts(part(answer, "metadata"), "ownerReferences"):
        if one.get("controller"):
            return Owner(kind=text(one, "kind"), name=text(one, "name"), uid=optional_text(one, "uid"))
    return NOBODY


def owner_of_pod(answer: RawObject) -> Owner:
    """Return who controls a pod, as far as the pod tells: seen through a ReplicaSet that a Deployment named.

    A Deployment names its ReplicaSets `NAME-HASH` and labels their pods with the hash. Where that does not fit, the
    owner is the ReplicaSet, and only the ReplicaSet itself tells who controls it.
    """
    own = controller_of(answer)
    suffix = f"-{text_map(part(answer, 'metadata'), 'labels').get('pod-template-hash', '')}"
    if own.kind == REPLICA_SET and len(suffix) > 1 and own.name.endswith(suffix):
        return Owner(kind="Deployment", name=own.name.removesuffix(suffix))
    return own


def manager_of(answer: RawObject) -> str:
    """Return who says that it manages an object, by the labels and annotations that these tools put; else nothing.

    Sources: Helm, "Labels and Annotations"; Argo CD, "Resource Tracking"; Flux, "Kustomization" and "HelmRelease".
    """
    metadata = part(answer, "metadata")
    labels, annotations = text_map(metadata, "labels"), text_map(metadata, "annotations")
    for mark in ("kustomize", "helm"):
        name = labels.get(f"{mark}.toolkit.fluxcd.io/name", "")
        if name:
            return f"Flux {'Kustomization' if mark == 'kustomize' else 'HelmRelease'} {name}"
    tracked = annotations.get("argocd.argoproj.io/tracking-id", "").partition(":")[0]
    application = tracked or labels.get("argocd.argoproj.io/instance", "")
    if application:
        return f"Argo CD application {application}"
    release = annotations.get("meta.helm.sh/release-name", "")
    if release:
        where = annotations.get("meta.helm.sh/release-namespace", "")
        return f"Helm release {release}" + (f" in {where}" if where else "")
    return labels.get("app.kubernetes.io/managed-by", "")
