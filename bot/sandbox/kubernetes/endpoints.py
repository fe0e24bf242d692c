"""Endpoints and EndpointSlices follow the pods that each Service selects."""

from __future__ import annotations

from typing import Any

from bot.sandbox.kubernetes.resources import ENDPOINT_SLICES, ENDPOINTS, NODES, PODS, SERVICES, Json
from bot.sandbox.kubernetes.selectors import label_map_matches
from bot.sandbox.kubernetes.store import Store
from bot.sandbox.kubernetes.workloads import is_ready, owner_reference


def _address(pod: Json) -> str:
    return str((pod.get("status") or {}).get("podIP", ""))


def _ports(service: Json) -> list[Json]:
    return [
        {
            "name": port.get("name", ""),
            "port": port["targetPort"] if isinstance(port.get("targetPort"), int) else port["port"],
            "protocol": port.get("protocol", "TCP"),
        }
        for port in service["spec"].get("ports") or []
    ]


def _reference(pod: Json) -> Json:
    metadata = pod["metadata"]
    return {"kind": "Pod", "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"]}


class EndpointController:
    """Writes EndpointSlices and the older Endpoints."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def turn(self) -> None:
        """Bring every Service with a selector up to date."""
        zones = {
            node["metadata"]["name"]: (node["metadata"].get("labels") or {}).get("topology.kubernetes.io/zone", "")
            for node in self._store.unordered(NODES)
        }
        by_namespace: dict[str, list[Json]] = {}
        for pod in self._store.all(PODS):
            by_namespace.setdefault(pod["metadata"]["namespace"], []).append(pod)
        for service in self._store.all(SERVICES):
            selector = service["spec"].get("selector")
            if selector:
                pods = by_namespace.get(service["metadata"]["namespace"], [])
                self._service(service, [pod for pod in pods if self._behind(selector, pod)], zones)

    @staticmethod
    def _behind(selector: dict[str, str], pod: Json) -> bool:
        going = "deletionTimestamp" in pod["metadata"]
        return bool(_address(pod)) and not going and label_map_matches(selector, pod["metadata"].get("labels"))

    def _service(self, service: Json, pods: list[Json], zones: dict[str, str]) -> None:
        metadata, ports = service["metadata"], _ports(service)
        slice_endpoints = [
            {
                "addresses": [_address(pod)],
                "conditions": {"ready": is_ready(pod), "serving": is_ready(pod), "terminating": False},
                "nodeName": pod["spec"]["nodeName"],
                "targetRef": _reference(pod),
                "zone": zones.get(pod["spec"]["nodeName"], ""),
            }
            for pod in pods
        ]
        labels = {**(metadata.get("labels") or {}), "kubernetes.io/service-name": metadata["name"]}
        self._store.put(
            ENDPOINT_SLICES,
            {
                "metadata": {
                    "name": f"{metadata['name']}-{metadata['uid'][:5]}",
                    "generateName": f"{metadata['name']}-",
                    "namespace": metadata["namespace"],
                    "labels": {**labels, "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"},
                    "ownerReferences": [owner_reference(SERVICES, service)],
                },
                "addressType": "IPv6" if ":" in service["spec"].get("clusterIP", "") else "IPv4",
                "endpoints": slice_endpoints,
                "ports": ports,
            },
        )
        self._store.put(ENDPOINTS, _endpoints(metadata, pods, ports))

    def backends(self) -> dict[str, tuple[str, ...]]:
        """Return the ready addresses behind each ClusterIP."""
        found: dict[str, tuple[str, ...]] = {}
        by_service: dict[tuple[str, str], list[Any]] = {}
        for item in self._store.all(ENDPOINT_SLICES):
            name = (item["metadata"].get("labels") or {}).get("kubernetes.io/service-name", "")
            by_service.setdefault((item["metadata"]["namespace"], name), []).extend(item.get("endpoints") or [])
        for service in self._store.all(SERVICES):
            address = service["spec"].get("clusterIP", "None")
            key = (service["metadata"]["namespace"], service["metadata"]["name"])
            if address != "None":
                ready = [item for item in by_service.get(key, []) if item["conditions"].get("ready")]
                found[address] = tuple(str(item["addresses"][0]) for item in ready)
        return found


def _endpoints(metadata: Json, pods: list[Json], ports: list[Json]) -> Json:
    def written(pod: Json) -> Json:
        return {"ip": _address(pod), "nodeName": pod["spec"]["nodeName"], "targetRef": _reference(pod)}

    ready = [written(pod) for pod in pods if is_ready(pod)]
    unready = [written(pod) for pod in pods if not is_ready(pod)]
    subset: Json = {"ports": ports}
    if ready:
        subset["addresses"] = ready
    if unready:
        subset["notReadyAddresses"] = unready
    return {
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "labels": metadata.get("labels") or {},
        },
        "subsets": [subset] if pods else [],
    }
