"""The step that sends an EKS add-on its configuration with a part of it changed, and waits until it is in force.

Sent with resolveConflicts NONE: what somebody changed by hand in the add-on's objects is not overwritten, the update
fails instead and names the fields. Sources: EKS API Reference, UpdateAddon, AddonIssue.
Cost: one UpdateAddon; every 2 s a DescribeAddon, and a GET of the add-on's workload.
"""

from __future__ import annotations

import difflib
import shlex
from dataclasses import dataclass
from typing import Protocol

from bot.domain.json_values import JsonObject, JsonValue, RawObject
from bot.domain.phrases import sentence
from bot.domain.plans import Advice, Reading, Rehearsal, Step, WriterKind, Writing
from bot.domain.reading import reading
from bot.domain.settling import COMPLETE, Settled, failed_because, waiting_for
from bot.errors import NotFound
from bot.kubernetes.members import optional_text, part, parts, text

ACTION = "update_addon"
_CONFLICT = "ConfigurationConflict"
_UNDER_WAY = frozenset({"CREATING", "UPDATING", "DELETING"})


class Addon(Protocol):
    """An add-on as a collector gives it."""

    @property
    def status(self) -> str: ...
    @property
    def issues(self) -> tuple[str, ...]: ...


def rehearsal(addon: str) -> Rehearsal:
    """Return the write that an add-on would get; EKS judges none beforehand."""
    return Rehearsal(
        operation="UpdateAddon",
        parameters={},
        judges=("eks:UpdateAddon",),
        target=f"EKS add-on {addon}",
        no_dry_run="EKS's UpdateAddon takes no DryRun",
    )


def not_active(name: str, addon: Addon, workload: str) -> Advice | None:
    """Say why an add-on takes no update as it is; None: it does."""
    said = f" {' '.join(addon.issues)}" if addon.issues else ""
    if addon.status.endswith("ING"):
        return Advice(
            reason=f"The EKS add-on {name} is {addon.status}, and takes no update until that has ended.{said}",
            text=("Wait until it is ACTIVE, and diagnose again.",),
        )
    if addon.status != "ACTIVE":
        return Advice(
            reason=f"The EKS add-on {name} is {addon.status}, and no update is sent to one that is not ACTIVE.{said}",
            text=(
                f"A ConfigurationConflict names the fields that somebody changed by hand in {workload}.",
                "Mend what EKS names, wait until the add-on is ACTIVE, and diagnose again.",
            ),
        )
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Which add-on is updated: its name, its cluster's, and its version as the plan saw it."""

    addon: str
    cluster: str
    version: str


def step_to(
    fix: str,
    sent: Sent,
    *,
    former: str,
    wanted: str,
    undo: str,
    settles_within_seconds: int,
    further: JsonObject | None = None,
) -> Step:
    """Return the step that sends the configuration `wanted`; `further` are parameters that `settled` of a fix reads."""
    return Step(
        fix=fix,
        action=ACTION,
        target=f"EKS add-on {sent.addon} of cluster {sent.cluster}, configurationValues",
        parameters={"cluster": sent.cluster, "addon": sent.addon, "configuration": wanted, **(further or {})},
        before={"version": sent.version, "status": "ACTIVE", "configuration": former},
        diff=_diff(former, wanted),
        undo=undo,
        command=(
            f"aws eks update-addon --cluster-name {sent.cluster} --addon-name {sent.addon} "
            f"--resolve-conflicts NONE --configuration-values {shlex.quote(wanted)}"
        ),
        writer=WriterKind.AWS,
        owner=f"the EKS add-on {sent.addon}",
        settles_within_seconds=settles_within_seconds,
    )


def _diff(former: str, wanted: str) -> tuple[str, ...]:
    lines = difflib.ndiff(former.splitlines() or ["(none)"], wanted.splitlines() or ["(none)"])
    return tuple(line for line in lines if not line.startswith("?"))


def read(step: Step, look: Reading) -> JsonValue:
    """Return version, status and configuration of the add-on; all empty where there is none."""
    try:
        addon = _described(step, look)
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
        addonName=_named(step),
        configurationValues=step.parameters["configuration"],
        resolveConflicts="NONE",
        clientRequestToken=writing.plan_id,
    )
    return {"update_id": str((answer.get("update") or {}).get("id") or "")}


def settled(step: Step, look: Reading) -> Settled:
    """Return whether the add-on is ACTIVE again; a conflict is told with its fields, as EKS words it."""
    with reading("eks:DescribeAddon"):
        addon = _described(step, look)
        status, issues = text(addon, "status"), _issues(addon)
    if status in _UNDER_WAY:
        return waiting_for(f"{_named(step)} is {status}")
    if status == "ACTIVE" and _CONFLICT not in issues:
        return COMPLETE
    said = f"EKS did not carry out the update: {_named(step)} is {status}. {issues}{_told(issues)}"
    return failed_because(said.strip())


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


def _named(step: Step) -> str:
    return str(step.parameters["addon"])


def _described(step: Step, look: Reading) -> RawObject:
    cluster = str(step.parameters["cluster"])
    answer: RawObject = look.aws.read("eks", "DescribeAddon", clusterName=cluster, addonName=_named(step))["addon"]
    return answer


def inverse(step: Step, further: JsonObject | None = None) -> Step:
    """Return the step that sends the former configuration."""
    before = step.before if isinstance(step.before, dict) else {}
    return step_to(
        step.fix,
        Sent(addon=_named(step), cluster=str(step.parameters["cluster"]), version=str(before.get("version", ""))),
        former=str(step.parameters["configuration"]),
        wanted=str(before.get("configuration", "")),
        undo="Sends the configuration of this plan again.",
        settles_within_seconds=step.settles_within_seconds,
        further=further,
    )
