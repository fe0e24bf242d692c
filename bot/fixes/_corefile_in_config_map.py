"""The step that puts `log` into the Corefile of a ConfigMap, or takes it out of what stands there then.

On: only into exactly the Corefile that was judged and shown. Off: only the plain `log`, by the Corefile's grammar, so
that what others have changed meanwhile is kept. Cost: one GET, one PATCH with the resourceVersion that was read.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

from bot.dns.corefile.editing import log_of, without_log
from bot.domain.json_values import JsonObject, JsonValue, digest_of_text
from bot.domain.plans import Reading, Step, WriterKind, Writing
from bot.domain.ports import ClusterReader
from bot.domain.reading import reading
from bot.errors import NotEditable, NotFound, WorldChanged
from bot.fixes import _coredns_takes_up as takes_up
from bot.fixes._corefile_diff import diff_of
from bot.kubernetes.members import text_map
from bot.kubernetes.resources import CONFIG_MAPS

ON, OFF = "log_on", "log_off"
_UNDO = {
    ON: "Takes `log` out of the Corefile as it is then; what others have changed in it meanwhile is kept.",
    OFF: "Puts `log` into the Corefile again.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which Corefile, and whose pods run with it."""

    namespace: str
    config_map: str
    key: str
    selector: str
    container: str
    restart: tuple[str, ...]
    """Deployments that are restarted; none: the pods reload by themselves."""
    owner: str = ""


def step_on(fix: str, place: Place, former: str, wanted: str, *, settles: int, ends: int) -> Step:
    """Return the step that switches the query log on."""
    parameters: JsonObject = {
        "namespace": place.namespace,
        "config_map": place.config_map,
        "key": place.key,
        "selector": place.selector,
        "container": place.container,
        "restart": list(place.restart),
        "corefile": wanted,
        "former": former,
    }
    where = f"ConfigMap {place.namespace}/{place.config_map}, {place.key}"
    patch = json.dumps({"data": {place.key: wanted}}, ensure_ascii=False)
    restarts = "".join(f" && kubectl -n {place.namespace} rollout restart deployment/{name}" for name in place.restart)
    return Step(
        fix=fix,
        action=ON,
        target=where,
        parameters=parameters,
        before={"log": ""},
        diff=diff_of(former, wanted),
        undo=_UNDO[ON],
        command=f"kubectl -n {place.namespace} patch configmap {place.config_map} -p {shlex.quote(patch)}{restarts}",
        writer=WriterKind.KUBERNETES,
        owner=place.owner,
        settles_within_seconds=settles,
        ends_after_seconds=ends,
    )


def read(step: Step, look: Reading) -> JsonValue:
    """Return how the root block logs queries now, as it is written; what cannot be told is said in its place."""
    try:
        text, _ = _corefile(step, look.cluster)
        return {"log": log_of(text)}
    except NotFound:
        return {"log": f"{step.target} does not exist"}
    except NotEditable as error:
        return {"log": f"it cannot be told: {error}"}


def apply(step: Step, writing: Writing) -> dict[str, JsonValue]:
    """Write the edited Corefile, restart where told so; return what the pods ran before."""
    try:
        text, version = _corefile(step, writing.cluster)
        wanted = _wanted(step, text)
    except NotFound as error:
        raise WorldChanged(f"{step.target} does not exist any more. Nothing was written; diagnose again.") from error
    except NotEditable as error:
        raise WorldChanged(f"{step.target}: {error}. Nothing was written; change it by hand.") from error
    before = takes_up.running(step, writing.cluster)
    if wanted != text:
        writing.cluster_writer.patch(
            CONFIG_MAPS,
            str(step.parameters["config_map"]),
            {"metadata": {"resourceVersion": version}, "data": {str(step.parameters["key"]): wanted}},
            namespace=str(step.parameters["namespace"]),
        )
    takes_up.restart(step, writing)
    return {takes_up.RUNNING: before, "sha256": digest_of_text(wanted)}


def _wanted(step: Step, text: str) -> str:
    if step.action == OFF:
        return without_log(text)
    if text not in (step.parameters["former"], step.parameters["corefile"]):
        raise WorldChanged(
            f"{step.target} is no longer the Corefile that the plan was made from. Nothing was written. Diagnose again."
        )
    return str(step.parameters["corefile"])


def inverse(step: Step) -> Step:
    """Return the step that switches the query log back."""
    action = OFF if step.action == ON else ON
    former, wanted = str(step.parameters["former"]), str(step.parameters["corefile"])
    return Step(
        fix=step.fix,
        action=action,
        target=step.target,
        parameters=step.parameters,
        before={"log": "log" if action == OFF else ""},
        diff=diff_of(wanted, former) if action == OFF else diff_of(former, wanted),
        undo=_UNDO[action],
        command=f"kubectl -n {step.parameters['namespace']} edit configmap {step.parameters['config_map']}"
        f"  # {'delete' if action == OFF else 'add'} the line `log` of the root block",
        writer=step.writer,
        owner=step.owner,
        settles_within_seconds=step.settles_within_seconds,
    )


def _corefile(step: Step, cluster: ClusterReader) -> tuple[str, str]:
    """Return the Corefile and the ConfigMap's resourceVersion. Raises `NotFound`."""
    namespace, name = str(step.parameters["namespace"]), str(step.parameters["config_map"])
    found = cluster.get(CONFIG_MAPS, name, namespace=namespace)
    with reading(f"get {step.target}"):
        held = text_map(found, "data").get(str(step.parameters["key"]))
        version = str(found["metadata"]["resourceVersion"])
    if held is None:
        raise NotFound(f"ConfigMap {namespace}/{name} has no {step.parameters['key']}")
    return held, version
