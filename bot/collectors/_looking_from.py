"""Which pods look names up: one of each kind on each node, spread over node groups and zones; no collector itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bot.domain.lookups import ClientKind
from bot.kubernetes.pods import Pod

T = TypeVar("T")

Clients = tuple[str, ClientKind]
"""A class of clients: the pods of one kind on one node. For DNS they are alike, and one stands for all."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class NodePlace:
    """Where a node stands, from its labels. A zone stands for the subnet: node groups have one in each."""

    node_group: str = ""
    zone: str = ""


def stand_ins(pods: Iterable[Pod], asked: Pod | None) -> dict[Clients, Pod]:
    """Return the running pod that stands for each class of clients; the asked one stands for its own.

    Pods with the cluster's DNS settings come before others (they show what the kubelet gives out), of these the
    ready ones. A pod on its node's network that does not use the cluster's DNS shows a way that nobody who depends
    on it takes: it stands in only where the node has no other pod.
    """
    able = [pod for pod in (*([asked] if asked else ()), *sorted(pods, key=_rank)) if _can_look(pod)]
    found: dict[Clients, Pod] = {}
    for pod in able:
        found.setdefault((pod.node, pod.client_kind), pod)
    served = {pod.node for pod in found.values() if _counts(pod, asked)}
    return {clients: pod for clients, pod in found.items() if _counts(pod, asked) or pod.node not in served}


def choose_pods(
    standing: Mapping[Clients, Pod], asked: Pod | None, places: Mapping[str, NodePlace], *, max_pods: int
) -> tuple[Pod, ...]:
    """Return at most `max_pods` of the pods that stand for a class, the asked one first.

    The others are taken in turn from each kind of client and (node group, zone), by the node's name: every kind is
    looked from before any place twice, and the same cluster gives the same choice.
    """
    by_kind: dict[ClientKind, dict[NodePlace, list[Pod]]] = {}
    for node, kind in sorted(standing, key=lambda clients: clients[0]):
        pod = standing[node, kind]
        if pod is not asked:
            by_kind.setdefault(kind, {}).setdefault(places.get(node, NodePlace()), []).append(pod)
    kinds = [by_kind[kind] for kind in ClientKind if kind in by_kind]
    strata = _in_turn([[found[place] for place in sorted(found)] for found in kinds])
    first = [pod for pod in standing.values() if pod is asked]
    return tuple([*first, *_in_turn(strata)][:max_pods])


def nodes_of_each_kind(clients: Iterable[Clients]) -> dict[ClientKind, int]:
    """Return on how many nodes there is a client of each kind."""
    return dict(Counter(kind for _, kind in clients))


def _in_turn(rows: Sequence[Sequence[T]]) -> list[T]:
    """Return the first of each row, then the second of each, and so on."""
    longest = max(map(len, rows), default=0)
    return [row[at] for at in range(longest) for row in rows if at < len(row)]


def _counts(pod: Pod, asked: Pod | None) -> bool:
    return pod is asked or not pod.host_network or pod.uses_cluster_dns


def _rank(pod: Pod) -> tuple[bool, bool, float, str, str]:
    """Order pods of one class; of those with a branch interface the oldest first: its mode may be a former one."""
    made = pod.created_at.timestamp() if pod.branch_interface else 0.0
    return not pod.uses_cluster_dns, not pod.ready, made, pod.namespace, pod.name


def _can_look(pod: Pod) -> bool:
    return pod.phase == "Running" and not pod.terminating and bool(pod.node)
