"""One HTTP exchange with a Kubernetes API server, over the official client's raw route.

The client signs and sends; the body is read here, as bytes, because its models are slow and one odd
item fails a whole list. Nothing is retried here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from kubernetes.client.exceptions import OpenApiException
from kubernetes.config import ConfigException
from pydantic import ValidationError

from bot.clients.kubernetes_errors import KubernetesCall, refusal
from bot.clients.kubernetes_login import KubernetesLogin
from bot.clients.time_limit import seconds_left, within
from bot.clients.traffic import WireTraffic
from bot.clients.wire import body_up_to
from bot.clients.wire_errors import WIRE_ERRORS, wire_error
from bot.domain.deadline import Deadline
from bot.domain.json_values import JsonObject
from bot.domain.ports import Resource
from bot.domain.right_of_way import ACKS
from bot.errors import EvidenceUnavailable, SourceGarbled, SourceUnreachable, Unauthenticated

MAX_BODY_BYTES = 12 * 1024 * 1024
"""An answer larger than this is not read to its end: a page of 500 pods is some 5 MB."""

MAX_REFUSAL_BYTES = 64 * 1024
"""Kept of an answer that is no success: a `Status` object says why in its first hundreds."""

_WAIT_WITHOUT_ADVICE_SECONDS = 0.3
_SPARE_SECONDS = 0.2
_WAIT_AFTER_LOSS_SECONDS = 0.1
"""Short: most often a kept connection that the server had just closed."""


_VENDOR_ERRORS: tuple[type[Exception], ...] = (OpenApiException, ConfigException, ValidationError, *WIRE_ERRORS)

Query = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer: HTTP status, headers in lower case, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    """Whole, but for a refusal's and one whose reader said how much it keeps."""


class KubernetesApi:
    """Sends requests with one credential."""

    def __init__(self, login: KubernetesLogin, traffic: WireTraffic, *, in_probe_cluster: bool = False) -> None:
        self.login = login
        self.traffic = traffic
        self._in_probe_cluster = in_probe_cluster

    def refusal(self, call: KubernetesCall, status: int, body: bytes) -> EvidenceUnavailable:
        """Return our error for a status that is no success, with the right as it is to be granted there."""
        return refusal(replace(call, in_probe_cluster=self._in_probe_cluster), status, body)

    def read(self, call: KubernetesCall, path: str, query: Query, deadline: Deadline, *, keep_bytes: int = 0) -> Reply:
        """GET `path`; once more after 429, 5xx or a lost connection, if the deadline leaves time for it.

        Honours Retry-After. Of a body the first `keep_bytes` are kept; unless told, one that is larger than
        `MAX_BODY_BYTES` is refused. Raises a subclass of `EvidenceUnavailable` for anything but a success.
        """

        def ask() -> Reply:
            return self.exchange(call, "GET", path, query, keep_bytes=keep_bytes)

        with within(deadline):
            reply = self._first_try(ask, deadline) or ask()
            if reply.status != HTTPStatus.OK:
                raise self.refusal(call, reply.status, reply.body)
            return reply

    def _first_try(self, ask: Callable[[], Reply], deadline: Deadline) -> Reply | None:
        """Return the answer, or None, after a pause, when a second attempt is worth making."""
        try:
            reply = ask()
        except SourceUnreachable:
            if _pause(_WAIT_AFTER_LOSS_SECONDS, deadline):
                return None
            raise
        if _may_pass(reply.status) and _pause(_advised_seconds(reply), deadline):
            return None
        return reply

    def exchange(
        self,
        call: KubernetesCall,
        method: str,
        path: str,
        query: Query = (),
        *,
        body: JsonObject | None = None,
        content_type: str = "",
        keep_bytes: int = 0,
    ) -> Reply:
        """Send one request and return whatever answer comes, within the thread's time limit (`within`)."""
        ACKS.give_way()
        headers = {"Accept": "application/json, */*"} | ({"Content-Type": content_type} if content_type else {})
        with our_errors(call, self.login):
            client = self.login.client()
            verb, url, head, sent, *_ = self.login.serialised(
                method=method, resource_path=path, query_params=list(query), header_params=headers, body=body
            )
            seconds = seconds_left()
            response = client.call_api(verb, url, head, sent, _request_timeout=(seconds, seconds)).response
            try:
                reply = Reply(
                    status=response.status,
                    headers={name.lower(): value for name, value in response.headers.items()},
                    body=_body(call, response, keep_bytes),
                )
            finally:
                response.close()
        self.traffic.count(sent_bytes=len(str(body or "")), received_bytes=len(reply.body))
        return reply


@contextmanager
def our_errors(call: KubernetesCall, login: KubernetesLogin) -> Iterator[None]:
    """Turn what the official client and its libraries raise into our errors."""
    try:
        yield
    except _VENDOR_ERRORS as error:
        raise kubernetes_error(call, _host(login), error) from error


def kubernetes_error(call: KubernetesCall, host: str, error: Exception) -> EvidenceUnavailable:
    """Return our error for one of the vendors'."""
    if isinstance(error, WIRE_ERRORS):
        return wire_error(str(call), host, error)
    if isinstance(error, ConfigException):
        return Unauthenticated(f"Cannot {call}: the kubeconfig gives no credential ({error}). Correct it.")
    if isinstance(error, ValidationError):
        return SourceGarbled(f"Cannot {call}: the answer of {host} does not fit its schema ({error.title}).")
    if isinstance(error.__context__, WIRE_ERRORS):  # the client keeps nothing of a TLS failure but its text
        return wire_error(str(call), host, error.__context__)
    status = getattr(error, "status", None)
    if isinstance(status, int) and status > 0:
        return refusal(call, status, str(getattr(error, "body", None) or "").encode())
    return SourceUnreachable(f"Cannot {call}: no connection to {host} ({' '.join(str(error).split())[:300]}).")


def version_path(resource: Resource) -> str:
    """Return the URL path of the group and version that a resource type is of."""
    return f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"


def collection_path(resource: Resource, namespace: str = "") -> str:
    """Return the URL path of a resource type, within a namespace or over all of them."""
    root = version_path(resource)
    return f"{root}/namespaces/{namespace}/{resource.plural}" if namespace else f"{root}/{resource.plural}"


def in_path(name: str) -> str:
    """Return a name as it stands in a URL's path. Raises `SourceGarbled` for a lone surrogate, which JSON can hold."""
    try:
        return quote(name, safe="")
    except UnicodeEncodeError as error:
        raise SourceGarbled(f"{name[:100]!a} is not a name that an API server accepts.") from error


def _host(login: KubernetesLogin) -> str:
    return login.host or "the cluster's endpoint"


def _body(call: KubernetesCall, response: Any, keep_bytes: int) -> bytes:  # noqa: ANN401  # urllib3's, typed as Any by the client
    if response.status >= HTTPStatus.MULTIPLE_CHOICES:
        return body_up_to(response, MAX_REFUSAL_BYTES)[0]
    body, more = body_up_to(response, keep_bytes or MAX_BODY_BYTES)
    if more and not keep_bytes:
        raise SourceGarbled(
            f"Cannot {call}: the answer is larger than {MAX_BODY_BYTES} bytes. It was cut off there and is not judged."
        )
    return body


def _may_pass(status: int) -> bool:
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _advised_seconds(reply: Reply) -> float:
    try:
        return max(0.0, float(reply.headers.get("retry-after", "")))
    except ValueError:
        return _WAIT_WITHOUT_ADVICE_SECONDS


def _pause(seconds: float, deadline: Deadline) -> bool:
    """Wait before a second attempt; return False when the deadline leaves no time for one."""
    if deadline.remaining() <= seconds + _SPARE_SECONDS:
        return False
    time.sleep(seconds)
    return True
