"""The scheduler, as far as it matters here: taints, node selectors, cordons, and an even spread."""

from __future__ import annotations

import json
from collections import Counter

from bot.sandbox.kubernetes.node_kinds import is_fargate
from bot.sandbox.kubernetes.resources import NODES, PODS, Json
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


class Scheduler:
    """Chooses nodes: fewest pods of the same application first, then fewest application pods."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def place(self, pending: list[Json]) -> list[tuple[Json, str, str]]:
        """Return each pending pod with its node, or with "" and the reason."""
        nodes = self._store.all(NODES)
        same: Counter[tuple[str, str, str]] = Counter()
        total: Counter[str] = Counter()
        for pod in self._store.unordered(PODS):
            self._count(pod, str(pod["spec"].get("nodeName", "")), same, total)
        own = {str(node["metadata"]["name"]) for node in nodes if is_fargate(node)}
        held = {str(pod["spec"].get("nodeName", "")) for pod in self._store.unordered(PODS)}
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
            namespace, application = self._application(pod)
            best = min(
                fitting,
                key=lambda name: (same[(name, namespace, application)], total[name], name),
            )
            self._count(pod, best, same, total)
            held.add(best)
            placed.append((pod, best, ""))
        return placed

    @staticmethod
    def _application(pod: Json) -> tuple[str, str]:
        labels = pod["metadata"].get("labels") or {}
        name = labels.get("k8s-app") or labels.get("app.kubernetes.io/name") or pod["metadata"]["name"]
        return pod["metadata"]["namespace"], name

    def _count(self, pod: Json, node: str, same: Counter[tuple[str, str, str]], total: Counter[str]) -> None:
        if not node or "deletionTimestamp" in pod["metadata"]:
            return
        namespace, application = self._application(pod)
        same[(node, namespace, application)] += 1
        total[node] += namespace != "kube-system"
