"""Search domains multiply lookups: a large share of all queries is wasted (C11).

With `ndots:5` a client asks for every external name with each search domain first, and twice where it wants IPv4 and
IPv6 addresses: of ten queries eight are NXDOMAIN. What counts as wasted is such a query for a name that the same client
got an answer for without the search domain. NXDOMAIN for names that exist nowhere is the client's own affair.
Judged by CoreDNS's query log, by client workload; UNKNOWN without it, and while it holds too few queries.

In a playbook: `{rule: ndots_amplification, severity: warning, with: {wasted_per_second: 10}}`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from bot.collectors.query_log import WHAT, QueryClient, QueryLog
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, nothing_to_check
from bot.domain.json_values import JsonObject
from bot.domain.phrases import and_more, count

_MOST_SHOWN = 10
_MOST_NAMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """From where on it is a fault."""

    wasted_share: float = 0.5
    """Of a workload's queries. With four search domains an external name wastes four queries of five; below a half,
    cluster names or names with a dot at the end are what is asked for most."""
    wasted_per_second: float = 10.0
    """Wasted queries of all such workloads together. CoreDNS answers thousands a second from memory, but those with the
    node's own search domain go on to the VPC's resolver, which counts packets: fewer than ten are noise."""
    min_queries: int = 200
    """Of clients that are there now. Of fewer, one start of a pod may be all that was seen."""
    min_time: timedelta = timedelta(seconds=10)
    """For which a client was seen. Younger pods are left out: a start is a burst and tells no rate."""


@dataclass(slots=True, kw_only=True)
class Asking:
    """A workload that asks, with what its pods asked."""

    namespace: str
    kind: str
    name: str
    pods: int = 0
    queries: int = 0
    wasted: int = 0
    short: int = 0
    no_name: int = 0
    wasted_per_second: float = 0.0
    saved_per_second: float = 0.0
    """By `ndots:1`."""
    names: Counter[str] = field(default_factory=Counter)

    @property
    def title(self) -> str:
        """The workload as kubectl names it: `deployment/orders in shop`; a node where a cache there asks."""
        place = f" in {self.namespace}" if self.namespace else ""
        return f"{self.kind.lower()}/{self.name}{place}"

    @property
    def share(self) -> float:
        """Which part of its queries is wasted."""
        return self.wasted / self.queries if self.queries else 0.0

    def add(self, client: QueryClient, seconds: float) -> None:
        """Count one more of its clients, which was seen for so long."""
        self.pods += 1
        self.wasted_per_second += client.cost.wasted / seconds
        self.saved_per_second += client.cost.saved / seconds
        self.queries += client.cost.queries
        self.wasted += client.cost.wasted
        self.short += client.cost.short
        self.no_name += client.cost.no_name
        self.names.update(dict(client.cost.names))

    @property
    def row(self) -> JsonObject:
        """The workload as details: rates in queries a second."""
        return {
            "namespace": self.namespace,
            "kind": self.kind,
            "name": self.name,
            "pods": self.pods,
            "queries": self.queries,
            "wasted": self.wasted,
            "wasted_share": round(self.share, 3),
            "wasted_per_second": round(self.wasted_per_second, 1),
            "saved_per_second_by_ndots_1": round(self.saved_per_second, 1),
            "names": [name for name, _ in self.names.most_common(_MOST_NAMES)],
        }

    @property
    def proof(self) -> str:
        """The workload as a line."""
        names = and_more([name for name, _ in self.names.most_common()], _MOST_NAMES)
        dearer = f", {self.short} cluster names in short form would cost one more each" if self.short else ""
        return (
            f"{self.title} ({count(self.pods, 'pod')}): {self.wasted} of {self.queries} queries wasted "
            f"({self.share:.0%}, {self.wasted_per_second:.1f}/s), for {names}; ndots:1 would save "
            f"{self.saved_per_second:.1f}/s{dearer}"
        )


def judge(case: Case) -> Judgement:
    """Conclude whether search domains waste a large share of the queries of some workloads."""
    log, limits = case.need(QueryLog), case.thresholds
    if log.absence:
        return nothing_to_check(log.absence)
    least = limits.min_time.total_seconds()
    seen = {client: seconds for client in log.clients if (seconds := _seconds(client, log)) >= least}
    queries = sum(client.cost.queries for client in seen) + log.beyond
    if queries < limits.min_queries or not seen:
        missing = log.gaps or (_early(queries, log, limits),)
        return not_known("whether search domains waste queries", *missing)
    asking = _by_workload(seen)
    wasteful = [one for one in asking if one.wasted and one.share >= limits.wasted_share]
    if sum(one.wasted_per_second for one in wasteful) >= limits.wasted_per_second:
        return _problem(wasteful, log, queries)
    if log.gaps:
        return not_known("whether search domains waste queries", *log.gaps)
    return _healthy(asking, log, queries)


def _seconds(client: QueryClient, log: QueryLog) -> float:
    """Return for how long a client was seen; 0 for one that is gone."""
    if client.gone or log.began is None or log.ended is None:
        return 0.0
    return (log.ended - max(log.began, client.since or log.began)).total_seconds()


def _early(queries: int, log: QueryLog, limits: Thresholds) -> Gap:
    """Return the gap where the log holds too little to tell."""
    if not log.queries:
        lines = sum(pod.lines for pod in log.pods)
        reason = (
            f"the logs of {count(len(log.pods), 'CoreDNS pod')} hold no query yet ({count(lines, 'other line')}): "
            "CoreDNS loads a changed Corefile within minutes, and lines of `-log-format json` are not read"
        )
        return Gap(what=WHAT, reason=reason)
    reason = (
        f"it is too early: {count(queries, 'query', 'queries')} are logged of clients that are there now and were seen "
        f"for {limits.min_time.total_seconds():.0f} s, and {limits.min_queries} are needed; diagnose again later"
    )
    return Gap(what=WHAT, reason=reason)


def _by_workload(seen: Mapping[QueryClient, float]) -> list[Asking]:
    """Gather clients under their controllers, the most wasteful first; `seen`: for how many seconds each was."""
    found: dict[tuple[str, str, str], Asking] = {}
    for client, seconds in seen.items():
        place = _place(client)
        found.setdefault(place, Asking(namespace=place[0], kind=place[1], name=place[2])).add(client, seconds)
    return sorted(found.values(), key=lambda one: (-one.wasted, -one.queries, one.title))


def _place(client: QueryClient) -> tuple[str, str, str]:
    if client.host:
        return "", "Node", client.pod
    if not client.pod:
        return "", "Address", client.address
    if not client.owner.kind:
        return client.namespace, "Pod", client.pod
    return client.namespace, client.owner.kind, client.owner.name


def _problem(wasteful: list[Asking], log: QueryLog, queries: int) -> Judgement:
    wasted, titles = sum(one.wasted for one in wasteful), and_more([one.title for one in wasteful], 3)
    rate, saved = sum(one.wasted_per_second for one in wasteful), sum(one.saved_per_second for one in wasteful)
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"{wasted} of {queries} queries ({wasted / queries:.0%}, {rate:.1f} a second) ask for names with a search "
            f"domain behind them that have an answer without it; they come of {titles}. `ndots:1` there would save "
            f"{saved:.1f} queries a second, a dot at the end of the names {rate:.1f}."
        ),
        proof=(*(one.proof for one in wasteful[:_MOST_SHOWN]), _seen(log)),
        details={
            "queries": queries,
            "wasted": wasted,
            "wasted_per_second": round(rate, 1),
            "saved_per_second_by_ndots_1": round(saved, 1),
            "saved_per_second_by_trailing_dot": round(rate, 1),
            "workloads": [one.row for one in wasteful],
        },
        missing=log.gaps,
        advice=_advice(wasteful),
    )


def _advice(wasteful: list[Asking]) -> tuple[str, ...]:
    names = list(dict.fromkeys(name for one in wasteful for name, _ in one.names.most_common(_MOST_NAMES)))
    nodes = [one.name for one in wasteful if one.kind == "Node"]
    behind = (
        f"Of {and_more(nodes, 3)} only the node is seen: pods on its network, or NodeLocal DNSCache, which asks for "
        "all pods there; a `log` of its own would name them."
    )
    return (
        (
            'In the pod template: dnsConfig: {options: [{name: ndots, value: "1"}]}. Names with a dot are then asked '
            "for as they are; `SERVICE` alone is still found, and `SERVICE.NAMESPACE` costs one query more."
        ),
        (
            "Or, where the application sets its names, write them with a dot at the end: "
            f"{and_more([f'`{name}.`' for name in names], 2)}."
        ),
        *((behind,) if nodes else ()),
    )


def _healthy(asking: list[Asking], log: QueryLog, queries: int) -> Judgement:
    wasted, no_name = sum(one.wasted for one in asking), sum(one.no_name for one in asking)
    rate = sum(one.wasted_per_second for one in asking)
    nowhere = f" {no_name} NXDOMAIN answers are for names that exist nowhere: ndots is not to blame." if no_name else ""
    return healthy(
        f"{wasted} of {queries} queries ({wasted / queries:.0%}, {rate:.1f} a second) are wasted on search "
        f"domains.{nowhere}",
        *(one.proof for one in asking[:_MOST_SHOWN] if one.wasted),
        *(
            f"{one.title}: {one.no_name} of {one.queries} queries are NXDOMAIN for names that exist nowhere"
            for one in asking[:_MOST_SHOWN]
            if one.no_name
        ),
        _seen(log),
    )


def _seen(log: QueryLog) -> str:
    rcodes = ", ".join(f"{times} {rcode}" for rcode, times in log.rcodes.most_common(5))
    seconds = (log.ended - log.began).total_seconds() if log.began and log.ended else 0.0
    pods = count(len(log.pods), "CoreDNS pod")
    return f"{log.queries} queries within {seconds:.0f} s in the logs of {pods}: {rcodes}"


RULE = Rule(
    name="ndots_amplification",
    title="Search domains flood CoreDNS with queries that are wasted (ndots)",
    check="Queries wasted on search domains (ndots)",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(QueryLog,),
    problem_refuted_by=(
        (QueryLog, "an NXDOMAIN name that has no answer without its search domain either: it exists nowhere"),
        (QueryLog, "clients that are gone since: what they asked is over"),
    ),
    healthy_refuted_by=((QueryLog, "queries of a pod whose log, or of a client whose pod, could not be read"),),
    thresholds=Thresholds,
)
