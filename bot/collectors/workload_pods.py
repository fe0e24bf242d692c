"""Application pods of the cluster's `workload_selector`: where look-ups are made from, and what A7 recreates.

Cost: one paged list of pods, by the selector, in all namespaces; one list of ReplicaSets, only where a
pod's Deployment does not follow from its `pod-template-hash`; one get for the pod that a person named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.domain.cluster import PodName
from bot.domain.evidence import Collector, Gap, Look
from bot.domain.permissions import KubernetesPermission
from bot.domain.ports import Resource
from bot.errors import EvidenceUnavailable, NotFound, SourceGarbled

PODS = Resource(plural="pods")
REPLICA_SETS = Resource(group="apps", plural="replicasets")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadPod:
    """One application pod."""

    namespace: str
    name: str
    uid: str
    node: str
    ip: str
    container: str
    """The first container, where look-ups run."""
    phase: str
    ready: bool
    created_at: datetime | None
    dns_policy: str
    host_network: bool
    nameservers: tuple[str, ...]
    """Of its own `dnsConfig`; empty otherwise."""
    controller_kind: str
    """Deployment, StatefulSet, DaemonSet, Job …, resolved through ReplicaSets; empty for a bare pod."""
    controller_name: str
    controller_uid: str = ""
    """Of that controller, where it is the pod's direct owner; a Deployment's does not stand on its pods: empty."""
    restarted_at: str = ""
    """The pod's annotation `kubectl.kubernetes.io/restartedAt`: when its controller was last restarted by hand."""
    terminating: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadPods:
    """The pods that `workload_selector` selects, in all namespaces, and the pod of `--pod` if one was named."""

    selector: str
    pods: tuple[WorkloadPod, ...]
    asked_pod: WorkloadPod | None = None
    asked_pod_gap: Gap | None = None
    """Why the pod that a person named could not be read."""


def collect(look: Look) -> WorkloadPods:
    """List the pods and find who controls them. Raises `EvidenceUnavailable` where no selector is configured."""
    selector, asked = look.target.workload_selector, look.question.pod
    if not selector and asked is None:
        raise EvidenceUnavailable(
            "no workload_selector is configured for this cluster; set it in dnsbot.yaml to the labels of application "
            "pods to look from, or name one pod (--pod NAMESPACE/NAME)"
        )
    items = look.cluster.list(PODS, labels=selector) if selector else []
    owners = _owners(look, items, selector)
    try:
        pods = tuple(sorted((_pod(item, owners) for item in items), key=lambda pod: (pod.namespace, pod.name)))
        asked_pod, gap = _asked(look, asked)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise SourceGarbled(f"Cannot list pods: a pod in the answer has no {error}.") from error
    return WorkloadPods(selector=selector, pods=pods, asked_pod=asked_pod, asked_pod_gap=gap)


def _asked(look: Look, asked: PodName | None) -> tuple[WorkloadPod | None, Gap | None]:
    if asked is None:
        return None, None
    try:
        return _pod(look.cluster.get(PODS, asked.name, namespace=asked.namespace), {}), None
    except NotFound:
        return None, Gap(what=f"pod {asked}", reason=f"there is no pod {asked}: check namespace and name")
    except EvidenceUnavailable as error:
        return None, Gap.of(f"pod {asked}", error)


def _owners(look: Look, items: Iterable[Mapping[str, Any]], selector: str) -> dict[tuple[str, str], tuple[str, str]]:
    """Return the controllers of ReplicaSets by (namespace, name), read only where they do not follow from labels."""
    if all(_from_labels(item) or _controller(item)[0] != "ReplicaSet" for item in items):
        return {}
    found = look.cluster.list(REPLICA_SETS, labels=selector)
    return {(item["metadata"]["namespace"], item["metadata"]["name"]): _controller(item) for item in found}


def _controller(item: Mapping[str, Any]) -> tuple[str, str]:
    for owner in item["metadata"].get("ownerReferences") or []:
        if owner.get("controller"):
            return owner["kind"], owner["name"]
    return "", ""


def _from_labels(item: Mapping[str, Any]) -> str:
    """Return the Deployment's name where the pod's ReplicaSet bears it: `NAME-HASH` with the label's hash."""
    kind, name = _controller(item)
    suffix = f"-{(item['metadata'].get('labels') or {}).get('pod-template-hash', '')}"
    return name.removesuffix(suffix) if kind == "ReplicaSet" and len(suffix) > 1 and name.endswith(suffix) else ""


def _pod(item: Mapping[str, Any], owners: Mapping[tuple[str, str], tuple[str, str]]) -> WorkloadPod:
    metadata, spec, status = item["metadata"], item["spec"], item.get("status") or {}
    kind, name = _controller(item)
    if kind == "ReplicaSet":
        deployment = _from_labels(item)
        known = owners.get((metadata["namespace"], name), ("", ""))
        kind, name = ("Deployment", deployment) if deployment else (known if known[0] else (kind, name))
    created = metadata.get("creationTimestamp")
    return WorkloadPod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        node=spec.get("nodeName") or "",
        ip=status.get("podIP") or "",
        container=spec["containers"][0]["name"],
        phase=status.get("phase") or "",
        ready=any(
            part.get("type") == "Ready" and part.get("status") == "True" for part in status.get("conditions") or []
        ),
        created_at=datetime.fromisoformat(created) if created else None,
        dns_policy=spec.get("dnsPolicy") or "ClusterFirst",
        host_network=bool(spec.get("hostNetwork")),
        nameservers=tuple((spec.get("dnsConfig") or {}).get("nameservers") or ()),
        controller_kind=kind,
        controller_name=name,
        controller_uid=_owner_uid(item, kind),
        restarted_at=(metadata.get("annotations") or {}).get("kubectl.kubernetes.io/restartedAt", ""),
        terminating=bool(metadata.get("deletionTimestamp")),
    )


def _owner_uid(item: Mapping[str, Any], kind: str) -> str:
    """Return the uid of the pod's own controller; for a Deployment it does not stand on the pod, and is empty."""
    owners = item["metadata"].get("ownerReferences") or []
    return next((owner.get("uid", "") for owner in owners if owner.get("controller") and owner["kind"] == kind), "")


def summarise(found: WorkloadPods) -> str:
    """Say how many pods there are and on how many nodes."""
    nodes = {pod.node for pod in found.pods if pod.node}
    ready = sum(pod.ready for pod in found.pods)
    named = f"; and the pod {found.asked_pod.namespace}/{found.asked_pod.name}" if found.asked_pod else ""
    return f"{ready} of {len(found.pods)} application pods ready, on {len(nodes)} nodes{named}"


COLLECTOR = Collector(
    name="workload_pods",
    title="Application pods to look from",
    evidence=WorkloadPods,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(verb="list", resource="pods", unlocks="application pods to look names up from"),
        KubernetesPermission(verb="get", resource="pods", unlocks="the pod that a person names with --pod"),
        KubernetesPermission(
            verb="list", resource="replicasets", group="apps", unlocks="the Deployments behind application pods"
        ),
    ),
)
