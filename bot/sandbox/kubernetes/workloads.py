"""Deployments, ReplicaSets, StatefulSets and DaemonSets: each turn brings pods one step closer to their spec."""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from datetime import UTC, datetime

from bot.sandbox.kubernetes.resources import (
    CONTROLLER_REVISIONS,
    DAEMON_SETS,
    DEPLOYMENTS,
    NODES,
    PODS,
    REPLICA_SETS,
    STATEFUL_SETS,
    Json,
    ResourceType,
)
from bot.sandbox.kubernetes.scheduling import tolerates
from bot.sandbox.kubernetes.store import Store, timestamp

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def is_ready(pod: Json) -> bool:
    """Return whether the pod's Ready condition is True and it is not going away."""
    if "deletionTimestamp" in pod["metadata"]:
        return False
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def template_hash(template: Json) -> str:
    """Return the pod-template-hash of a template."""
    number = int(hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest(), 16)
    return "".join(_ALPHABET[number // 29**step % len(_ALPHABET)] for step in range(10))


def owner_reference(kind: ResourceType, owner: Json) -> Json:
    """Return the controller reference to put into a dependant."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _rolling(spec: Json, wanted: int) -> tuple[int, int]:
    """Return how many pods there may be more, and how many fewer may be ready, while a Deployment rolls."""
    rolling = (spec.get("strategy") or {}).get("rollingUpdate") or {}
    surge = _share(rolling.get("maxSurge", "25%"), wanted, up=True)
    missing = _share(rolling.get("maxUnavailable", "25%"), wanted, up=False)
    return surge, missing or int(surge == 0)


def _share(value: object, total: int, *, up: bool) -> int:
    if isinstance(value, str) and value.endswith("%"):
        part = total * int(value[:-1]) / 100
        return math.ceil(part) if up else math.floor(part)
    return int(str(value))


class Workloads:
    """Moves every workload by one step a turn."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pods: dict[str, list[Json]] = {}
        self._newest: dict[str, str] = {}
        """By uid of a DaemonSet the name of its newest ControllerRevision."""

    def turn(self) -> None:
        """Make and delete pods as the specs ask, and write the statuses."""
        owned: dict[str, list[Json]] = defaultdict(list)
        for pod in self._store.unordered(PODS):
            for reference in pod["metadata"].get("ownerReferences") or []:
                owned[reference["uid"]].append(pod)
        self._pods = owned
        for deployment in self._store.all(DEPLOYMENTS):
            self._deployment(deployment)
        for replica_set in self._store.all(REPLICA_SETS):
            self._replica_set(replica_set)
        for stateful_set in self._store.all(STATEFUL_SETS):
            self._stateful_set(stateful_set)
        for daemon_set in self._store.all(DAEMON_SETS):
            self._daemon_set(daemon_set)

    def _of(self, owner: Json) -> list[Json]:
        return self._pods.get(owner["metadata"]["uid"], [])

    def _deployment(self, deployment: Json) -> None:
        metadata, spec = deployment["metadata"], deployment["spec"]
        suffix = template_hash(spec["template"])
        sets = [
            item
            for item in self._store.all(REPLICA_SETS, metadata["namespace"])
            if any(ref["uid"] == metadata["uid"] for ref in item["metadata"].get("ownerReferences") or [])
        ]
        newest = next((item for item in sets if item["metadata"]["labels"]["pod-template-hash"] == suffix), None)
        if newest is None:
            newest = self._new_replica_set(deployment, suffix, len(sets))
            sets.append(newest)
        self._roll(spec, newest, [item for item in sets if item is not newest])
        pods = [pod for item in sets for pod in self._of(item)]
        self._deployment_status(deployment, pods, self._of(newest))

    def _new_replica_set(self, deployment: Json, suffix: str, number: int) -> Json:
        template = json.loads(json.dumps(deployment["spec"]["template"]))
        labels = {**template["metadata"]["labels"], "pod-template-hash": suffix}
        template["metadata"]["labels"] = labels
        return self._store.create(
            REPLICA_SETS,
            {
                "metadata": {
                    "name": f"{deployment['metadata']['name']}-{suffix}",
                    "namespace": deployment["metadata"]["namespace"],
                    "labels": labels,
                    "annotations": {"deployment.kubernetes.io/revision": str(number + 1)},
                    "ownerReferences": [owner_reference(DEPLOYMENTS, deployment)],
                },
                "spec": {
                    "replicas": 0,
                    "selector": {"matchLabels": {**deployment["spec"]["selector"]["matchLabels"], **labels}},
                    "template": template,
                },
            },
        )

    def _roll(self, spec: Json, newest: Json, others: list[Json]) -> None:
        """Scale as the deployment controller does (kubernetes, pkg/controller/deployment/rolling.go)."""
        wanted = int(spec.get("replicas", 1))
        surge, missing = _rolling(spec, wanted)
        old = sum(item["spec"]["replicas"] for item in others)
        new = min(wanted, max(wanted + surge - old, newest["spec"]["replicas"]))
        self._scale(newest, new)
        ready = {item["metadata"]["uid"]: sum(map(is_ready, self._of(item))) for item in (newest, *others)}
        least = wanted - missing
        unready = old + new - least - (new - ready[newest["metadata"]["uid"]])
        if unready <= 0:
            return
        spare = max(sum(ready.values()) - least, 0)
        for item in others:
            replicas = item["spec"]["replicas"]
            broken = min(max(replicas - ready[item["metadata"]["uid"]], 0), unready)
            whole = min(spare, replicas - broken)
            self._scale(item, replicas - broken - whole)
            unready, spare = unready - broken, spare - whole

    def _scale(self, replica_set: Json, replicas: int) -> None:
        if replica_set["spec"]["replicas"] != replicas:
            current = self._store.get(
                REPLICA_SETS, replica_set["metadata"]["namespace"], replica_set["metadata"]["name"]
            )
            self._store.put(REPLICA_SETS, {**current, "spec": {**current["spec"], "replicas": replicas}})

    def _replica_set(self, replica_set: Json) -> None:
        pods = [pod for pod in self._of(replica_set) if "deletionTimestamp" not in pod["metadata"]]
        wanted = int(replica_set["spec"]["replicas"])
        for _ in range(wanted - len(pods)):
            self._new_pod(REPLICA_SETS, replica_set, f"{replica_set['metadata']['name']}-{self._store.names(5)}")
        ranked = sorted(pods, key=lambda pod: (is_ready(pod), pod["metadata"]["creationTimestamp"]))
        for pod in ranked[: max(len(pods) - wanted, 0)]:
            self.end_pod(pod)
        ready = sum(map(is_ready, pods))
        status = {
            "replicas": len(pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "fullyLabeledReplicas": len(pods),
            "observedGeneration": replica_set["metadata"]["generation"],
        }
        self._store.set_status(REPLICA_SETS, replica_set, status)

    def _new_pod(self, kind: ResourceType, owner: Json, name: str, labels: Json | None = None, node: str = "") -> None:
        template = owner["spec"]["template"]
        spec = json.loads(json.dumps(template["spec"]))
        spec.setdefault("dnsPolicy", "ClusterFirst")
        spec.setdefault("restartPolicy", "Always")
        if node:
            spec["nodeName"] = node
        self._store.create(
            PODS,
            {
                "metadata": {
                    "name": name,
                    "namespace": owner["metadata"]["namespace"],
                    "labels": {**template["metadata"]["labels"], **(labels or {})},
                    "annotations": dict(template["metadata"].get("annotations") or {}),
                    "ownerReferences": [owner_reference(kind, owner)],
                    "generateName": f"{owner['metadata']['name']}-",
                },
                "spec": spec,
                "status": {"phase": "Pending", "conditions": []},
            },
        )

    def end_pod(self, pod: Json) -> None:
        """Mark a pod as going away; the kubelet ends it at its next turn."""
        if "deletionTimestamp" not in pod["metadata"]:
            metadata = {**pod["metadata"], "deletionTimestamp": timestamp(datetime.now(UTC))}
            metadata["deletionGracePeriodSeconds"] = 30
            self._store.put(PODS, {**pod, "metadata": metadata})

    def _stateful_set(self, owner: Json) -> None:
        wanted, suffix = int(owner["spec"].get("replicas", 1)), template_hash(owner["spec"]["template"])
        revision = f"{owner['metadata']['name']}-{suffix}"
        pods = {pod["metadata"]["name"]: pod for pod in self._of(owner)}
        current = [
            pod for pod in pods.values() if pod["metadata"]["labels"].get("controller-revision-hash") == revision
        ]
        names = [f"{owner['metadata']['name']}-{number}" for number in range(wanted)]
        missing = next((name for name in names if name not in pods), None)
        if missing and all(is_ready(pods[name]) for name in names[: names.index(missing)]):
            self._new_pod(STATEFUL_SETS, owner, missing, {"controller-revision-hash": revision})
        elif not missing and all(is_ready(pod) for pod in pods.values()):
            stale = [name for name in reversed(names) if pods[name] not in current]
            for name in stale[:1]:
                self.end_pod(pods[name])
        ready = sum(map(is_ready, pods.values()))
        status = {
            "replicas": len(pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "currentReplicas": len(current),
            "updatedReplicas": len(current),
            "updateRevision": revision,
            "observedGeneration": owner["metadata"]["generation"],
        }
        self._store.set_status(STATEFUL_SETS, owner, status)

    def _daemon_set(self, owner: Json) -> None:
        suffix = template_hash(owner["spec"]["template"])
        self._keep_revision(owner, f"{owner['metadata']['name']}-{suffix}", suffix)
        eligible = [
            node["metadata"]["name"] for node in self._store.all(NODES) if tolerates(owner["spec"]["template"], node)
        ]
        by_node = {pod["spec"].get("nodeName", ""): pod for pod in self._of(owner)}
        for node in eligible:
            if node not in by_node:
                name = f"{owner['metadata']['name']}-{self._store.names(5)}"
                self._new_pod(DAEMON_SETS, owner, name, {"controller-revision-hash": suffix}, node)
        pods = list(by_node.values())
        updated = [pod for pod in pods if pod["metadata"]["labels"].get("controller-revision-hash") == suffix]
        ready = sum(map(is_ready, pods))
        rolling = (owner["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
        missing = max(_share(rolling.get("maxUnavailable", 1), len(eligible), up=True), 1)
        stale = [pod for pod in pods if pod not in updated and "deletionTimestamp" not in pod["metadata"]]
        for pod in stale[: max(missing - (len(eligible) - ready), 0)]:
            self.end_pod(pod)
        status = {
            "currentNumberScheduled": len(pods),
            "desiredNumberScheduled": len(eligible),
            "numberAvailable": ready,
            "numberReady": ready,
            "numberUnavailable": len(eligible) - ready,
            "numberMisscheduled": 0,
            "updatedNumberScheduled": len(updated),
            "observedGeneration": owner["metadata"]["generation"],
        }
        self._store.set_status(DAEMON_SETS, owner, status)

    def _keep_revision(self, owner: Json, name: str, suffix: str) -> None:
        """Keep the template as its newest ControllerRevision; one that was there before gets the next number."""
        metadata, template = owner["metadata"], owner["spec"]["template"]
        if self._newest.get(metadata["uid"]) == name:
            return
        self._newest[metadata["uid"]] = name
        kept = [
            one
            for one in self._store.all(CONTROLLER_REVISIONS, metadata["namespace"])
            if any(ref["uid"] == metadata["uid"] for ref in one["metadata"].get("ownerReferences") or [])
        ]
        number = max((one["revision"] for one in kept), default=0) + 1
        former = next((one for one in kept if one["metadata"]["name"] == name), None)
        if former is not None:
            if former["revision"] != number - 1:
                self._store.put(CONTROLLER_REVISIONS, {**former, "revision": number})
            return
        named = {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": {**(template["metadata"].get("labels") or {}), "controller-revision-hash": suffix},
            "ownerReferences": [owner_reference(DAEMON_SETS, owner)],
        }
        data = {"spec": {"template": {**template, "$patch": "replace"}}}
        self._store.create(CONTROLLER_REVISIONS, {"metadata": named, "data": data, "revision": number})

    def _deployment_status(self, deployment: Json, pods: list[Json], newest: list[Json]) -> None:
        living = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        ready, wanted = sum(map(is_ready, living)), int(deployment["spec"].get("replicas", 1))
        updated = sum("deletionTimestamp" not in pod["metadata"] for pod in newest)
        enough = ready >= wanted - _share("25%", wanted, up=False)
        old = deployment.get("status") or {}
        since = next((item["lastTransitionTime"] for item in old.get("conditions") or []), timestamp(datetime.now(UTC)))
        condition = {
            "type": "Available",
            "status": "True" if enough else "False",
            "reason": "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
            "message": f"Deployment {'has' if enough else 'does not have'} minimum availability.",
            "lastTransitionTime": since,
            "lastUpdateTime": since,
        }
        status: Json = {
            "replicas": len(living),
            "updatedReplicas": updated,
            "readyReplicas": ready,
            "availableReplicas": ready,
            "unavailableReplicas": max(wanted - ready, 0),
            "observedGeneration": deployment["metadata"]["generation"],
            "conditions": [condition],
        }
        status = {key: value for key, value in status.items() if value != 0}
        self._store.set_status(DEPLOYMENTS, deployment, status)
