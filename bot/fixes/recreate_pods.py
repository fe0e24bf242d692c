"""Recreate application pods once lookups answer again, one controller at a time (A7).

Pods that gave up while DNS was down, or that keep a stale connection, start afresh through a rollout restart, as
`kubectl rollout restart` does it: an annotation of the pod template. The next controller is touched only when all pods
of the one before are Ready. Bare pods are deleted only when told so, since nothing brings them back. Cannot be undone.
Cost: one patch and a GET every 2 s a controller; with `within_budgets` one list of PodDisruptionBudgets more. Playbook:

    then:
      - fix: recreate_pods
        when: lookups_answer                      # or at_once
        with:
          pods: workload_selector                 # or finding: the pods that the finding names
          within_budgets: false                   # true: a controller is restarted only within its budgets
          bare_pods: false
          timeout: 5m                             # for one controller
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from bot.collectors.workload_pods import WorkloadPods
from bot.domain.json_values import JsonValue
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import MOST_NAMES_SHOWN, count
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Step, WriterKind, Writing, nothing_to_undo
from bot.fixes import _rollouts as rollouts
from bot.kubernetes import named_pods
from bot.kubernetes.named_pods import NamedPod
from bot.kubernetes.rollouts import RESTARTABLE

NAME = "recreate_pods"


class Pods(StrEnum):
    """Which pods are recreated."""

    WORKLOAD_SELECTOR = "workload_selector"
    """Those that the cluster's `workload_selector` selects."""
    FINDING = "finding"
    """Those that the finding names, whatever their labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What the playbook may choose."""

    pods: Pods = Pods.WORKLOAD_SELECTOR
    """Which pods; `finding` is for rules that name pods in their details."""
    within_budgets: bool = False
    """Restart a controller only while its PodDisruptionBudgets allow as many pods to be down as its rollout may
    take down at once; else nothing is sent, and later steps are not run. `kubectl rollout restart` asks no budget."""
    bare_pods: bool = False
    """Delete pods that no controller owns, too. Nothing recreates them: only where somebody will."""
    timeout: timedelta = timedelta(minutes=5)
    """How long one controller's pods may take until all are Ready; then later steps are not run."""


def plan(case: PlanCase) -> Planned | Advice:
    """Plan one step for each controller that owns one of the pods, and for each bare pod when told so."""
    pods, whose = _chosen(case)
    owned: dict[tuple[str, str, str], list[NamedPod]] = {}
    bare: list[NamedPod] = []
    left: list[NamedPod] = []
    for pod in sorted(pods, key=lambda one: (one.namespace, one.owner.name, one.name)):
        if pod.owner.kind in RESTARTABLE:
            owned.setdefault((pod.namespace, pod.owner.kind, pod.owner.name), []).append(pod)
        elif pod.owner.kind or not case.parameters.bare_pods:
            left.append(pod)
        else:
            bare.append(pod)
    steps = [_restart_step(case, *key, of_one) for key, of_one in sorted(owned.items())]
    steps += [_delete_step(pod) for pod in bare]
    if not steps:
        text = (f"Recreate these by hand: {_names(left)}.",) if left else ()
        return Advice(reason=f"No pod of {whose} is owned by a Deployment, StatefulSet or DaemonSet.", text=text)
    return Planned(steps=tuple(steps), blast_radius=_blast_radius(case.parameters, owned, bare, left))


def _chosen(case: PlanCase) -> tuple[tuple[NamedPod, ...], str]:
    """Return the pods to recreate, and whose they are, in words."""
    finding = case.finding
    if case.parameters.pods is Pods.FINDING:
        return named_pods.of_details(finding.judgement.details, finding.rule), f"the finding {finding.rule}"
    evidence = case.need(WorkloadPods)
    return tuple(map(NamedPod.of, evidence.pods)), evidence.selector or "the workload selector"


def _restart_step(case: PlanCase, namespace: str, kind: str, name: str, pods: Sequence[NamedPod]) -> Step:
    newest = max(pods, key=lambda pod: (pod.created_at, pod.name))
    step = rollouts.restart_step(
        NAME,
        kind=kind,
        namespace=namespace,
        name=name,
        uid=newest.owner.uid,
        former=newest.restarted_at,
        settles_within_seconds=int(case.parameters.timeout.total_seconds()),
        pods=len(pods),
    )
    if not case.parameters.within_budgets:
        return step
    budgets = "  only while its PodDisruptionBudgets allow as many pods to be down as its rollout takes down at once"
    return replace(
        step,
        parameters={**step.parameters, rollouts.WITHIN_BUDGETS: True},
        diff=(budgets, *step.diff),
        command=f"kubectl -n {namespace} get poddisruptionbudgets && {step.command}",
    )


def _delete_step(pod: NamedPod) -> Step:
    return Step(
        fix=NAME,
        action="delete_pod",
        target=f"bare pod {pod.namespace}/{pod.name}",
        parameters={"namespace": pod.namespace, "name": pod.name, "uid": pod.uid},
        before={"uid": pod.uid},
        diff=(f"- pod {pod.namespace}/{pod.name} (uid {pod.uid})",),
        undo="",
        command=f"kubectl -n {pod.namespace} delete pod {pod.name}",
        writer=WriterKind.KUBERNETES,
    )


def _blast_radius(
    parameters: Parameters,
    owned: Mapping[tuple[str, str, str], Sequence[NamedPod]],
    bare: Sequence[NamedPod],
    left: Sequence[NamedPod],
) -> str:
    sentences = []
    if owned:
        restarted = count(sum(map(len, owned.values())), "pod")
        within = ", each only within its PodDisruptionBudgets" if parameters.within_budgets else ""
        sentences.append(f"{restarted} of {count(len(owned), 'controller')} restart, one controller at a time{within}.")
    if bare:
        sentences.append(f"{count(len(bare), 'pod')} without a controller will be deleted, and nothing recreates them.")
    if left:
        verb = "is" if len(left) == 1 else "are"
        sentences.append(
            f"{count(len(left), 'pod')} of Jobs or without a controller {verb} left alone: {_names(left)}."
        )
    return " ".join([*sentences, "A restart cannot be undone."])


def _names(pods: Sequence[NamedPod]) -> str:
    """Name pods, and who controls them where that is nobody who could be restarted."""
    named = [
        f"{one.namespace}/{one.name}" + (f" ({one.owner.kind} {one.owner.name})" if one.owner.kind else "")
        for one in pods[:MOST_NAMES_SHOWN]
    ]
    more = f" and {len(pods) - len(named)} more" if len(pods) > len(named) else ""
    return ", ".join(named) + more


def apply(step: Step, writing: Writing) -> dict[str, JsonValue]:
    """Restart the controller, or delete the bare pod."""
    return rollouts.delete_pod(step, writing) if step.action == "delete_pod" else rollouts.restart(step, writing)


FIX = Fix(
    name=NAME,
    title="Restart the application pods",
    does=(
        "Restarts the controllers of the application pods as `kubectl rollout restart` does, one after the other, "
        "each once all pods of the one before are Ready; where the playbook says so, only within their "
        "PodDisruptionBudgets. Deletes bare pods only where the playbook says so. Cannot be undone."
    ),
    plan=plan,
    read=rollouts.read,
    apply=apply,
    settled=rollouts.settled,
    inverse=nothing_to_undo,
    permissions=(
        *(
            KubernetesPermission(verb=verb, resource=plural, group="apps", unlocks="restart application pods")
            for plural in ("daemonsets", "deployments", "statefulsets")
            for verb in ("get", "patch")
        ),
        KubernetesPermission(
            verb="list",
            resource="poddisruptionbudgets",
            group="policy",
            unlocks="restart controllers within their budgets, where the playbook says so",
        ),
        KubernetesPermission(verb="get", resource="pods", unlocks="see a bare pod again before deleting it"),
        KubernetesPermission(verb="delete", resource="pods", unlocks="recreate bare pods, where the playbook says so"),
    ),
    needs=(WorkloadPods,),
    parameters=Parameters,
    rule_parameters=(named_pods.PODS,),
)
