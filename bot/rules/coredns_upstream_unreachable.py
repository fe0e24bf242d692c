"""CoreDNS gets no answer from the server that it forwards external names to.

Constant failure of one upstream is this fault; failures among answers come and go with load and are
something else (the VPC resolver's limit, packet loss). Lines with HINFO names alone are the loop plugin's
self-test, which many servers ignore: harmless when external names resolve, and else they say nothing.

In a playbook: `{rule: coredns_upstream_unreachable, severity: critical, with: {window: 15m}}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.corefile import Corefile
from bot.collectors.lookups import Lookups
from bot.dns.call_failure import minutes, stamp
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Reach, Rule, Verdict, healthy, unknown
from bot.rules._upstream_view import External, State, Upstream, external_by, upstreams


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Which lines count."""

    window: timedelta = timedelta(minutes=15)
    """Failures inside it count; older ones are shown, dated."""
    failures: int = 3
    """Time-outs of one pod inside the window that make a PROBLEM where no look-up shows what happens now.
    Below it, a lost packet or two is as likely."""


def judge(case: Case) -> Judgement:
    """Conclude whether an upstream server of CoreDNS is unreachable."""
    logs, pods = case.need(CorednsLogs), case.need(CorednsPods)
    corefile, lookups = case.look_for(Corefile), case.look_for(Lookups)
    found = [one for log in logs.pods for one in upstreams(case, log, pods, corefile, lookups)]
    found.sort(key=lambda one: one.last_at, reverse=True)
    missing = (
        *logs.window_gaps(case.thresholds.window),
        *pods.gaps,
        *(gap for gap in (corefile, lookups) if isinstance(gap, Gap)),
    )
    down = [one for one in found if one.state is State.UNREACHABLE]
    if down:
        return _problem(down, pods, missing, case.thresholds.window)
    return _without_problem(found, logs, pods, (corefile, lookups), missing, case.thresholds.window)


def _without_problem(
    found: list[Upstream],
    logs: CorednsLogs,
    pods: CorednsPods,
    context: tuple[Corefile | Gap, Lookups | Gap],
    missing: tuple[Gap, ...],
    window: timedelta,
) -> Judgement:
    corefile, lookups = context
    proof = tuple(one.proof for one in found[:8])
    if pods.absent and not missing:
        return healthy("Nothing to check: this cluster has no CoreDNS pods and no Deployment for them.")
    missing += (
        *(
            Gap(what=f"upstream {one.upstream or 'not named'} of {one.pod}", reason=one.why)
            for one in found
            if one.state is State.OPEN
        ),
        *logs.nothing_read,
        *_silent(corefile, lookups, pods),
    )
    if missing:
        return unknown(f"Whether CoreDNS reaches its upstream is open: {missing[0].reason}.", *missing, proof=proof)
    some = [one for one in found if one.state is State.COMES_AND_GOES]
    if some:
        names = ", ".join(sorted({one.upstream or "an upstream the log does not name" for one in some}))
        count = sum(one.count for one in some)
        return healthy(f"{count} forwarded queries to {names} failed, others were answered: not unreachable.", *proof)
    return healthy(f"No forwarded query failed in the last {minutes(window)}; {logs.read}.", *proof)


def _silent(corefile: Corefile | Gap, lookups: Lookups | Gap, pods: CorednsPods) -> tuple[Gap, ...]:
    """Return a gap where a silent log says nothing: no `errors` plugin, and no external name was answered."""
    if isinstance(corefile, Gap) or corefile.root is None or corefile.root.plugin("errors"):
        return ()
    if any(external_by(lookups, pod.ip) is External.ANSWERS for pod in pods.pods if pod.ip):
        return ()
    reason = "the Corefile has no `errors` plugin, so CoreDNS logs no failed query, and no look-up showed an answer"
    return (Gap(what="CoreDNS logs", reason=reason),)


def _problem(down: list[Upstream], pods: CorednsPods, missing: tuple[Gap, ...], window: timedelta) -> Judgement:
    names = sorted({one.pod for one in down})
    upstreams = sorted({one.upstream or "an upstream the log does not name" for one in down})
    kinds = sorted({seen.line.upstream.kind.value for one in down for seen in one.seen if seen.line.upstream})
    everywhere = {pod.name for pod in pods.pods if pod.ready} <= set(names)
    servers = frozenset() if everywhere else frozenset(one.address for one in down if one.address)
    count = sum(one.count for one in down)
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"{len(names)} of {len(pods.pods)} CoreDNS pods get no answer from upstream {', '.join(upstreams)} "
        f"({', '.join(kinds)}): {count} failed queries in the last {minutes(window)}, the last at "
        f"{stamp(down[0].last_at)}. External names fail; cluster names do not depend on it.",
        proof=tuple(one.proof for one in down[:8]),
        details={"pods": names, "upstreams": upstreams, "kinds": kinds, "failed_queries": count},
        missing=missing,
        last_failure_at=down[0].last_at,
        reach=(Reach(servers=servers, external_only=True),),
        advice=(
            (
                f"See whether {upstreams[0]} is the server meant: kubectl -n kube-system get configmap coredns -o yaml "
                "(`forward`), and the node's /etc/resolv.conf where it names that file."
            ),
            (
                "The nodes' groups and every firewall on the way must let 53 udp and tcp out to it. The VPC's own "
                "resolver (base+2, 169.254.169.253) is filtered by neither security groups nor network ACLs."
            ),
        ),
    )


RULE = Rule(
    name="coredns_upstream_unreachable",
    title="CoreDNS gets no answer from its upstream server",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(CorednsLogs, CorednsPods, Corefile, Lookups),
    thresholds=Thresholds,
)
