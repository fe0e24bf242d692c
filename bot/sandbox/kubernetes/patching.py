"""Strategic-merge and JSON merge patches.

The merge keys were taken by hand from the `patchMergeKey` marks of the upstream OpenAPI definitions
(Kubernetes 1.36, api/openapi-spec) for the kinds that this server stores; every other list is atomic.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from bot.sandbox.kubernetes.refusals import bad_request, not_implemented
from bot.sandbox.kubernetes.resources import Json

_MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "volumes": "name",
    "imagePullSecrets": "name",
    "secrets": "name",
    "env": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "conditions": "type",
    "ownerReferences": "uid",
}
_PRIMITIVE_MERGE = frozenset({"finalizers"})


def merge_key(field: str, parents: tuple[str, ...]) -> str:
    """Return the key by which items of the list `field` are merged; empty: the list is atomic.

    `ports` merges by containerPort in a container and by port in a Service.
    """
    if field == "ports":
        return "containerPort" if parents and parents[-1] in {"containers", "initContainers"} else "port"
    if field == "addresses" and parents and parents[-1] == "status":
        return "type"
    return _MERGE_KEYS.get(field, "")


def merge_patch(current: Any, patch: Any) -> Any:  # noqa: ANN401  # JSON of any shape
    """Apply a JSON merge patch (RFC 7386) and return the result."""
    if not isinstance(patch, dict):
        return deepcopy(patch)
    result = dict(current) if isinstance(current, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def strategic_merge(current: Json, patch: Json, parents: tuple[str, ...] = ()) -> Json:
    """Apply a strategic-merge patch to an object and return the result. Neither argument is changed."""
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: deepcopy(value) for key, value in patch.items() if key != "$patch"}
    if directive not in (None, "merge"):
        raise bad_request(f"invalid patch directive {directive!r} in a map")
    result = dict(current)
    for key, value in patch.items():
        if key == "$patch":
            continue
        if key.startswith("$"):
            raise not_implemented(f"the strategic-merge directive {key}")
        if value is None:
            result.pop(key, None)
        elif key not in result and isinstance(value, dict) and "$patch" in value:
            continue  # nothing is there to be replaced: the real server leaves all of it out
        else:
            result[key] = _merged(key, result.get(key), value, parents)
    return result


def _merged(key: str, current: Any, value: Any, parents: tuple[str, ...]) -> Any:  # noqa: ANN401  # JSON of any shape
    if isinstance(value, dict):
        return strategic_merge(current if isinstance(current, dict) else {}, value, (*parents, key))
    if isinstance(value, list):
        by = merge_key(key, parents)
        if by and all(isinstance(item, dict) for item in value):
            return _merge_items(by, list(current or []), value, (*parents, key))
        if key in _PRIMITIVE_MERGE:
            return [*(current or []), *(item for item in value if item not in (current or []))]
    return deepcopy(value)


def _merge_items(by: str, current: list[Any], patches: list[Any], parents: tuple[str, ...]) -> list[Any]:
    if any(set(patch) == {"$patch"} and patch["$patch"] == "replace" for patch in patches):
        return [deepcopy(patch) for patch in patches if "$patch" not in patch]
    result = list(current)
    for patch in patches:
        if by not in patch:
            raise bad_request(f"map: {patch} does not contain declared merge key: {by}")
        position = next((at for at, item in enumerate(result) if item.get(by) == patch[by]), None)
        if patch.get("$patch") == "delete":
            result = [item for item in result if item.get(by) != patch[by]]
        elif position is None:
            result.append(strategic_merge({}, patch, parents))
        else:
            result[position] = strategic_merge(result[position], patch, parents)
    return result
