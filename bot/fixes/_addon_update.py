"""The step that sends an EKS add-on its configuration with one variable changed, and waits until it is in force.

Sent with resolveConflicts NONE: what somebody changed by hand in the add-on's objects is not overwritten, the update
fails instead and names the fields. Sources: EKS API Reference, UpdateAddon, AddonIssue.
Cost: one UpdateAddon; every 2 s a DescribeAddon, and a GET of the DaemonSet.
"""

from __future__ import annotations

import difflib
import shlex

from bot.collectors.vpc_cni_addon import ADDON, CniAddon
from bot.domain.enforcing_mode import ENFORCING_MODE, EnforcingMode
from bot.domain.json_values import JsonValue, RawObject
from bot.domain.phrases import sentence
from bot.domain.plans import Reading, Rehearsal, Step, WriterKind, Writing
from bot.domain.reading import reading
from bot.domain.settling import COMPLETE, Settled, failed_because, waiting_for
from bot.errors import NotFound
from bot.kubernetes.addon_configuration import variable, with_variable
from bot.kubernetes.members import optional_text, part, parts, text

ACTION = "update_addon"
REHEARSAL = Rehearsal(
    operation="UpdateAddon",
    parameters={},
    judges=("eks:UpdateAddon",),
    target=f"EKS add-on {ADDON}",
    no_dry_run="EKS's UpdateAddon takes no DryRun",
)
_CONFLICT = "ConfigurationConflict"
_UNDER_WAY = frozenset({"CREATING", "UPDATING", "DELETING"})


def step_to(fix: str, wanted: EnforcingMode, addon: CniAddon, cluster: str, *, settles_within_seconds: int) -> Step:
    """Return the step that sets the mode. Raises `NotEditable` where the configuration has no place for it."""
    return _step(
        fix,
        cluster=cluster,
        version=addon.version,
        former=addon.configuration,
        wanted=with_variable(addon.configuration, ENFORCING_MODE, wanted.value),
        undo=(
            "Sends the former configuration, byte for byte; pods that were made meanwhile keep their mode until they "
            "are replaced."
        ),
        settles_within_seconds=settles_within_seconds,
    )


def _step(
    fix: str, *, cluster: str, version: str, former: str, wanted: str, undo: str, settles_within_seconds: int
) -> Step:
    return Step(
        fix=fix,
        action=ACTION,
        target=f"EKS add-on {ADDON} of cluster {cluster}, configurationValues",
        parameters={
            "cluster": cluster,
            "configuration": wanted,
            "value": variable(wanted, ENFORCING_MODE) or "",
        },
        before={"version": version, "status": "ACTIVE", "configuration": former},
        diff=_diff(former, wanted),
        undo=undo,
        command=(
            f"aws eks update-addon --cluster-name {cluster} --addon-name {ADDON} --resolve-conflicts NONE "
            f"--configuration-values {shlex.quote(wanted)}"
        ),
        writer=WriterKind.AWS,
        owner=f"the EKS add-on {ADDON}",
        settles_within_seconds=settles_within_seconds,
    )


def _diff(former: str, wanted: str) -> tuple[str, ...]:
    lines = difflib.ndiff(former.splitlines() or ["(none)"], wanted.splitlines() or ["(none)"])
    return tuple(line for line in lines if not line.startswith("?"))


def read(step: Step, look: Reading) -> JsonValue:
    """Return version, status and configuration of the add-on; all empty where there is none."""
    cluster = str(step.parameters["cluster"])
    try:
        addon = _described(look, cluster)
    except NotFound:
        return {"version": "", "status": "", "configuration": ""}
    with reading("eks:DescribeAddon"):
        return {
            "version": text(addon, "addonVersion"),
            "status": text(addon, "status"),
            "configuration": optional_text(addon, "configurationValues"),
        }


def apply(step: Step, writing: Writing) -> dict[str, JsonValue]:
    """Send the configuration; return the id of the update that EKS begins."""
    answer = writing.aws_writer.write(
        "eks",
        "UpdateAddon",
        clusterName=step.parameters["cluster"],
        addonName=ADDON,
        configurationValues=step.parameters["configuration"],
        resolveConflicts="NONE",
        clientRequestToken=writing.plan_id,
    )
    return {"update_id": str((answer.get("update") or {}).get("id") or "")}


def settled(step: Step, look: Reading) -> Settled:
    """Return whether the add-on is ACTIVE again; a conflict is told with its fields, as EKS words it."""
    with reading("eks:DescribeAddon"):
        addon = _described(look, str(step.parameters["cluster"]))
        status, issues = text(addon, "status"), _issues(addon)
    if status in _UNDER_WAY:
        return waiting_for(f"{ADDON} is {status}")
    if status == "ACTIVE" and _CONFLICT not in issues:
        return COMPLETE
    return failed_because(f"EKS did not carry out the update: {ADDON} is {status}. {issues}{_told(issues)}".strip())


def _issues(addon: RawObject) -> str:
    """Return its health issues: of a conflict, the fields, which stand line by line."""
    said = [
        f"{optional_text(one, 'code')}: {' '.join(optional_text(one, 'message').split())}"
        for one in parts(part(addon, "health"), "issues")
    ]
    return " ".join(map(sentence, said))


def _told(issues: str) -> str:
    if _CONFLICT not in issues:
        return ""
    return (
        " Nothing was overwritten: take these fields back to what the add-on wants, or make them part of its "
        "configuration, and diagnose again; --resolve-conflicts OVERWRITE would discard them."
    )


def _described(look: Reading, cluster: str) -> RawObject:
    answer: RawObject = look.aws.read("eks", "DescribeAddon", clusterName=cluster, addonName=ADDON)["addon"]
    return answer


def inverse(step: Step) -> Step:
    """Return the step that sends the former configuration."""
    before = step.before if isinstance(step.before, dict) else {}
    return _step(
        step.fix,
        cluster=str(step.parameters["cluster"]),
        version=str(before.get("version", "")),
        former=str(step.parameters["configuration"]),
        wanted=str(before.get("configuration", "")),
        undo="Sends the configuration of this plan again.",
        settles_within_seconds=step.settles_within_seconds,
    )
