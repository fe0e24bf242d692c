"""EKS's add-on manager in the cluster, for CoreDNS: it keeps Deployment and Corefile as the add-on is configured.

It changes what the configuration names or no longer names, and nothing else; what others set it does not touch, and EKS
decides whether that is a conflict (EKS User Guide, "Determine fields you can customize for Amazon EKS add-ons", "Scale
CoreDNS Pods for high DNS traffic").
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

from bot.sandbox.kubernetes.managed_fields import with_managed_fields
from bot.sandbox.kubernetes.resources import CONFIG_MAPS, DEPLOYMENTS, NODES, Json
from bot.sandbox.kubernetes.store import Store
from bot.sandbox.network.cluster_addons import AddonSource, Configuration

_ADDON, _NAMESPACE, _NAME = "coredns", "kube-system", "coredns"
_IN_TEMPLATE = ("affinity", "topologySpreadConstraints", "tolerations", "nodeSelector")
_COREFILE = "corefile"
_NODES_PER_REPLICA, _CORES_PER_REPLICA = 16, 256


class CorednsAddonManager:
    """Follows the add-on. Without a source there is none."""

    def __init__(self, store: Store, source: AddonSource | None) -> None:
        self._store, self._source = store, source
        self._applied: dict[str, Any] = {}
        self._before: dict[str, Any] = {}
        """What members had that the configuration has named: EKS's own defaults."""
        self._by_others: dict[str, str] = {}
        self._untold = False

    def changed(self, current: Json | None, document: Json) -> None:
        """Notice which members somebody else has changed in the Deployment or the ConfigMap, which have one name."""
        metadata = document["metadata"]
        if current is None or (metadata.get("namespace"), metadata["name"]) != (_NAMESPACE, _NAME):
            return
        before, after = (_members(one) if "spec" in one else _texts(one) for one in (current, document))
        changed = {name: json.dumps(after[name]) for name in after if before[name] != after[name]}
        self._by_others |= changed
        self._untold = self._untold or bool(changed)

    async def turn(self) -> None:
        """Tell EKS what others changed, and give the Deployment what the add-on's configuration wants."""
        if self._source is None:
            return
        if self._untold:
            self._untold = not await self._source.tell(_ADDON, self._by_others)
        configured = await self._source.configuration(_ADDON)
        held = self._store.find(DEPLOYMENTS, _NAMESPACE, _NAME)
        config = self._store.find(CONFIG_MAPS, _NAMESPACE, _NAME)
        if configured is None or held is None or config is None:
            return
        wanted = self._wanted(configured)
        if wanted == self._applied:
            return
        now = {**_members(held), **_texts(config)}
        self._before = {name: self._before.get(name, now[name]) for name in (*self._before, *wanted)}
        changes = {**{name: self._before[name] for name in self._applied.keys() - wanted.keys()}, **wanted}
        self._applied = wanted
        self._by_others = {name: value for name, value in self._by_others.items() if name not in changes}
        self._untold = True
        self._store.put(DEPLOYMENTS, _with(held, changes))
        if _COREFILE in changes:
            written = {**config, "data": {**config["data"], "Corefile": changes[_COREFILE]}}
            self._store.put(CONFIG_MAPS, with_managed_fields(config, written, "eks", datetime.now(UTC)))

    def _wanted(self, configured: Configuration) -> dict[str, Any]:
        wanted = {name: configured[name] for name in (*_IN_TEMPLATE, _COREFILE) if name in configured}
        if "replicaCount" in configured:
            wanted["replicaCount"] = int(configured["replicaCount"])
        scaled = configured.get("autoScaling") or {}
        if scaled.get("enabled"):
            wanted["replicaCount"] = self._scaled(int(scaled.get("minReplicas", 2)), int(scaled.get("maxReplicas", 10)))
        return wanted

    def _scaled(self, least: int, most: int) -> int:
        """Return how many pods EKS's own scaling wants, by nodes and cores."""
        nodes = self._store.all(NODES)
        cores = sum(int((node.get("status") or {}).get("capacity", {}).get("cpu", 0)) for node in nodes)
        asked = max(math.ceil(len(nodes) / _NODES_PER_REPLICA), math.ceil(cores / _CORES_PER_REPLICA))
        return min(max(asked, least), most)


def _texts(config: Json) -> dict[str, Any]:
    return {_COREFILE: (config.get("data") or {}).get("Corefile", "")}


def _members(deployment: Json) -> dict[str, Any]:
    spec = deployment["spec"]
    return {name: spec["template"]["spec"].get(name) for name in _IN_TEMPLATE} | {"replicaCount": spec.get("replicas")}


def _with(deployment: Json, changes: dict[str, Any]) -> Json:
    """Return the Deployment with these members; None takes one away."""
    spec = deployment["spec"]
    template, pod = spec["template"], dict(spec["template"]["spec"])
    for name in _IN_TEMPLATE:
        if name in changes:
            pod.pop(name, None)
            pod |= {} if changes[name] is None else {name: changes[name]}
    replicas = changes.get("replicaCount", spec.get("replicas"))
    return {**deployment, "spec": {**spec, "replicas": replicas, "template": {**template, "spec": pod}}}
