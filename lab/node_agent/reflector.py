"""Lists a collection and then watches it, again and again; every change goes to one callback."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from lab.kubernetes_api import ApiRefused, Json, KubernetesApi

_PAUSE_SECONDS = 0.3
_WATCH_SECONDS = 300


class Reflector:
    """Runs in a thread of its own from `start` to `stop`.

    `listed` gets all objects after each list; `changed` gets ADDED, MODIFIED or DELETED with the object.
    """

    def __init__(
        self,
        api: KubernetesApi,
        path: str,
        *,
        listed: Callable[[list[Json]], None],
        changed: Callable[[str, Json], None],
    ) -> None:
        self._api, self._path = api, path
        self._listed, self._changed = listed, changed
        self._ended = threading.Event()
        self._connection: http.client.HTTPSConnection | None = None
        self._thread = threading.Thread(target=self._work, name=f"lab-watch {path}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End and wait until no callback comes any more."""
        self._ended.set()
        connection = self._connection
        if connection is not None and connection.sock is not None:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive():  # it never began where the start of something else failed
            self._thread.join(10)

    def _work(self) -> None:
        while not self._ended.is_set():
            try:
                answer = self._api.call("GET", self._path)
                self._listed(answer["items"])
                self._watch(answer["metadata"]["resourceVersion"])
            except (OSError, ApiRefused, http.client.HTTPException, ValueError):
                time.sleep(_PAUSE_SECONDS)

    def _watch(self, version: str) -> None:
        api = self._api
        connection = http.client.HTTPSConnection(
            "127.0.0.1", api.port, timeout=_WATCH_SECONDS + 30, context=api.context
        )
        self._connection = connection
        query = f"watch=1&resourceVersion={version}&timeoutSeconds={_WATCH_SECONDS}&allowWatchBookmarks=false"
        try:
            connection.request("GET", f"{self._path}?{query}", headers={"Authorization": f"Bearer {api.token}"})
            answer = connection.getresponse()
            while not self._ended.is_set():
                line = answer.readline()
                if not line:
                    return
                event: dict[str, Any] = json.loads(line)
                if event["type"] == "ERROR":
                    return
                self._changed(event["type"], event["object"])
        finally:
            connection.close()
