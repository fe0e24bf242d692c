"""Which nameservers pods are told to ask: /etc/resolv.conf of a few application pods on different nodes (C6).

By these addresses the cluster's DNS service is found, whatever its name. Lookups read every pod's file again; here a
few are enough. Cost: one exec a pod, at most `max_pods`, all at once and not waited for longer than `time_budget`.
In a playbook: `{collector: nameservers}`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from datetime import timedelta

from bot.collectors._looking_from import choose_pods, stand_ins
from bot.collectors._resolv_conf import not_read, read_resolv_conf
from bot.collectors.workload_pods import WorkloadPods
from bot.dns.resolv_conf import parse_resolv_conf
from bot.domain.evidence import Collector, Gap
from bot.domain.permissions import KubernetesPermission
from bot.domain.ports import PodProber
from bot.domain.views import PodView
from bot.errors import AccessDenied, EvidenceUnavailable
from bot.kubernetes.pods import Pod

EXEC = (
    KubernetesPermission(verb="create", resource="pods/exec", unlocks="reading resolv.conf in application pods"),
    KubernetesPermission(verb="get", resource="pods/exec", unlocks="the same, over WebSockets before 1.35"),
)
"""In whatever namespaces they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameserverParameters:
    """How many pods are asked, and for how long."""

    max_pods: int = 4
    """Pods whose resolv.conf is read, on as many nodes."""
    time_budget: timedelta = timedelta(seconds=4)
    """For all of them together: whoever looks for the DNS service waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nameservers:
    """What pods that use the cluster's DNS are told to ask."""

    asked: tuple[str, ...]
    """Addresses, the one that most pods name first; those of a pod's own `dnsConfig` are left out."""
    pods_read: int
    gaps: tuple[Gap, ...] = ()


def collect(look: PodView) -> Nameservers:
    """Read resolv.conf in a few pods. Raises `EvidenceUnavailable` where there is no pod, or all refuse to be read."""
    parameters: NameserverParameters = look.parameters
    pods = _chosen(look.need(WorkloadPods), parameters.max_pods)
    if not pods:
        raise EvidenceUnavailable("there is no running application pod that uses the cluster's DNS settings")
    texts = _read(look.pods, pods, parameters.time_budget.total_seconds())
    gaps = tuple(text for text in texts if isinstance(text, Gap))
    if len(gaps) == len(pods) and all(gap.grant for gap in gaps):
        raise AccessDenied(gaps[0].reason, grant=_anywhere(gaps[0].grant))
    named: Counter[str] = Counter()
    for pod, text in zip(pods, texts, strict=True):
        if isinstance(text, str):
            named.update(one for one in parse_resolv_conf(text).nameservers if one not in pod.nameservers)
    return Nameservers(
        asked=tuple(address for address, _ in named.most_common()),
        pods_read=sum(isinstance(text, str) for text in texts),
        gaps=gaps,
    )


def _chosen(workload: WorkloadPods, most: int) -> tuple[Pod, ...]:
    asked = workload.asked_pod if workload.asked_pod and workload.asked_pod.uses_cluster_dns else None
    using = [pod for pod in workload.pods if pod.uses_cluster_dns]
    return choose_pods(stand_ins(using, asked), asked, {}, max_pods=most)


def _anywhere(grant: str) -> str:
    """Return the right in all namespaces of which the refusal of one pod names a part."""
    return next((right.text for right in EXEC if grant.startswith(f"{right.resource}: {right.verb} ")), grant)


def _read(prober: PodProber, pods: Sequence[Pod], seconds: float) -> list[str | Gap]:
    ends = time.monotonic() + seconds
    executor = ThreadPoolExecutor(max_workers=len(pods), thread_name_prefix="read resolv.conf")
    try:
        futures = [executor.submit(copy_context().run, read_resolv_conf, prober, pod) for pod in pods]
        wait(futures, timeout=max(0.0, ends - time.monotonic()))
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
    return [
        future.result()
        if future.done() and not future.cancelled()
        else not_read(pod, f"no answer within {seconds:g} s")
        for pod, future in zip(pods, futures, strict=True)
    ]


def summarise(found: Nameservers) -> str:
    """Say which addresses are asked."""
    return f"{found.pods_read} pods read, told to ask {', '.join(found.asked) or 'nobody'}"


COLLECTOR = Collector(
    name="nameservers",
    title="Nameservers that pods are told to ask",
    evidence=Nameservers,
    view=PodView,
    collect=collect,
    summarise=summarise,
    permissions=EXEC,
    needs=(WorkloadPods,),
    parameters=NameserverParameters,
    deadline_seconds=8.0,
)
