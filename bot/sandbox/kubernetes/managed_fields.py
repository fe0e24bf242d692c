"""metadata.managedFields of ConfigMaps: who set what, and when (page "Server-Side Apply", Field management).

Other kinds have none here: their lists have keys of their own, and nobody reads them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypeAlias

from bot.sandbox.kubernetes.resources import Json
from bot.sandbox.kubernetes.store import timestamp

_Path: TypeAlias = tuple[str, ...]
_MAPS: tuple[_Path, ...] = (("data",), ("binaryData",), ("metadata", "labels"), ("metadata", "annotations"))


def _leaves(document: Json) -> dict[_Path, object]:
    found: dict[_Path, object] = {}
    for place in _MAPS:
        inner = document
        for key in place:
            inner = inner.get(key) or {}
        found |= {(*place, key): value for key, value in inner.items()}
    return found


def _fields(paths: Iterable[_Path]) -> Json:
    made: Json = {}
    for path in sorted(paths):
        inner = made
        for key in path:
            inner = inner.setdefault(f"f:{key}", {})
    return made


def _paths(fields: Json, above: _Path = ()) -> set[_Path]:
    found: set[_Path] = set()
    for key, inner in fields.items():
        here = (*above, key.removeprefix("f:"))
        found |= _paths(inner, here) if inner else {here}
    return found


def with_managed_fields(current: Json | None, document: Json, manager: str, now: datetime) -> Json:
    """Return the new state of a ConfigMap with what `manager` changed in it put down to `manager`."""
    before, after = _leaves(current or {}), _leaves(document)
    changed = {path for path, value in after.items() if path not in before or before[path] != value}
    held = ((current or {}).get("metadata") or {}).get("managedFields") or []
    if current is not None and not changed and before.keys() == after.keys():
        return {**document, "metadata": {**document["metadata"], "managedFields": held}}
    entries = []
    for entry in held:
        mine = entry["manager"] == manager
        kept = (_paths(entry["fieldsV1"]) & after.keys()) - (set() if mine else changed)
        if mine:
            changed |= kept
        elif kept:
            entries.append({**entry, "fieldsV1": _fields(kept)})
    if changed:
        entries.append(
            {
                "manager": manager,
                "operation": "Update",
                "apiVersion": "v1",
                "time": timestamp(now),
                "fieldsType": "FieldsV1",
                "fieldsV1": _fields(changed),
            }
        )
    return {**document, "metadata": {**document["metadata"], "managedFields": entries}}
