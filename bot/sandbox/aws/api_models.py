"""What AWS publishes of each service's API, as botocore ships it: protocol, operations, where a request names what."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, TypeAlias
from urllib.parse import unquote

from botocore.exceptions import UnknownServiceError
from moto.core.utils import get_service_model

Asked: TypeAlias = dict[str, Any]
"""The members of a request, by the names of the API."""

_REST = ("rest-json", "rest-xml")
_PARTS = re.compile(r"\{\w+\+?\}|[^{]+")
_CASTS: Mapping[str, Callable[[str], object]] = {
    "integer": int,
    "long": int,
    "boolean": lambda text: text.lower() == "true",
}


class Protocol(StrEnum):
    """How a service writes requests and answers (botocore, `protocols`)."""

    EC2 = "ec2"
    QUERY = "query"
    JSON = "json"
    REST_JSON = "rest-json"
    REST_XML = "rest-xml"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Route:
    """One operation of a REST service."""

    method: str
    path: re.Pattern[str]
    operation: str


def protocol_of(service: str) -> Protocol:
    """Return the protocol of a service, named as in a request's credential scope; JSON where nobody knows it."""
    model = _model(service)
    return Protocol(model.protocol) if model is not None and model.protocol in set(Protocol) else Protocol.JSON


def rest_operation(service: str, method: str, path: str) -> str:
    """Return the operation that method and path of a REST service name; empty: none, or it is no REST service."""
    found = _routed(service, method, path)
    return found[0].operation if found else ""


def members(service: str, *, method: str, path: str, query: Mapping[str, str], body: bytes) -> Asked:
    """Return what a request with a JSON body asks for: members of the body, the path and the query string.

    Raises ValueError for a body that is not JSON.
    """
    asked: Asked = json.loads(body or b"{}")
    found = _routed(service, method, path)
    if not found:
        return asked
    places = _model(service).operation_model(found[0].operation).input_shape.members
    named = {key: unquote(value) for key, value in found[1].groupdict().items()}
    for name, shape in places.items():
        place, source = shape.serialization.get("location"), shape.serialization.get("name", name)
        held: Mapping[str, str] = {"uri": named, "querystring": query}.get(place, {})
        if source in held:
            asked[name] = _CASTS.get(shape.type_name, str)(held[source])
    return asked


@cache
def _model(service: str) -> Any:  # noqa: ANN401  # botocore's ServiceModel, or None
    try:
        return get_service_model(service)
    except UnknownServiceError:
        return None


@cache
def _routes(service: str) -> tuple[_Route, ...]:
    model = _model(service)
    if model is None or model.protocol not in _REST:
        return ()
    return tuple(sorted(_read_routes(model), key=lambda route: route.path.groups))


def _read_routes(model: Any) -> Iterator[_Route]:  # noqa: ANN401  # botocore's ServiceModel
    for name in model.operation_names:
        http = model.operation_model(name).http
        path, _, _ = http["requestUri"].partition("?")
        pattern = "".join(_pattern(part) for part in _PARTS.findall(path.rstrip("/")))
        yield _Route(method=http["method"], path=re.compile(f"{pattern}/?"), operation=name)


def _pattern(part: str) -> str:
    """Return what matches a part of a path: plain text, `{name}`, or `{name+}`, which may hold slashes."""
    if not part.startswith("{"):
        return re.escape(part)
    name = part.strip("{+}")
    return f"(?P<{name}>.+)" if part.endswith("+}") else f"(?P<{name}>[^/]+)"


def _routed(service: str, method: str, path: str) -> tuple[_Route, re.Match[str]] | None:
    for route in _routes(service):
        found = route.path.fullmatch(path) if route.method == method else None
        if found:
            return route, found
    return None
