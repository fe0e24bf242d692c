"""Repair the Corefile: the smallest edit that loads, else the last good one that is known (C10).

Both were found and judged beforehand (`corefile_repair`); all else of the Corefile stays byte for byte. Where the
configuration of the EKS add-on coredns holds the Corefile it is changed there, else in the ConfigMap that the pods
mount. Then the Deployment restarts, pod by pod: pods that crash begin anew, and pods that still run with what they had
show that they start. The undo writes the former Corefile back and restarts nothing. Cost: two writes, then a GET every
2 s. Playbook:

    fixes:
      - fix: repair_corefile
        risk: medium
        with: {timeout: 5m}               # for each of the two steps

Sources: CoreDNS manual, "Configuration"; EKS User Guide, "Manage CoreDNS for DNS in Amazon EKS clusters".
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.collectors.coredns_addon_scheduling import ADDON, COREFILE, CorednsAddon, CorednsAddonScheduling
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.corefile import Corefile
from bot.collectors.corefile_repair import CorefileRepair
from bot.collectors.eks_addons import UNDER_WAY
from bot.domain.json_values import JsonObject, JsonValue, digest_of_text
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import count
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Reading, Rehearsal, Step, WriterKind, Writing
from bot.domain.ports import ClusterReader
from bot.domain.reading import reading
from bot.domain.redaction import NOT_STORED
from bot.domain.settling import COMPLETE, Settled, waiting_for
from bot.errors import NotEditable, NotFound, WorldChanged
from bot.fixes import _addon_update as addon_update
from bot.fixes import _rollouts as rollouts
from bot.fixes._corefile_diff import diff_of
from bot.kubernetes.addon_configuration import held_text, with_text
from bot.kubernetes.members import text_map
from bot.kubernetes.resources import CONFIG_MAPS, KUBE_SYSTEM
from bot.kubernetes.workloads import RESTARTED_AT

NAME = "repair_corefile"
_WRITE = "write_corefile"
_HELD = ("namespace", "config_map", "key", "corefile")
_UNDO = "Writes the former Corefile back, byte for byte, and restarts nothing; where others changed it, it is left."


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What the playbook may choose."""

    timeout: timedelta = timedelta(minutes=5)
    """How long the add-on may take to write the Corefile, and then the pods until all are new and Ready."""


def plan(case: PlanCase) -> Planned | Advice:
    """Plan two steps: the Corefile, through whoever holds it, and a restart."""
    corefile, pods, repair = case.need(Corefile), case.need(CorednsPods), case.need(CorefileRepair)
    addon = case.need(CorednsAddonScheduling).addon
    refused = _refused(corefile, repair) or (_addon_refused(addon, corefile, repair) if addon else None)
    if refused:
        return refused
    if len(pods.deployments) != 1:
        named = ", ".join(pods.deployments) or "none"
        return Advice(
            reason=f"CoreDNS's pods are not one Deployment's ({named}), which would be restarted after the Corefile is "
            "repaired.",
            text=(*_by_hand(corefile, repair), "Then restart the pods, one after the other."),
        )
    seconds = int(case.parameters.timeout.total_seconds())
    try:
        write = (
            _through_addon(addon, corefile, repair, case.target.eks_name, seconds)
            if addon and repair.in_addon
            else _in_config_map(corefile, repair, by_addon=bool(addon) or corefile.owned_by_addon)
        )
    except NotEditable as error:
        return Advice(reason=f"The configuration of the EKS add-on {ADDON} has no place for another Corefile: {error}.")
    return Planned(steps=(write, _restart(pods, seconds)), blast_radius=_blast_radius(corefile, pods, repair))


def _refused(corefile: Corefile, repair: CorefileRepair) -> Advice | None:
    """Say why no other Corefile is written; None: one can be."""
    if not repair.fault:
        return Advice(
            reason=f"Nothing in the Corefile of {corefile.where} as it is now is known to be refused: what CoreDNS "
            "named is another file, an address or a port, or has been changed since.",
            text=("Look at the line that the finding shows, and diagnose again where the Corefile has changed.",),
        )
    if not repair.text:
        unread = f" Not looked at: {'; '.join(repair.unread)}." if repair.unread else ""
        return Advice(
            reason=f"No single edit makes the Corefile load ({repair.fault}), and no good one is known: "
            "none in the EKS add-on's configuration, in the annotation of kubectl apply, in a ConfigMap of an older "
            f"ReplicaSet, or in the bot's own history.{unread}",
            text=(f"kubectl -n {corefile.namespace} edit configmap {corefile.config_map}",),
        )
    if repair.immutable:
        return Advice(
            reason=f"ConfigMap {corefile.where} is immutable: it takes no change, and the pods must mount another one.",
            text=_by_hand(corefile, repair),
        )
    if digest_of_text(corefile.text) != repair.former_sha256 or digest_of_text(repair.text) != repair.text_sha256:
        return Advice(
            reason=f"The Corefile holds {NOT_STORED}, or has changed while it was read, and the whole of it has to be "
            "written.",
            text=_by_hand(corefile, repair),
        )
    return None


def _by_hand(corefile: Corefile, repair: CorefileRepair) -> tuple[str, ...]:
    what = "; ".join(repair.edits) or f"take the Corefile of {repair.origin}"
    return (f"By hand: kubectl -n {corefile.namespace} edit configmap {corefile.config_map}  # {what}",)


def _addon_refused(addon: CorednsAddon, corefile: Corefile, repair: CorefileRepair) -> Advice | None:
    """Say why the Corefile cannot be changed through the add-on that holds it; None: it can, or it holds none."""
    if not repair.in_addon:
        return None
    stands = addon_update.not_active(ADDON, addon, f"ConfigMap {corefile.where}")
    if stands:
        return stands
    if addon.status in UNDER_WAY:
        return Advice(
            reason=f"The EKS add-on {ADDON} holds the Corefile and is {addon.status}: it takes no update until that "
            "has ended.",
            text=("Wait until it is ACTIVE, and diagnose again.",),
        )
    if repair.addon_refuses:
        return Advice(
            reason=f"The EKS add-on {ADDON} holds the Corefile and does not take another: {repair.addon_refuses}."
        )
    return None


def _through_addon(addon: CorednsAddon, corefile: Corefile, repair: CorefileRepair, cluster: str, seconds: int) -> Step:
    configuration = with_text(addon.configuration, COREFILE, repair.text)
    step = addon_update.step_to(
        NAME,
        addon_update.Sent(addon=ADDON, cluster=cluster, version=addon.version),
        former=addon.configuration,
        wanted=configuration,
        undo="Sends the former configuration, byte for byte, and restarts nothing.",
        settles_within_seconds=seconds,
        further=_place(corefile, repair.text),
    )
    return replace(step, diff=diff_of(addon.configuration, configuration))


def _place(corefile: Corefile, wanted: str) -> dict[str, JsonValue]:
    return dict(zip(_HELD, (corefile.namespace, corefile.config_map, corefile.key, wanted), strict=True))


def _in_config_map(corefile: Corefile, repair: CorefileRepair, *, by_addon: bool) -> Step:
    parameters = {**_place(corefile, repair.text), "former": corefile.text}
    owner = f"the EKS add-on {ADDON}, whose next update may overwrite it" if by_addon else ""
    return _writing(parameters, owner=owner, undo=_UNDO)


def _writing(parameters: JsonObject, *, owner: str, undo: str) -> Step:
    former, wanted = str(parameters["former"]), str(parameters["corefile"])
    namespace, name, key = (str(parameters[member]) for member in _HELD[:3])
    patch = json.dumps({"data": {key: wanted}}, ensure_ascii=False)
    return Step(
        fix=NAME,
        action=_WRITE,
        target=f"ConfigMap {namespace}/{name}, {key}",
        parameters=parameters,
        before={"sha256": digest_of_text(former)},
        diff=diff_of(former, wanted),
        undo=undo,
        command=f"kubectl -n {namespace} patch configmap {name} -p {shlex.quote(patch)}",
        writer=WriterKind.KUBERNETES,
        owner=owner,
    )


def _restart(pods: CorednsPods, seconds: int) -> Step:
    step = rollouts.restart_step(
        NAME,
        kind="Deployment",
        namespace=pods.namespace,
        name=pods.deployments[0],
        uid="",
        former=dict(pods.deployment_annotations).get(RESTARTED_AT, ""),
        settles_within_seconds=seconds,
        pods=len(pods.pods),
    )
    return replace(step, undo="A restart is not taken back: pods keep the Corefile that they have read.")


def _blast_radius(corefile: Corefile, pods: CorednsPods, repair: CorefileRepair) -> str:
    """Say what is wrong, what is written in its place, who accepts it, what is lost, and who restarts."""
    what = "; ".join(repair.edits) or f"it becomes the one of {repair.origin}"
    owner = ""
    if not repair.in_addon and corefile.owned_by_addon:
        owner = f"The EKS add-on {ADDON} wrote this ConfigMap, and its next update may overwrite it."
    ready = sum(pod.ready for pod in pods.pods)
    sentences = [
        f"The Corefile of {corefile.where}: {repair.fault}. Written: {what}. All else of it stays byte for byte."
        if repair.edits
        else f"The Corefile of {corefile.where}: {repair.fault}. Written: {what}; what was changed since then is lost.",
        f"Lost: {', '.join(repair.loses)}." if repair.loses else "",
        f"Accepted by {repair.checked_by}" + (f"; open: {repair.open}." if repair.open else "."),
        owner,
        f"{count(len(pods.pods), 'pod')} of {pods.deployment} restart, one after the other; {ready} of them serve now.",
    ]
    return " ".join(filter(None, sentences))


def read(step: Step, look: Reading) -> JsonValue:
    """Return what the step changes, as it is now."""
    if step.action in addon_update.ACTIONS:
        return addon_update.read(step, look)
    if step.action == rollouts.ACTION:
        return rollouts.read(step, look)
    try:
        text, _ = _corefile(step, look.cluster)
    except NotFound:
        return {"sha256": ""}
    return {"sha256": digest_of_text(text)}


def apply(step: Step, writing: Writing) -> dict[str, JsonValue]:
    """Send the Corefile, or restart."""
    if step.action in addon_update.ACTIONS:
        return addon_update.apply(step, writing)
    if step.action == rollouts.ACTION:
        return rollouts.restart(step, writing)
    gone = f"{step.target} does not exist any more. Nothing was written; diagnose again."
    try:
        text, version = _corefile(step, writing.cluster)
    except NotFound as error:
        raise WorldChanged(gone) from error
    wanted = str(step.parameters["corefile"])
    if text not in (step.parameters["former"], wanted):
        raise WorldChanged(
            f"{step.target} is no longer the Corefile that the plan was made from. Nothing was written. Diagnose again."
        )
    if text != wanted:
        body: JsonObject = {
            "metadata": {"resourceVersion": version},
            "data": {str(step.parameters["key"]): wanted},
        }
        namespace, name = str(step.parameters["namespace"]), str(step.parameters["config_map"])
        writing.cluster_writer.patch(CONFIG_MAPS, name, body, namespace=namespace)
    return {"sha256": digest_of_text(wanted)}


def settled(step: Step, effects: JsonObject, look: Reading) -> Settled:
    """Return whether the Corefile stands in its ConfigMap, or all pods are new and Ready."""
    if step.action == rollouts.ACTION:
        return rollouts.settled(step, effects, look)
    if step.action not in addon_update.ACTIONS:
        return COMPLETE
    if (told := addon_update.not_yet(step, effects, look)) is not None:
        return told
    written, _ = _corefile(step, look.cluster)
    if written != step.parameters["corefile"]:
        return waiting_for(f"EKS has not written it into ConfigMap {step.parameters['config_map']} yet")
    return COMPLETE


def inverse(step: Step, effects: JsonObject) -> Step | None:
    """Return the step that writes the former Corefile back; None for the restart."""
    del effects
    if step.action == rollouts.ACTION:
        return None
    if step.action in addon_update.ACTIONS:
        return addon_update.inverse(step, {**{key: step.parameters[key] for key in _HELD}, "corefile": _former(step)})
    parameters = {**step.parameters, "corefile": step.parameters["former"], "former": step.parameters["corefile"]}
    return _writing(parameters, owner=step.owner, undo="Writes the Corefile of this plan again.")


def _former(step: Step) -> str:
    """Return the Corefile that the former configuration holds."""
    before = step.before if isinstance(step.before, Mapping) else {}
    return held_text(str(before.get("configuration", "")), COREFILE) or ""


def _corefile(step: Step, cluster: ClusterReader) -> tuple[str, str]:
    """Return the Corefile and the ConfigMap's resourceVersion. Raises `NotFound`."""
    namespace, name, key = (str(step.parameters[member]) for member in _HELD[:3])
    found = cluster.get(CONFIG_MAPS, name, namespace=namespace)
    with reading(f"get ConfigMap {namespace}/{name}"):
        held = text_map(found, "data").get(key)
        version = str(found["metadata"]["resourceVersion"])
    if held is None:
        raise NotFound(f"ConfigMap {namespace}/{name} has no {key}")
    return held, version


def rehearsals(evidence: Mapping[type, object]) -> tuple[Rehearsal, ...]:
    """Return its AWS write where an add-on would get it; EKS judges none beforehand."""
    found = evidence.get(CorefileRepair)
    return addon_update.rehearsals(ADDON, owns=isinstance(found, CorefileRepair) and found.in_addon)


FIX = Fix(
    name=NAME,
    title="Repair the Corefile",
    does=(
        "Writes the smallest edit of the Corefile that CoreDNS accepts, or the last good one that is known: in the "
        "configuration of the EKS add-on coredns where that holds the Corefile, with nothing else of it changed and no "
        "conflict overwritten, else in the ConfigMap. Then restarts CoreDNS's Deployment, pod by pod. The undo writes "
        "the former Corefile back, byte for byte, and restarts nothing."
    ),
    plan=plan,
    read=read,
    apply=apply,
    settled=settled,
    inverse=inverse,
    permissions=(
        *(
            KubernetesPermission(
                verb=verb,
                resource="configmaps",
                namespace=KUBE_SYSTEM,
                unlocks="write a Corefile that CoreDNS accepts",
                follows_dns=True,
            )
            for verb in ("get", "patch")
        ),
        *(
            KubernetesPermission(
                verb=verb,
                resource="deployments",
                group="apps",
                namespace=KUBE_SYSTEM,
                unlocks="restart CoreDNS with its repaired Corefile, and see its pods become Ready",
                follows_dns=True,
            )
            for verb in ("get", "patch")
        ),
        *addon_update.permissions(ADDON, "repair the Corefile through the add-on that holds it"),
    ),
    needs=(Corefile, CorednsPods, CorednsAddonScheduling, CorefileRepair),
    parameters=Parameters,
    rehearse=rehearsals,
)
