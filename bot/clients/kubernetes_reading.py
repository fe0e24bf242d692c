"""Reads Kubernetes objects: every page of a list, logs with the API's timestamps."""

from __future__ import annotations

from typing import TypeAlias
from urllib.parse import quote

from bot.clients.answers import json_object
from bot.clients.kubernetes_api import KubernetesApi, Query, collection_path
from bot.clients.kubernetes_errors import KubernetesCall, PageExpired
from bot.domain.cluster import PodName
from bot.domain.deadline import Deadline
from bot.domain.json_values import RawObject
from bot.domain.ports import Resource
from bot.errors import SourceGarbled

PAGE_ITEMS = 500
"""Items asked for at once; larger pages only cost memory."""

_PODS = Resource(plural="pods")


Objects: TypeAlias = list[RawObject]


class KubernetesReader:
    """Implements `ports.ClusterReader`. Every call ends by `deadline`."""

    def __init__(self, api: KubernetesApi, deadline: Deadline) -> None:
        self._api = api
        self._deadline = deadline

    def get(self, resource: Resource, name: str, *, namespace: str = "") -> RawObject:
        """See `ClusterReader.get`."""
        call = KubernetesCall(
            verb="get", resource=resource.plural, group=resource.group, namespace=namespace, name=name
        )
        path = f"{collection_path(resource, namespace)}/{quote(name, safe='')}"
        found = json_object(self._api.read(call, path, (), self._deadline).body, str(call))
        if found["metadata"].get("name") != name:
            raise SourceGarbled(f"Cannot {call}: another object came back ({found.get('kind')!r}).")
        return found

    def list(self, resource: Resource, *, namespace: str = "", labels: str = "", fields: str = "") -> Objects:
        """See `ClusterReader.list`. A list that expires while it is paged is read once more from its beginning."""
        call = KubernetesCall(verb="list", resource=resource.plural, group=resource.group, namespace=namespace)
        query = [("limit", str(PAGE_ITEMS))]
        query += [(key, value) for key, value in (("labelSelector", labels), ("fieldSelector", fields)) if value]
        path = collection_path(resource, namespace)
        try:
            return self._pages(call, path, query)
        except PageExpired:
            return self._pages(call, path, query)

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
        """See `ClusterReader.logs`. An answer that is no plain text is not taken for an empty log."""
        call = KubernetesCall(verb="get", resource="pods/log", namespace=pod.namespace, name=pod.name)
        query = [
            ("timestamps", "true"),
            ("tailLines", str(tail_lines)),
            ("sinceSeconds", str(since_seconds)),
            ("limitBytes", str(limit_bytes)),
        ]
        query += [("container", container)] if container else []
        query += [("previous", "true")] if previous else []
        path = f"{collection_path(_PODS, pod.namespace)}/{quote(pod.name, safe='')}/log"
        reply = self._api.read(call, path, query, self._deadline)
        if not reply.headers.get("content-type", "").startswith("text/plain"):
            said = reply.headers.get("content-type", "") or "nothing"
            raise SourceGarbled(f"Cannot {call}: the answer says it is {said}, and a log is text/plain.")
        return reply.body.decode("utf-8", errors="replace")

    def _pages(self, call: KubernetesCall, path: str, query: Query) -> Objects:
        items: Objects = []
        token = ""
        while True:
            page = self._page(call, path, [*query, ("continue", token)] if token else query)
            items += page["items"] or []
            following = (page["metadata"] or {}).get("continue") or ""
            if following and following == token:
                raise SourceGarbled(f"Cannot {call}: the same page was offered twice.")
            token = following
            if not token:
                return items

    def _page(self, call: KubernetesCall, path: str, query: Query) -> RawObject:
        page = json_object(self._api.read(call, path, query, self._deadline).body, str(call))
        if not str(page.get("kind", "")).endswith("List") or not isinstance(page["items"], list | None):
            raise SourceGarbled(f"Cannot {call}: the answer is a {page.get('kind')!r}, not a list.")
        return page
