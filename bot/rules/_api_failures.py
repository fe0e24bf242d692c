"""Failed calls to the Kubernetes API in CoreDNS's and kube-proxy's logs: which stand, and what to conclude.

Shared by the six rules that judge them; no rule itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.kube_proxy_logs import KubeProxyLogs
from bot.collectors.kube_proxy_pods import KubeProxyPods
from bot.dns.api_failure import ApiFailureKind
from bot.dns.call_failure import CallFailure, minutes, past_proof, stamp
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Reach, Verdict, healthy, unknown

MOST_PROOFS = 8
NO_ANSWER = (
    ApiFailureKind.TIMEOUT,
    ApiFailureKind.REFUSED,
    ApiFailureKind.NO_ROUTE,
    ApiFailureKind.UNREACHABLE,
    ApiFailureKind.NO_SUCH_HOST,
    ApiFailureKind.LOST,
)
"""The API did not answer at all: each says something else about where the packets end."""
MEANING = {
    ApiFailureKind.TIMEOUT: "nothing answers: packets are dropped on the way (security group, network ACL, route)",
    ApiFailureKind.REFUSED: "nothing listens at that address: the API server is down or the rules are stale",
    ApiFailureKind.NO_ROUTE: "a host or firewall on the way rejects the packets",
    ApiFailureKind.UNREACHABLE: "the pod itself has no route: its network was not set up",
    ApiFailureKind.NO_SUCH_HOST: "the name of the API server did not resolve",
    ApiFailureKind.LOST: "the connection was cut",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogWindow:
    """Thresholds of a rule that judges log lines."""

    window: timedelta = timedelta(minutes=15)
    """Failures inside it count, counted back from the diagnosis; older ones are shown, dated.

    15 minutes is longer than client-go's longest pause between tries. 0 counts nothing.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Failures of now, newest first; never empty."""

    failures: tuple[CallFailure, ...]

    @property
    def pods(self) -> tuple[str, ...]:
        """Names of the pods that failed."""
        return tuple(sorted({one.pod for one in self.failures}))

    @property
    def nodes(self) -> tuple[str, ...]:
        """Nodes of those pods."""
        return tuple(sorted({one.node for one in self.failures if one.node}))

    @property
    def resources(self) -> tuple[str, ...]:
        """What could not be read."""
        return tuple(sorted({one.failure.resource for one in self.failures if one.failure.resource}))

    @property
    def targets(self) -> tuple[str, ...]:
        """Addresses that were called."""
        return tuple(sorted({one.failure.target for one in self.failures if one.failure.target}))

    @property
    def kinds(self) -> tuple[ApiFailureKind, ...]:
        """What came back."""
        return tuple(sorted({one.failure.kind for one in self.failures}))

    @property
    def subject(self) -> str:
        """Who was refused; empty where no line says."""
        return next((one.failure.subject for one in self.failures if one.failure.subject), "")

    @property
    def last(self) -> str:
        """When it last failed, in words."""
        return f"last failure {stamp(self.failures[0].last_at)}"

    def problem(
        self, summary: str, *, missing: tuple[Gap, ...], reach: tuple[Reach, ...], advice: tuple[str, ...]
    ) -> Judgement:
        """Return the PROBLEM with its proof and details."""
        return Judgement(
            verdict=Verdict.PROBLEM,
            summary=summary,
            proof=tuple(one.proof for one in self.failures[:MOST_PROOFS]),
            details={
                "pods": list(self.pods),
                "nodes": list(self.nodes),
                "resources": list(self.resources),
                "targets": list(self.targets),
                "kinds": [kind.value for kind in self.kinds],
                "subject": self.subject,
            },
            missing=missing,
            last_failure_at=self.failures[0].last_at,
            reach=reach,
            advice=advice,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How a rule words its PROBLEM."""

    summary: str
    advice: tuple[str, ...]


def judge_coredns(
    case: Case, kinds: tuple[ApiFailureKind, ...], tell: Callable[[Standing], Told], *, what: str, answered: bool
) -> Judgement:
    """Judge CoreDNS's failed API calls of these kinds.

    `what` names the failure for the HEALTHY text. `answered`: the rule is about an answer of the API;
    then an answer without a reason leaves it open.
    """
    logs, pods = case.need(CorednsLogs), case.need(CorednsPods)
    since = case.collected_at - case.thresholds.window
    found = logs.api_failures(pods, *kinds)
    missing = (*logs.window_gaps(case.thresholds.window), *pods.gaps)
    standing = tuple(one for one in found if one.stands(since))
    if standing:
        now = Standing(failures=standing)
        told = tell(now)
        return now.problem(
            told.summary, missing=missing, reach=pods.reach_of(now.pods), advice=_named(told.advice, case)
        )
    missing += logs.waits_unexplained(pods, since)
    if answered:
        missing += _unreasoned(tuple(one for one in logs.api_failures(pods, ApiFailureKind.OTHER) if one.stands(since)))
    past = past_proof(found, since)
    if pods.absent and not missing:
        return healthy("Nothing to check: this cluster has no CoreDNS pods and no Deployment for them.")
    missing += logs.nothing_read
    if missing:
        return unknown(f"Whether CoreDNS sees {what} is open: {missing[0].reason}.", *missing, proof=past)
    return healthy(f"No {what} in the last {minutes(case.thresholds.window)}; {logs.read}.", *past)


def judge_kube_proxy(
    case: Case, kinds: tuple[ApiFailureKind, ...], tell: Callable[[Standing], Told], *, what: str, answered: bool
) -> Judgement:
    """Judge kube-proxy's failed API calls of these kinds.

    The rules in the kernel stay as they were, so look-ups are accounted for only on nodes whose
    kube-proxy, as its log proves, has written none since it started.
    """
    logs, pods = case.need(KubeProxyLogs), case.need(KubeProxyPods)
    since = case.collected_at - case.thresholds.window
    found = logs.api_failures(*kinds)
    missing = (*logs.window_gaps(case.thresholds.window), *pods.gaps)
    standing = tuple(one for one in found if one.stands(since))
    if standing:
        now = Standing(failures=standing)
        told = tell(now)
        unsynced = logs.unsynced_nodes(frozenset(now.nodes))
        reach = (Reach(nodes=unsynced, service_only=True),) if unsynced else ()
        return now.problem(
            f"{told.summary} ({logs.read}.)", missing=missing, reach=reach, advice=_named(told.advice, case)
        )
    missing += logs.waits_unexplained
    if answered:
        missing += _unreasoned(tuple(one for one in logs.api_failures(ApiFailureKind.OTHER) if one.stands(since)))
    if pods.absent and not pods.by_design:
        reason = "there is no kube-proxy in kube-system, and nothing that visibly replaces it"
        missing += (Gap(what="kube-proxy", reason=reason),)
    past = past_proof(found, since)
    if pods.by_design and not missing:
        return healthy(f"Nothing to check: {pods.by_design}.")
    missing += logs.nothing_read
    if missing:
        return unknown(f"Whether kube-proxy sees {what} is open: {missing[0].reason}.", *missing, proof=past)
    return healthy(f"No {what} in the last {minutes(case.thresholds.window)}; {logs.read}.", *past)


def _named(advice: tuple[str, ...], case: Case) -> tuple[str, ...]:
    return tuple(line.replace("--name CLUSTER", f"--name {case.target.eks_name}") for line in advice)


def _unreasoned(failures: tuple[CallFailure, ...]) -> tuple[Gap, ...]:
    return tuple(
        Gap(what=f"API access of {one.pod}", reason=f"a call failed and the line gives no reason: {one.sample}")
        for one in failures
    )


def joined(words: tuple[str, ...], *, empty: str) -> str:
    """Return words with commas, or `empty` when there are none."""
    return ", ".join(words) or empty
