"""Security groups for pods in the lab: what EKS's VPC resource controller does for pods that a policy selects.

A pod gets its branch interface when its sandbox is made, with no webhook before it: the request that EKS's webhook adds
to a container counts for the scheduler alone, and here every node has room.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from bot.sandbox.network.branch_interfaces import ANNOTATION, BranchInterface, BranchMaker
from lab.errors import LabError
from lab.kubernetes_api import ApiRefused, Json, KubernetesApi, path_of

_POLICIES = "securitygrouppolicies.vpcresources.k8s.aws"
_SECONDS = 30.0
_MERGE = "application/merge-patch+json"
_KIND: Json = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": _POLICIES},
    "spec": {
        "group": "vpcresources.k8s.aws",
        "names": {"kind": "SecurityGroupPolicy", "plural": "securitygrouppolicies", "shortNames": ["sgp"]},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1beta1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


def define_policies(api: KubernetesApi) -> None:
    """Let the API server know SecurityGroupPolicies, as it does in every EKS cluster; wait until it serves them."""
    api.apply(_KIND)
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        try:
            api.list(_POLICIES)
        except ApiRefused:
            time.sleep(0.05)
        else:
            return
    raise LabError(f"the API server does not serve {_POLICIES} within {_SECONDS:.0f} s of their definition")


class PodSecurityGroups:
    """Gives branch interfaces out and takes them back. Call it from threads that the simulated AWS can be reached from.

    `follow` brings the packet filter up to AWS's state.
    """

    def __init__(self, api: KubernetesApi, maker: BranchMaker, follow: Callable[[], bool]) -> None:
        self._api, self._maker, self._follow = api, maker, follow
        self._given: dict[str, str] = {}

    def give(self, pod: Json, instance_id: str) -> BranchInterface | None:
        """Return the pod's branch interface; None: no policy selects it."""
        groups = sorted(set(self._groups_of(pod)))
        if not groups:
            return None
        made = self._maker.create(instance_id, groups)
        self._given[pod["metadata"]["uid"]] = made.eniId
        self._follow()
        body = {"metadata": {"annotations": {ANNOTATION: made.annotation}}}
        self._api.call("PATCH", path_of({"apiVersion": "v1", "kind": "Pod", **pod}), body, kind=_MERGE)
        return made

    def take_back(self, pod: Json) -> bool:
        """Delete the pod's branch interface; return whether it had one."""
        given = self._given.pop(pod["metadata"]["uid"], "")
        if given:
            self._maker.remove(given)
        return bool(given)

    def _groups_of(self, pod: Json) -> Iterator[str]:
        labels = (pod["metadata"].get("labels") or {}).items()
        for policy in self._api.list(_POLICIES, namespace=pod["metadata"]["namespace"]):
            spec: dict[str, Any] = policy["spec"]
            if (spec["podSelector"].get("matchLabels") or {}).items() <= labels:
                yield from spec["securityGroups"]["groupIds"]
