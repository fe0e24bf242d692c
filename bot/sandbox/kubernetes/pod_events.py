"""Events on pods. The same event again raises the count of the one that is there."""

from __future__ import annotations

import zlib
from datetime import datetime

from bot.sandbox.kubernetes.resources import EVENTS, Json
from bot.sandbox.kubernetes.store import Store, timestamp


class PodEvents:
    """Writes events as kubelet and scheduler do."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, pod: Json, kind: str, reason: str, message: str, now: datetime) -> None:
        """Add an event on a pod, or count it up."""
        metadata = pod["metadata"]
        number = zlib.crc32(f"{metadata['uid']}{reason}{message}".encode())
        name = f"{metadata['name']}.{number:016x}"
        known = self._store.find(EVENTS, metadata["namespace"], name)
        component = "default-scheduler" if reason in {"FailedScheduling", "Scheduled"} else "kubelet"
        source: Json = {"component": component}
        if component == "kubelet":
            source["host"] = pod["spec"].get("nodeName", "")
        self._store.put(
            EVENTS,
            {
                "metadata": {"name": name, "namespace": metadata["namespace"]},
                "involvedObject": {
                    "kind": "Pod",
                    "apiVersion": "v1",
                    "namespace": metadata["namespace"],
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                },
                "reason": reason,
                "message": message,
                "type": kind,
                "count": (known or {"count": 0})["count"] + 1,
                "firstTimestamp": known["firstTimestamp"] if known else timestamp(now),
                "lastTimestamp": timestamp(now),
                "eventTime": None,
                "source": source,
                "reportingComponent": component,
                "reportingInstance": source.get("host", ""),
            },
        )
