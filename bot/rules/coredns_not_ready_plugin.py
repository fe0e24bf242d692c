"""CoreDNS's pods are asked whether they are ready by a probe that the Corefile has no plugin for.

The readiness probe asks `/ready` (port 8181, plugin `ready`) or `/health` (8080, plugin `health`). Without that plugin
nothing listens there: the pod runs, answers whoever asks it by its own address, and is never ready, so the DNS service
leads nobody to it. PROBLEM: a pod that runs and has not been ready for `grace`, probed at one of these paths, with a
Corefile whose blocks lack the plugin. A plugin that is there and says that another one is not ready waits for the
Kubernetes API, which other rules judge.

In a playbook: `{rule: coredns_not_ready_plugin, severity: critical, with: {grace: 60s}}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.collectors.coredns_pods import CorednsPod, CorednsPods
from bot.collectors.corefile import Corefile
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, unknown
from bot.domain.phrases import and_more, timestamp
from bot.kubernetes.coredns import PROBED
from bot.rules._faulty_objects import corefile_of

_MOST_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When a pod that is not ready counts."""

    grace: timedelta = timedelta(seconds=60)
    """A pod that is not ready for less may be starting: too early to tell. 0 counts every pod that is not ready."""


def judge(case: Case) -> Judgement:
    """Conclude whether the Corefile lacks what the pods' readiness probes ask for."""
    pods, corefile = case.need(CorednsPods), case.need(Corefile)
    if pods.absent and not pods.gaps:
        return healthy(f"Nothing to check: {pods.absence}.")
    unwell = [pod for pod in pods.pods if not pod.ready and not pod.terminating and pod.container.running_since]
    lacking = [pod for pod in unwell if _has(pod, corefile) is False]
    if not lacking:
        unknown_pods = [pod.name for pod in unwell if _has(pod, corefile) is None]
        return _without(unwell, unknown_pods, pods, corefile)
    old = [pod for pod in lacking if (pod.unready_since or pod.created_at) <= case.collected_at - case.thresholds.grace]
    if not old and any(pod.ready for pod in pods.pods):
        reason = f"{lacking[0].name} is not ready for less than {case.thresholds.grace.total_seconds():.0f} s"
        gap = Gap(what="CoreDNS's readiness", reason=f"too early to tell: {reason}")
        return unknown(f"Not known whether the Corefile lacks what probes ask: {reason}.", gap, *pods.gaps)
    return _problem(old or lacking, pods, corefile)


def _has(pod: CorednsPod, corefile: Corefile) -> bool | None:
    """Return whether the Corefile has the plugin that a pod's readiness probe asks, if any; None: that is not known."""
    plugin, _ = PROBED.get(pod.container.readiness_path, ("", 0))
    if not plugin or any(block.has(plugin) for block in corefile.blocks):
        return True
    return None if not corefile.blocks or any(block.unread for block in corefile.blocks) else False


def _without(
    unwell: Sequence[CorednsPod], unknown_pods: Sequence[str], pods: CorednsPods, corefile: Corefile
) -> Judgement:
    gaps = pods.gaps
    if unknown_pods:
        reason = f"the Corefile in {corefile.where} was not read whole, and {unknown_pods[0]} runs and is not ready"
        gaps = (Gap(what="CoreDNS's readiness", reason=reason), *gaps)
    if gaps:
        return not_known("whether every CoreDNS pod can become ready", *gaps)
    if not unwell:
        return healthy("No CoreDNS pod runs without being ready.")
    asked = sorted({pod.container.readiness_path or "nothing by HTTP" for pod in unwell})
    return healthy(
        f"The Corefile in {corefile.where} has what the readiness probes ask ({', '.join(asked)}); they fail otherwise."
    )


def _problem(lacking: Sequence[CorednsPod], pods: CorednsPods, corefile: Corefile) -> Judgement:
    names = [pod.name for pod in lacking]
    path = lacking[0].container.readiness_path
    plugin, port = PROBED[path]
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"The Corefile in {corefile.where} has no plugin `{plugin}`, and the readiness probe of "
        f"{and_more(names, 3)} asks {path}: nothing answers at port {port}. {len(names)} of {len(pods.pods)} CoreDNS "
        "pods run and are never ready, and the DNS Service sends them no queries.",
        proof=tuple(
            f"{pod.name} on {pod.node}: runs since {timestamp(pod.container.running_since)}, not ready since "
            f"{timestamp(pod.unready_since or pod.created_at)}, readiness probe {pod.container.readiness_path}"
            for pod in lacking[:_MOST_SHOWN]
            if pod.container.running_since
        ),
        details={"pods": names, "plugin": plugin, "path": path, "config_map": corefile.config_map},
        missing=pods.gaps,
        reach=pods.reach_of(names),
        pods=tuple(names),
        objects=corefile_of(corefile),
        advice=(
            f"kubectl -n {corefile.namespace} edit configmap {corefile.config_map}  # add `{plugin}` to the block .:53",
            f"kubectl -n {pods.namespace} rollout restart deployment/{pods.deployment}",
        ),
    )


RULE = Rule(
    name="coredns_not_ready_plugin",
    title="CoreDNS's readiness probe asks a plugin that the Corefile lacks",
    check="CoreDNS's readiness probes",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(CorednsPods, Corefile),
    problem_refuted_by=(
        (CorednsPods, "a pod that is ready, or a probe that asks something else"),
        (Corefile, "the plugin in any server block, or a part of it that could not be read"),
    ),
    healthy_refuted_by=(
        (CorednsPods, "a pod that runs and is not ready"),
        (Corefile, "no plugin for what the pod's readiness probe asks"),
    ),
    thresholds=Thresholds,
)
