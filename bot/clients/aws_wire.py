"""Sends AWS requests for botocore, bounded, and refuses answers that are not whole.

botocore's own sender takes a time-out per read, so a dripping far end holds it for ever, and it turns
a cut, empty or HTML answer of a JSON service into `{}`, which reads as "none". Here botocore signs and
parses; the exchange itself goes through `wire` (hook `before-send`), and each answer passes `refuse_cut`
(hook `before-parse`) and `refuse_foreign` (hook `after-call`). The hooks are registered with the
session, so that the clients which botocore makes for itself (web identity, assumed roles) pass through
them too. Only the instance and container metadata services are asked by botocore's own means, with
time-outs of 1 to 2 s a try.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import urllib3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies

from bot.clients.answers import MAX_PARTS, parts_of
from bot.clients.own_names import OwnNames
from bot.clients.room import Room, room_left
from bot.clients.time_limit import seconds_left
from bot.clients.traffic import WireTraffic
from bot.clients.wire import body_up_to, pool_classes
from bot.domain.right_of_way import ACKS
from bot.errors import SourceGarbled

MAX_ANSWER_BYTES = 6 * 1024 * 1024
"""A page larger than this is not read to its end: 500 network interfaces with thirty addresses each are some 4 MB."""

_SUCCESS_BELOW = 300
_JSON_PROTOCOLS = ("json", "rest-json")


class _Body:
    """A body that has arrived, as botocore wants to read it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        """Yield the body."""
        yield self._content

    def read(self, _most: int | None = None) -> bytes:
        """Return the body, of an operation whose answer botocore would stream; nothing the second time."""
        content, self._content = self._content, b""
        return content


class BoundedSender:
    """Handler of botocore's `before-send`: sends the request and returns the whole answer."""

    def __init__(self, *, ca_bundle: str, pool_size: int, names: OwnNames, traffic: WireTraffic) -> None:
        self._ca_bundle = ca_bundle
        self._pool_size = pool_size
        self._names = names
        self._traffic = traffic
        self._lock = threading.Lock()
        self._managers: dict[str, urllib3.PoolManager] = {}

    def __call__(self, request: AWSPreparedRequest, event_name: str = "", **_: object) -> AWSResponse:
        """Send `request` within the thread's time limit. Raises what urllib3 and sockets raise.

        `event_name` is botocore's: `before-send.ec2.DescribeVpcs`. Raises `SourceGarbled` for a body that is too large.
        """
        ACKS.give_way()
        seconds = seconds_left()
        headers = {
            name: value.decode("latin-1") if isinstance(value, bytes) else value
            for name, value in request.headers.items()
        }
        response = self._manager(request.url).request(
            request.method,
            request.url,
            body=request.body,
            headers=headers,
            retries=False,
            redirect=False,
            timeout=urllib3.Timeout(connect=seconds, read=seconds),
            preload_content=False,
            decode_content=False,
        )
        try:
            content = _bounded(response, event_name.removeprefix("before-send.").replace(".", ":") or request.url)
        finally:
            response.close()
        self._traffic.count(sent_bytes=len(request.body or b""), received_bytes=len(content))
        return AWSResponse(request.url, response.status, response.headers, _Body(content))

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            for manager in self._managers.values():
                manager.clear()

    def _manager(self, url: str) -> urllib3.PoolManager:
        scheme = url.split(":", 1)[0]
        proxy = get_environ_proxies(url).get(scheme, "")
        with self._lock:
            manager = self._managers.get(proxy)
            if manager is None:
                manager = self._managers[proxy] = self._make(proxy)
            return manager

    def _make(self, proxy: str) -> urllib3.PoolManager:
        options: dict[str, Any] = {
            "maxsize": self._pool_size,
            "cert_reqs": "CERT_REQUIRED",
            "ca_certs": self._ca_bundle or get_cert_path(True),
        }
        manager = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
        manager.pool_classes_by_scheme = pool_classes(self._names)
        return manager


def _bounded(response: Any, action: str) -> bytes:  # noqa: ANN401  # urllib3 has types of its own
    """Return the body. Raises `SourceGarbled` where it is larger than answers may be, or than its call has room for."""
    room = room_left() or Room(bytes_left=MAX_ANSWER_BYTES, parts_left=MAX_PARTS)
    most, most_parts = min(MAX_ANSWER_BYTES, room.bytes_left), min(MAX_PARTS, room.parts_left)
    content, more = body_up_to(response, most)
    parts = parts_of(content)
    if more or parts > most_parts:
        size = f"larger than {most} bytes" if more else f"of more than {most_parts} parts"
        pages = "" if (most, most_parts) == (MAX_ANSWER_BYTES, MAX_PARTS) else ", after others of its pages"
        raise SourceGarbled(
            f"Cannot call {action}: the answer is {size}{pages}. It was cut off there and is not judged."
        )
    room.bytes_left -= len(content)
    room.parts_left -= parts
    return content


def refuse_cut(operation_model: Any, response_dict: dict[str, Any], **_: object) -> None:  # noqa: ANN401  # botocore has no types
    """Handle botocore's `before-parse`: raise `SourceGarbled` for a success whose body is cut or of another form."""
    if response_dict["status_code"] >= _SUCCESS_BELOW or operation_model.has_streaming_output:
        return  # what is streamed is its reader's own to judge
    action = _action(operation_model)
    content: bytes = response_dict["body"]
    announced = response_dict["headers"].get("content-length")
    if announced is not None and announced.isdigit() and int(announced) != len(content):
        raise SourceGarbled(f"Cannot call {action}: {len(content)} of {announced} bytes of the answer came. Ask again.")
    protocol = operation_model.service_model.resolved_protocol  # CloudWatch has three, of which botocore speaks one
    if protocol in _JSON_PROTOCOLS and not _is_json_object(content, operation_model):
        raise SourceGarbled(f"Cannot call {action}: the answer ({len(content)} bytes) is not whole JSON. Ask again.")
    shape = operation_model.output_shape
    wrapper = shape.serialization.get("resultWrapper") if shape and protocol not in _JSON_PROTOCOLS else None
    if wrapper and wrapper.encode() not in content:  # botocore's KeyError else
        raise SourceGarbled(
            f"Cannot call {action}: the answer ({len(content)} bytes) has no {wrapper}. Something between us and AWS "
            "answered: check proxies."
        )


def refuse_foreign(parsed: dict[str, Any], model: Any, http_response: AWSResponse, **_: object) -> None:  # noqa: ANN401  # botocore has no types
    """Handle botocore's `after-call`: raise `SourceGarbled` for a success that carries no AWS request id."""
    if http_response.status_code < _SUCCESS_BELOW and not parsed.get("ResponseMetadata", {}).get("RequestId"):
        raise SourceGarbled(
            f"Cannot call {_action(model)}: the answer ({len(http_response.content)} bytes) carries no AWS request id. "
            "Something between us and AWS answered: check proxies."
        )


def _action(model: Any) -> str:  # noqa: ANN401  # botocore has no types
    return f"{model.service_model.service_name}:{model.name}"


def _is_json_object(content: bytes, model: Any) -> bool:  # noqa: ANN401  # botocore has no types
    if not content.strip():
        return model.output_shape is None or not model.output_shape.members
    try:
        return isinstance(json.loads(content), dict)
    except (ValueError, RecursionError):
        return False
