"""What CoreDNS's pods count: queries, rcodes, latency, cache, upstream servers, failed reloads, panics (C13).

Read through the API server, which asks each pod at the port of the Corefile's plugin `prometheus`. Counters run since
the process started. Where queries fail, a pod is read once more after `between`: what has been added is what goes on
now, and at which rate. Needs `pods/proxy: get` in the DNS namespace; the control plane must reach the pods' port.
Cost: one call a pod, two where queries fail. In a playbook: `{collector: coredns_metrics, with: {between: 2s}}`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from bot.collectors.coredns_pods import CorednsPod, CorednsPods
from bot.collectors.corefile import Corefile
from bot.dns.coredns_metrics import CorednsCounters, parse_metrics
from bot.domain.cluster import PodName
from bot.domain.evidence import Collector, Gap
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import count
from bot.domain.views import View
from bot.errors import EvidenceUnavailable
from bot.kubernetes.resources import KUBE_SYSTEM

PORT = 9153
"""Of the plugin `prometheus`, where it names none."""
_PATH = "metrics"
_READERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsParameters:
    """How much is read."""

    max_pods: int = 20
    """Pods that are asked."""
    between: timedelta = timedelta(seconds=2)
    """How long after the first reading a pod is read once more, where queries fail. 0: it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodMetrics:
    """What one pod has counted."""

    pod: str
    node: str
    counters: CorednsCounters
    later: CorednsCounters | None = None
    """Of the same process, a little later; None: it was read once."""
    seconds: float = 0.0
    """Between the two."""

    @property
    def failing(self) -> float | None:
        """How many queries a second end in SERVFAIL now; None: it was read once."""
        if self.later is None or not self.seconds:
            return None
        return (self.later.responded("SERVFAIL") - self.counters.responded("SERVFAIL")) / self.seconds

    @property
    def queries_per_second(self) -> float | None:
        """How many queries a second come now; None: it was read once."""
        return None if self.later is None or not self.seconds else (
            (self.later.queries - self.counters.queries) / self.seconds
        )  # fmt: skip

    def answers_per_second(self, upstream: str = "") -> float | None:
        """Return how many answers a second come from upstream servers, or from this one; None: it was read once."""
        if self.later is None or not self.seconds:
            return None
        before, after = (
            sum(one.answered for one in counters.upstreams if upstream in {"", one.address})
            for counters in (self.counters, self.later)
        )
        return max(after - before, 0) / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class CorednsMetrics:
    """What CoreDNS's pods have counted since they started."""

    pods: tuple[PodMetrics, ...]
    """By name."""
    pods_total: int
    """Pods whose container runs."""
    gaps: tuple[Gap, ...] = ()
    """Pods that could not be asked, or were not."""

    def of(self, pod: str) -> PodMetrics | None:
        """Return those of a pod; None: it was not asked, or did not answer."""
        return next((one for one in self.pods if one.pod == pod), None)


def collect(look: View) -> CorednsMetrics:
    """Read the metrics of the pods that run; raises `EvidenceUnavailable` where CoreDNS shows none."""
    running = [pod for pod in look.need(CorednsPods).pods if pod.container.running_since and not pod.terminating]
    port = _port(look.find(Corefile))
    chosen, left = running[: look.parameters.max_pods], running[look.parameters.max_pods :]
    with ThreadPoolExecutor(max_workers=_READERS) as pool:
        read = list(pool.map(lambda pod: _read(look, pod, port), chosen))
    gaps = [one for one in read if isinstance(one, Gap)]
    if left:
        why = f"{len(left)} of {len(running)} pods were not asked: widen `max_pods`"
        gaps.append(Gap(what="metrics of CoreDNS pods", reason=why))
    found = tuple(sorted((one for one in read if not isinstance(one, Gap)), key=lambda one: one.pod))
    return CorednsMetrics(pods=found, pods_total=len(running), gaps=tuple(gaps))


def _port(corefile: Corefile | None) -> int:
    """Return where the metrics are. Raises `EvidenceUnavailable` where the Corefile says that there are none."""
    if corefile is None or corefile.root is None:
        return PORT
    plugins = [one for block in corefile.blocks for one in block.plugins if one.name == "prometheus"]
    if not plugins and not corefile.root.unread:
        raise EvidenceUnavailable(
            f"The Corefile in {corefile.where} has no plugin `prometheus`, so CoreDNS counts nothing that can be read."
        )
    named = next((one.arguments[0].rpartition(":")[2] for one in plugins if one.arguments), "")
    return int(named) if named.isdecimal() and len(named) <= len("65535") else PORT


def _read(look: View, pod: CorednsPod, port: int) -> PodMetrics | Gap:
    try:
        first, at = _counters(look, pod, port), time.monotonic()
        later, seconds = None, 0.0
        between = look.parameters.between.total_seconds()
        if between and _fails(first):
            threading.Event().wait(between)
            later, seconds = _counters(look, pod, port), time.monotonic() - at
    except EvidenceUnavailable as error:
        return Gap.of(f"metrics of {pod.namespace}/{pod.name}", error)
    if later is not None and not first.same_process(later):
        first, later, seconds = later, None, 0.0  # it has started anew in between: what was counted before is gone
    return PodMetrics(pod=pod.name, node=pod.node, counters=first, later=later, seconds=round(seconds, 3))


def _counters(look: View, pod: CorednsPod, port: int) -> CorednsCounters:
    name = PodName(namespace=pod.namespace, name=pod.name)
    return parse_metrics(look.cluster.pod_page(name, port=port, path=_PATH))


def _fails(counters: CorednsCounters) -> bool:
    return bool(counters.responded("SERVFAIL") or counters.health_checks_broken)


def summarise(found: CorednsMetrics) -> str:
    """Say how many pods were read, and what they have counted together."""
    counters: Sequence[CorednsCounters] = [one.later or one.counters for one in found.pods]
    failed = sum(one.responded("SERVFAIL") for one in counters)
    return (
        f"metrics of {len(found.pods)} of {count(found.pods_total, 'CoreDNS pod')}: "
        f"{sum(one.queries for one in counters)} queries since they started, {failed} SERVFAIL"
    )


COLLECTOR = Collector(
    name="coredns_metrics",
    title="CoreDNS metrics",
    evidence=CorednsMetrics,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(
            verb="get",
            resource="pods/proxy",
            namespace=KUBE_SYSTEM,
            unlocks="what CoreDNS counts: queries, failures, upstream answers (C13)",
            follows_dns=True,
        ),
    ),
    needs=(CorednsPods,),
    wants=(Corefile,),
    parameters=MetricsParameters,
)
