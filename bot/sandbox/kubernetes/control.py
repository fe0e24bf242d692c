"""Control routes under `/sandbox/`: faults, objects as an operator with kubectl would put them, kubelet settings.

Consequences cannot be posted here; the cluster computes them.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from aiohttp import web

from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.faults import Faults
from bot.sandbox.kubernetes.probe_clusters import ProbeClusters
from bot.sandbox.kubernetes.refusals import bad_request, not_implemented
from bot.sandbox.kubernetes.resources import STORED, Json, ResourceType, type_of


class ControlRoutes:
    """Answers the routes of the sandbox itself. No token is needed: only loopback reaches them."""

    def __init__(self, cluster: Cluster, faults: Faults, probes: ProbeClusters | None = None) -> None:
        self._cluster, self._faults, self._probes = cluster, faults, probes

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one control request."""
        route = (request.method, request.path.removeprefix("/sandbox/"))
        body = json.loads(await request.read() or b"null") if request.can_read_body else None
        if route == ("GET", "settled"):
            await self._cluster.look_at_addons()
        if route[0] == "GET":
            return web.json_response(self._read(route[1], request.query.get("resource", "")))
        if self._probes is not None and route == ("POST", "probe-clusters"):
            return web.json_response({"url": await self._probes.add(body)})
        if self._probes is not None and route == ("POST", "forwarders"):
            self._probes.forward(body)
            return web.json_response({"ok": True})
        if self._probes is not None and route == ("POST", "reset"):
            await self._probes.clear()
        self._change(route, body)
        return web.json_response({"ok": True})

    def _read(self, name: str, resource: str) -> Any:  # noqa: ANN401  # JSON of any shape
        if name == "calls":
            return self._faults.calls
        if name == "settled":
            return {"settled": self._cluster.settled(), "moving": self._cluster.moving()}
        if name == "objects":
            kind = next((kind for kind in STORED if resource in (kind.plural, kind.full_name)), None)
            if kind is None:
                raise bad_request(f"unknown resource {resource!r}")
            return self._cluster.store.all(kind)
        raise not_implemented(f"the route GET /sandbox/{name}")

    def _change(self, route: tuple[str, str], body: Any) -> None:  # noqa: ANN401  # JSON of any shape
        if route == ("POST", "faults"):
            self._faults.replace(body)
        elif route == ("DELETE", "faults"):
            self._faults.clear()
        elif route == ("POST", "deny"):
            self._faults.denied = frozenset(body["actions"])
        elif route == ("POST", "latency"):
            self._faults.latency_ms = int(body["ms"])
        elif route == ("DELETE", "calls"):
            self._faults.calls.clear()
        else:
            self._change_cluster(route, body)

    def _reset(self) -> None:
        self._faults.clear()
        self._faults.calls.clear()
        self._faults.denied, self._faults.latency_ms = frozenset(), 0
        self._cluster.reset()

    def _change_object(self, method: str, document: Json) -> None:
        if method == "POST":
            self._cluster.changed(_type(document), document)
        elif method == "DELETE":
            metadata = document["metadata"]
            self._cluster.deleted(_type(document), metadata.get("namespace", ""), metadata["name"], at_once=False)
        else:
            raise not_implemented(f"the route {method} /sandbox/objects")

    def _change_nodes(self, what: str, body: Json) -> None:
        if what == "unrouted":
            self._cluster.remove_routes(body["addresses"])
        elif what == "tracked":
            self._cluster.track(**body)
        else:
            for node, settings in body.items():
                self._cluster.configure_kubelet(node, settings)

    def _change_cluster(self, route: tuple[str, str], body: Any) -> None:  # noqa: ANN401  # JSON of any shape
        if route[1] == "objects":
            for document in body:
                self._change_object(route[0], document)
        elif route[0] == "POST" and route[1] in {"nodes", "unrouted", "tracked"}:
            self._change_nodes(route[1], body)
        elif route == ("POST", "passed"):
            self._cluster.pass_time(timedelta(seconds=float(body["seconds"])))
        elif route == ("POST", "refresh"):
            self._cluster.look_at_network_anew()
        elif route == ("POST", "reset"):
            self._reset()
        else:
            raise not_implemented(f"the route {route[0]} /sandbox/{route[1]}")


def _type(document: Json) -> ResourceType:
    kind = type_of(document)
    if kind is None:
        raise not_implemented(f"objects of {document.get('apiVersion')} {document.get('kind')}")
    if kind.namespaced and not document["metadata"].get("namespace"):
        raise bad_request(f"{kind.kind} {document['metadata']['name']} names no namespace")
    return kind
