"""Asks the API server what an identity may do, without doing it (SelfSubjectAccessReview)."""

from __future__ import annotations

from http import HTTPStatus

from bot.clients.answers import json_object
from bot.clients.kubernetes_api import KubernetesApi, collection_path
from bot.clients.kubernetes_errors import KubernetesCall, refusal
from bot.clients.time_limit import within
from bot.domain.deadline import Deadline
from bot.domain.json_values import JsonObject
from bot.domain.permissions import KubernetesPermission
from bot.domain.ports import Resource
from bot.errors import SourceGarbled

_REVIEWS = Resource(group="authorization.k8s.io", version="v1", plural="selfsubjectaccessreviews")


def may(api: KubernetesApi, permission: KubernetesPermission, deadline: Deadline) -> bool:
    """Return whether the identity behind `api` has this permission, for every object that it names.

    Every authenticated identity may ask (Kubernetes documentation, "Checking API access"). Raises a
    subclass of `EvidenceUnavailable` when the question is not answered.
    """
    return all(_may(api, permission, name, deadline) for name in permission.names or ("",))


def _may(api: KubernetesApi, permission: KubernetesPermission, name: str, deadline: Deadline) -> bool:
    call = KubernetesCall(verb="create", resource=_REVIEWS.plural, group=_REVIEWS.group)
    body: JsonObject = {
        "apiVersion": f"{_REVIEWS.group}/{_REVIEWS.version}",
        "kind": "SelfSubjectAccessReview",
        "spec": _asked(permission, name),
    }
    with within(deadline):
        reply = api.exchange(call, "POST", collection_path(_REVIEWS), body=body, content_type="application/json")
    if reply.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
        raise refusal(call, reply.status, reply.body)
    status = json_object(reply.body, str(call)).get("status")
    allowed = status.get("allowed") if isinstance(status, dict) else None
    if not isinstance(allowed, bool):
        raise SourceGarbled(f"Cannot {call}: the answer does not say whether it is allowed.")
    return allowed


def _asked(permission: KubernetesPermission, name: str) -> JsonObject:
    if permission.is_path:
        return {"nonResourceAttributes": {"verb": permission.verb, "path": permission.resource}}
    resource, _, subresource = permission.resource.partition("/")
    attributes = {
        "verb": permission.verb,
        "group": permission.group,
        "resource": resource,
        "subresource": subresource,
        "namespace": permission.namespace,
        "name": name,
    }
    return {"resourceAttributes": {key: value for key, value in attributes.items() if value}}
