"""The step that puts `log` into the Corefile that the configuration of the EKS add-on coredns holds, or takes it out.

Sent with resolveConflicts NONE. On: only into exactly the configuration that was shown. Off: the former configuration,
byte for byte, where nobody changed it meanwhile; else only `log` is taken out of what stands there then. Cost: one
UpdateAddon; every 2 s a DescribeAddon, then a list of the pods and the end of each pod's log.
Sources: EKS API Reference, UpdateAddon; the add-on's schema (`corefile`).
"""

from __future__ import annotations

from dataclasses import replace

from bot.collectors.coredns_addon_scheduling import ADDON, COREFILE, CorednsAddon
from bot.collectors.eks_addons import UNDER_WAY
from bot.dns.corefile.editing import log_of, without_log
from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.plans import Reading, Step, Writing
from bot.domain.reading import reading
from bot.domain.settling import Progressing, Settled, waiting_for
from bot.errors import EvidenceUnavailable, NotEditable, NotFound, WorldChanged
from bot.fixes import _addon_update as addon_update
from bot.fixes import _coredns_takes_up as takes_up
from bot.fixes import _corefile_in_config_map as in_config_map
from bot.fixes._corefile_diff import diff_of
from bot.fixes._corefile_in_config_map import Place
from bot.kubernetes.addon_configuration import held_text, with_text
from bot.kubernetes.members import optional_text, text

ON, OFF = "addon_log_on", "addon_log_off"
_UNDO = {
    ON: "Sends the former configuration, byte for byte; where others changed it meanwhile, theirs without `log`.",
    OFF: "Sends the configuration of this plan again.",
}


def step_on(fix: str, place: Place, addon: CorednsAddon, wanted: str, *, cluster: str, settles: int, ends: int) -> Step:
    """Return the step that switches the query log on; `wanted` is the whole configuration with it."""
    further: JsonObject = {
        "former": addon.configuration,
        "namespace": place.namespace,
        "config_map": place.config_map,
        "key": place.key,
        "selector": place.selector,
        "container": place.container,
    }
    step = addon_update.step_to(
        fix,
        addon_update.Sent(addon=ADDON, cluster=cluster, version=addon.version),
        former=addon.configuration,
        wanted=wanted,
        undo=_UNDO[ON],
        settles_within_seconds=settles,
        further=further,
    )
    diff = diff_of(addon.configuration, wanted)
    return replace(step, action=ON, before={"log": ""}, diff=diff, ends_after_seconds=ends)


def read(step: Step, look: Reading) -> JsonValue:
    """Return how the add-on's Corefile logs queries, as it is written; what cannot be told is said in its place.

    Raises `EvidenceUnavailable` while an update is under way: what will stand there is not known then.
    """
    try:
        return {"log": log_of(held_text(_configuration(step, look), COREFILE) or "")}
    except NotFound:
        return {"log": f"there is no EKS add-on {ADDON}"}
    except NotEditable as error:
        return {"log": f"it cannot be told: {error}"}


def _configuration(step: Step, look: Reading) -> str:
    found = addon_update.described(step, look)
    with reading("eks:DescribeAddon"):
        status, configuration = text(found, "status"), optional_text(found, "configurationValues")
    if status in UNDER_WAY:
        raise EvidenceUnavailable(f"The EKS add-on {ADDON} is {status}, and takes no update until that has ended.")
    return configuration


def apply(step: Step, writing: Writing) -> dict[str, JsonValue]:
    """Send the configuration; return the id of the update and what the pods ran before."""
    look = Reading(cluster=writing.cluster, aws=writing.aws, target=writing.target)
    try:
        wanted = _wanted(step, _configuration(step, look))
    except EvidenceUnavailable as error:
        raise WorldChanged(f"{step.target}: {error.reason} Nothing was written.") from error
    except NotEditable as error:
        raise WorldChanged(f"{step.target}: {error}. Nothing was written; change it by hand.") from error
    before = takes_up.running(step, writing.cluster)
    update = replace(step, action=addon_update.ACTION, parameters={**step.parameters, "configuration": wanted})
    token = writing.plan_id if step.action == ON else f"{writing.plan_id}-off"  # EKS takes one update for one token
    return {takes_up.RUNNING: before, **addon_update.apply(update, replace(writing, plan_id=token))}


def _wanted(step: Step, now: str) -> str:
    former, configuration = str(step.parameters["former"]), str(step.parameters["configuration"])
    if step.action == OFF:
        held = held_text(now, COREFILE) or ""
        return former if now == configuration else with_text(now, COREFILE, without_log(held))
    if now != former:
        raise WorldChanged(
            f"{step.target} is no longer as it was when the plan was made. Nothing was written. Diagnose again."
        )
    return configuration


def settled(step: Step, effects: JsonObject, look: Reading) -> Settled:
    """Return whether EKS has carried the update out and every pod runs with it."""
    sent = addon_update.settled(replace(step, action=addon_update.ACTION), effects, look)
    if sent.progress is not Progressing.DONE:
        return sent
    written = in_config_map.read(step, look)
    if written != {"log": "log" if step.action == ON else ""}:
        return waiting_for(f"EKS has not written it into ConfigMap {step.parameters['config_map']} yet: {written}")
    return takes_up.settled(step, effects, look, on=step.action == ON)


def inverse(step: Step) -> Step:
    """Return the step that switches the query log back."""
    action = OFF if step.action == ON else ON
    former, wanted = str(step.parameters["former"]), str(step.parameters["configuration"])
    lines = (wanted, former) if action == OFF else (former, wanted)
    sent = addon_update.Sent(addon=ADDON, cluster=str(step.parameters["cluster"]), version="")
    shown = addon_update.step_to(
        step.fix,
        sent,
        former=lines[0],
        wanted=lines[1],
        undo=_UNDO[action],
        settles_within_seconds=step.settles_within_seconds,
    )
    return replace(
        shown,
        action=action,
        parameters=step.parameters,
        before={"log": "log" if action == OFF else ""},
        diff=diff_of(*lines),
    )
