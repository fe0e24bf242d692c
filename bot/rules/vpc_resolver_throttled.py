"""The VPC's resolver drops a part of what CoreDNS forwards: more than 1,024 packets a second from one interface (C13).

Told by time-outs towards the VPC's resolver (base+2, 169.254.169.253) among answers from it, that go on, with a load to
match: CoreDNS's metrics give the answers and failures a second, pods of one node are taken together, since they may
share an interface, and a query is counted as one packet: an estimate. Where a node was looked at, its ENA counter
`linklocal_allowance_exceeded` shows dropped packets. A server that answers nothing is `coredns_upstream_unreachable`; a
burst that is over is told and is no problem now.

In a playbook: `{rule: vpc_resolver_throttled, severity: critical, with: {window: 15m, failures: 3, share: 0.8}}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.coredns_metrics import CorednsMetrics
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.corefile import Corefile
from bot.collectors.node_conntrack import NodeConntracks
from bot.collectors.subnets import Subnets
from bot.dns.call_failure import minutes
from bot.dns.coredns_log import CorednsLineKind
from bot.dns.coredns_pod_log import CorednsPodLog
from bot.dns.upstream_failure import UpstreamFailureKind
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, unknown
from bot.domain.lookups import Reach
from bot.domain.phrases import and_more, timestamp
from bot.network.resolver import is_resolver
from bot.rules.coredns_pods_co_located import PACKETS_PER_SECOND

_LINKLOCAL = "linklocal_allowance_exceeded"
_MOST_SHOWN = 8
_RECENT = timedelta(minutes=2)
"""Without metrics: a time-out so long ago belongs to what goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What counts as load."""

    window: timedelta = timedelta(minutes=15)
    """Time-outs inside it count."""
    failures: int = 3
    """Time-outs of one pod inside the window that are no chance: below it, a lost packet or two is as likely."""
    share: float = 0.8
    """From this share of 1,024 packets a second on, the estimate explains time-outs: it is of a few seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropping:
    """One pod's queries to the VPC's resolver that timed out."""

    pod: str
    node: str
    address: str
    count: int
    """In the window."""
    last_at: datetime
    sample: str
    failing: float | None
    """How many a second fail now; None: not known."""
    answered: float | None
    """How many a second are answered now; None: not known."""

    @property
    def per_second(self) -> float | None:
        """How many queries a second it forwards, by the estimate: a packet each."""
        return None if self.failing is None or self.answered is None else self.failing + self.answered

    def goes_on(self, now: datetime) -> bool:
        """Return whether queries fail now, as far as that is known."""
        return self.failing > 0 if self.failing is not None else self.last_at >= now - _RECENT


def judge(case: Case) -> Judgement:
    """Conclude whether the VPC's resolver drops what exceeds its limit."""
    logs, pods, corefile = case.need(CorednsLogs), case.need(CorednsPods), case.need(Corefile)
    found = [one for log in logs.pods for one in _dropping(case, log, pods)]
    gaps = (*logs.window_gaps(case.thresholds.window), *pods.gaps)
    if pods.absent and not gaps:
        return healthy(f"Nothing to check: {pods.absence}.")
    now = [one for one in found if one.goes_on(case.collected_at)]
    if not now:
        return _none(found, logs, (*gaps, *logs.nothing_read, *_silent(corefile, case)), case)
    return _weighed(now, case, pods, gaps)


def _dropping(case: Case, log: CorednsPodLog, pods: CorednsPods) -> Sequence[Dropping]:
    """Return a pod's time-outs towards the resolver, where there are too many for chance."""
    since, subnets = case.collected_at - case.thresholds.window, case.need(Subnets).subnets
    seen = [
        one
        for one in log.of(CorednsLineKind.UPSTREAM_FAILURE)
        if one.line.upstream is not None
        and one.line.upstream.kind is UpstreamFailureKind.TIMEOUT
        and not one.line.upstream.self_test
        and one.last_at >= since
        and is_resolver(one.line.upstream.upstream, subnets)
    ]
    count = sum(one.recent for one in seen)
    if count < case.thresholds.failures:
        return ()
    newest, metrics, pod = max(seen, key=lambda one: one.last_at), case.find(CorednsMetrics), pods.pod(log.pod)
    counted = metrics.of(log.pod) if metrics else None
    return (
        Dropping(
            pod=log.pod,
            node=pod.node if pod else "",
            address=pod.ip if pod else "",
            count=count,
            last_at=newest.last_at,
            sample=newest.samples[0],
            failing=counted.failing if counted else None,
            answered=counted.answers_per_second() if counted else None,
        ),
    )


def _silent(corefile: Corefile, case: Case) -> tuple[Gap, ...]:
    """Return a gap where a silent log says nothing: no `errors` plugin, and no metrics in its place."""
    metrics = case.find(CorednsMetrics)
    if corefile.root is None or corefile.root.has("errors") or (metrics and metrics.pods and not metrics.gaps):
        return ()
    reason = "the Corefile has no `errors` plugin, so CoreDNS logs no failed query, and its metrics were not read"
    return (Gap(what="CoreDNS logs", reason=reason),)


def _none(found: Sequence[Dropping], logs: CorednsLogs, gaps: tuple[Gap, ...], case: Case) -> Judgement:
    proof = tuple(map(_line, found[:_MOST_SHOWN]))
    if gaps:
        return not_known("whether the VPC's resolver drops queries", *gaps, proof=proof)
    if found:
        last = max(one.last_at for one in found)
        return healthy(
            f"{sum(one.count for one in found)} queries to the VPC's resolver timed out in the last "
            f"{minutes(case.thresholds.window)}, the last at {timestamp(last)}, and none does now: a burst that is "
            "over.",
            *proof,
        )
    return healthy(
        f"No queries to the VPC's resolver timed out in the last {minutes(case.thresholds.window)}; {logs.read}."
    )


def _weighed(now: Sequence[Dropping], case: Case, pods: CorednsPods, gaps: tuple[Gap, ...]) -> Judgement:
    """Conclude from time-outs that go on: do they come with load?"""
    if all(one.answered == 0 for one in now):
        return healthy(
            "Queries to the VPC's resolver time out, and it answers none: that is no limit of packets a second.",
            *map(_line, now[:_MOST_SHOWN]),
        )
    packets, exceeded = _per_node(case), _exceeded(case, {one.node for one in now})
    heavy = {node for node, number in packets.items() if number >= case.thresholds.share * PACKETS_PER_SECOND}
    throttled = [one for one in now if one.node in heavy or exceeded.get(one.node)]
    if throttled:
        return _problem(throttled, packets, exceeded, pods, gaps)
    unknown_load = [one for one in now if one.per_second is None]
    proof = (*map(_line, now[:_MOST_SHOWN]), *map(_rate, packets.items()))
    if unknown_load:
        reason = f"queries of {unknown_load[0].pod} to the VPC's resolver time out, and its metrics were not read twice"
        gap = Gap(what="load on the VPC's resolver", reason=reason)
        return unknown(
            f"Not known whether time-outs come with load: {reason}.", gap, *_unread(case), *gaps, proof=proof
        )
    most = max(packets.values(), default=0.0)
    return healthy(
        f"Queries to the VPC's resolver time out, with some {most:.0f} packets a second from one node: that is no load "
        f"near {PACKETS_PER_SECOND:,}.",
        *proof,
    )


def _per_node(case: Case) -> Mapping[str, float]:
    """Return the estimate by node: what its CoreDNS pods forward a second, answered or not."""
    metrics = case.find(CorednsMetrics)
    found: dict[str, float] = {}
    for one in metrics.pods if metrics else ():
        answered, failing = one.answers_per_second(), one.failing
        if answered is not None and failing is not None:
            found[one.node] = found.get(one.node, 0.0) + answered + failing
    return found


def _exceeded(case: Case, nodes: set[str]) -> Mapping[str, int]:
    """Return how many packets the interfaces of these nodes did not let through, of those that were looked at."""
    looked = case.find(NodeConntracks)
    seen = {node: looked.of(node) for node in nodes} if looked else {}
    return {
        node: sum(each.count(_LINKLOCAL) or 0 for each in found.allowances) for node, found in seen.items() if found
    }


def _unread(case: Case) -> tuple[Gap, ...]:
    metrics = case.evidence.get(CorednsMetrics)
    if isinstance(metrics, Gap):
        return (metrics,)
    return metrics.gaps if isinstance(metrics, CorednsMetrics) else ()


def _line(one: Dropping) -> str:
    return f"{timestamp(one.last_at)} {one.pod}: {one.count} in the window; {one.sample}"


def _rate(item: tuple[str, float]) -> str:
    node, packets = item
    estimate = f"estimate from metrics; {PACKETS_PER_SECOND:,} pass an interface"
    return f"{node}: some {packets:.0f} packets a second to the resolver ({estimate})"


def _problem(
    throttled: Sequence[Dropping],
    packets: Mapping[str, float],
    exceeded: Mapping[str, int],
    pods: CorednsPods,
    gaps: tuple[Gap, ...],
) -> Judgement:
    names = sorted({one.pod for one in throttled})
    nodes = sorted({one.node for one in throttled})
    most = max((packets.get(node, 0.0) for node in nodes), default=0.0)
    known = f"some {most:.0f} packets a second leave one node for it (estimate)" if most else ""
    counted = [f"{_LINKLOCAL} of {node} is {exceeded[node]}" for node in nodes if exceeded.get(node)]
    seen = "; ".join(filter(None, (known, *counted)))
    everywhere = {pod.name for pod in pods.pods if pod.ready} <= set(names)
    servers = frozenset() if everywhere else frozenset(one.address for one in throttled if one.address)
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"The VPC's resolver answers only a part of what {and_more(names, 3)} on {and_more(nodes, 3)} "
        f"forward: {sum(one.count for one in throttled)} logged time-outs, the last at "
        f"{timestamp(max(one.last_at for one in throttled))}; {seen}; {PACKETS_PER_SECOND:,} pass an interface. "
        "External names fail now and then; cluster names do not depend on it.",
        proof=(
            *map(_line, throttled[:_MOST_SHOWN]),
            *(_rate((node, packets[node])) for node in nodes if node in packets),
            *counted,
        ),
        details={
            "pods": names,
            "nodes": nodes,
            "packets_per_second": round(most),
            "limit": PACKETS_PER_SECOND,
            "exceeded": {node: exceeded.get(node, 0) for node in nodes},
        },
        missing=gaps,
        last_failure_at=max(one.last_at for one in throttled),
        reach=(Reach(servers=servers, external_only=True),),
        pods=tuple(names),
        advice=(
            "Fewer queries: ndots:1 or a trailing dot for external names, a longer cache, NodeLocal DNSCache.",
            "More interfaces: more CoreDNS pods, each on a node of its own.",
        ),
    )


RULE = Rule(
    name="vpc_resolver_throttled",
    title="The VPC's resolver drops queries beyond its limit",
    check="The VPC resolver's limit of packets",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(CorednsLogs, CorednsPods, Corefile, Subnets),
    wants=(CorednsMetrics, NodeConntracks),
    problem_refuted_by=(
        (CorednsMetrics, "no failure while it was read twice, no answer at all, or a rate far below the limit"),
        (CorednsLogs, "time-outs that are long past, or towards other servers"),
    ),
    healthy_refuted_by=(
        (CorednsLogs, "time-outs towards the VPC's resolver that go on"),
        (Corefile, "no errors plugin, so that a silent log says nothing"),
    ),
    thresholds=Thresholds,
)
