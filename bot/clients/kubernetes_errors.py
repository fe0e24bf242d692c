"""Kubernetes' refusals and failures, in our words."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from bot.domain.permissions import KubernetesPermission
from bot.errors import (
    AccessDenied,
    EvidenceUnavailable,
    NotFound,
    SourceFailing,
    SourceGarbled,
    SourceUnreachable,
    Unauthenticated,
)


class PageExpired(EvidenceUnavailable):
    """410: the list is older than the API server remembers; it must be read from its beginning."""


_REFUSED_VERB = re.compile(r"cannot (\w+) resource")


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesCall:
    """One call, as people and RBAC name it."""

    verb: str
    resource: str
    """With its subresource: `pods/log`."""
    group: str = ""
    namespace: str = ""
    name: str = ""
    in_probe_cluster: bool = False
    """It is made in the cluster of another network, where the right to it is to be granted."""

    def __str__(self) -> str:
        """Return `get pods/log coredns-1 in kube-system`."""
        name = f" {self.name}" if self.name else ""
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource}{name}{where}"

    def grant(self, verb: str = "") -> str:
        """Return the permission as a person would grant it."""
        return KubernetesPermission(
            verb=verb or self.verb,
            resource=self.resource,
            group=self.group,
            namespace=self.namespace,
            in_probe_cluster=self.in_probe_cluster,
        ).text


def status_message(body: bytes) -> str:
    """Return the message of a `Status` body, or the beginning of whatever it is."""
    status = status_object(body)
    text = str(status.get("message", "")) if status else body[:200].decode("utf-8", errors="replace")
    return " ".join(text.split())


def status_object(body: bytes) -> dict[str, Any]:
    """Return the `Status` object in `body`, or an empty one where it is something else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and found.get("kind") == "Status" else {}


def refusal(call: KubernetesCall, status: int, body: bytes) -> EvidenceUnavailable:
    """Return our error for an HTTP status that is not a success."""
    message = status_message(body)
    said = f"Cannot {call}: {status} {_phrase(status)}" + (f" ({message})" if message else "")
    if status == HTTPStatus.UNAUTHORIZED or (status == HTTPStatus.FORBIDDEN and "system:anonymous" in message):
        return Unauthenticated(f"{said}. The cluster does not accept the credential: check the context or the role.")
    if status == HTTPStatus.FORBIDDEN:
        refused = _REFUSED_VERB.search(message)
        grant = call.grant(refused[1] if refused else "")
        return AccessDenied(f"{said}. Grant `{grant}`.", grant=grant)
    if status == HTTPStatus.NOT_FOUND:
        return _not_found(call, said, body)
    if status == HTTPStatus.BAD_REQUEST and call.resource == "pods/log":
        return NotFound(f"{said}. There is no such log.")
    if status == HTTPStatus.NO_CONTENT and call.resource == "pods/log":
        return NotFound(f"{said}. The pod has no node yet, so there is no log.")
    if status == HTTPStatus.GONE:
        return PageExpired(f"{said}. The list changed faster than it was read; ask again.")
    return _unwell(call, status, said)


def _unwell(call: KubernetesCall, status: int, said: str) -> EvidenceUnavailable:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return SourceFailing(f"{said}. The API server is overloaded and sheds calls; ask again later.")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        by_a_kubelet = "/" in call.resource  # logs and exec go on to the node, whose silence the API server reports
        return (SourceUnreachable if by_a_kubelet else SourceFailing)(
            f"{said}. The API server, or something in front of it, is failing."
        )
    if status < HTTPStatus.BAD_REQUEST:
        return SourceGarbled(f"{said}. That is not an answer of a Kubernetes API server.")
    return EvidenceUnavailable(f"{said}.")


def _not_found(call: KubernetesCall, said: str, body: bytes) -> EvidenceUnavailable:
    """Take a missing object for a fact only when the API server itself says so; a foreign 404 is none."""
    status = status_object(body)
    if call.name and status.get("reason") == "NotFound":
        return NotFound(f"{said}.")
    if status:
        return EvidenceUnavailable(f"{said}. The cluster does not serve this resource.")
    return SourceGarbled(f"{said}. That 404 does not come from a Kubernetes API server: check the endpoint.")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "(unknown status)"
