"""Reads Kubernetes objects: every page of a list, logs with the API's timestamps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from bot.clients.answers import json_object, parts_of
from bot.clients.kept import Kept
from bot.clients.kubernetes_api import KubernetesApi, Query, collection_path, in_path, version_path
from bot.clients.kubernetes_errors import KubernetesCall, PageExpired
from bot.clients.list_pages import take_page
from bot.domain.cluster import PodName
from bot.domain.deadline import Deadline
from bot.domain.json_values import RawObject
from bot.domain.ports import OPENAPI, Resource
from bot.errors import SourceGarbled
from bot.kubernetes.resources import PODS

PAGE_ITEMS = 500
"""Items asked for at once; larger pages only cost memory."""

MAX_LIST_BYTES = 128 * 1024 * 1024
"""Of all pages of one list: some ten thousand pods. What is kept of it is bounded by `Kept`."""

T = TypeVar("T")


class KubernetesReader:
    """Implements `ports.ClusterReader`. Every call ends by `deadline`."""

    def __init__(self, api: KubernetesApi, deadline: Deadline) -> None:
        self._api = api
        self._deadline = deadline

    def get(self, resource: Resource, name: str, *, namespace: str = "") -> RawObject:
        call = KubernetesCall(
            verb="get", resource=resource.plural, group=resource.group, namespace=namespace, name=name
        )
        path = f"{collection_path(resource, namespace)}/{in_path(name)}"
        found = json_object(self._api.read(call, path, (), self._deadline).body, str(call))
        if found["metadata"].get("name") != name:
            raise SourceGarbled(f"Cannot {call}: another object came back ({found.get('kind')!r}).")
        return found

    def list(
        self,
        resource: Resource,
        read: Callable[[RawObject], T],
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
    ) -> Sequence[T]:
        """Return all pages' items; a list that expires while it is paged is read once more from its beginning."""
        call = KubernetesCall(verb="list", resource=resource.plural, group=resource.group, namespace=namespace)
        query = [("limit", str(PAGE_ITEMS))]
        query += [(key, value) for key, value in (("labelSelector", labels), ("fieldSelector", fields)) if value]
        path = collection_path(resource, namespace)
        try:
            return self._pages(call, path, query, read)
        except PageExpired:
            return self._pages(call, path, query, read)

    def logs(
        self,
        pod: PodName,
        *,
        container: str = "",
        previous: bool = False,
        since_seconds: int = 900,
        tail_lines: int = 2000,
        limit_bytes: int = 1_000_000,
    ) -> str:
        """Return the newest lines; an answer that is no plain text is not taken for an empty log.

        What an API server sends beyond `limit_bytes` is not read.
        """
        call = KubernetesCall(verb="get", resource="pods/log", namespace=pod.namespace, name=pod.name)
        query = [
            ("timestamps", "true"),
            ("tailLines", str(tail_lines)),
            ("sinceSeconds", str(since_seconds)),
            ("limitBytes", str(limit_bytes)),
        ]
        query += [("container", container)] if container else []
        query += [("previous", "true")] if previous else []
        path = f"{collection_path(PODS, pod.namespace)}/{in_path(pod.name)}/log"
        reply = self._api.read(call, path, query, self._deadline, keep_bytes=limit_bytes)
        if not reply.headers.get("content-type", "").startswith("text/plain"):
            said = reply.headers.get("content-type", "") or "nothing"
            raise SourceGarbled(f"Cannot {call}: the answer says it is {said}, and a log is text/plain.")
        return reply.body.decode("utf-8", errors="replace")

    def schemas(self, resource: Resource) -> RawObject:
        call = KubernetesCall(verb="get", resource=OPENAPI)
        path = f"/openapi/v3{version_path(resource)}"
        return json_object(self._api.read(call, path, (), self._deadline).body, str(call))

    def pod_page(self, pod: PodName, *, port: int, path: str) -> str:
        """Return the text of a page; one beyond the usual limit of an answer is refused."""
        call = KubernetesCall(verb="get", resource="pods/proxy", namespace=pod.namespace, name=pod.name)
        named = f"{in_path(pod.name)}:{port}"
        url = f"{collection_path(PODS, pod.namespace)}/{named}/proxy/{path}"
        reply = self._api.read(call, url, (), self._deadline)
        return reply.body.decode("utf-8", errors="replace")

    def _pages(self, call: KubernetesCall, path: str, query: Query, read: Callable[[RawObject], T]) -> Sequence[T]:
        kept = Kept[T](str(call))
        token = ""
        size = 0
        while True:
            body = self._api.read(call, path, [*query, ("continue", token)] if token else query, self._deadline).body
            size += len(body)
            if size > MAX_LIST_BYTES:
                raise SourceGarbled(
                    f"Cannot {call}: the list is larger than {MAX_LIST_BYTES} bytes. It was cut off there, at "
                    f"{len(kept.values)} items, and is not judged."
                )
            kept.expect(size, parts_of(body))
            following = take_page(body, str(call), read, kept)
            if following and following == token:
                raise SourceGarbled(f"Cannot {call}: the same page was offered twice.")
            token = following
            if not token:
                return kept.values
            del body  # two pages of a list are never held at once
