"""Security groups for pods: EKS's admission webhook and its VPC resource controller, as far as a pod can tell.

A pod that a SecurityGroupPolicy selects when it is created requests a branch interface; once it is on a node it gets
one with the policy's groups, and the annotation that names it. What runs already keeps what it has.
Source: EKS User Guide, "Assign security groups to individual Pods"; amazon-vpc-resource-controller-k8s, docs/sgp.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from bot.sandbox.kubernetes.resources import NODES, PODS, SECURITY_GROUP_POLICIES, Json
from bot.sandbox.kubernetes.selectors import label_map_matches
from bot.sandbox.kubernetes.store import Store
from bot.sandbox.network.branch_interfaces import ANNOTATION, BranchMaker, NoInterface


def waits_for_interface(pod: Json) -> bool:
    """Return whether the pod requests a branch interface that it has not got yet."""
    return _requests_one(pod) and ANNOTATION not in (pod["metadata"].get("annotations") or {})


class PodSecurityGroups:
    """Admits pods and gives out branch interfaces. Without a maker no policy has any effect."""

    def __init__(self, store: Store, maker: BranchMaker | None) -> None:
        self._store, self._maker = store, maker
        self._given: dict[str, str] = {}
        """Ids of interfaces by the uid of their pod."""
        self.refused = False

    def admit(self) -> None:
        """Let pods that were just created, and that a policy selects, request a branch interface."""
        if self._maker is None or not self._store.all(SECURITY_GROUP_POLICIES):
            return
        for pod in self._store.all(PODS):
            fresh = not pod["spec"].get("nodeName") and not pod["spec"].get("hostNetwork") and not _requests_one(pod)
            if fresh and any(self._groups_of(pod)):
                first, *others = pod["spec"]["containers"]
                self._store.put(PODS, {**pod, "spec": {**pod["spec"], "containers": [_requesting(first), *others]}})

    async def give(self) -> bool:
        """Give branch interfaces to pods that wait for one, take back those of pods that are gone.

        Returns whether AWS holds anything else now. Where AWS refuses, `refused` holds and the next turn tries again.
        """
        self.refused = False
        if self._maker is None:
            return False
        pods = {pod["metadata"]["uid"]: pod for pod in self._store.unordered(PODS)}
        waiting = [pod for pod in pods.values() if pod["spec"].get("nodeName") and waits_for_interface(pod)]
        gone = self._given.keys() - pods.keys()
        try:
            for pod in waiting:
                await self._give_one(self._maker, pod)
            for uid in gone:
                await asyncio.to_thread(self._maker.remove, self._given.pop(uid))
        except NoInterface:
            self.refused = True
        return bool(waiting or gone)

    async def _give_one(self, maker: BranchMaker, pod: Json) -> None:
        metadata = pod["metadata"]
        node = self._store.get(NODES, "", pod["spec"]["nodeName"])
        instance = node["spec"]["providerID"].rpartition("/")[2]
        made = await asyncio.to_thread(maker.create, instance, sorted(set(self._groups_of(pod))))
        self._given[metadata["uid"]] = made.eniId
        annotations = {**(metadata.get("annotations") or {}), ANNOTATION: made.annotation}
        self._store.put(PODS, {**pod, "metadata": {**metadata, "annotations": annotations}})

    def _groups_of(self, pod: Json) -> Iterator[str]:
        for policy in self._store.all(SECURITY_GROUP_POLICIES, pod["metadata"]["namespace"]):
            spec: dict[str, Any] = policy["spec"]
            if label_map_matches(spec["podSelector"].get("matchLabels") or {}, pod["metadata"].get("labels")):
                yield from spec["securityGroups"]["groupIds"]


def _requests_one(pod: Json) -> bool:
    containers = pod["spec"]["containers"]
    return any(ANNOTATION in ((one.get("resources") or {}).get("requests") or {}) for one in containers)


def _requesting(container: Json) -> Json:
    resources = container.get("resources") or {}
    parts = {part: {**(resources.get(part) or {}), ANNOTATION: "1"} for part in ("limits", "requests")}
    return {**container, "resources": {**resources, **parts}}
