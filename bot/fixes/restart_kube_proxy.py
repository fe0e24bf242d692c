"""Restart kube-proxy where it goes on with what no longer holds (C4).

It reads its kubeconfig once, when it starts, and writes all its rules then. So a restart helps where its configuration
changed after its pods started, and where rules are gone from a node and kube-proxy says nothing of it; by hand that is
`kubectl -n kube-system rollout restart daemonset kube-proxy`. Where nothing changed it meets the same error again: the
plan is advice then, and says so. The rules in the kernel stay while it restarts: connections and lookups go on.
It cannot be undone, and nothing has to be: pods are made anew from the same template.
Cost: one patch, then a GET every 2 s. Playbook:

    fixes:
      - fix: restart_kube_proxy
        with: {timeout: 10m}     # until all its pods are new and Ready
        risk: medium
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.collectors.kube_dns import KubeDns
from bot.collectors.kube_proxy_configuration import ConfiguredBy, KubeProxyConfiguration
from bot.collectors.kube_proxy_pods import KubeProxyPods
from bot.domain.json_values import JsonValue
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import count, few, timestamp
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Step, Writing, nothing_to_undo
from bot.fixes import _rollouts as rollouts
from bot.kubernetes.dns_service import PROXY_NAME
from bot.kubernetes.pods import Pod
from bot.kubernetes.resources import KUBE_SYSTEM

NAME = "restart_kube_proxy"
_DAEMON_SET = "DaemonSet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What the playbook may choose."""

    timeout: timedelta = timedelta(minutes=10)
    """How long the rollout may take until all pods are new and Ready; then later steps are not run."""


def plan(case: PlanCase) -> Planned | Advice:
    """Plan the restart of kube-proxy's DaemonSet, where something says that it helps."""
    found = case.need(KubeProxyPods)
    owners = {(pod.owner.name, pod.owner.uid) for pod in found.pods if pod.owner.kind == _DAEMON_SET}
    if len(owners) != 1:
        named = ", ".join(sorted(name for name, _ in owners)) or "none"
        return Advice(
            reason=f"kube-proxy's pods are not one DaemonSet's ({named}).",
            text=("Restart kube-proxy by whatever makes its pods.",),
        )
    why = _helps(case, found.pods)
    if isinstance(why, Advice):
        return why
    ((name, uid),) = owners
    step = rollouts.restart_step(
        NAME,
        kind=_DAEMON_SET,
        namespace=KUBE_SYSTEM,
        name=name,
        uid=uid,
        former=max(found.pods, key=lambda pod: (pod.created_at, pod.name)).restarted_at,
        settles_within_seconds=int(case.parameters.timeout.total_seconds()),
        pods=len(found.pods),
    )
    return Planned(
        steps=(step,),
        blast_radius=f"{why} {count(len(found.pods), 'kube-proxy pod')} restart, as few at a time as the DaemonSet "
        "allows (maxUnavailable). The rules on the nodes stay meanwhile. A restart cannot be undone.",
    )


def _helps(case: PlanCase, pods: Sequence[Pod]) -> str | Advice:
    """Return why a restart helps, or what speaks against it."""
    configuration = case.need(KubeProxyConfiguration)
    older = {pod.name: changed for pod in pods if (changed := _changed_since(configuration, pod))}
    if older:
        config_maps = {one.name: one for changed in older.values() for one in changed}
        told = [f"{one.title} changed {_at(one.changed_at)}" for _, one in sorted(config_maps.items())]
        return f"{' and '.join(told)}, after {count(len(older), 'kube-proxy pod')} started ({few(sorted(older), 2)})."
    details = case.finding.judgement.details
    named = details.get("nodes")
    nodes = [str(node) for node in named] if isinstance(named, Sequence) else []
    if case.finding.rule == "kube_proxy_rules_missing" and nodes and not details.get("pods"):
        proxy = case.need(KubeDns).proxy
        if proxy:
            return Advice(
                reason=f"kube-proxy leaves the DNS Service to the proxy {proxy}, by its label {PROXY_NAME}: a "
                "restarted one does the same.",
                text=(f"kubectl -n {KUBE_SYSTEM} label service {case.need(KubeDns).name} {PROXY_NAME}-",),
            )
        return f"Its rules are gone from {few(nodes, 3)}, and it says nothing of it: it writes all when it starts."
    unread = f" ({configuration.gaps[0].reason})" if configuration.gaps else ""
    return Advice(
        reason="Nothing that was seen changed after kube-proxy's pods started, so that a restarted one would meet the "
        f"same again{unread}.",
        text=("Fix the cause first; if kube-proxy then goes on as before, restart it.",),
    )


def _changed_since(configuration: KubeProxyConfiguration, pod: Pod) -> tuple[ConfiguredBy, ...]:
    since = pod.container.running_since
    return configuration.changed_since(since) if since else ()


def _at(moment: datetime | None) -> str:
    return timestamp(moment) if moment else "at an unknown time"


def apply(step: Step, writing: Writing) -> dict[str, JsonValue]:
    """Restart the DaemonSet, as `kubectl rollout restart` does."""
    return rollouts.restart(step, writing)


FIX = Fix(
    name=NAME,
    title="Restart kube-proxy",
    does=(
        "Restarts kube-proxy's DaemonSet as `kubectl rollout restart` does, where its configuration changed after its "
        "pods started or its rules are gone from a node without a word in its log, and waits until all pods are new "
        "and Ready. Cannot be undone."
    ),
    plan=plan,
    read=rollouts.read,
    apply=apply,
    settled=rollouts.settled,
    inverse=nothing_to_undo,
    permissions=tuple(
        KubernetesPermission(
            verb=verb,
            resource="daemonsets",
            group="apps",
            namespace=KUBE_SYSTEM,
            unlocks="restart kube-proxy and see its rollout",
        )
        for verb in ("get", "patch")
    ),
    needs=(KubeProxyPods, KubeProxyConfiguration, KubeDns),
    parameters=Parameters,
    rule_parameters=("nodes", "pods"),
)
