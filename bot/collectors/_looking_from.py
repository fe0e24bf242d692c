"""Which pods look names up: one on each node, spread over node groups and zones; no collector itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import zip_longest

from bot.collectors.workload_pods import WorkloadPod

_GROUP_LABELS = ("eks.amazonaws.com/nodegroup", "alpha.eksctl.io/nodegroup-name", "karpenter.sh/nodepool")
_ZONE_LABEL = "topology.kubernetes.io/zone"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class NodePlace:
    """Where a node stands, from its labels. A zone stands for the subnet: node groups have one in each."""

    node_group: str = ""
    zone: str = ""


def place_of(labels: Mapping[str, str]) -> NodePlace:
    """Return the place that a node's labels name."""
    group = next((labels[label] for label in _GROUP_LABELS if labels.get(label)), "")
    return NodePlace(node_group=group, zone=labels.get(_ZONE_LABEL, ""))


def choose_pods(
    pods: Iterable[WorkloadPod], asked: WorkloadPod | None, places: Mapping[str, NodePlace], *, max_pods: int
) -> tuple[WorkloadPod, ...]:
    """Return at most `max_pods` running pods, the asked one first, then one for each further node.

    Pods in the pod network come before others of the same node, of these the ones with the cluster's DNS settings
    (they show what the kubelet gives out), and of these the ready ones. Nodes are taken in turn from each
    (node group, zone), by name, so that the same cluster gives the same choice.
    """
    by_node: dict[str, WorkloadPod] = {}
    for pod in sorted(pods, key=_rank):
        if _can_look(pod):
            by_node.setdefault(pod.node, pod)
    first = [asked] if asked is not None and _can_look(asked) else []
    for pod in first:
        by_node.pop(pod.node, None)
    by_place: dict[NodePlace, list[WorkloadPod]] = {}
    for node in sorted(by_node):
        by_place.setdefault(places.get(node, NodePlace()), []).append(by_node[node])
    in_turn = [
        pod for row in zip_longest(*(by_place[place] for place in sorted(by_place))) for pod in row if pod is not None
    ]
    return tuple([*first, *in_turn][:max_pods])


def _rank(pod: WorkloadPod) -> tuple[bool, bool, bool, str, str]:
    own_settings = pod.dns_policy in {"None", "Default"}
    return pod.host_network, own_settings, not pod.ready, pod.namespace, pod.name


def _can_look(pod: WorkloadPod) -> bool:
    return pod.phase == "Running" and not pod.terminating and bool(pod.node) and bool(pod.container)
