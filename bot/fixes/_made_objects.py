"""Objects of Kubernetes that a plan makes: created once, kept where an interrupted plan left the same, deleted by uid.

Each bears the annotation `dnsbot/made-by-plan`. An object of that name that somebody else made is no object of ours:
the state is then not what the plan saw, and nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.domain.json_values import JsonObject, JsonValue, RawObject
from bot.domain.plans import Step, Writing
from bot.domain.ports import ClusterReader, Resource
from bot.domain.reading import reading
from bot.errors import NotFound
from bot.kubernetes.members import part, text, text_map
from bot.kubernetes.owners import MADE_BY_PLAN

CREATE, DELETE = "create", "delete"
"""The actions of steps that make an object, or take it away again."""


def name_of(body: JsonObject) -> str:
    """Return the object's name."""
    return str(_metadata(body)["name"])


def namespace_of(body: JsonObject) -> str:
    """Return the object's namespace; empty: it is in none."""
    return str(_metadata(body).get("namespace", ""))


def _metadata(body: JsonObject) -> Mapping[str, JsonValue]:
    metadata = body["metadata"]
    assert isinstance(metadata, Mapping)  # noqa: S101  # every object that is made has one
    return metadata


def find(cluster: ClusterReader, resource: Resource, body: JsonObject) -> RawObject | None:
    """Return the object of this name, as the API holds it."""
    try:
        return cluster.get(resource, name_of(body), namespace=namespace_of(body))
    except NotFound:
        return None


def uid_of(cluster: ClusterReader, resource: Resource, body: JsonObject) -> str:
    """Return the uid of the object of this name; empty where there is none, or one that an interrupted plan left."""
    found = find(cluster, resource, body)
    with reading(f"get {resource.plural} {name_of(body)}"):
        return "" if found is None or left_behind(found, body) else text(found["metadata"], "uid")


def left_behind(found: RawObject, body: JsonObject) -> bool:
    """Return whether another plan made this object, and just as this one would."""
    made_by = text_map(found["metadata"], "annotations").get(MADE_BY_PLAN, "")
    own = part(_metadata(body), "annotations")[MADE_BY_PLAN]
    labels = _metadata(body).get("labels") or {}
    return made_by not in {"", own} and _holds(found, {**body, "metadata": {"labels": labels}})


def carry_out(step: Step, writing: Writing, resource: Resource, body: JsonObject) -> JsonObject:
    """Create the object, keep what an interrupted plan left, or delete exactly what was made; return which."""
    if step.action == DELETE:
        uid = str(step.parameters["uid"])
        writing.cluster_writer.delete(resource, name_of(body), namespace=namespace_of(body), uid=uid)
        return {"deleted_uid": uid}
    there = find(writing.cluster, resource, body)
    if there is not None and left_behind(there, body):
        return {"kept_uid": text(there["metadata"], "uid")}
    made = writing.cluster_writer.create(resource, body, namespace=namespace_of(body))
    return {"uid": text(made["metadata"], "uid")}


def deletion(step: Step, effects: JsonObject, *, command: str) -> Step | None:
    """Return the step that deletes exactly what was made; None where nothing was, or what was left was kept."""
    uid = effects.get("uid")
    if step.action != CREATE or not uid:
        return None
    return replace(
        step,
        action=DELETE,
        parameters={**step.parameters, "uid": uid},
        before={"uid": uid},
        diff=tuple(line.replace("+", "-", 1) for line in step.diff),
        undo="",
        command=command,
    )


def _holds(found: object, wanted: object) -> bool:
    """Return whether all that is wanted stands there; the API adds defaults beside it."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(_holds(found.get(key), one) for key, one in wanted.items())
    if isinstance(wanted, list | tuple):
        same = isinstance(found, list) and len(found) == len(wanted)
        return same and all(_holds(there, one) for there, one in zip(_items(found), wanted, strict=True))
    return found == wanted


def _items(found: object) -> list[object]:
    return found if isinstance(found, list) else []
