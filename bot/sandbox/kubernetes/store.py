"""Objects with uid, resourceVersion and generation. Values are replaced, never changed in place."""

from __future__ import annotations

import random
import re
import uuid
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.sandbox.kubernetes.refusals import Refusal, conflict, invalid, not_found, precondition_failed
from bot.sandbox.kubernetes.resources import NAMESPACES, STORED, WITH_GENERATION, Json, ResourceType


def timestamp(moment: datetime) -> str:
    """Return RFC 3339 with seconds, as object metadata has it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Store:
    """All objects of the cluster. One thread only (the server's event loop)."""

    def __init__(self, *, seed: int) -> None:
        self._random = random.Random(f"store-{seed}")  # noqa: S311  # ids that repeat with the seed, no secret
        self._objects: dict[ResourceType, dict[tuple[str, str], Json]] = {}
        self.revision = 0
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._objects = {kind: {} for kind in STORED}
        self.revision = self._random.randrange(10_000, 90_000)

    def names(self, length: int) -> str:
        """Return a random suffix in the alphabet that Kubernetes uses for generated names."""
        return "".join(self._random.choices("bcdfghjklmnpqrstvwxz2456789", k=length))

    def all(self, kind: ResourceType, namespace: str = "") -> list[Json]:
        """Return the objects of a type in the order of namespace and name."""
        objects = self._objects[kind]
        return [objects[key] for key in sorted(objects) if not namespace or key[0] == namespace]

    def unordered(self, kind: ResourceType) -> list[Json]:
        """Return the objects of a type in any order."""
        return list(self._objects[kind].values())

    def find(self, kind: ResourceType, namespace: str, name: str) -> Json | None:
        """Return the object, or None."""
        return self._objects[kind].get((namespace, name))

    def get(self, kind: ResourceType, namespace: str, name: str) -> Json:
        """Return the object or refuse with 404."""
        found = self.find(kind, namespace, name)
        if found is None:
            raise not_found(kind, name)
        return found

    def put(self, kind: ResourceType, document: Json) -> Json:
        """Create the object, or replace it while its uid and creation time stay."""
        if kind is NAMESPACES:
            document = _named(document)
        metadata = dict(document["metadata"])
        key = (metadata.get("namespace", "") if kind.namespaced else "", metadata["name"])
        current = self._objects[kind].get(key)
        if current is not None and _same(current, document):
            return current
        self.revision += 1
        born = current["metadata"] if current else {}
        metadata["uid"] = born.get("uid") or str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        metadata["creationTimestamp"] = (
            born.get("creationTimestamp") or metadata.get("creationTimestamp") or timestamp(datetime.now(UTC))
        )
        metadata["resourceVersion"] = str(self.revision)
        if kind in WITH_GENERATION:
            changed = current is None or current.get("spec") != document.get("spec")
            metadata["generation"] = born.get("generation", 0) + changed
        stored = {"apiVersion": kind.api_version, "kind": kind.kind, **document, "metadata": metadata}
        self._objects[kind][key] = stored
        return stored

    def create(self, kind: ResourceType, document: Json) -> Json:
        """Create an object of a name that is free."""
        return self.put(kind, document)

    def set_status(self, kind: ResourceType, document: Json, status: Json) -> Json:
        """Replace the status; nothing happens when it is the same already."""
        return self.put(kind, {**document, "status": status})

    def date_back(self, elapsed: timedelta) -> None:
        """Put every timestamp in every object so much earlier."""
        for objects in self._objects.values():
            for key, document in objects.items():
                objects[key] = _dated_back(document, elapsed)
        self.revision += 1

    def remove(self, kind: ResourceType, namespace: str, name: str) -> Json:
        """Delete the object or refuse with 404."""
        document = self.get(kind, namespace, name)
        del self._objects[kind][(namespace, name)]
        self.revision += 1
        return document


_TIMESTAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")


def _dated_back(value: Any, elapsed: timedelta) -> Any:  # noqa: ANN401  # JSON of any shape
    if isinstance(value, dict):
        return {key: _dated_back(item, elapsed) for key, item in value.items()}
    if isinstance(value, list):
        return [_dated_back(item, elapsed) for item in value]
    if isinstance(value, str) and _TIMESTAMP.match(value):
        return timestamp(datetime.fromisoformat(value) - elapsed)
    return value


def _named(namespace: Json) -> Json:
    """Return a namespace with the label that the API server puts on each: its name."""
    metadata = namespace["metadata"]
    labels = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}
    return {**namespace, "metadata": {**metadata, "labels": labels}}


def _same(current: Json, document: Json) -> bool:
    owned = {"uid", "creationTimestamp", "resourceVersion", "generation"}
    left = {key: value for key, value in current["metadata"].items() if key not in owned}
    right = {key: value for key, value in document["metadata"].items() if key not in owned}
    rest = {key for key in (*current, *document) if key not in {"metadata", "apiVersion", "kind"}}
    return left == right and all(current.get(key) == document.get(key) for key in rest)


def check_patch_preconditions(kind: ResourceType, current: Json, body: Json) -> None:
    """Refuse a patch that names another uid (422) or an outdated resourceVersion (409)."""
    asked, name = body.get("metadata") or {}, current["metadata"]["name"]
    uid, version = current["metadata"]["uid"], current["metadata"]["resourceVersion"]
    if asked.get("uid") not in (None, uid):
        raise invalid(kind, name, "metadata.uid", f'Invalid value: "{asked["uid"]}": field is immutable')
    if asked.get("resourceVersion") not in (None, "", version):
        why = "the object has been modified; please apply your changes to the latest version and try again"
        raise conflict(kind, name, why)


def check_delete_preconditions(kind: ResourceType, current: Json, preconditions: Json) -> None:
    """Refuse with 409 when uid or resourceVersion of a DeleteOptions precondition is not the object's."""
    metadata = current["metadata"]
    for field, label, verb in (
        ("uid", "UID", "deleted and then recreated"),
        ("resourceVersion", "ResourceVersion", "modified"),
    ):
        asked = preconditions.get(field)
        if asked not in (None, metadata[field]):
            why = (
                f"the {label} in the precondition ({asked}) does not match the {label} in record "
                f"({metadata[field]}). The object might have been {verb}"
            )
            raise precondition_failed(kind, metadata["name"], why)


def patched(kind: ResourceType, current: Json, result: Json) -> Json:
    """Return the object after a patch: identity and status stay what the server holds."""
    kept = {key: current["metadata"][key] for key in ("name", "uid", "creationTimestamp", "resourceVersion")}
    for key in ("namespace", "generation", "deletionTimestamp"):
        if key in current["metadata"]:
            kept[key] = current["metadata"][key]
    if result["metadata"].get("name") != current["metadata"]["name"]:
        raise Refusal(400, "BadRequest", "the name of the object does not match the name on the URL")
    document = {**deepcopy(result), "metadata": {**deepcopy(result["metadata"]), **kept}}
    if kind in WITH_GENERATION and "status" in current:
        document["status"] = current["status"]
    return document
