"""The kubelets of all worker nodes in one thread: registers the nodes, keeps the pods that are bound to them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from lab.certificates import Certificates
from lab.errors import LabError
from lab.kubernetes_api import Json
from lab.node_agent.events import PodEvents
from lab.node_agent.hands import AgentNode, Hands
from lab.node_agent.pod_keeper import PodKeeper
from lab.node_agent.reflector import Reflector
from lab.node_agent.server import PORT, KubeletServer

T = TypeVar("T")
_SECONDS = 60.0


def node_document(document: Json) -> Json:
    """Return the Node as this agent registers it: reachable on loopback, and able to take exec over WebSockets."""
    addresses = [item for item in document["status"]["addresses"] if item["type"] != "Hostname"]
    status = {
        **document["status"],
        "addresses": [*addresses, {"type": "Hostname", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": PORT}},
        "declaredFeatures": ["ExtendWebSocketsToKubelet"],
    }
    metadata = {key: value for key, value in document["metadata"].items() if key != "creationTimestamp"}
    return {**document, "metadata": metadata, "status": status}


class NodeAgent:
    """Runs from `start` to `stop`. The thread that starts it must have joined the control plane's namespace."""

    def __init__(self, hands: Hands, certificates: Certificates, nodes: Sequence[AgentNode]) -> None:
        self._hands = hands
        self._nodes = {node.name: node for node in nodes}
        self._keepers: dict[str, PodKeeper] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._events = PodEvents(hands.api)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lab-nodes", daemon=True)
        self._server = KubeletServer(self._find, certificates)
        self._ending = False
        self._failure: LabError | None = None
        self._reflectors = (
            self._reflector("/api/v1/pods", self._pods_listed, self._pod_changed),
            self._reflector("/api/v1/namespaces/kube-system/configmaps", self._config_listed, self._config_changed),
        )

    def _reflector(self, path: str, listed: Any, changed: Any) -> Reflector:  # noqa: ANN401  # two callbacks
        def on_loop(work: Any, *arguments: Any) -> None:  # noqa: ANN401  # a callback of ours
            self._loop.call_soon_threadsafe(work, *arguments)

        return Reflector(self._hands.api, path, listed=partial(on_loop, listed), changed=partial(on_loop, changed))

    def start(self) -> None:
        """Register all nodes, then begin to keep pods."""
        self._thread.start()
        self._in_loop(self._server.start())
        for node in self._nodes.values():
            self._hands.api.apply(node_document(node.document))
        for reflector in self._reflectors:
            reflector.start()

    def node(self, name: str) -> AgentNode:
        """Return a node; its settings may be changed."""
        return self._nodes[name]

    def stop(self) -> None:
        """End every program of every pod at once. Objects stay. Raises as `raise_failure` does, when all is done."""
        if not self._thread.is_alive():
            return
        self._ending = True
        for reflector in self._reflectors:
            reflector.stop()
        self._in_loop(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        self._hands.threads.shutdown()
        self._loop.close()
        self.raise_failure()

    def raise_failure(self) -> None:
        """Raise `LabError` with what ended the keeping of a pod, if anything did. From any thread."""
        if self._failure:
            raise self._failure

    def _in_loop(self, work: Coroutine[Any, Any, T]) -> T:
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(_SECONDS)

    async def _end(self) -> None:
        await self._server.stop()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await asyncio.gather(*(self._kill(keeper) for keeper in self._keepers.values()))
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _find(self, namespace: str, name: str) -> PodKeeper | None:
        for keeper in self._keepers.values():
            metadata = keeper.pod["metadata"]
            if (metadata["namespace"], metadata["name"]) == (namespace, name):
                return keeper
        return None

    def _pods_listed(self, pods: list[Json]) -> None:
        there = {pod["metadata"]["uid"] for pod in pods}
        for identity, keeper in self._keepers.items():
            if identity not in there:
                keeper.removed()
        for pod in pods:
            self._pod_changed("MODIFIED", pod)

    def _pod_changed(self, kind: str, pod: Json) -> None:
        identity, node = pod["metadata"]["uid"], self._nodes.get(pod["spec"].get("nodeName", ""))
        keeper = self._keepers.get(identity)
        if node is None or self._ending:
            return
        if keeper is not None:
            keeper.removed() if kind == "DELETED" else keeper.updated(pod)
        elif kind != "DELETED":
            keeper = PodKeeper(pod, node, self._hands, self._events)
            keeper.updated(pod)
            self._keepers[identity] = keeper
            self._tasks[identity] = self._loop.create_task(self._keep(identity, keeper))

    async def _keep(self, identity: str, keeper: PodKeeper) -> None:
        try:
            await keeper.keep()
        except Exception as error:  # noqa: BLE001  # whatever it is, it must not end in silence
            self._failed("keep", keeper, error)
        self._keepers.pop(identity, None)
        self._tasks.pop(identity, None)

    async def _kill(self, keeper: PodKeeper) -> None:
        try:
            await keeper.kill()
        except Exception as error:  # noqa: BLE001  # the same
            self._failed("end", keeper, error)

    def _failed(self, act: str, keeper: PodKeeper, error: Exception) -> None:
        """Remember the first failure: others come of it."""
        metadata = keeper.pod["metadata"]
        pod = f"{metadata['namespace']}/{metadata['name']}"
        if self._failure is None:
            self._failure = LabError(
                f"the lab's kubelet of {keeper.node.name} could not {act} pod {pod}: {type(error).__name__}: {error}. "
                "Start the lab anew."
            )
            self._failure.__cause__ = error

    def _config_listed(self, found: list[Json]) -> None:
        for config_map in found:
            self._config_changed("MODIFIED", config_map)

    def _config_changed(self, kind: str, config_map: Json) -> None:
        if kind != "DELETED":
            for keeper in self._keepers.values():
                keeper.configuration_changed(config_map)
