"""What the API server takes of some kinds, said as OpenAPI v3, and held to where a request asks for `Strict`.

Source: Kubernetes API reference 1.36 (ServiceAccount, Service, ConfigMap, DaemonSet and what they hold), page "The
Kubernetes API" (OpenAPI v3), page "Kubernetes API Concepts" (field validation). Other kinds are not described here, and
are taken as they come.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from bot.sandbox.kubernetes.refusals import bad_request
from bot.sandbox.kubernetes.resources import (
    CONFIG_MAPS,
    DAEMON_SETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    STORED,
    Json,
    ResourceType,
)

Shape: TypeAlias = "type | Mapping[str, Shape] | Sequence[Shape]"
"""A scalar's type, an object's members (`*`: any name), or a list of one shape. A name that ends in ! is required;
of the type `object` may be a number or a text."""

_TEXTS: Shape = {"*": str}
_META: Shape = {
    **dict.fromkeys(("name", "namespace", "uid", "resourceVersion", "generateName"), str),
    "labels": _TEXTS,
    "annotations": _TEXTS,
}
_KIND: Mapping[str, Shape] = {"apiVersion": str, "kind": str, "metadata": _META}
_SERVICE_PORT: Shape = {"name": str, "port!": int, "protocol": str, "targetPort": object, "nodePort": int}
_PROBE: Shape = {
    "httpGet": {"host": str, "path": str, "port!": object, "scheme": str},
    **dict.fromkeys(("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "failureThreshold"), int),
}
_CONTAINER: Shape = {
    "name!": str,
    "image": str,
    "command": [str],
    "args": [str],
    "env": [{"name!": str, "value": str}],
    "resources": {"requests": {"*": object}, "limits": {"*": object}},
    "securityContext": {"privileged": bool, "capabilities": {"add": [str], "drop": [str]}},
    "ports": [{"containerPort!": int, "hostPort": int, "name": str, "protocol": str}],
    "livenessProbe": _PROBE,
    "readinessProbe": _PROBE,
    "volumeMounts": [{"name!": str, "mountPath!": str, "readOnly": bool}],
}
_VOLUME: Shape = {
    "name!": str,
    "hostPath": {"path!": str, "type": str},
    "configMap": {"name": str, "items": [{"key!": str, "path!": str}], "optional": bool},
}
_POD: Shape = {
    **dict.fromkeys(("priorityClassName", "serviceAccountName", "dnsPolicy", "restartPolicy"), str),
    **dict.fromkeys(("automountServiceAccountToken", "hostNetwork"), bool),
    "nodeSelector": _TEXTS,
    "terminationGracePeriodSeconds": int,
    "tolerations": [{"key": str, "operator": str, "effect": str, "value": str}],
    "containers!": [_CONTAINER],
    "initContainers": [_CONTAINER],
    "volumes": [_VOLUME],
}
_SHAPES: Mapping[ResourceType, Mapping[str, Shape]] = {
    SERVICE_ACCOUNTS: {**_KIND, "automountServiceAccountToken": bool},
    SERVICES: {
        **_KIND,
        "spec": {"ports": [_SERVICE_PORT], "selector": _TEXTS, "type": str, "clusterIP": str, "clusterIPs": [str]},
    },
    CONFIG_MAPS: {**_KIND, "data": _TEXTS, "immutable": bool},
    DAEMON_SETS: {
        **_KIND,
        "spec": {
            "selector!": {"matchLabels": _TEXTS},
            "updateStrategy": {"type": str, "rollingUpdate": {"maxUnavailable": object, "maxSurge": object}},
            "template!": {"metadata": _META, "spec": _POD},
        },
    },
}
_WORDS: Mapping[type, str] = {str: "string", int: "integer", bool: "boolean"}
_PREFIX = "#/components/schemas/"


def described(group: str, version: str) -> Json | None:
    """Return the OpenAPI document of a group and version; None: the cluster serves no such."""
    served = [kind for kind in STORED if (kind.group, kind.version) == (group, version)]
    if not served:
        return None
    schemas: Json = {}
    for kind in served:
        if kind in _SHAPES:
            name = f"io.k8s.api.{group or 'core'}.{version}.{kind.kind}"
            schemas[name] = {
                **_schema(_SHAPES[kind], name, schemas),
                "x-kubernetes-group-version-kind": [{"group": group, "kind": kind.kind, "version": version}],
            }
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.32.9-eks-113cf36"},
        "components": {"schemas": schemas},
    }


def _schema(shape: Shape, name: str, schemas: Json) -> Json:
    """Return a shape as a schema; objects with members inside it are put beside it and referred to, as there."""
    if isinstance(shape, type):
        return {"oneOf": [{"type": "integer"}, {"type": "string"}]} if shape is object else {"type": _WORDS[shape]}
    if not isinstance(shape, Mapping):
        return {"type": "array", "items": _inside(shape[0], name, schemas)}
    if "*" in shape:
        return {"type": "object", "additionalProperties": _schema(shape["*"], name, schemas)}
    members = {key.removesuffix("!"): _inside(one, f"{name}.{key.rstrip('!')}", schemas) for key, one in shape.items()}
    required = [key[:-1] for key in shape if key.endswith("!")]
    return {"type": "object", "properties": members} | ({"required": required} if required else {})


def _inside(shape: Shape, name: str, schemas: Json) -> Json:
    if not isinstance(shape, Mapping) or "*" in shape:
        return _schema(shape, name, schemas)
    schemas[name] = _schema(shape, name, schemas)
    return {"default": {}, "allOf": [{"$ref": f"{_PREFIX}{name}"}]}


def check_strictly(kind: ResourceType, document: Json) -> None:
    """Refuse an object with a member that this kind does not have, with the server's words (`fieldValidation`)."""
    shape = _SHAPES.get(kind)
    unknown = [f'unknown field "{place}"' for place in _unknown(document, shape, "")] if shape else []
    if unknown:
        handled = f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}'
        raise bad_request(f"{handled}: strict decoding error: {', '.join(unknown)}")


def _unknown(value: object, shape: Shape, place: str) -> Iterator[str]:
    if isinstance(shape, Mapping) and isinstance(value, Mapping):
        known = {name.removesuffix("!"): inner for name, inner in shape.items()}
        for name, one in value.items():
            where = f"{place}.{name}" if place else str(name)
            inner = known.get(name, known.get("*"))
            if inner is None:
                yield where
            else:
                yield from _unknown(one, inner, where)
    elif isinstance(shape, Sequence) and isinstance(value, list):
        for at, one in enumerate(value):
            yield from _unknown(one, shape[0], f"{place}[{at}]")
