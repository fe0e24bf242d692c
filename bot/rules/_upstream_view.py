"""What look-ups and the query log show about the upstream servers of one CoreDNS pod. No rule itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address

from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.corefile import Corefile
from bot.collectors.lookups import Lookups
from bot.dns.call_failure import stamp
from bot.dns.coredns_log import CorednsLine, CorednsLineKind
from bot.dns.coredns_pod_log import CorednsPodLog
from bot.dns.timestamped import SeenLines
from bot.dns.upstream_failure import UpstreamFailureKind
from bot.domain.evidence import Gap
from bot.domain.findings import Answer, Case

_FAILED = frozenset({Answer.TIMED_OUT, Answer.SERVFAIL, Answer.REFUSED})
_RESOLVERS = frozenset({"169.254.169.253", "fd00:ec2::253"})
_RESOLVER_HOST = 2


class External(StrEnum):
    """What became of external names asked straight of one CoreDNS pod."""

    ANSWERS = "answers"
    FAILS = "fails"
    """Though the pod itself answers cluster names."""
    UNSEEN = "unseen"
    """Not asked, or the pod was not reached at all."""


def external_by(lookups: Lookups | Gap, address: str) -> External:
    """Return how external names fared that were asked of the CoreDNS pod at `address`."""
    if isinstance(lookups, Gap):
        return External.UNSEEN
    cells = [cell for cell in lookups.cells if cell.server == address and not cell.through_service]
    outside = {cell.answer for cell in cells if cell.external}
    if outside & {Answer.ANSWERED, Answer.NXDOMAIN}:
        return External.ANSWERS
    reached = any(cell.answer is Answer.ANSWERED for cell in cells if not cell.external)
    return External.FAILS if reached and outside & _FAILED else External.UNSEEN


def may_be_vpc_resolver(address: str) -> bool:
    """Return whether this is the VPC resolver: its link-local address, or a private base+2.

    Time-outs towards it may also be its limit of packets a second, which comes and goes with load (C13).
    """
    if address in _RESOLVERS or not address:
        return True
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return parsed.version == 4 and parsed.is_private and parsed.packed[-1] == _RESOLVER_HOST  # noqa: PLR2004  # IPv4


class State(StrEnum):
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
    state: State
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
        return f"{stamp(newest.last_at)} {self.pod}: {newest.samples[0]}{why}"


def upstreams(
    case: Case, log: CorednsPodLog, pods: CorednsPods, corefile: Corefile | Gap, lookups: Lookups | Gap
) -> list[Upstream]:
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
        elsewhere = not isinstance(corefile, Gap) and corefile.forwards_only_elsewhere(upstream)
        view = External.UNSEEN if elsewhere else external_by(lookups, address)
        answered = None if elsewhere else log.last(CorednsLineKind.UPSTREAM_ANSWERED)
        state, why = _state(upstream, recent, view, answered, case.thresholds.failures)
        found.append(
            Upstream(pod=log.pod, address=address, upstream=upstream, seen=tuple(recent or lines), state=state, why=why)
        )
    return found


def _state(
    upstream: str, recent: list[SeenLines[CorednsLine]], view: External, answered: datetime | None, failures: int
) -> tuple[State, str]:
    if not recent:
        return State.PAST, "before the window"
    last = max(one.last_at for one in recent)
    if answered is not None and answered > last:
        return State.COMES_AND_GOES, f"the query log shows an upstream answer at {stamp(answered)}"
    if view is External.ANSWERS:
        return State.COMES_AND_GOES, "external names asked of this pod were answered in this diagnosis"
    if view is External.FAILS:
        return State.UNREACHABLE, "external names asked of this pod fail while cluster names are answered"
    real = [one for one in recent if one.line.upstream is not None and not one.line.upstream.self_test]
    if not real:
        return State.OPEN, "only the loop plugin's self-test failed, and no look-up shows whether other queries succeed"
    kinds = {one.line.upstream.kind for one in real if one.line.upstream is not None}
    if kinds - {UpstreamFailureKind.TIMEOUT}:
        return State.UNREACHABLE, "the network refuses, which load does not explain"
    if sum(one.recent for one in real) >= failures and not may_be_vpc_resolver(upstream):
        return State.UNREACHABLE, "nothing shows an answer from it"
    return State.OPEN, "queries timed out, and no look-up shows whether all do or only some"
