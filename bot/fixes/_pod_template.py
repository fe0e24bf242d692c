"""The step that gives a controller's pod template other members, and waits until all its pods are new and Ready.

Members are sent whole, in a strategic merge patch that replaces what stood there. Cost: one patch, and a GET every 2 s.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.domain.json_values import JsonObject, JsonValue, RawObject
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import and_more
from bot.domain.plans import Advice, Reading, Step, WriterKind, Writing
from bot.domain.reading import reading
from bot.domain.settling import COMPLETE, Settled, waiting_for
from bot.errors import NotFound
from bot.kubernetes.rollouts import RESTARTABLE, unfinished
from bot.kubernetes.workloads import template_spec

ACTION = "patch_template"
_USUAL = "Deployment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """Whose pod template is changed."""

    kind: str = _USUAL
    """Deployment, StatefulSet or DaemonSet."""
    namespace: str
    name: str
    uid: str
    manager: str = ""
    """Who else manages it: Helm, Argo CD, Flux; empty: nobody says so."""


def step_to(
    fix: str,
    controller: Controller,
    *,
    former: Mapping[str, str],
    wanted: Mapping[str, str],
    settles_within_seconds: int,
) -> Step:
    """Return the step that sets members of the pod template's spec; each is a JSON text, empty where it is absent."""
    namespace, name, uid = controller.namespace, controller.name, controller.uid
    what = f"{controller.kind.lower()}/{name}"
    body = json.dumps({"spec": {"template": {"spec": _patch(former, wanted)}}})
    return Step(
        fix=fix,
        action=ACTION,
        target=f"{what} in namespace {namespace}, pod template",
        parameters={
            "kind": controller.kind,
            "namespace": namespace,
            "name": name,
            "uid": uid,
            "members": dict(wanted),
        },
        before={"uid": uid, "members": dict(former)},
        diff=tuple(line for key in wanted for line in _diff(key, former.get(key, ""), wanted[key])),
        undo="Gives the pod template its former members back, whole; that replaces the pods once more.",
        command=(
            f"kubectl -n {namespace} patch {what} --patch {shlex.quote(body)} && kubectl -n {namespace} "
            f"rollout status {what} --timeout {settles_within_seconds}s"
        ),
        writer=WriterKind.KUBERNETES,
        owner=controller.manager,
        settles_within_seconds=settles_within_seconds,
    )


def _diff(key: str, former: str, wanted: str) -> tuple[str, ...]:
    return (f"  {key}:", f"- {former or '(none)'}", f"+ {wanted or '(none)'}")


def _patch(former: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, Any]:
    """Return the members as a strategic merge patch that replaces them whole; an empty text removes one.

    Where nothing stands there is nothing to replace: the API server would leave a map with that directive out.
    """
    patch: dict[str, Any] = {}
    for key, written in wanted.items():
        value = json.loads(written) if written else None
        if former.get(key) and isinstance(value, list):
            patch[key] = [{"$patch": "replace"}, *value]
        elif former.get(key) and isinstance(value, dict):
            patch[key] = {"$patch": "replace", **value}
        else:
            patch[key] = value
    return patch


def permissions(unlocks: str) -> tuple[KubernetesPermission, ...]:
    """Return the rights to read and change the pod templates of any controller; `unlocks` says what for."""
    return tuple(
        KubernetesPermission(verb=verb, resource=resource.plural, group=resource.group, unlocks=unlocks)
        for resource in RESTARTABLE.values()
        for verb in ("get", "patch")
    )


def under_way(moving: Sequence[str]) -> Advice:
    """Return the advice to wait; `moving`: controllers, each with what its rollout waits for."""
    return Advice(
        reason=f"A rollout is under way, after which the pods may ask otherwise ({and_more(moving, 3)}).",
        text=("Wait until it has ended, and diagnose again.",),
    )


def titles(rows: Iterable[JsonObject]) -> list[str]:
    """Return `deployment/orders` of each row of a finding that names a controller by `kind` and `name`."""
    return [f"{str(row.get('kind', '')).lower()}/{row.get('name', '')}" for row in rows]


def managed_elsewhere(managers: Iterable[tuple[str, str]]) -> list[str]:
    """Return the sentence about those controllers, each with its title, that somebody else manages; or none."""
    managed = sorted({f"{title} ({manager})" for title, manager in managers if manager})
    said = "Managed elsewhere, which sets it back at its next run unless it says so there, too"
    return [f"{said}: {', '.join(managed)}."] if managed else []


def read(step: Step, look: Reading) -> JsonValue:
    """Return the controller's uid and the members that the step sets, as they are now; no uid: it is gone."""
    try:
        found = _controller(step, look)
    except NotFound:
        return {"uid": "", "members": dict.fromkeys(_members(step), "")}
    with reading(f"get {step.target}"):
        return {"uid": str(found["metadata"]["uid"]), "members": _held(step, found)}


def apply(step: Step, writing: Writing) -> dict[str, JsonValue]:
    """Send the patch, held to the uid; return the generation reached."""
    body: JsonObject = {
        "metadata": {"uid": step.parameters["uid"]},
        "spec": {"template": {"spec": _patch(_former(step), _members(step))}},
    }
    name, namespace = str(step.parameters["name"]), str(step.parameters["namespace"])
    found = writing.cluster_writer.patch(RESTARTABLE[_kind(step)], name, body, namespace=namespace)
    return {"generation": int(found.get("metadata", {}).get("generation", 0))}


def settled(step: Step, effects: JsonObject, look: Reading) -> Settled:
    """Return whether the template says so and all pods are new and Ready."""
    del effects
    found = _controller(step, look)
    with reading(f"get {step.target}"):
        if _held(step, found) != _members(step):
            return waiting_for(f"the pod template of {step.parameters['name']} does not say so yet")
        missing = unfinished(_kind(step), found)
    return waiting_for(f"{step.parameters['name']}: {missing}") if missing else COMPLETE


def inverse(step: Step, effects: JsonObject) -> Step:
    """Return the step that gives the members their former values, or takes away what was not there."""
    del effects
    controller = Controller(
        kind=_kind(step),
        namespace=str(step.parameters["namespace"]),
        name=str(step.parameters["name"]),
        uid=str(step.parameters["uid"]),
        manager=step.owner,
    )
    return step_to(
        step.fix,
        controller,
        former=_members(step),
        wanted=_former(step),
        settles_within_seconds=step.settles_within_seconds,
    )


def _members(step: Step) -> dict[str, str]:
    return _texts(step.parameters["members"])


def _former(step: Step) -> dict[str, str]:
    return _texts(step.before.get("members")) if isinstance(step.before, Mapping) else {}


def _texts(held: JsonValue) -> dict[str, str]:
    return {str(key): str(value) for key, value in held.items()} if isinstance(held, Mapping) else {}


def _held(step: Step, controller: RawObject) -> dict[str, JsonValue]:
    spec = template_spec(controller)
    return {key: json.dumps(spec[key], sort_keys=True) if spec.get(key) else "" for key in _members(step)}


def _kind(step: Step) -> str:
    return str(step.parameters.get("kind") or _USUAL)


def _controller(step: Step, look: Reading) -> RawObject:
    name, namespace = str(step.parameters["name"]), str(step.parameters["namespace"])
    return look.cluster.get(RESTARTABLE[_kind(step)], name, namespace=namespace)
