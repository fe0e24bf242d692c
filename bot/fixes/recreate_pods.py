"""Recreate the application pods once look-ups answer again, one controller at a time (A7).

Pods that gave up while DNS was down, or that keep a stale connection, start afresh through a rollout restart, as
`kubectl rollout restart` does it: an annotation of the pod template. The next controller is touched only when all pods
of the one before are Ready. Bare pods are deleted only when told so, since nothing brings them back. Cannot be undone.
Cost: one patch and a GET every 2 s a controller. Playbook:

    then:
      - fix: recreate_pods
        with: {bare_pods: false, timeout: 5m}     # timeout: for one controller
        risk: low
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.collectors.workload_pods import WorkloadPod, WorkloadPods
from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.permissions import KubernetesPermission
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Step, WriterKind, Writing
from bot.fixes import _rollouts as rollouts

NAME = "recreate_pods"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What the playbook may choose."""

    bare_pods: bool = False
    """Delete pods that no controller owns, too. Nothing recreates them: only where somebody will."""
    timeout: timedelta = timedelta(minutes=5)
    """How long one controller's pods may take until all are Ready; then later steps are not run."""


def plan(case: PlanCase) -> Planned | Advice:
    """Plan one step for each controller that owns a selected pod, and for each bare pod when told so."""
    evidence = case.need(WorkloadPods)
    owned: dict[tuple[str, str, str], list[WorkloadPod]] = {}
    bare: list[WorkloadPod] = []
    left: list[WorkloadPod] = []
    for pod in sorted(evidence.pods, key=lambda one: (one.namespace, one.controller_name, one.name)):
        if pod.controller_kind in rollouts.RESTARTABLE:
            owned.setdefault((pod.namespace, pod.controller_kind, pod.controller_name), []).append(pod)
        elif pod.controller_kind or not case.parameters.bare_pods:
            left.append(pod)
        else:
            bare.append(pod)
    steps = [_restart_step(case, *key, pods) for key, pods in sorted(owned.items())]
    steps += [_delete_step(pod) for pod in bare]
    if not steps:
        whose = evidence.selector or "the workload selector"
        return Advice(reason=f"No pod of {whose} is owned by a Deployment, StatefulSet or DaemonSet.")
    restarted = sum(len(pods) for pods in owned.values())
    return Planned(steps=tuple(steps), blast_radius=_blast_radius(len(owned), restarted, bare, left))


def _restart_step(case: PlanCase, namespace: str, kind: str, name: str, pods: Sequence[WorkloadPod]) -> Step:
    newest = max(pods, key=lambda pod: (str(pod.created_at or ""), pod.name))
    timeout_seconds = int(case.parameters.timeout.total_seconds())
    what = f"{kind.lower()}/{name}"
    return Step(
        fix=NAME,
        action="restart",
        target=f"{what} in namespace {namespace} ({_pods(len(pods))})",
        parameters={
            "kind": kind,
            "namespace": namespace,
            "name": name,
            "uid": newest.controller_uid,
            "timeout_seconds": timeout_seconds,
        },
        before={"uid": newest.controller_uid, "restarted_at": newest.restarted_at},
        diff=(
            f"  pod template of {what}, annotation {rollouts.RESTARTED_AT}:",
            f"- {newest.restarted_at or '(none)'}",
            "+ the time of the restart",
        ),
        undo="",
        command=(
            f"kubectl -n {namespace} rollout restart {what} && "
            f"kubectl -n {namespace} rollout status {what} --timeout {timeout_seconds}s"
        ),
        writer=WriterKind.KUBERNETES,
        after_lookups_answer=True,
    )


def _delete_step(pod: WorkloadPod) -> Step:
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
        after_lookups_answer=True,
    )


def _blast_radius(controllers: int, restarted: int, bare: Sequence[WorkloadPod], left: Sequence[WorkloadPod]) -> str:
    sentences = []
    if controllers:
        noun = "controller" if controllers == 1 else "controllers"
        sentences.append(f"{_pods(restarted)} of {controllers} {noun} restart, one controller at a time.")
    if bare:
        sentences.append(f"{_pods(len(bare))} without a controller will be deleted, and nothing recreates them.")
    if left:
        sentences.append(f"{_pods(len(left))} of Jobs or without a controller are left alone.")
    return " ".join([*sentences, "A restart cannot be undone."])


def _pods(number: int) -> str:
    return "1 pod" if number == 1 else f"{number} pods"


def _nothing_to_undo(step: Step, effects: JsonObject) -> Step | None:
    """Return None: a restart, or a deletion, cannot be taken back."""
    del step, effects
    return None


def recreate_pods_fix(*, sleep: Callable[[float], None], now: Callable[[], datetime]) -> Fix:
    """Return the fix with this clock, in seconds and UTC."""

    def apply(step: Step, writing: Writing) -> dict[str, JsonValue]:
        if step.action == "delete_pod":
            return rollouts.delete_pod(step, writing)
        return rollouts.restart(step, writing, sleep=sleep, now=now)

    return Fix(
        name=NAME,
        title="Recreate the application pods",
        plan=plan,
        read=rollouts.read,
        apply=apply,
        inverse=_nothing_to_undo,
        permissions=(
            *(
                KubernetesPermission(verb=verb, resource=plural, group="apps", unlocks="restart application pods")
                for plural in ("daemonsets", "deployments", "statefulsets")
                for verb in ("get", "patch")
            ),
            KubernetesPermission(verb="get", resource="pods", unlocks="see a bare pod again before deleting it"),
            KubernetesPermission(verb="delete", resource="pods", unlocks="recreate bare pods, where told so"),
        ),
        parameters=Parameters,
    )


FIX = recreate_pods_fix(sleep=time.sleep, now=lambda: datetime.now(UTC))
