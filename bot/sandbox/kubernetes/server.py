"""The HTTP server: authentication, faults, and the calls that it knows."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bot.sandbox.kubernetes.access import User, user_of
from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.control import ControlRoutes
from bot.sandbox.kubernetes.exec_stream import TRUNCATE, serve_exec
from bot.sandbox.kubernetes.faults import HANG_SECONDS, THROTTLED, Fault, Faults, internal_error
from bot.sandbox.kubernetes.listing import Lister, ListRequest
from bot.sandbox.kubernetes.openapi import check_strictly, described
from bot.sandbox.kubernetes.patching import merge_patch, strategic_merge
from bot.sandbox.kubernetes.pod_logs import LogRequest, read_log
from bot.sandbox.kubernetes.probe_clusters import ProbeClusters
from bot.sandbox.kubernetes.refusals import (
    Refusal,
    anonymous,
    bad_request,
    deletion,
    forbidden,
    forbidden_path,
    not_implemented,
    unknown_path,
    unreachable,
)
from bot.sandbox.kubernetes.resources import (
    ACCESS_REVIEWS,
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    CONFIG_MAPS,
    DAEMON_SETS,
    DEPLOYMENTS,
    PODS,
    Json,
)
from bot.sandbox.kubernetes.server_requests import (
    VERSION,
    ApiCall,
    flag,
    group_and_version,
    number,
    own_path,
    parse,
    refuse_unknown,
)
from bot.sandbox.kubernetes.store import check_delete_preconditions, check_patch_preconditions, patched

_OF_ROLES = (CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS)
"""What is created beside what stands in a namespace."""
_STRATEGIC = "application/strategic-merge-patch+json"
_MERGE = "application/merge-patch+json"
_HARMLESS = frozenset({"pretty", "timeoutSeconds", "fieldManager", "fieldValidation", "dryRun"})
_LIST = _HARMLESS | {"labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "allowWatchBookmarks"}
_LOG = frozenset(
    {"container", "previous", "sinceSeconds", "timestamps", "tailLines", "limitBytes", "pretty", "follow"}
) | {"insecureSkipTLSVerifyBackend"}
_DELETE = _HARMLESS | {"gracePeriodSeconds", "propagationPolicy"}


class ApiServer:
    """Answers HTTP requests out of one cluster."""

    def __init__(self, cluster: Cluster, faults: Faults, probes: ProbeClusters | None = None) -> None:
        self._cluster, self._faults = cluster, faults
        self._lister = Lister(cluster.store)
        self._control = ControlRoutes(cluster, faults, probes)

    def forget_pages(self) -> None:
        """Let every continue token be too old, as after a compaction of etcd."""
        self._lister.forget()

    def application(self) -> web.Application:
        """Return the aiohttp application."""
        application = web.Application(client_max_size=256 * 1024 * 1024)
        application.router.add_route("*", "/{path:.*}", self._answer)
        return application

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            if request.path.startswith("/sandbox/"):
                return await self._control.answer(request)
            return await self._answer_api(request)
        except Refusal as refusal:
            return web.json_response(refusal.body(), status=refusal.code)

    async def _answer_api(self, request: web.Request) -> web.StreamResponse:
        own = own_path(request.method, request.path)
        call = None if own else parse(request.method, request.path)
        action = call.action if call else f"get {own}"
        self._faults.record(action, request.path)
        if self._faults.latency_ms:
            await asyncio.sleep(self._faults.latency_ms / 1000)
        fault = self._faults.take(action)
        broken = await self._break(request, fault) if fault else None
        if broken is not None:
            return broken
        authorization = request.headers.get("Authorization", "")
        if call is not None and not authorization:
            raise anonymous(call.kind, call.name, call.verb, call.subresource, call.namespace)
        user = user_of(authorization)
        denied = action in self._faults.denied or (fault is not None and fault.kind == "deny")
        if call is None:
            return web.json_response(_about_itself(request.path, user, denied=denied))
        if denied or not user.may(call.verb, call.resource, call.namespace):
            raise forbidden(
                call.kind,
                call.name,
                user=user.name,
                verb=call.verb,
                subresource=call.subresource,
                namespace=call.namespace,
            )
        if call.kind in (CONFIG_MAPS, DAEMON_SETS, DEPLOYMENTS):
            await self._cluster.look_at_addons()
        request[TRUNCATE] = fault is not None and fault.kind == "truncate"
        response = await self._serve(request, call, user)
        if request[TRUNCATE] and isinstance(response, web.Response):
            return await _truncated(request, response)
        return response

    async def _break(self, request: web.Request, fault: Fault) -> web.StreamResponse | None:
        if fault.kind == "throttle":
            return web.Response(status=429, text=THROTTLED, headers={"Retry-After": "1"})
        if fault.kind == "error500":
            raise internal_error()
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
        if fault.kind == "hang":
            await asyncio.sleep(HANG_SECONDS)
        if fault.kind in {"reset", "hang"}:
            return _reset(request)
        if fault.kind == "empty":
            return web.Response(status=200, body=b"")
        if fault.kind == "html":
            page = "<html><body><h1>Sign in</h1><p>This network needs you to sign in.</p></body></html>"
            return web.Response(status=200, text=page, content_type="text/html")
        return None

    async def _serve(self, request: web.Request, call: ApiCall, user: User) -> web.StreamResponse:
        _check_accept(request)
        if call.kind is ACCESS_REVIEWS:
            return await self._review(request, call, user)
        if call.subresource in {"exec", "log", "proxy"}:
            return await self._of_pod(request, call)
        if call.verb in {"get", "list"}:
            return self._read(request.query, call)
        if call.verb == "patch":
            return web.json_response(await self._patch(request, call))
        if call.verb == "delete":
            return web.json_response(await self._delete(request, call))
        if call.verb == "create" and not call.subresource and (call.kind.namespaced or call.kind in _OF_ROLES):
            return web.json_response(await self._create(request, call), status=201)
        raise not_implemented(f"{call.verb} on {call.resource}")

    async def _of_pod(self, request: web.Request, call: ApiCall) -> web.StreamResponse:
        """Serve what is passed on to a pod or its kubelet."""
        if call.subresource == "exec":
            return await serve_exec(request, self._cluster, call.namespace, call.name)
        if call.subresource == "proxy":
            return await self._proxied(call)
        if call.verb != "get":
            raise not_implemented(f"{call.verb} on {call.resource}")
        return self._log(request.query, call)

    def _read(self, query: Mapping[str, str], call: ApiCall) -> web.Response:
        if call.verb == "list":
            return self._list(query, call)
        refuse_unknown(query, frozenset({"pretty", "resourceVersion"}))
        return web.json_response(self._cluster.store.get(call.kind, call.namespace, call.name))

    def _list(self, query: Mapping[str, str], call: ApiCall) -> web.Response:
        if flag(query, "watch"):
            raise not_implemented("watch")
        refuse_unknown(query, _LIST | {"watch"})
        limit = number(query, "limit") or 0
        asked = ListRequest(
            namespace=call.namespace,
            labels=query.get("labelSelector", ""),
            fields=query.get("fieldSelector", ""),
            limit=max(limit, 0),
            continue_token=query.get("continue", ""),
        )
        return web.json_response(self._lister.page(call.kind, asked))

    def _log(self, query: Mapping[str, str], call: ApiCall) -> web.Response:
        if flag(query, "follow"):
            raise not_implemented("following a log")
        refuse_unknown(query, _LOG)
        pod = self._cluster.store.get(PODS, call.namespace, call.name)
        asked = LogRequest(
            container=query.get("container", ""),
            previous=flag(query, "previous"),
            timestamps=flag(query, "timestamps"),
            since_seconds=number(query, "sinceSeconds"),
            tail_lines=number(query, "tailLines"),
            limit_bytes=number(query, "limitBytes"),
        )
        if not pod["spec"].get("nodeName"):
            return web.Response(status=204)
        text = read_log(self._cluster, pod, asked)
        return web.Response(body=text, content_type="text/plain")

    async def _proxied(self, call: ApiCall) -> web.Response:
        """Ask a pod's own HTTP server, as the API server does: it says which way failed, and why."""
        pod = self._cluster.store.get(PODS, call.namespace, call.name)
        address = (pod.get("status") or {}).get("podIP", "")
        page = await self._cluster.page(pod, call.port, call.path)
        if page is None:
            raise unreachable(f"dial tcp {address}:{call.port}: connect: connection refused")
        return web.Response(text=page, content_type="text/plain")

    async def _create(self, request: web.Request, call: ApiCall) -> Json:
        refuse_unknown(request.query, _HARMLESS)
        document = await _json_object(request)
        metadata = document.get("metadata") or {}
        if (metadata.get("namespace") or call.namespace) != call.namespace or not metadata.get("name"):
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        if (document.get("apiVersion"), document.get("kind")) != (call.kind.api_version, call.kind.kind):
            raise bad_request(f"the API version or kind in the data does not match {call.kind.full_name}")
        if request.query.get("fieldValidation") == "Strict":
            check_strictly(call.kind, document)
        place = {"namespace": call.namespace} if call.kind.namespaced else {}
        complete = {**document, "metadata": {**metadata, **place}}
        return self._cluster.created(call.kind, complete, dry_run=request.query.get("dryRun") == "All")

    async def _patch(self, request: web.Request, call: ApiCall) -> Json:
        refuse_unknown(request.query, _HARMLESS)
        body = await _json_object(request)
        current = self._cluster.store.get(call.kind, call.namespace, call.name)
        check_patch_preconditions(call.kind, current, body)
        content_type = request.content_type
        if content_type == _STRATEGIC:
            result = strategic_merge(current, body)
        elif content_type == _MERGE:
            result = merge_patch(current, body)
        else:
            raise not_implemented(f"the patch type {content_type}")
        document = patched(call.kind, current, result)
        if request.query.get("dryRun") == "All":
            return document
        if call.kind is CLUSTER_ROLES and not isinstance(document.get("rules"), list):
            raise bad_request("ClusterRole in version v1 cannot be handled: rules must be a list")
        agent = request.headers.get("User-Agent", "").split("/", maxsplit=1)[0]
        if call.subresource == "ephemeralcontainers":
            return self._cluster.added_beside(document)
        manager = request.query.get("fieldManager") or agent or "unknown"
        return self._cluster.changed(call.kind, document, manager=manager)

    async def _delete(self, request: web.Request, call: ApiCall) -> Json:
        refuse_unknown(request.query, _DELETE)
        options = await _json_object(request) if request.can_read_body else {}
        current = self._cluster.store.get(call.kind, call.namespace, call.name)
        check_delete_preconditions(call.kind, current, options.get("preconditions") or {})
        if "All" in (request.query.get("dryRun"), *(options.get("dryRun") or [])):
            return current
        grace = number(request.query, "gracePeriodSeconds")
        grace = options.get("gracePeriodSeconds", grace)
        last_seen = self._cluster.deleted(call.kind, call.namespace, call.name, at_once=grace == 0)
        return last_seen if call.kind is PODS else deletion(call.kind, current)

    async def _review(self, request: web.Request, call: ApiCall, user: User) -> web.Response:
        if call.verb != "create":
            raise not_implemented(f"{call.verb} on {call.resource}")
        review = await _json_object(request)
        spec = review.get("spec") or {}
        path = spec.get("nonResourceAttributes")
        if isinstance(path, dict):  # whoever is known may, by system:discovery
            return _reviewed(call, spec, allowed=f"{path.get('verb')} {path.get('path')}" not in self._faults.denied)
        asked = spec.get("resourceAttributes")
        if not isinstance(asked, dict):
            raise not_implemented("an access review of nothing")
        resource = str(asked.get("resource", ""))
        if asked.get("subresource"):
            resource = f"{resource}/{asked['subresource']}"
        action = f"{asked.get('verb', '')} {resource}"
        may = user.may(str(asked.get("verb", "")), resource, str(asked.get("namespace", "")))
        return _reviewed(call, spec, allowed=may and action not in self._faults.denied)


def _reviewed(call: ApiCall, spec: Json, *, allowed: bool) -> web.Response:
    status: Json = {"allowed": allowed} if allowed else {"allowed": False, "reason": ""}
    answer = {"kind": call.kind.kind, "apiVersion": call.kind.api_version, "metadata": {}, "spec": spec}
    return web.json_response({**answer, "status": status}, status=201)


def _about_itself(path: str, user: User, *, denied: bool) -> Json:
    """Return what the API server says of itself: its version, or what it takes of the kinds of a group and version."""
    if denied:
        raise forbidden_path(path, user=user.name)
    if path == VERSION:
        return {"major": "1", "minor": "32", "gitVersion": "v1.32.9-eks-113cf36"}
    found = described(*group_and_version(path))
    if found is None:
        raise unknown_path()
    return found


def _check_accept(request: web.Request) -> None:
    accepted = request.headers.get("Accept", "*/*")
    plain = any(
        part.split(";")[0].strip() in {"application/json", "application/*", "*/*"} and "as=" not in part
        for part in accepted.split(",")
    )
    if not plain:
        raise not_implemented(f"the representation {accepted}")


async def _json_object(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.read())
    except ValueError as error:
        raise bad_request(f"couldn't get version/kind; json parse error: {error}") from None
    if not isinstance(body, dict):
        raise bad_request("the body is not an object")
    return body


def _reset(request: web.Request) -> web.Response:
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(1, 13, linger)  # SOL_SOCKET, SO_LINGER: close with RST
        transport.abort()
    return web.Response(status=200)


async def _truncated(request: web.Request, response: web.Response) -> web.StreamResponse:
    body = response.body if isinstance(response.body, bytes) else b""
    half = web.StreamResponse(status=200, headers={"Content-Type": response.headers["Content-Type"]})
    half.content_length = len(body)
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return half
