"""Changes Kubernetes objects, once: nothing is sent a second time, and an answer that is lost is told as such."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from bot.clients.answers import json_object
from bot.clients.kubernetes_api import KubernetesApi, Reply, collection_path
from bot.clients.kubernetes_errors import KubernetesCall, refusal, status_message, status_object
from bot.clients.time_limit import within
from bot.clients.wire_errors import never_sent
from bot.domain.deadline import Deadline
from bot.domain.json_values import JsonObject, RawObject
from bot.domain.ports import Resource
from bot.errors import EvidenceUnavailable, SourceGarbled, WriteFailed

_STRATEGIC_MERGE = "application/strategic-merge-patch+json"
_DONE = (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED)


class KubernetesWriter:
    """Implements `ports.ClusterWriter`, with a credential of its own. Every call ends by `deadline`."""

    def __init__(self, api: KubernetesApi, deadline: Deadline) -> None:
        self._api = api
        self._deadline = deadline

    def patch(
        self, resource: Resource, name: str, body: JsonObject, *, namespace: str = "", subresource: str = ""
    ) -> RawObject:
        """Change an object. Raises `WriteFailed`, its text beginning `Conflict` for 409."""
        plural = f"{resource.plural}/{subresource}" if subresource else resource.plural
        call = KubernetesCall(verb="patch", resource=plural, group=resource.group, namespace=namespace, name=name)
        path = _path(resource, name, namespace) + (f"/{subresource}" if subresource else "")
        reply = self._send(call, "PATCH", path, body, _STRATEGIC_MERGE)
        return _object_of(reply, call)

    def create(self, resource: Resource, body: JsonObject, *, namespace: str = "", dry_run: bool = False) -> RawObject:
        """See `ClusterWriter.create`. Raises `WriteFailed`, its text beginning `Conflict` where one of its name is."""
        call = KubernetesCall(
            verb="create", resource=resource.plural, group=resource.group, namespace=namespace, name=_name_of(body)
        )
        query = (("fieldValidation", "Strict"), *([("dryRun", "All")] if dry_run else []))
        reply = self._send(call, "POST", collection_path(resource, namespace), body, "application/json", query)
        return _object_of(reply, call)

    def delete(self, resource: Resource, name: str, *, namespace: str = "", uid: str) -> None:
        """Delete an object; one of this name with another uid is left alone: `Conflict`."""
        call = KubernetesCall(
            verb="delete", resource=resource.plural, group=resource.group, namespace=namespace, name=name
        )
        body: JsonObject = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        self._send(call, "DELETE", _path(resource, name, namespace), body, "application/json")

    def _send(
        self,
        call: KubernetesCall,
        method: str,
        path: str,
        body: JsonObject,
        content_type: str,
        query: tuple[tuple[str, str], ...] = (),
    ) -> Reply:
        with within(self._deadline):
            self._log_in(call)
            try:
                reply = self._api.exchange(call, method, path, query, body=body, content_type=content_type)
            except EvidenceUnavailable as error:
                lost = not never_sent(error)
                told = (
                    "The change may have been made: look before sending it again." if lost else "Nothing was changed."
                )
                raise WriteFailed(f"NoAnswer: {error.reason} {told}", ambiguous=lost) from error
        if reply.status in _DONE:
            return reply
        if reply.status == HTTPStatus.CONFLICT or _names_another_uid(reply):
            raise WriteFailed(
                f"Conflict: cannot {call}: the object is not the one the plan was made from "
                f"({status_message(reply.body)}). Nothing was changed; diagnose again."
            )
        refused = refusal(call, reply.status, reply.body)
        raise WriteFailed(
            f"{reply.status}: {refused.reason}", ambiguous=reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        ) from refused

    def _log_in(self, call: KubernetesCall) -> None:
        """Get endpoint and credential first: what fails here was certainly not sent."""
        try:
            self._api.login.client()
        except EvidenceUnavailable as error:
            raise WriteFailed(f"NoCredential: cannot {call}: {error.reason} Nothing was changed.") from error


def _names_another_uid(reply: Reply) -> bool:
    """Return whether a patch was refused for its uid: the API server calls that an invalid change (422)."""
    causes = (status_object(reply.body).get("details") or {}).get("causes") or []
    fields = {str(cause.get("field")) for cause in causes if isinstance(cause, dict)}
    return reply.status == HTTPStatus.UNPROCESSABLE_ENTITY and fields == {"metadata.uid"}


def _object_of(reply: Reply, call: KubernetesCall) -> RawObject:
    try:
        return json_object(reply.body, str(call))
    except SourceGarbled as error:
        raise WriteFailed(f"Garbled: {error.reason} Look before sending it again.", ambiguous=True) from error


def _name_of(body: JsonObject) -> str:
    metadata = body.get("metadata")
    return str(metadata.get("name", "")) if isinstance(metadata, Mapping) else ""


def _path(resource: Resource, name: str, namespace: str) -> str:
    return f"{collection_path(resource, namespace)}/{quote(name, safe='')}"
