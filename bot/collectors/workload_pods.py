"""Application pods of the cluster's `workload_selector`: where lookups are made from, and what A7 recreates.

Cost: one paged list of pods, by the selector, in all namespaces; one list of ReplicaSets, only where a
pod's Deployment does not follow from its `pod-template-hash`; one get for the pod that a person named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain.cluster import PodName
from bot.domain.evidence import Collector, Gap
from bot.domain.json_values import RawObject
from bot.domain.permissions import KubernetesPermission
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import EvidenceUnavailable, NotFound
from bot.kubernetes.owners import NOBODY, REPLICA_SET, Owner, controller_of
from bot.kubernetes.pods import Pod
from bot.kubernetes.resources import PODS, REPLICA_SETS


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadPods:
    """The pods that `workload_selector` selects, in all namespaces, and the pod of `--pod` if one was named.

    Each pod's container is its first one, where lookups run; its owner is seen through ReplicaSets.
    """

    selector: str
    pods: tuple[Pod, ...]
    asked_pod: Pod | None = None
    asked_pod_gap: Gap | None = None
    """Why the pod that a person named could not be read."""


def collect(look: View) -> WorkloadPods:
    """List the pods and find who controls them. Raises `EvidenceUnavailable` where no selector is configured."""
    selector, asked = look.target.workload_selector, look.question.pod
    if not selector and asked is None:
        raise EvidenceUnavailable(
            "no workload_selector is configured for this cluster; set it in dnsbot.yaml (without one: --selector) to "
            "the labels of application pods to look from, or name one pod (--pod NAMESPACE/NAME)",
            setting="workload_selector",
        )
    with reading("list pods"):
        found = look.cluster.list(PODS, Pod.of, labels=selector) if selector else ()
    pods = sorted(found, key=lambda pod: (pod.namespace, pod.name))
    asked_pod, gap = _asked(look, asked)
    return WorkloadPods(
        selector=selector, pods=_seen_through(look, pods, selector), asked_pod=asked_pod, asked_pod_gap=gap
    )


def _asked(look: View, asked: PodName | None) -> tuple[Pod | None, Gap | None]:
    if asked is None:
        return None, None
    try:
        found = look.cluster.get(PODS, asked.name, namespace=asked.namespace)
        with reading(f"get pod {asked}"):
            return Pod.of(found), None
    except NotFound:
        return None, Gap(what=f"pod {asked}", reason=f"there is no pod {asked}: check namespace and name")
    except EvidenceUnavailable as error:
        return None, Gap.of(f"pod {asked}", error)


def _seen_through(look: View, pods: Sequence[Pod], selector: str) -> tuple[Pod, ...]:
    """Return the pods with the controllers of their ReplicaSets, read only where the pods do not tell."""
    if all(pod.owner.kind != REPLICA_SET for pod in pods):
        return tuple(pods)
    with reading("list replicasets"):
        above = dict(look.cluster.list(REPLICA_SETS, _controlled, labels=selector))
    return tuple(_under(pod, above.get((pod.namespace, pod.owner.name), NOBODY)) for pod in pods)


def _controlled(replica_set: RawObject) -> tuple[tuple[str, str], Owner]:
    """Return namespace and name of a ReplicaSet, and who controls it."""
    metadata = replica_set["metadata"]
    return (metadata["namespace"], metadata["name"]), controller_of(replica_set)


def _under(pod: Pod, above: Owner) -> Pod:
    """Return the pod under the controller of its ReplicaSet, whose uid does not stand on the pod."""
    known = pod.owner.kind == REPLICA_SET and above.kind
    return replace(pod, owner=replace(above, uid="")) if known else pod


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
    view=View,
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
