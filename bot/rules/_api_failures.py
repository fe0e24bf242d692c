"""Failed calls to the Kubernetes API in a program's logs: which stand, and what to conclude.

Shared by the rules that judge them, whoever calls (`_api_callers`); no rule itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.collectors._log_window import LogsRead
from bot.dns.api_failure import ApiFailureKind
from bot.dns.call_failure import CallFailure, minutes, past_proof
from bot.domain.api_calls import ApiCall, CallReach
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Verdict, healthy, not_known, nothing_to_check
from bot.domain.lookups import Client, ClientKind, Reach
from bot.domain.phrases import timestamp
from bot.kubernetes.pods import Pod

MOST_PROOFS = 8
NO_ANSWER = (
    ApiFailureKind.TIMEOUT,
    ApiFailureKind.TLS_TIMEOUT,
    ApiFailureKind.REFUSED,
    ApiFailureKind.NO_ROUTE,
    ApiFailureKind.UNREACHABLE,
    ApiFailureKind.NO_SUCH_HOST,
    ApiFailureKind.LOST,
)
"""The API did not answer at all: each says something else about where the packets end."""
MEANING = {
    ApiFailureKind.TIMEOUT: "nothing answers: packets are dropped on the way (security group, network ACL, route)",
    ApiFailureKind.TLS_TIMEOUT: "the address takes the connection and does not end the TLS handshake: the API server "
    "is overloaded, or large packets are lost on the way (MTU)",
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
    def hosts(self) -> tuple[str, ...]:
        """Hosts in the URLs that were called."""
        return tuple(sorted({one.failure.host for one in self.failures if one.failure.host}))

    @property
    def kinds(self) -> tuple[ApiFailureKind, ...]:
        """What came back."""
        return tuple(sorted({one.failure.kind for one in self.failures}))

    @property
    def subject(self) -> str:
        """Who was refused; empty where no line says."""
        return next((one.failure.subject for one in self.failures if one.failure.subject), "")

    def account(self, pods: Iterable[Pod], namespace: str) -> str:
        """Return the ServiceAccount that was refused, `NAMESPACE/NAME`: as the API names it, else as its pods run."""
        named = self.subject.removeprefix("system:serviceaccount:")
        if named != self.subject:
            return named.replace(":", "/", 1)
        every = sorted(pods, key=lambda pod: (pod.name not in self.pods, pod.name))
        run_as = next((pod for pod in every if pod.service_account), None)
        return f"{namespace}/{run_as.service_account if run_as else 'default'}"

    @property
    def last(self) -> str:
        """When it last failed, in words."""
        return f"last failure {timestamp(self.failures[0].last_at)}"

    def problem(self, wording: Wording, calls: Calls, *, missing: tuple[Gap, ...], serves_dns: bool) -> Judgement:
        """Return the PROBLEM with its proof and details, and what of `calls` it consists in and accounts for.

        `serves_dns`: the pods are the DNS service's.
        """
        return Judgement(
            verdict=Verdict.PROBLEM,
            summary=wording.summary,
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
            reach=calls.reach(self),
            call_reach=calls.call_reach(self),
            failing_calls=calls.made(self),
            pods=self.pods if serves_dns else (),
            advice=wording.advice,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How a rule words its PROBLEM."""

    summary: str
    advice: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What one case shows of a program's calls to the API."""

    logs: LogsRead
    failures: tuple[CallFailure, ...]
    """Of every kind, newest first."""
    unexplained: tuple[Gap, ...]
    """Where something is amiss and no log says what: a pod that waits for the API, a program that is not there."""
    gaps: tuple[Gap, ...]
    """What could not be read of its pods."""
    not_needed: str
    """Why there is nothing to check, or empty."""
    reach: Callable[[Standing], tuple[Reach, ...]]
    """Which lookups fail because of such failures."""
    made: Callable[[Standing], tuple[ApiCall, ...]]
    """The calls that these failures are of."""
    call_reach: Callable[[Standing], tuple[CallReach, ...]] = lambda _: ()
    """Which calls of other programs fail because of such failures."""

    def of(self, kinds: Collection[ApiFailureKind]) -> tuple[CallFailure, ...]:
        """Return the failures of these kinds, newest first."""
        return tuple(one for one in self.failures if one.failure.kind in kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A program of the cluster that calls the API and logs what fails."""

    needs: tuple[type, ...]
    """Evidence that `calls` looks at."""
    calls: Callable[[Case, datetime], Calls]
    """Return its calls; failures count since the time that is given."""
    wants: tuple[type, ...] = ()
    """Evidence by which it tells calls that work now."""
    problem_refuted_by: tuple[tuple[type, str], ...] = ()
    healthy_refuted_by: tuple[tuple[type, str], ...] = ()
    """Of each rule that judges its calls, as `Rule` has them."""
    serves_dns: bool = False
    """Whether its pods are the DNS service's."""
    sampled: bool = False
    """Whether only some of its pods' logs are read, so that a PROBLEM states how many."""


def judge_calls(
    case: Case, caller: Caller, kinds: tuple[ApiFailureKind, ...], word: Callable[[Standing], Wording], *, what: str
) -> Judgement:
    """Judge a program's failed API calls of these kinds; `what` names the failure where there is none.

    A call that failed and whose line gives no reason (CoreDNS 1.13, coredns/coredns#7727) leaves it open.
    """
    window: timedelta = case.thresholds.window
    since = case.collected_at - window
    calls = caller.calls(case, since)
    found, logs = calls.of(kinds), calls.logs
    missing = (*logs.window_gaps(window), *calls.gaps)
    standing = tuple(one for one in found if one.stands(since))
    if standing:
        now = Standing(failures=standing)
        wording = word(now)
        summary = f"{wording.summary} ({logs.read}.)" if caller.sampled else wording.summary
        said = Wording(summary=summary, advice=_named(wording.advice, case))
        return now.problem(said, calls, missing=missing, serves_dns=caller.serves_dns)
    missing += calls.unexplained
    missing += unreasoned(calls, since)
    if calls.not_needed and not missing:
        return nothing_to_check(calls.not_needed)
    missing += logs.nothing_read
    past = past_proof(found, since)
    if missing:
        return not_known(f"whether {logs.application} sees {what}", *missing, proof=past)
    return healthy(f"No {what} in the last {minutes(window)}; {logs.read}.", *past)


def api_calls(now: Standing, pods: Iterable[Pod], *, through_service: bool) -> tuple[ApiCall, ...]:
    """Return the calls that these failures are of; a pod that is gone is known by its node alone."""
    by_name = {pod.name: pod.client for pod in pods}
    return tuple(
        dict.fromkeys(
            ApiCall(
                caller=by_name.get(one.pod, Client(node=one.node, kind=ClientKind.POD)),
                server=one.failure.target.rpartition(":")[0].strip("[]").lower(),
                through_service=through_service,
                silent=one.failure.kind is ApiFailureKind.TIMEOUT,
            )
            for one in now.failures
        )
    )


def _named(advice: tuple[str, ...], case: Case) -> tuple[str, ...]:
    return tuple(line.replace("--name CLUSTER", f"--name {case.target.eks_name}") for line in advice)


def unreasoned(calls: Calls, since: datetime) -> tuple[Gap, ...]:
    """Return the calls that failed, stand since that time, and whose lines give no reason."""
    return tuple(
        Gap(what=f"API access of {one.pod}", reason=f"a call failed and the line gives no reason: {one.sample}")
        for one in calls.of((ApiFailureKind.OTHER,))
        if one.stands(since)
    )


def joined(words: tuple[str, ...], *, empty: str) -> str:
    """Return words with commas, or `empty` when there are none."""
    return ", ".join(words) or empty
