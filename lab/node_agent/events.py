"""Events that a kubelet writes about its pods; the same one again raises its count."""

from __future__ import annotations

import threading
import zlib

from bot.sandbox.kubernetes.store import timestamp
from lab.kubernetes_api import ApiRefused, Json, KubernetesApi
from lab.node_agent.container_run import now


class PodEvents:
    """Writes through the API. Thread-safe; what the API does not take is lost, as a kubelet's events are."""

    def __init__(self, api: KubernetesApi) -> None:
        self._api = api
        self._counts: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def add(self, pod: Json, reason: str, message: str, *, kind: str = "Normal") -> None:
        """Write an event about a pod."""
        metadata, moment = pod["metadata"], timestamp(now())
        name = f"{metadata['name']}.{zlib.crc32((str(metadata['uid']) + reason + message).encode()):016x}"
        with self._lock:
            count = self._counts.get((metadata["namespace"], name), 0) + 1
            self._counts[metadata["namespace"], name] = count
        path = f"/api/v1/namespaces/{metadata['namespace']}/events"
        again: Json = {"count": count, "lastTimestamp": moment}
        whole: Json = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": metadata["namespace"]},
            "involvedObject": {
                "kind": "Pod",
                "apiVersion": "v1",
                **{key: metadata[key] for key in ("namespace", "name", "uid", "resourceVersion")},
            },
            "reason": reason,
            "message": message,
            "type": kind,
            "firstTimestamp": moment,
            "source": {"component": "kubelet", "host": pod["spec"]["nodeName"]},
            "reportingComponent": "kubelet",
            "reportingInstance": pod["spec"]["nodeName"],
            **again,
        }
        try:
            if count > 1:
                self._api.call("PATCH", f"{path}/{name}", again, kind="application/merge-patch+json")
            else:
                self._api.call("POST", path, whole)
        except (OSError, ApiRefused):
            return
