"""What a request asks for, read from its path and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.sandbox.kubernetes.refusals import bad_request, not_implemented
from bot.sandbox.kubernetes.resources import NAMESPACES, ResourceType, find_type

_VERBS = {"PATCH": "patch", "POST": "create", "PUT": "update"}
_SUBRESOURCES = frozenset({("pods", "log"), ("pods", "exec"), ("pods", "ephemeralcontainers"), ("pods", "proxy")})

VERSION = "/version"
_SCHEMAS = "/openapi/v3/"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCall:
    """One call on a resource."""

    kind: ResourceType
    verb: str
    namespace: str
    name: str
    subresource: str
    port: int = 0
    """Of the pod that is asked through the API server; 0: none is."""
    path: str = ""
    """What it is asked for, after the first slash."""

    @property
    def resource(self) -> str:
        """`pods` or `pods/log`."""
        return f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural

    @property
    def action(self) -> str:
        """`get pods/log`, as faults and refusals name it."""
        return f"{self.verb} {self.resource}"


def _group_and_rest(path: str) -> tuple[str, str, list[str]]:
    parts = [part for part in path.split("/") if part]
    if len(parts) > 2 and parts[0] == "api":  # noqa: PLR2004  # api, version, resource
        return "", parts[1], parts[2:]
    if len(parts) > 3 and parts[0] == "apis":  # noqa: PLR2004  # apis, group, version, resource
        return parts[1], parts[2], parts[3:]
    raise not_implemented(f"the path /{'/'.join(parts)}")


def own_path(method: str, path: str) -> str:
    """Return the path that is asked for as RBAC names it, where it is no resource's: `/openapi/v3/*`; else ""."""
    if method != "GET":
        return ""
    return VERSION if path == VERSION else f"{_SCHEMAS}*" if path.startswith(_SCHEMAS) else ""


def group_and_version(path: str) -> tuple[str, str]:
    """Return what a path below `/openapi/v3/` describes: `api/v1` or `apis/apps/v1`."""
    words = path.removeprefix(_SCHEMAS).split("/")
    if words[0] == "api":
        return "", "/".join(words[1:])
    return "/".join(words[1:-1]), words[-1]


def _place(group: str, version: str, rest: list[str]) -> tuple[ResourceType, str, list[str]]:
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:  # noqa: PLR2004  # namespaces, name, resource
        namespace, rest = rest[1], rest[2:]
    kind = find_type(group, version, rest[0])
    if kind is None:
        raise not_implemented(f"the resource {rest[0]} of {group or 'core'}/{version}")
    return kind, namespace, rest[1:]


def parse(method: str, path: str) -> ApiCall:
    """Return the call that method and path ask for; refuses with 501 what this server does not serve."""
    kind, namespace, rest = _place(*_group_and_rest(path))
    name = rest[0] if rest else ""
    if kind.plural == "pods" and rest[1:2] == ["proxy"]:
        return _proxied(method, kind, namespace, rest)
    subresource = "/".join(rest[1:])
    if subresource and (kind.plural, subresource) not in _SUBRESOURCES:
        raise not_implemented(f"the subresource {kind.plural}/{subresource}")
    if kind.namespaced != bool(namespace) and (name or kind is NAMESPACES or not kind.namespaced):
        raise not_implemented(f"the path {path}")
    if subresource == "exec":
        verb = "create"
    elif method == "GET":
        verb = "get" if name else "list"
    elif method == "DELETE":
        verb = "delete" if name else "deletecollection"
    else:
        verb = _VERBS.get(method, method.lower())
    return ApiCall(kind=kind, verb=verb, namespace=namespace, name=name, subresource=subresource)


def _proxied(method: str, kind: ResourceType, namespace: str, rest: list[str]) -> ApiCall:
    """Return the call of a pod's own HTTP server: `NAME:PORT/proxy/PATH`."""
    name, _, port = rest[0].partition(":")
    if method != "GET" or not port.isdigit():
        raise not_implemented(f"{method} through a pod's proxy at {rest[0]}")
    return ApiCall(
        kind=kind,
        verb="get",
        namespace=namespace,
        name=name,
        subresource="proxy",
        port=int(port),
        path="/".join(rest[2:]),
    )


def refuse_unknown(parameters: Mapping[str, str], known: frozenset[str]) -> None:
    """Refuse with 501 a query parameter that would be ignored."""
    unknown = sorted(set(parameters) - known)
    if unknown:
        raise not_implemented(f"the query parameter {', '.join(unknown)}")


def number(parameters: Mapping[str, str], name: str) -> int | None:
    """Return a whole number of a query parameter, or None; refuses with 400 what is none."""
    text = parameters.get(name, "")
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def flag(parameters: Mapping[str, str], name: str) -> bool:
    """Return a yes/no query parameter."""
    return parameters.get(name, "").lower() in {"true", "1", "t"}
