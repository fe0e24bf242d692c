"""A Kubernetes API server under test, and the few things that the suite needs besides HTTP."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar
from urllib.parse import urlencode, urlsplit

Json: TypeAlias = dict[str, Any]
T = TypeVar("T")
ADMIN, READER, WRITER, NOBODY = "admin-token", "reader-token", "writer-token", "stolen-token"
"""Bearer tokens; the last one is nobody's."""
NAMESPACE = "contract"
"""Holds everything that the suite makes."""
STRATEGIC = "application/strategic-merge-patch+json"
_SECONDS = 20.0
_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    text: str

    @property
    def json(self) -> Json:
        """The body as JSON."""
        found: Json = json.loads(self.text)
        return found

    @property
    def refusal(self) -> tuple[int, str, str]:
        """HTTP status, then reason and message of the Status body."""
        return self.status, str(self.json["reason"]), str(self.json["message"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """How to reach the server over HTTP."""

    url: str
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    def ask(  # what a request is made of
        self,
        method: str,
        path: str,
        document: object = None,
        *,
        token: str = ADMIN,
        kind: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request and return whatever comes back."""
        place = urlsplit(self.url)
        host, port = place.hostname or "", place.port or 443
        opened = (
            http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=self.tls)
            if self.tls
            else http.client.HTTPConnection(host, port, timeout=_SECONDS)
        )
        body = document if isinstance(document, bytes | None) else json.dumps(document).encode()
        headers = {"Content-Type": kind} if body is not None else {}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        with closing(opened) as connection:
            connection.request(method, path + (f"?{urlencode(query)}" if query else ""), body=body, headers=headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        return Answer(status=answer.status, headers={key.lower(): it for key, it in answer.getheaders()}, text=text)

    def patch(self, path: str, document: object, *, token: str = ADMIN, **query: str) -> Answer:
        """Send a strategic-merge patch."""
        return self.ask("PATCH", path, document, token=token, kind=STRATEGIC, query=query)

    def get(self, path: str, **query: str) -> Json:
        """Return what the administrator gets, which must be there."""
        answer = self.ask("GET", path, query=query)
        assert answer.status == http.HTTPStatus.OK, answer
        return answer.json

    def items(self, path: str, **query: str) -> list[Json]:
        """Return the items of a list."""
        found: list[Json] = self.get(path, **query)["items"]
        return found


class FarEnd(Protocol):
    """What the suite asks of a far end."""

    wire: Wire
    kubeconfig: Path
    """With the contexts `reader` and `writer`."""
    reader: str
    """The reader's user name."""

    def put(self, *objects: Json) -> None:
        """Create objects, or put them in place of what is there; as the administrator."""
        ...

    def expire_pages(self) -> None:
        """Let every continue token that was given so far become too old."""
        ...

    def throttled(self, resource: str) -> AbstractContextManager[None]:
        """While it lasts, the server sheds what the reader asks of this resource of the core group: `nodes`."""
        ...


def config_map(name: str, *, data: Mapping[str, str] | None = None, **labels: str) -> Json:
    """Return a ConfigMap of the suite's namespace."""
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data or {})}


def event(name: str) -> Json:
    """Return an Event of the suite's namespace, about nothing that exists."""
    metadata = {"name": name, "namespace": NAMESPACE}
    about = {"apiVersion": "v1", "kind": "Pod", "namespace": NAMESPACE, "name": "nobody"}
    return {"apiVersion": "v1", "kind": "Event", "metadata": metadata, "involvedObject": about, "reason": "Suite"}


def unscheduled_pod(name: str, **labels: str) -> Json:
    """Return a pod of the suite's namespace that no node fits."""
    spec = {"containers": [{"name": "idle", "image": "shop:1"}], "nodeSelector": {"nobody": "has-this"}}
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def deployment(name: str, *, image: str, replicas: int) -> Json:
    """Return a Deployment of the suite's namespace with one container, named like it, that has one variable."""
    labels = {"app": name}
    env = [{"name": "A", "value": "1"}]
    containers = [{"name": name, "image": image, "env": env}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    }


def path(resource: str, name: str = "", *, group: str = "", namespace: str = NAMESPACE) -> str:
    """Return the path of a namespaced collection, or of an object in it."""
    base = f"/apis/{group}/v1" if group else "/api/v1"
    return f"{base}/namespaces/{namespace}/{resource}" + (f"/{name}" if name else "")


def eventually(look: Callable[[], T], good: Callable[[T], bool], *, seconds: float = _PATIENCE_SECONDS) -> T:
    """Look until it is good and return what was seen; fails with the last thing seen."""
    until = time.monotonic() + seconds
    while True:
        seen = look()
        if good(seen):
            return seen
        assert time.monotonic() < until, f"after {seconds:g} s still {seen}"
        time.sleep(_PAUSE_SECONDS)


def is_ready(pod: Json) -> bool:
    """Return whether a pod's Ready condition is True and nobody deletes it."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def ready_pods(far_end: FarEnd, labels: str, *, count: int, namespace: str = NAMESPACE) -> list[Json]:
    """Wait until exactly so many pods have these labels, all Ready, and return them."""

    def look() -> list[Json]:
        return far_end.wire.items(path("pods", namespace=namespace), labelSelector=labels)

    return eventually(look, lambda pods: len(pods) == count and all(map(is_ready, pods)))
