"""The scheduler, as far as it matters here: taints, node selectors, cordons, spread constraints, an even spread.

Source: Kubernetes documentation, "Pod Topology Spread Constraints" (DoNotSchedule, `matchLabelKeys`, and the default
constraints, which prefer other nodes and other zones for pods of one application).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from bot.sandbox.kubernetes.node_kinds import is_fargate
from bot.sandbox.kubernetes.resources import NODES, PODS, Json
from bot.sandbox.kubernetes.selectors import selector_matches
from bot.sandbox.kubernetes.store import Store


def _tolerated(taint: Json, tolerations: list[Json]) -> bool:
    if taint["effect"] == "PreferNoSchedule":
        return True
    for toleration in tolerations:
        if toleration.get("effect") not in (None, "", taint["effect"]):
            continue
        if toleration.get("operator") == "Exists" and toleration.get("key") in (None, "", taint["key"]):
            return True
        if toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", ""):
            return True
    return False


def tolerates(template: Json, node: Json) -> bool:
    """Return whether a pod of this template may run on the node by taints and node selector."""
    spec = template["spec"]
    taints = (node.get("spec") or {}).get("taints") or []
    labels = node["metadata"].get("labels") or {}
    selected = all(labels.get(key) == value for key, value in (spec.get("nodeSelector") or {}).items())
    return selected and all(_tolerated(taint, spec.get("tolerations") or []) for taint in taints)


def why_nowhere(pod: Json, nodes: list[Json]) -> str:
    """Return the message of a FailedScheduling event."""
    counts: Counter[str] = Counter()
    for node in nodes:
        if (node.get("spec") or {}).get("unschedulable"):
            counts["node(s) were unschedulable"] += 1
            continue
        refused = [
            taint
            for taint in (node.get("spec") or {}).get("taints") or []
            if not _tolerated(taint, pod["spec"].get("tolerations") or [])
        ]
        if refused:
            counts["node(s) had untolerated taint(s)"] += 1
        else:
            counts["node(s) didn't match Pod's node affinity/selector"] += 1
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
    if not nodes:
        return "no nodes available to schedule pods"
    alone = f"0/{len(nodes)} nodes are available"
    helpless = f"{len(nodes)} Preemption is not helpful for scheduling"
    return f"{alone}: {reasons}. no new claims to deallocate, preemption: {alone}: {helpless}."


def _zone(node: Json) -> str:
    return str((node["metadata"].get("labels") or {}).get("topology.kubernetes.io/zone", ""))


class Scheduler:
    """Chooses nodes: fewest pods of the same application first, there and in the zone, then fewest application pods."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def place(self, pending: list[Json]) -> list[tuple[Json, str, str]]:
        """Return each pending pod with its node, or with "" and the reason."""
        nodes = self._store.all(NODES)
        zones = {str(node["metadata"]["name"]): _zone(node) for node in nodes}
        same: Counter[tuple[str, str, str]] = Counter()
        total: Counter[str] = Counter()
        running = list(self._store.unordered(PODS))
        for pod in running:
            self._count(pod, str(pod["spec"].get("nodeName", "")), zones, same, total)
        own = {str(node["metadata"]["name"]) for node in nodes if is_fargate(node)}
        held = {str(pod["spec"].get("nodeName", "")) for pod in running}
        placed = []
        fitting_nodes: dict[str, list[str]] = {}
        for pod in pending:
            demands = json.dumps([pod["spec"].get("tolerations"), pod["spec"].get("nodeSelector")])
            if demands not in fitting_nodes:
                fitting_nodes[demands] = [
                    str(node["metadata"]["name"])
                    for node in nodes
                    if not (node.get("spec") or {}).get("unschedulable") and tolerates(pod, node)
                ]
            fitting = [name for name in fitting_nodes[demands] if name not in own or name not in held]
            if not fitting:
                placed.append((pod, "", why_nowhere(pod, nodes)))
                continue
            within = _within_constraints(pod, fitting, nodes, running)
            if not within:
                placed.append((pod, "", _skewed(len(nodes))))
                continue
            namespace, application = self._application(pod)
            best = min(
                within,
                key=lambda name: (
                    same[(name, namespace, application)],
                    same[(f"zone {zones[name]}", namespace, application)],
                    total[name],
                    name,
                ),
            )
            self._count(pod, best, zones, same, total)
            held.add(best)
            running.append({**pod, "spec": {**pod["spec"], "nodeName": best}})
            placed.append((pod, best, ""))
        return placed

    @staticmethod
    def _application(pod: Json) -> tuple[str, str]:
        labels = pod["metadata"].get("labels") or {}
        name = labels.get("k8s-app") or labels.get("app.kubernetes.io/name") or pod["metadata"]["name"]
        return pod["metadata"]["namespace"], name

    def _count(
        self,
        pod: Json,
        node: str,
        zones: dict[str, str],
        same: Counter[tuple[str, str, str]],
        total: Counter[str],
    ) -> None:
        if not node or "deletionTimestamp" in pod["metadata"]:
            return
        namespace, application = self._application(pod)
        same[(node, namespace, application)] += 1
        same[(f"zone {zones.get(node, '')}", namespace, application)] += 1
        total[node] += namespace != "kube-system"


def _within_constraints(pod: Json, fitting: list[str], nodes: list[Json], running: Sequence[Json]) -> list[str]:
    """Return the nodes on which the pod breaks none of its constraints with DoNotSchedule."""
    for constraint in pod["spec"].get("topologySpreadConstraints") or []:
        if constraint["whenUnsatisfiable"] != "DoNotSchedule":
            continue
        key = constraint["topologyKey"]
        domains = {str(node["metadata"]["name"]): (node["metadata"].get("labels") or {}).get(key) for node in nodes}
        counted: Counter[str] = Counter({str(domains[name]): 0 for name in fitting if domains[name]})
        for other in running:
            domain = domains.get(str(other["spec"].get("nodeName", "")))
            if domain in counted and "deletionTimestamp" not in other["metadata"] and _counts(constraint, pod, other):
                counted[str(domain)] += 1
        least = min(counted.values(), default=0)
        fitting = [
            name
            for name in fitting
            if domains[name] and counted[str(domains[name])] + 1 - least <= constraint["maxSkew"]
        ]
    return fitting


def _counts(constraint: Json, pod: Json, other: Json) -> bool:
    """Return whether a constraint of `pod` counts the other pod."""
    if pod["metadata"]["namespace"] != other["metadata"]["namespace"]:
        return False
    own, others = pod["metadata"].get("labels") or {}, other["metadata"].get("labels") or {}
    alike = all(own.get(key) == others.get(key) for key in constraint.get("matchLabelKeys") or [])
    return alike and selector_matches(constraint.get("labelSelector") or {}, others)


def _skewed(nodes: int) -> str:
    alone = f"0/{nodes} nodes are available"
    why = f"{nodes} node(s) didn't match pod topology spread constraints"
    return f"{alone}: {why}. preemption: {alone}: {nodes} No preemption victims found for incoming pod."
