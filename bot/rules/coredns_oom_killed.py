"""CoreDNS runs out of memory: the kernel kills it, it comes back, and queries are lost in between.

Told by the container's last state, OOMKilled, with its time. The default limit of 170Mi is too small for
large clusters (memory grows with pods and services) and for bursts. At low load think of a forwarding
loop without the loop plugin.

In a playbook: `{rule: coredns_oom_killed, severity: critical, with: {window: 1h}}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.collectors.coredns_pods import CorednsPod, CorednsPods
from bot.dns.call_failure import minutes
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, nothing_to_check
from bot.domain.lookups import Reach
from bot.domain.phrases import timestamp
from bot.rules._faulty_objects import deployment_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Which kills count."""

    window: timedelta = timedelta(hours=1)
    """A kill inside it counts; older ones are shown, dated. Longer than the usual time between two kills
    of a pod that is short of memory (10 to 45 min in known incidents)."""


def judge(case: Case) -> Judgement:
    """Conclude which CoreDNS pods were killed for their memory."""
    found = case.need(CorednsPods)
    since = case.collected_at - case.thresholds.window
    killed = [pod for pod in found.pods if pod.container.last_terminated_reason == "OOMKilled"]
    now = [pod for pod in killed if _counts(pod, since)]
    if now:
        return _problem(now, found, case.target.eks_name)
    past = tuple(f"no longer the case: {_kill(pod)}" for pod in killed)
    missing = (*found.gaps, *found.nobody)
    if missing:
        return not_known("whether CoreDNS runs out of memory", *missing, proof=past)
    if found.absent:
        return nothing_to_check(found.absence)
    return healthy(f"No CoreDNS pod ran out of memory in the last {minutes(case.thresholds.window)}.", *past)


def _counts(pod: CorednsPod, since: datetime) -> bool:
    """Return whether the kill is recent, or the container has not come back from it."""
    at = pod.container.last_terminated_at
    return at is None or at >= since or pod.container.running_since is None


def _kill(pod: CorednsPod) -> str:
    at = timestamp(pod.container.last_terminated_at) if pod.container.last_terminated_at else "at an unknown time"
    limit = pod.container.memory_limit or "none"
    state = "ready" if pod.ready else "not ready"
    return f"{pod.name}: OOMKilled {at}, {pod.container.restarts} restarts, memory limit {limit}, {state} now"


def _problem(killed: list[CorednsPod], found: CorednsPods, cluster: str) -> Judgement:
    times = [pod.container.last_terminated_at for pod in killed if pod.container.last_terminated_at]
    limits = sorted({pod.container.memory_limit for pod in killed if pod.container.memory_limit})
    addresses = frozenset(pod.ip for pod in killed if pod.ip)
    reach = (Reach(servers=addresses),) if addresses else ()
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"{len(killed)} of {len(found.pods)} CoreDNS pods were killed for exceeding their memory limit "
        f"({', '.join(limits) or 'no limit set: the node ran out'}). Queries are lost until they are back.",
        proof=tuple(_kill(pod) for pod in killed[:10]),
        details={
            "pods": [pod.name for pod in killed],
            "memory_limits": limits,
            "restarts": max(pod.container.restarts for pod in killed),
        },
        missing=found.gaps,
        last_failure_at=max(times, default=None),
        pods=tuple(pod.name for pod in killed),
        objects=deployment_of(found),
        reach=reach if any(pod.ready for pod in found.pods) else found.reach_of(()),
        advice=(
            (
                f"Through the EKS add-on: aws eks update-addon --cluster-name {cluster} --addon-name coredns "
                """--configuration-values '{"resources":{"limits":{"memory":"300Mi"},"requests":{"memory":"150Mi"}}}'"""
            ),
            (
                "Without the add-on, where its Deployment comes from (the chart's `resources`); for now: "
                f"kubectl -n {found.namespace} set resources deployment {found.deployment} "
                f"-c {killed[0].container.name} --limits=memory=300Mi"
            ),
            "At low load look for a forwarding loop: the Corefile should hold `loop`.",
        ),
    )


RULE = Rule(
    name="coredns_oom_killed",
    title="CoreDNS runs out of memory",
    check="CoreDNS's memory",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(CorednsPods,),
    problem_refuted_by=((CorednsPods, "a container that runs since, for longer than the window"),),
    healthy_refuted_by=((CorednsPods, "a kill for memory, or no pod where one is wanted"),),
    thresholds=Thresholds,
)
