"""A measure with an end: let CoreDNS write a line for each query, by the plugin `log` in its root block (C10).

Where the configuration of the EKS add-on coredns holds the Corefile it is changed there, else in the ConfigMap that
the pods mount. The Corefile is edited by its grammar and was judged beforehand (`query_log_switch`); all else of it
stays byte for byte. It is switched off again by itself, and what others changed meanwhile is kept. Cost: one write,
then every 2 s the end of each CoreDNS pod's log, until all have taken it up; the same at its end. Playbook:

    measures:
      - measure: enable_coredns_query_log
        risk: low
        with:
          until: 30m                # then it is switched off again
          take_up: reload           # wait for CoreDNS's own reload (minutes), or restart its pods one by one; an add-on
                                    # that holds the Corefile writes it some time later, so its reload is waited for
          timeout: 5m               # for all pods to take it up

Sources: CoreDNS, plugin/log, plugin/reload; EKS User Guide, "Manage CoreDNS for DNS in Amazon EKS clusters".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from bot.collectors.coredns_addon_scheduling import ADDON, COREFILE, CorednsAddon, CorednsAddonScheduling
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.corefile import Corefile
from bot.collectors.eks_addons import UNDER_WAY
from bot.collectors.query_log import QueryLog
from bot.collectors.query_log_switch import QueryLogSwitch
from bot.dns.corefile.editing import with_log
from bot.domain.json_values import JsonObject, JsonValue, digest_of_text
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import count
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Reading, Rehearsal, Step, Writing
from bot.domain.redaction import NOT_STORED
from bot.domain.settling import Settled
from bot.errors import NotEditable
from bot.fixes import _addon_update as addon_update
from bot.fixes import _coredns_takes_up as takes_up
from bot.fixes import _corefile_in_addon as in_addon
from bot.fixes import _corefile_in_config_map as in_config_map
from bot.fixes._corefile_in_config_map import Place
from bot.kubernetes.addon_configuration import held_text, with_text
from bot.kubernetes.resources import KUBE_SYSTEM

NAME = "enable_coredns_query_log"
_GIGABYTE = 1_000
"""In megabytes."""
_LINE_BYTES = 160
"""A line of plugin/log with a name of middling length; the container runtime adds some 40 bytes."""


class TakeUp(StrEnum):
    """How the pods take the changed Corefile up."""

    RELOAD = "reload"
    """CoreDNS's own plugin reload, within minutes; pods are restarted where that plugin is not there."""
    RESTART = "restart"
    """A restart of the Deployment, pod by pod; not where an add-on writes the Corefile, some time later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What the playbook may choose."""

    until: timedelta = timedelta(minutes=30)
    """How long queries are logged; who asks for the measure may choose another time."""
    take_up: TakeUp = TakeUp.RELOAD
    """Whether CoreDNS's own reload is waited for, or its pods are restarted one by one."""
    timeout: timedelta = timedelta(minutes=5)
    """How long all pods may take to run with the changed Corefile; then the step has failed."""


def plan(case: PlanCase) -> Planned | Advice:
    """Plan the one step, through whoever holds the Corefile."""
    corefile, pods, switch = case.need(Corefile), case.need(CorednsPods), case.need(QueryLogSwitch)
    addon = case.need(CorednsAddonScheduling).addon
    refused = _refused(corefile, switch)
    if refused is None and addon and switch.in_addon:
        refused = _addon_refused(addon, corefile, switch)
    if refused:
        return refused
    restarts = not switch.in_addon and (case.parameters.take_up is TakeUp.RESTART or not switch.reloads)
    if restarts and not pods.deployments:
        return Advice(
            reason="CoreDNS does not load a changed Corefile by itself (no plugin reload), and no Deployment owns "
            "its pods: it cannot be restarted one pod after the other.",
            text=("Add `log` to the Corefile's root block by hand and restart the pods.",),
        )
    place = Place(
        namespace=corefile.namespace,
        config_map=corefile.config_map,
        key=corefile.key,
        selector=pods.selector,
        container=pods.setup.container if pods.setup else "",
        restart=pods.deployments if restarts else (),
        owner=f"the EKS add-on {ADDON}, whose next update may overwrite it" if addon or corefile.owned_by_addon else "",
    )
    try:
        step = _step(case, place, corefile, addon if switch.in_addon else None)
    except NotEditable as error:
        return Advice(reason=f"The Corefile has no place for log: {error}.")
    return Planned(steps=(step,), blast_radius=_blast_radius(case, corefile, pods, switch, restarts=restarts))


def _step(case: PlanCase, place: Place, corefile: Corefile, addon: CorednsAddon | None) -> Step:
    """Return the step; `addon`: the one whose configuration holds the Corefile."""
    settles = int(case.parameters.timeout.total_seconds())
    ends = _lasts(case)
    wanted = with_log(corefile.text, file=corefile.path)
    if addon:
        configuration = with_text(addon.configuration, COREFILE, wanted)
        cluster = case.target.eks_name
        return in_addon.step_on(NAME, place, addon, configuration, cluster=cluster, settles=settles, ends=ends)
    return in_config_map.step_on(NAME, place, corefile.text, wanted, settles=settles, ends=ends)


def _lasts(case: PlanCase) -> int:
    return case.lasting_seconds or int(case.parameters.until.total_seconds())


def _refused(corefile: Corefile, switch: QueryLogSwitch) -> Advice | None:
    """Say why this Corefile is not edited; None: it can be."""
    by_hand = f"Add `log` to the root block of {corefile.where} by hand, and take it out again afterwards."
    if switch.written:
        return Advice(
            reason=f"The root block of the Corefile logs queries already: `{switch.written}`.",
            text=("Where that form leaves out what is needed, make it a plain `log`, and diagnose again.",),
        )
    if switch.refused:
        return Advice(reason=f"With `log` in its root block the Corefile would not do: {switch.refused}.")
    if digest_of_text(corefile.text) != switch.sha256:
        return Advice(
            reason=f"The Corefile holds {NOT_STORED}, or has changed while it was read, and the whole of it has to be "
            "written.",
            text=(by_hand,),
        )
    return None


def _addon_refused(addon: CorednsAddon, corefile: Corefile, switch: QueryLogSwitch) -> Advice | None:
    """Say why the Corefile cannot be changed through the add-on that holds it; None: it can."""
    stands = addon_update.not_active(ADDON, addon, f"ConfigMap {corefile.where}")
    if stands:
        return stands
    if addon.status in UNDER_WAY:
        return Advice(
            reason=f"The EKS add-on {ADDON} holds the Corefile and is {addon.status}: it takes no update until that "
            "has ended.",
            text=("Wait until it is ACTIVE, and ask again.",),
        )
    if not switch.reloads:
        return Advice(
            reason="CoreDNS does not load a changed Corefile by itself (no plugin reload), and the EKS add-on "
            f"{ADDON} writes it some time after it is told to: nothing restarts the pods after that.",
            text=("Add `reload` to the Corefile in the add-on's configuration, restart the pods, and ask again.",),
        )
    if switch.addon_refuses:
        return Advice(
            reason=f"The EKS add-on {ADDON} holds the Corefile and does not take another: {switch.addon_refuses}."
        )
    if held_text(addon.configuration, COREFILE) != corefile.text:
        return Advice(
            reason=f"The Corefile in {corefile.where} is not the one that the EKS add-on {ADDON} is configured with: "
            "somebody changed one of the two, and an update would run into that.",
            text=("Make the two the same, and ask again.",),
        )
    return None


def _blast_radius(
    case: PlanCase, corefile: Corefile, pods: CorednsPods, switch: QueryLogSwitch, *, restarts: bool
) -> str:
    """Say what is written where, how much, how it takes effect, and who judged it."""
    others = sorted({key for block in corefile.blocks if not block.serves_root for key in block.keys})
    running = count(len(pods.pods), "pod")
    taken_up = (
        f"{running} of {', '.join(pods.deployments)} restart, one after the other, now and at the end"
        if restarts
        else f"{running} load it by CoreDNS's own reload, some minutes later, at the end as well"
    )
    if case.parameters.take_up is TakeUp.RESTART and not restarts:
        taken_up += f"; they are not restarted, since the EKS add-on {ADDON} writes the Corefile some time later"
    told = (
        "CoreDNS writes a line with client address and name for each query of its root block into its pods' logs, and "
        "whatever collects those gets it, too."
    )
    sentences = [
        told,
        f"Not logged: {', '.join(others)}." if others else "",
        _volume(switch, _lasts(case)),
        f"{taken_up}.",
        f"The new Corefile is accepted by {switch.checked_by}" + (f"; open: {switch.open}." if switch.open else "."),
    ]
    return " ".join(filter(None, sentences))


def _volume(switch: QueryLogSwitch, seconds: int) -> str:
    """Say how much will be written, where it is known how many queries CoreDNS gets."""
    rate = switch.queries_per_second
    if rate is None:
        return f"Not known how much that is: some {_LINE_BYTES} bytes for each query, and nobody counted the queries."
    return (
        f"CoreDNS gets {rate:,.1f} queries a second on average since its pods started, and writes some {_LINE_BYTES} "
        f"bytes for each: about {_size(rate * _LINE_BYTES * seconds)} in {count(seconds // 60, 'minute')}."
    )


def _size(written: float) -> str:
    megabytes = written / 1_000_000
    return f"{megabytes / 1_000:,.1f} GB" if megabytes >= _GIGABYTE else f"{max(megabytes, 0.1):,.1f} MB"


def read(step: Step, look: Reading) -> JsonValue:
    """Return how queries are logged now."""
    return in_addon.read(step, look) if _through_addon(step) else in_config_map.read(step, look)


def apply(step: Step, writing: Writing) -> dict[str, JsonValue]:
    """Send the change."""
    return in_addon.apply(step, writing) if _through_addon(step) else in_config_map.apply(step, writing)


def settled(step: Step, effects: JsonObject, look: Reading) -> Settled:
    """Return whether every CoreDNS pod runs with the change."""
    if _through_addon(step):
        return in_addon.settled(step, effects, look)
    return takes_up.settled(step, effects, look, on=step.action == in_config_map.ON)


def inverse(step: Step, effects: JsonObject) -> Step | None:
    """Return the step that switches the query log off, or on again."""
    del effects
    return in_addon.inverse(step) if _through_addon(step) else in_config_map.inverse(step)


def _through_addon(step: Step) -> bool:
    return step.action in {in_addon.ON, in_addon.OFF}


def rehearsals(evidence: Mapping[type, object]) -> tuple[Rehearsal, ...]:
    """Return its AWS write where an add-on would get it; EKS judges none beforehand."""
    found = evidence.get(QueryLogSwitch)
    held = isinstance(found, QueryLogSwitch) and found.in_addon
    return addon_update.rehearsals(ADDON, owns=held)


FIX = Fix(
    name=NAME,
    title="Enable CoreDNS's query log for a time",
    does=(
        "Adds the plugin `log` to the Corefile's root block: in the configuration of the EKS add-on coredns where that "
        "holds the Corefile, with nothing else of it changed and no conflict overwritten, else in the ConfigMap. Waits "
        "until every CoreDNS pod has loaded it. At its end, or by the undo, `log` is taken out again; what others "
        "changed meanwhile is kept."
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
                unlocks="switch CoreDNS's query log on and off in its ConfigMap",
                follows_dns=True,
            )
            for verb in ("get", "patch")
        ),
        *takes_up.PERMISSIONS,
        *addon_update.permissions(
            ADDON, "switch CoreDNS's query log on and off through the add-on that holds the Corefile"
        ),
    ),
    needs=(Corefile, CorednsPods, CorednsAddonScheduling, QueryLogSwitch),
    parameters=Parameters,
    yields=(QueryLog,),
    rehearse=rehearsals,
)
