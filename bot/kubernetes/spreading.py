"""How a pod template spreads its pods over nodes, which nodes take them, and what spreads them further (C13).

Sources: C13 of the documents; Kubernetes documentation, "Assigning Pods to Nodes" (anti-affinity), "Pod Topology Spread
Constraints" (`matchLabelKeys` with `pod-template-hash` counts one rollout's pods alone), "Taints and Tolerations".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.domain.json_values import RawObject
from bot.kubernetes.members import optional_number, optional_text, optional_texts, part, parts, text, text_map
from bot.kubernetes.nodes import ZONE, Compute, Node, Taint

HOSTNAME = "kubernetes.io/hostname"
_OF_EVERY_NODE = frozenset({"kubernetes.io/os", "kubernetes.io/arch"})
"""Labels by which add-ons choose nodes that their image can run on: as good as all Linux nodes."""
_WEIGHT = 100
"""Of a preferred anti-affinity: the most there is (C13)."""


class Apart(StrEnum):
    """How strongly a template keeps its pods on nodes of their own."""

    NOT = "not at all"
    PREFERRED = "preferred"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Toleration:
    """A taint that the pods bear; an empty key bears all, an empty effect all effects."""

    key: str
    value: str
    effect: str
    exists: bool

    def bears(self, taint: Taint) -> bool:
        """Return whether pods with it may be on a node with this taint."""
        if self.effect not in {"", taint.effect}:
            return False
        if self.exists:
            return self.key in {"", taint.key}
        return (self.key, self.value) == (taint.key, taint.value)


def tolerations(pod_spec: RawObject) -> tuple[Toleration, ...]:
    """Return what the pods tolerate."""
    return tuple(
        Toleration(
            key=optional_text(one, "key"),
            value=optional_text(one, "value"),
            effect=optional_text(one, "effect"),
            exists=optional_text(one, "operator") == "Exists",
        )
        for one in parts(pod_spec, "tolerations")
    )


def takes(node: Node, borne: Sequence[Toleration]) -> bool:
    """Return whether the scheduler may put such a pod on this node beside others: Fargate's hold one each."""
    if not node.ready or node.cordoned or node.os != "linux" or node.compute is Compute.FARGATE:
        return False
    return all(any(one.bears(taint) for one in borne) for taint in node.taints if taint.keeps_away)


def chosen_nodes(pod_spec: RawObject) -> str | None:
    """Return the label selector of the nodes that the template asks for; empty: any; None: no selector says it.

    What every add-on asks for, Linux on a known architecture, is left out.
    """
    wanted = [
        f"{key}={value}" for key, value in text_map(pod_spec, "nodeSelector").items() if key not in _OF_EVERY_NODE
    ]
    required = part(part(part(pod_spec, "affinity"), "nodeAffinity"), "requiredDuringSchedulingIgnoredDuringExecution")
    terms = parts(required, "nodeSelectorTerms")
    if len(terms) > 1 or any(parts(term, "matchFields") for term in terms):
        return None
    for one in (one for term in terms for one in parts(term, "matchExpressions")):
        key, operator, values = text(one, "key"), text(one, "operator"), ",".join(optional_texts(one, "values"))
        said = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": key,
            "DoesNotExist": f"!{key}",
        }
        if operator not in said:
            return None
        wanted += [] if key in _OF_EVERY_NODE else [said[operator]]
    return ",".join(sorted(wanted))


def apart_on_nodes(pod_spec: RawObject, labels: Mapping[str, str]) -> Apart:
    """Return how strongly pods with these labels are kept on nodes of their own by anti-affinity."""
    rules = part(part(pod_spec, "affinity"), "podAntiAffinity")
    required = parts(rules, "requiredDuringSchedulingIgnoredDuringExecution")
    if any(_keeps_apart(term, labels) for term in required):
        return Apart.REQUIRED
    preferred = [
        part(one, "podAffinityTerm") for one in parts(rules, "preferredDuringSchedulingIgnoredDuringExecution")
    ]
    return Apart.PREFERRED if any(_keeps_apart(term, labels) for term in preferred) else Apart.NOT


def held_apart(pod_spec: RawObject, labels: Mapping[str, str]) -> bool:
    """Return whether a topology spread constraint lets no node have two pods of these labels more than another."""
    return any(
        text(one, "whenUnsatisfiable") == "DoNotSchedule" and optional_number(one, "maxSkew", 1) == 1
        for one in _constraints(pod_spec, labels, HOSTNAME)
    )


def spread_over_zones(pod_spec: RawObject, labels: Mapping[str, str]) -> bool:
    """Return whether a topology spread constraint asks for these pods to be in several zones."""
    return any(True for _ in _constraints(pod_spec, labels, ZONE))


def _constraints(pod_spec: RawObject, labels: Mapping[str, str], key: str) -> Iterator[RawObject]:
    for one in parts(pod_spec, "topologySpreadConstraints"):
        if text(one, "topologyKey") == key and selects(part(one, "labelSelector"), labels):
            yield one


def with_anti_affinity(affinity: RawObject, labels: Mapping[str, str]) -> dict[str, Any]:
    """Return the affinity with C13's rule beside what it says already."""
    key, value = _own_label(labels)
    term = {
        "weight": _WEIGHT,
        "podAffinityTerm": {
            "labelSelector": {"matchExpressions": [{"key": key, "operator": "In", "values": [value]}]},
            "topologyKey": HOSTNAME,
        },
    }
    name = "preferredDuringSchedulingIgnoredDuringExecution"
    rules = part(affinity, "podAntiAffinity")
    return {**affinity, "podAntiAffinity": {**rules, name: [*parts(rules, name), term]}}


def with_constraint(constraints: Sequence[RawObject], labels: Mapping[str, str], topology: str) -> list[dict[str, Any]]:
    """Return the topology spread constraints with one more over nodes (`HOSTNAME`) or zones (`ZONE`).

    It counts the pods of one rollout alone. Over nodes it holds (DoNotSchedule): no node gets a second pod before all
    have one. Over zones it is a preference, since a zone may have no room. One of the same topology is replaced.
    """
    key, value = _own_label(labels)
    one = {
        "maxSkew": 1,
        "topologyKey": topology,
        "whenUnsatisfiable": "DoNotSchedule" if topology == HOSTNAME else "ScheduleAnyway",
        "labelSelector": {"matchLabels": {key: value}},
        "matchLabelKeys": ["pod-template-hash"],
    }
    return [*(dict(each) for each in constraints if text(each, "topologyKey") != topology), one]


def selects(selector: RawObject, labels: Mapping[str, str]) -> bool:
    """Return whether a label selector selects these labels; an empty one selects all, an unknown operator nothing."""
    if not text_map(selector, "matchLabels").items() <= labels.items():
        return False
    return all(_holds(one, labels) for one in parts(selector, "matchExpressions"))


def _holds(requirement: RawObject, labels: Mapping[str, str]) -> bool:
    key, operator, values = (
        text(requirement, "key"),
        text(requirement, "operator"),
        optional_texts(requirement, "values"),
    )
    held = {
        "In": labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }
    return held.get(operator, False)


def _keeps_apart(term: RawObject, labels: Mapping[str, str]) -> bool:
    return optional_text(term, "topologyKey") == HOSTNAME and selects(part(term, "labelSelector"), labels)


def _own_label(labels: Mapping[str, str]) -> tuple[str, str]:
    """Return the label by which CoreDNS's pods are known: `k8s-app` where they have it, else the first."""
    return ("k8s-app", labels["k8s-app"]) if "k8s-app" in labels else min(labels.items())
