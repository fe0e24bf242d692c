"""What lookups and the query log show about the upstream servers of one CoreDNS pod. No rule itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from bot.collectors.coredns_metrics import CorednsMetrics, PodMetrics
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.corefile import Corefile
from bot.collectors.subnets import Subnets
from bot.dns.coredns_log import CorednsLine, CorednsLineKind
from bot.dns.coredns_pod_log import CorednsPodLog
from bot.dns.timestamped import SeenLines
from bot.dns.upstream_failure import UpstreamFailureKind
from bot.domain.evidence import Gap
from bot.domain.findings import Case
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import REPLIES, Answer
from bot.domain.phrases import timestamp
from bot.network.resolver import is_resolver, names_its_cidrs

THROTTLED = "the VPC resolver drops what exceeds its limit of packets a second, or packets are lost"
NOBODY_KNOWS = "queries failed for a reason that no rule knows"
_REFUSED = frozenset(
    {
        UpstreamFailureKind.REFUSED,
        UpstreamFailureKind.NO_ROUTE,
        UpstreamFailureKind.UNREACHABLE,
        UpstreamFailureKind.NOT_PERMITTED,
        UpstreamFailureKind.CERTIFICATE,
    }
)
"""Something says no, which load does not explain."""
_OF_ITS_OWN = frozenset(
    {UpstreamFailureKind.NOT_FORWARDED, UpstreamFailureKind.OVERLOADED, UpstreamFailureKind.BAD_ANSWER}
)
"""Failures that say nothing against the way to the server."""
_FAILED = frozenset({Answer.TIMED_OUT, Answer.SERVFAIL, Answer.REFUSED})


class External(StrEnum):
    """What became of external names asked straight of one CoreDNS pod."""

    ANSWERS = "answers"
    FAILS = "fails"
    """Though the pod itself answers cluster names."""
    UNSEEN = "unseen"
    """Not asked, or the pod was not reached at all."""


def external_by(lookups: LookupMatrix | Gap, address: str) -> External:
    """Return how external names fared that were asked of the CoreDNS pod at `address`."""
    if isinstance(lookups, Gap):
        return External.UNSEEN
    asked = [one for one in lookups.lookups if one.server == address and not one.through_service]
    outside = {one.answer for one in asked if one.external}
    if outside & REPLIES:
        return External.ANSWERS
    reached = any(one.answer is Answer.ANSWERED for one in asked if not one.external)
    return External.FAILS if reached and outside & _FAILED else External.UNSEEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What tells about upstream servers beside CoreDNS's log; each part may not have been read."""

    corefile: Corefile | Gap
    lookups: LookupMatrix | Gap
    subnets: Subnets | Gap
    metrics: CorednsMetrics | None = None
    """None: they were not read."""

    @classmethod
    def of(cls, case: Case) -> Self:
        """Return what the case knows."""
        return cls(
            corefile=case.look_for(Corefile),
            lookups=case.look_for(LookupMatrix),
            subnets=case.look_for(Subnets),
            metrics=case.find(CorednsMetrics),
        )

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What was not read."""
        return tuple(part for part in (self.corefile, self.lookups, self.subnets) if isinstance(part, Gap))

    def forwards_only_elsewhere(self, upstream: str) -> bool:
        """Return whether the Corefile shows that `upstream` serves a zone of its own alone."""
        return not isinstance(self.corefile, Gap) and self.corefile.forwards_only_elsewhere(upstream)

    def may_be_vpc_resolver(self, upstream: str) -> bool:
        """Return whether this is the VPC's resolver, or may be: the log does not name it, or the VPC was not read.

        Time-outs towards it may also be its limit of packets a second, which comes and goes with load (C13).
        """
        if not upstream or isinstance(self.subnets, Gap) or not names_its_cidrs(self.subnets.subnets):
            return True
        return is_resolver(upstream, self.subnets.subnets)


class FailureState(StrEnum):
    """What one pod's failures towards one upstream mean."""

    UNREACHABLE = "unreachable"
    COMES_AND_GOES = "comes and goes"
    OPEN = "open"
    PAST = "past"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """One pod's failures towards one upstream server."""

    pod: str
    address: str
    """Of the pod."""
    upstream: str
    seen: tuple[SeenLines[CorednsLine], ...]
    state: FailureState
    why: str

    @property
    def last_at(self) -> datetime:
        """When a query last failed."""
        return max(one.last_at for one in self.seen)

    @property
    def count(self) -> int:
        """How many queries failed inside the collector's window."""
        return sum(one.recent for one in self.seen)

    @property
    def proof(self) -> str:
        """The newest line, dated, with what it means."""
        newest = max(self.seen, key=lambda one: one.last_at)
        why = f" ({self.why})" if self.why else ""
        return f"{timestamp(newest.last_at)} {self.pod}: {newest.samples[0]}{why}"


def upstreams(case: Case, log: CorednsPodLog, pods: CorednsPods, context: Context) -> list[Upstream]:
    """Return what one pod's failed queries mean, one value for each upstream server.

    `case.thresholds` has `window` and `failures`.
    """
    since = case.collected_at - case.thresholds.window
    pod = pods.pod(log.pod)
    address = pod.ip if pod else ""
    by_upstream: dict[str, list[SeenLines[CorednsLine]]] = {}
    for seen in log.of(CorednsLineKind.UPSTREAM_FAILURE):
        if seen.line.upstream is not None:
            by_upstream.setdefault(seen.line.upstream.upstream, []).append(seen)
    found: list[Upstream] = []
    for upstream, lines in by_upstream.items():
        recent = [one for one in lines if one.last_at >= since]
        elsewhere = context.forwards_only_elsewhere(upstream)
        view = External.UNSEEN if elsewhere else external_by(context.lookups, address)
        answered = None if elsewhere else log.last(CorednsLineKind.UPSTREAM_ANSWERED)
        known = Seen(
            failures=tuple(one for one in recent if one.line.upstream is not None and not one.line.upstream.self_test),
            external=view,
            answered_at=answered,
            may_be_vpc_resolver=context.may_be_vpc_resolver(upstream),
            counted=None if elsewhere or context.metrics is None else context.metrics.of(log.pod),
        )
        state, why = _state(recent, known, case.thresholds.failures)
        found.append(
            Upstream(pod=log.pod, address=address, upstream=upstream, seen=tuple(recent or lines), state=state, why=why)
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of one pod's way to one upstream server inside the window."""

    failures: tuple[SeenLines[CorednsLine], ...]
    """Without the loop plugin's self-test."""
    external: External
    answered_at: datetime | None
    """When the query log last showed an answer from upstream."""
    may_be_vpc_resolver: bool
    counted: PodMetrics | None = None
    """What the pod's metrics show; None: nothing."""

    @property
    def kinds(self) -> frozenset[UpstreamFailureKind]:
        """What became of the queries."""
        return frozenset(one.line.upstream.kind for one in self.failures if one.line.upstream is not None)

    def count(self, *kinds: UpstreamFailureKind) -> int:
        """Return how many failed so; of any kind where none is given."""
        return sum(
            one.recent
            for one in self.failures
            if one.line.upstream is not None and (not kinds or one.line.upstream.kind in kinds)
        )


def _state(recent: list[SeenLines[CorednsLine]], seen: Seen, enough: int) -> tuple[FailureState, str]:
    """Return what failures mean and why; fewer than `enough` may be chance."""
    if not recent:
        return FailureState.PAST, "before the window"
    limited = _limited(seen)
    if limited:
        return FailureState.COMES_AND_GOES, limited
    if seen.answered_at is not None and seen.answered_at > max(one.last_at for one in recent):
        shown = f"the query log shows an upstream answer at {timestamp(seen.answered_at)}"
        if seen.external is External.FAILS:
            return FailureState.OPEN, f"external names asked of this pod fail, though {shown}"
        return _among_answers(seen, enough, shown)
    if seen.external is External.ANSWERS:
        return _among_answers(seen, enough, "external names asked of this pod were answered in this diagnosis")
    if seen.external is External.FAILS:
        return _external_names_fail(seen)
    return _unseen(seen, enough)


def _limited(seen: Seen) -> str:
    """Say why time-outs towards the VPC's resolver are no silence of it, where metrics show that; else nothing.

    Whether they come with load is another rule's to say (`vpc_resolver_throttled`).
    """
    if not seen.may_be_vpc_resolver or seen.kinds != {UpstreamFailureKind.TIMEOUT} or seen.counted is None:
        return ""
    answers, failing = seen.counted.answers_per_second(), seen.counted.failing
    if answers:
        return f"its metrics show {answers:.0f} answers a second from upstream meanwhile"
    if failing == 0 and seen.external is External.ANSWERS:
        return "no query failed while its metrics were read twice, and external names asked of this pod were answered"
    return ""


def _among_answers(seen: Seen, enough: int, shown: str) -> tuple[FailureState, str]:
    """Return what failures mean where others were answered; `shown` says how that is known."""
    count = seen.count()
    if UpstreamFailureKind.OTHER in seen.kinds:
        return FailureState.OPEN, NOBODY_KNOWS
    if count < enough:
        return FailureState.COMES_AND_GOES, shown
    if seen.may_be_vpc_resolver and UpstreamFailureKind.TIMEOUT in seen.kinds:
        return FailureState.OPEN, f"{count} queries failed though {shown}: {THROTTLED}"
    return (
        FailureState.OPEN,
        f"{count} queries failed though {shown}: under load, or packets are lost ({_named(seen.kinds)})",
    )


def _external_names_fail(seen: Seen) -> tuple[FailureState, str]:
    """Return what failures mean where external names fail, though cluster names are answered."""
    if seen.kinds == {UpstreamFailureKind.OTHER}:
        return FailureState.OPEN, NOBODY_KNOWS
    if seen.failures and not seen.kinds - _OF_ITS_OWN - {UpstreamFailureKind.OTHER}:
        return FailureState.OPEN, f"external names asked of this pod fail, though not on the way: {_named(seen.kinds)}"
    return FailureState.UNREACHABLE, "external names asked of this pod fail while cluster names are answered"


def _unseen(seen: Seen, enough: int) -> tuple[FailureState, str]:
    """Return what failures mean where nothing shows an answer; from `enough` time-outs on a server is down.

    What is proved by lines that are understood stands beside one that nobody knows.
    """
    if not seen.failures:
        return (
            FailureState.OPEN,
            "only the loop plugin's self-test failed, and no lookup shows whether other queries succeed",
        )
    if seen.kinds & _REFUSED:
        return FailureState.UNREACHABLE, "the network refuses, which load does not explain"
    if not seen.may_be_vpc_resolver and seen.count(UpstreamFailureKind.TIMEOUT) >= enough:
        return FailureState.UNREACHABLE, "nothing shows an answer from it"
    if UpstreamFailureKind.OTHER in seen.kinds:
        return FailureState.OPEN, NOBODY_KNOWS
    if seen.kinds == {UpstreamFailureKind.TIMEOUT}:
        return FailureState.OPEN, "queries timed out, and no lookup shows whether all do or only some"
    return FailureState.OPEN, f"queries failed ({_named(seen.kinds)}), and no lookup shows whether all do or only some"


def _named(kinds: frozenset[UpstreamFailureKind]) -> str:
    return ", ".join(sorted(kinds))
