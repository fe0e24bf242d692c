"""The Kubernetes API server answers that it cannot: 5xx, 429, or a time-out of its own store (etcd).

Told by words of an answer in CoreDNS's or kube-proxy's log, where no address was dialled in vain, or by such an answer
to anything that the bot itself asked of it for this diagnosis. No packet is dropped on the way then:
`coredns_api_unreachable` and `kube_proxy_api_timeout` are about that. Priority and fairness may shed the calls of one
ServiceAccount alone. client-go tries again within a minute, so a failure that nothing followed for some minutes may be
over.

In a playbook: `{rule: kubernetes_api_failing, severity: critical, with: {window: 15m, fresh: 5m, failures: 3}}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.kube_proxy_logs import KubeProxyLogs
from bot.dns.api_failure import ApiFailureKind
from bot.dns.call_failure import CallFailure, minutes
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Reach
from bot.domain.phrases import count, timestamp
from bot.errors import EvidenceUnavailable
from bot.rules._api_callers import COREDNS, KUBE_PROXY
from bot.rules._api_failures import MOST_PROOFS, Caller, Calls, Standing, joined, unreasoned


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Which failures count."""

    window: timedelta = timedelta(minutes=15)
    """Failures inside it are looked at, counted back from the diagnosis."""
    fresh: timedelta = timedelta(minutes=5)
    """A failure no older than this is one of now."""
    failures: int = 3
    """So many inside the window are a fault however old; fewer and older ones leave it open."""


def judge(case: Case) -> Judgement:
    """Conclude from the programs' logs, and from what the bot itself was answered, whether the API server fails."""
    since = case.collected_at - case.thresholds.window
    found = [_calls(case, caller, since) for caller in (COREDNS, KUBE_PROXY)]
    read = [one for one in found if not isinstance(one, Gap)]
    missing = _missing(found, case.thresholds.window)
    failed = sorted(
        (one for calls in read for one in calls.of((ApiFailureKind.FAILING,)) if one.stands(since)),
        key=lambda one: one.last_at,
        reverse=True,
    )
    if case.failing_reads or (failed and _of_now(failed, case)):
        return _problem(failed, read, case.failing_reads, missing)
    missing += tuple(_open(one) for one in failed)
    missing += tuple(gap for calls in read for gap in (*calls.unexplained, *unreasoned(calls, since)))
    if missing:
        return not_known("whether the Kubernetes API server fails", *missing)
    logs = "; ".join(calls.logs.read for calls in read if not calls.not_needed) or "no program needs it"
    window = minutes(case.thresholds.window)
    return healthy(f"The Kubernetes API server answered no call with 5xx or 429 in the last {window}; {logs}.")


def _calls(case: Case, caller: Caller, since: datetime) -> Calls | Gap:
    try:
        return caller.calls(case, since)
    except EvidenceUnavailable as error:
        return Gap.of(error.what, error)


def _missing(found: list[Calls | Gap], window: timedelta) -> tuple[Gap, ...]:
    gaps: list[Gap] = []
    for one in found:
        if isinstance(one, Gap):
            gaps.append(one)
        elif not one.not_needed:
            gaps += (*one.logs.window_gaps(window), *one.gaps, *one.logs.nothing_read)
    return tuple(gaps)


def _of_now(failed: list[CallFailure], case: Case) -> bool:
    thresholds: Thresholds = case.thresholds
    fresh = failed[0].last_at >= case.collected_at - thresholds.fresh
    return fresh or sum(one.count for one in failed) >= thresholds.failures


def _open(one: CallFailure) -> Gap:
    reason = f"{one.pod} was answered with an error at {timestamp(one.last_at)}, and nothing shows whether it goes on"
    return Gap(what=f"API access of {one.pod}", reason=f"{reason}: {one.sample}")


def _problem(
    failed: list[CallFailure], read: list[Calls], to_us: tuple[Gap, ...], missing: tuple[Gap, ...]
) -> Judgement:
    now = Standing(failures=tuple(failed)) if failed else None
    who = [count(len(now.pods), "pod") + f" of CoreDNS or kube-proxy ({joined(now.pods[:5], empty='')})"] if now else []
    who += ["the bot itself"] if to_us else []
    last = f"; {now.last}" if now else ""
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"The Kubernetes API server answers {' and '.join(who)} with errors of its own{last}. No packet is "
        "dropped on the way; what it does not answer is not learnt: endpoints go stale, and a CoreDNS that starts "
        "does not become ready.",
        proof=(*(one.proof for one in failed[:MOST_PROOFS]), *(gap.reason for gap in to_us[:MOST_PROOFS])),
        details={
            "pods": list(now.pods) if now else [],
            "resources": list(now.resources) if now else [],
            "to_the_bot": bool(to_us),
        },
        missing=missing,
        last_failure_at=failed[0].last_at if failed else None,
        reach=tuple(reach for calls in read for reach in _reach(calls, failed)),
        advice=(
            "kubectl get --raw '/readyz?verbose'",
            (
                "429: kubectl get flowschemas,prioritylevelconfigurations  # does one shed the calls of these "
                "ServiceAccounts? kubectl get --raw /metrics | grep apiserver_flowcontrol_rejected_requests_total"
            ),
            "5xx or etcdserver: the control plane's log in CloudWatch (api); AWS runs it: open a support case.",
        ),
    )


def _reach(calls: Calls, failed: list[CallFailure]) -> tuple[Reach, ...]:
    own = tuple(one for one in failed if one in calls.failures)
    return calls.reach(Standing(failures=own)) if own else ()


RULE = Rule(
    name="kubernetes_api_failing",
    title="The Kubernetes API server answers with errors",
    check="The Kubernetes API server's own health",
    kind=Kind.CAUSE,
    judge=judge,
    needs=tuple(dict.fromkeys((*COREDNS.needs, *KUBE_PROXY.needs))),
    wants=COREDNS.wants,
    problem_refuted_by=(
        (CorednsLogs, "a failure that nothing followed for some minutes, or fewer than count"),
        (CorednsPods, "a pod that became Ready by /ready since"),
    ),
    healthy_refuted_by=(
        (CorednsLogs, "a call that failed for no stated reason, or few or old failures"),
        (KubeProxyLogs, "a call that failed for no stated reason, or few or old failures"),
        (LookupMatrix, "a CoreDNS pod that answers SERVFAIL to cluster names"),
    ),
    refuted_with_more=(CorednsPods,),
    thresholds=Thresholds,
)
