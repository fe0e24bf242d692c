"""The steps that send an EKS add-on its configuration with a part of it changed, and wait until it is in force.

An update that is under way is waited for first. The own one is sent with resolveConflicts NONE: what somebody changed
by hand in the add-on's objects is not overwritten, the update fails instead and names the fields. Sources: EKS API
Reference, UpdateAddon, DescribeUpdate (ErrorDetail), AddonIssue. Cost: one UpdateAddon; every 2 s a DescribeAddon and a
GET of the add-on's workload; at the end one DescribeUpdate.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from bot.collectors.eks_addons import ACTIVE, CONFLICT, UNDER_WAY, UPDATING
from bot.domain.json_values import JsonObject, JsonValue, RawObject
from bot.domain.permissions import AwsPermission
from bot.domain.phrases import sentence
from bot.domain.plans import Advice, Reading, Rehearsal, Step, WriterKind, Writing
from bot.domain.reading import reading
from bot.domain.settling import COMPLETE, Progressing, Settled, failed_because, waiting_for
from bot.errors import EvidenceUnavailable, NotFound
from bot.kubernetes.members import optional_text, part, parts, text

ACTION = "update_addon"
WAIT = "wait_for_addon"
ACTIONS = frozenset({ACTION, WAIT})
_FAILED_UPDATES = frozenset({"Failed", "Cancelled"})


class Addon(Protocol):
    """An add-on as a collector gives it."""

    @property
    def status(self) -> str: ...
    @property
    def issues(self) -> tuple[str, ...]: ...


def permissions(addon: str, unlocks: str) -> tuple[AwsPermission, ...]:
    """Return what these steps need for one add-on; `unlocks`: what its update is for."""
    return (
        AwsPermission(action="eks:DescribeAddon", unlocks="see the add-on again before and after changing it"),
        AwsPermission(
            action="eks:DescribeUpdate",
            unlocks="say why an update of the add-on failed, with its fields",
            without="these fixes go on, and say of a failed update what the add-on's own health says",
        ),
        AwsPermission(action="eks:UpdateAddon", resources=(f"arn:aws:eks:*:*:addon/*/{addon}/*",), unlocks=unlocks),
    )


def rehearsals(addon: str, *, owns: bool) -> tuple[Rehearsal, ...]:
    """Return the write that an add-on would get where it owns what is changed; EKS judges none beforehand."""
    write = Rehearsal(
        operation="UpdateAddon",
        parameters={},
        judges=("eks:UpdateAddon",),
        target=f"EKS add-on {addon}",
        no_dry_run="EKS's UpdateAddon takes no DryRun",
    )
    return (write,) if owns else ()


def not_active(name: str, addon: Addon, workload: str) -> Advice | None:
    """Say why an add-on takes no update as it is; None: it does, at once or when its present update has ended."""
    said = f" {' '.join(addon.issues)}" if addon.issues else ""
    if addon.status in (ACTIVE, UPDATING):
        return None
    if addon.status.endswith("ING"):
        return Advice(
            reason=f"The EKS add-on {name} is {addon.status}, and takes no update until that has ended.{said}",
            text=("Wait until it is ACTIVE, and diagnose again.",),
        )
    return Advice(
        reason=f"The EKS add-on {name} is {addon.status}, and no update is sent to one that is not ACTIVE.{said}",
        text=(
            f"A ConfigurationConflict names the fields that somebody changed by hand in {workload}.",
            "Fix what EKS names, wait until the add-on is ACTIVE, and diagnose again.",
        ),
    )


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
        before=_state(sent.version, ACTIVE, former),
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


def after_the_present(update: Step, addon: Addon, *, within_seconds: int) -> tuple[Step, ...]:
    """Return the update, behind a step that sends nothing and waits where another update is under way."""
    if addon.status != UPDATING:
        return (update,)
    name, cluster = _named(update), str(update.parameters["cluster"])
    wait = Step(
        fix=update.fix,
        action=WAIT,
        target=f"EKS add-on {name} of cluster {cluster}, the update that is under way",
        parameters={"cluster": cluster, "addon": name},
        before=update.before,
        diff=(
            f"  {name} is {addon.status}: wait until it is {ACTIVE}, {within_seconds // 60} minutes at most.",
            "  Nothing is sent before; where it ends otherwise, or has changed what this plan changes, the plan stops.",
        ),
        undo="Nothing is changed, so there is nothing to take back.",
        command=f"aws eks wait addon-active --cluster-name {cluster} --addon-name {name}",
        writer=WriterKind.AWS,
        owner=update.owner,
        settles_within_seconds=within_seconds,
    )
    return (wait, update)


def _state(version: str, status: str, configuration: str) -> dict[str, JsonValue]:
    """Return what is compared: an update that is under way ends by itself, so that it counts as none."""
    return {"version": version, "status": ACTIVE if status == UPDATING else status, "configuration": configuration}


def _diff(former: str, wanted: str) -> tuple[str, ...]:
    lines = difflib.ndiff(former.splitlines() or ["(none)"], wanted.splitlines() or ["(none)"])
    return tuple(line for line in lines if not line.startswith("?"))


def read(step: Step, look: Reading) -> JsonValue:
    """Return version, status and configuration of the add-on; all empty where there is none."""
    try:
        addon = described(step, look)
    except NotFound:
        return _state("", "", "")
    with reading("eks:DescribeAddon"):
        return _state(text(addon, "addonVersion"), text(addon, "status"), optional_text(addon, "configurationValues"))


def apply(step: Step, writing: Writing) -> dict[str, JsonValue]:
    """Send the configuration; return the id of the update that EKS begins. Where the step only waits, send nothing."""
    if step.action == WAIT:
        return {}
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


def settled(step: Step, effects: JsonObject, look: Reading) -> Settled:
    """Return whether the add-on is ACTIVE again and the update succeeded; a conflict is told with its fields."""
    with reading("eks:DescribeAddon"):
        addon = described(step, look)
        status, issues = text(addon, "status"), _issues(addon)
    if status in UNDER_WAY:
        return waiting_for(f"{_named(step)} is {status}")
    errors = _errors(step, str(effects.get("update_id") or ""), look)
    if status == ACTIVE and not errors and not _conflicts(issues):
        return COMPLETE
    said = tuple(dict.fromkeys((*errors, *issues)))
    what = "EKS did not carry out the update" if step.action == ACTION else "The update under way did not end well"
    told = " ".join(map(sentence, said))
    return failed_because(f"{what}: {_named(step)} is {status}. {told}{_told(said)}".strip())


def not_yet(step: Step, effects: JsonObject, look: Reading) -> Settled | None:
    """Return what is said of a step of any fix by its add-on alone; None: what the add-on rolls is looked at next."""
    if step.action not in ACTIONS:
        return None
    update = settled(step, effects, look)
    return update if step.action == WAIT or update.progress is not Progressing.DONE else None


def _errors(step: Step, update_id: str, look: Reading) -> tuple[str, ...]:
    """Return why the update failed, as EKS words it; none where it did not, or where that may not be read."""
    if not update_id:
        return ()
    asked = {"name": step.parameters["cluster"], "updateId": update_id, "addonName": _named(step)}
    try:
        answer = look.aws.read("eks", "DescribeUpdate", **asked)
    except EvidenceUnavailable:
        return ()
    with reading("eks:DescribeUpdate"):
        update = part(answer, "update")
        if optional_text(update, "status") not in _FAILED_UPDATES:
            return ()
        told = tuple(_line(one, "errorCode", "errorMessage") for one in parts(update, "errors"))
        return told or (f"its update {update_id} is {optional_text(update, 'status')} without a reason",)


def _issues(addon: RawObject) -> tuple[str, ...]:
    """Return its health issues."""
    return tuple(_line(one, "code", "message") for one in parts(part(addon, "health"), "issues"))


def _line(one: RawObject, code: str, message: str) -> str:
    """Return an error or issue on one line: of a conflict, the fields, which EKS writes line by line."""
    named = [str(identifier) for identifier in one.get("resourceIds") or ()]
    about = f" ({', '.join(named)})" if named else ""
    return f"{optional_text(one, code)}: {' '.join(optional_text(one, message).split())}{about}"


def _conflicts(said: Iterable[str]) -> bool:
    return any(one.startswith(CONFLICT) for one in said)


def _told(said: Iterable[str]) -> str:
    if not _conflicts(said):
        return ""
    return (
        " Nothing was overwritten: take these fields back to what the add-on wants, or make them part of its "
        "configuration, and diagnose again; --resolve-conflicts OVERWRITE would discard them."
    )


def _named(step: Step) -> str:
    return str(step.parameters["addon"])


def described(step: Step, look: Reading) -> RawObject:
    """Return the add-on as EKS has it. Raises `NotFound`."""
    cluster = str(step.parameters["cluster"])
    answer: RawObject = look.aws.read("eks", "DescribeAddon", clusterName=cluster, addonName=_named(step))["addon"]
    return answer


def inverse(step: Step, further: JsonObject | None = None) -> Step | None:
    """Return the step that sends the former configuration; None where the step only waited."""
    if step.action == WAIT:
        return None
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
