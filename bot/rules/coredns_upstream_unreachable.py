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
from bot.collectors.coredns_metrics import CorednsMetrics
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.corefile import Corefile
from bot.collectors.subnets import Subnets
from bot.dns.call_failure import minutes
from bot.dns.log_wordings import Subject
from bot.dns.upstream_failure import UpstreamFailureKind
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, nothing_to_check
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Reach
from bot.domain.phrases import timestamp
from bot.network.resolver import IN_EVERY_VPC
from bot.rules._upstream_view import Context, External, FailureState, Upstream, external_by, upstreams

MEANING = {
    UpstreamFailureKind.NOT_PERMITTED: (
        "The node's own kernel does not let the packets out: a network policy, an OUTPUT rule, or a full table of "
        "connections"
    ),
    UpstreamFailureKind.CERTIFICATE: "The server's certificate is not accepted",
    UpstreamFailureKind.REFUSED: "The server's address answers that nothing listens there",
}
NOT_PERMITTED_ADVICE = (
    "kubectl get networkpolicies,ciliumnetworkpolicies -A  # which selects CoreDNS and allows no egress to it?",
    "On the pods' nodes: iptables -S OUTPUT; dmesg | grep conntrack",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Which lines count."""

    window: timedelta = timedelta(minutes=15)
    """Failures inside it count; older ones are shown, dated."""
    failures: int = 3
    """Failed queries of one pod to one server inside the window that are no chance: below it, a lost packet or two is
    as likely. Time-outs of a server that nothing shows answering are a PROBLEM from here on; among answers, what drops
    them is open."""


def judge(case: Case) -> Judgement:
    """Conclude whether an upstream server of CoreDNS is unreachable."""
    logs, pods = case.need(CorednsLogs), case.need(CorednsPods)
    context = Context.of(case)
    found = [one for log in logs.pods for one in upstreams(case, log, pods, context)]
    found.sort(key=lambda one: one.last_at, reverse=True)
    unknown_errors = logs.open_errors(Subject.UPSTREAM, case.collected_at - case.thresholds.window)
    missing = (*logs.window_gaps(case.thresholds.window), *pods.gaps, *context.gaps, *unknown_errors)
    down = [one for one in found if one.state is FailureState.UNREACHABLE]
    if down:
        return _problem(down, pods, context.corefile, missing, case.thresholds.window)
    return _without_problem(found, logs, pods, context, missing, case.thresholds.window)


def _without_problem(
    found: list[Upstream],
    logs: CorednsLogs,
    pods: CorednsPods,
    context: Context,
    missing: tuple[Gap, ...],
    window: timedelta,
) -> Judgement:
    proof = tuple(one.proof for one in found[:8])
    if pods.absent and not missing:
        return nothing_to_check(pods.absence)
    missing += (
        *(
            Gap(what=f"upstream {one.upstream or 'not named'} of {one.pod}", reason=one.why)
            for one in found
            if one.state is FailureState.OPEN
        ),
        *logs.nothing_read,
        *_silent(context, pods),
    )
    if missing:
        return not_known("whether CoreDNS reaches its upstream", *missing, proof=proof)
    some = [one for one in found if one.state is FailureState.COMES_AND_GOES]
    if some:
        names = ", ".join(sorted({one.upstream or "an upstream the log does not name" for one in some}))
        count = sum(one.count for one in some)
        return healthy(f"{count} forwarded queries to {names} failed, others were answered: not unreachable.", *proof)
    return healthy(f"No forwarded query failed in the last {minutes(window)}; {logs.read}.", *proof)


def _silent(context: Context, pods: CorednsPods) -> tuple[Gap, ...]:
    """Return a gap where a silent log says nothing: no `errors` plugin, and no external name was answered."""
    corefile = context.corefile
    if isinstance(corefile, Gap) or corefile.root is None or corefile.root.has("errors"):
        return ()
    if any(external_by(context.lookups, pod.ip) is External.ANSWERS for pod in pods.pods if pod.ip):
        return ()
    unread = corefile.root.unread
    lacks = f"may have no `errors` plugin ({unread[0]})" if unread else "has no `errors` plugin"
    reason = f"the Corefile {lacks}, so CoreDNS logs no failed query, and no lookup showed an answer"
    return (Gap(what="CoreDNS logs", reason=reason),)


def _problem(
    down: list[Upstream], pods: CorednsPods, corefile: Corefile | Gap, missing: tuple[Gap, ...], window: timedelta
) -> Judgement:
    names = sorted({one.pod for one in down})
    upstreams = sorted({one.upstream or "an upstream the log does not name" for one in down})
    kinds = sorted({seen.line.upstream.kind for one in down for seen in one.seen if seen.line.upstream})
    everywhere = {pod.name for pod in pods.pods if pod.ready} <= set(names)
    servers = frozenset() if everywhere else frozenset(one.address for one in down if one.address)
    count = sum(one.count for one in down)
    because = tuple(MEANING[kind] for kind in kinds if kind in MEANING)
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"{len(names)} of {len(pods.pods)} CoreDNS pods get no answer from upstream {', '.join(upstreams)} "
        f"({', '.join(kinds)}): {count} failed queries in the last {minutes(window)}, the last at "
        f"{timestamp(down[0].last_at)}. {''.join(f'{reason}. ' for reason in because)}"
        "External names fail; cluster names do not depend on it.",
        proof=tuple(one.proof for one in down[:8]),
        details={
            "pods": names,
            "upstreams": upstreams,
            "kinds": [kind.value for kind in kinds],
            "failed_queries": count,
        },
        missing=missing,
        last_failure_at=down[0].last_at,
        reach=(Reach(servers=servers, external_only=True),),
        advice=(
            *(NOT_PERMITTED_ADVICE if UpstreamFailureKind.NOT_PERMITTED in kinds else ()),
            (
                f"See whether {upstreams[0]} is the server meant: {_show_forward(corefile, pods, names[0])} "
                "(`forward`), and the node's /etc/resolv.conf where it names that file."
            ),
            (
                "The nodes' groups and every firewall on the way must let 53 udp and tcp out to it. The VPC's own "
                f"resolver (base+2, {IN_EVERY_VPC}) is filtered by neither security groups nor network ACLs."
            ),
        ),
    )


def _show_forward(corefile: Corefile | Gap, pods: CorednsPods, pod: str) -> str:
    """Return the command that shows where these pods forward to; it asks the pod where its ConfigMap is not known."""
    if not isinstance(corefile, Gap):
        namespace, held = corefile.namespace, corefile.config_map
    else:
        namespace, held = pods.namespace, pods.setup.source[0] if pods.setup else ""
    return f"kubectl -n {namespace} " + (
        f"get configmap {held} -o yaml" if held else f"describe pod {pod}  # its volumes"
    )


RULE = Rule(
    name="coredns_upstream_unreachable",
    title="CoreDNS gets no answer from its upstream server",
    check="CoreDNS's upstream servers",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(CorednsLogs, CorednsPods, Corefile, LookupMatrix, Subnets),
    wants=(CorednsMetrics,),
    problem_refuted_by=(
        (LookupMatrix, "an external name that the pod answers"),
        (CorednsMetrics, "answers of the VPC's resolver among the time-outs"),
        (CorednsLogs, "a later answer of the upstream in the query log"),
    ),
    healthy_refuted_by=(
        (CorednsLogs, "failed queries of any kind that nothing contradicts"),
        (LookupMatrix, "an external name that fails though the pod answers cluster names"),
        (Corefile, "no errors plugin, so that a silent log says nothing"),
    ),
    refuted_with_more=(CorednsMetrics,),
    thresholds=Thresholds,
    incidents=("upstream-unreachable-5179", "upstream-resolvconf-2287"),
)
