"""What CoreDNS counts: its Prometheus metrics as numbers, whatever its version calls them.

Sources: CoreDNS release notes 1.7.0 ("Metric Changes"), 1.8.5 and 1.11.0; plugins metrics, cache, forward, reload and
plugin/pkg/proxy (metrics.go) of 1.15.0; Prometheus, "Exposition formats" (text). NodeLocal DNSCache is CoreDNS, too.
A counter begins at 0 with each start of the process: two readings belong together where the start is the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from bot.errors import SourceGarbled

NAMES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "queries": (
        ("coredns_dns_requests_total", "1.7.0"),
        ("coredns_dns_request_count_total", "1.2.0"),
    ),
    "types": (
        ("coredns_dns_requests_total", "1.7.0"),
        ("coredns_dns_request_type_count_total", "1.2.0"),
    ),
    "responses": (
        ("coredns_dns_responses_total", "1.7.0"),
        ("coredns_dns_response_rcode_count_total", "1.2.0"),
    ),
    "latency": (("coredns_dns_request_duration_seconds", "1.2.0"),),
    "cache hits": (("coredns_cache_hits_total", "1.2.0"),),
    "cache requests": (("coredns_cache_requests_total", "1.8.5"),),
    "cache misses": (("coredns_cache_misses_total", "1.2.0"),),
    "upstream answers": (
        ("coredns_proxy_request_duration_seconds_count", "1.11.0"),
        ("coredns_forward_responses_total", "1.7.0"),
        ("coredns_forward_response_rcode_count_total", "1.2.0"),
    ),
    "upstream seconds": (
        ("coredns_proxy_request_duration_seconds_sum", "1.11.0"),
        ("coredns_forward_request_duration_seconds_sum", "1.2.0"),
    ),
    "health check failures": (
        ("coredns_proxy_healthcheck_failures_total", "1.11.0"),
        ("coredns_forward_healthcheck_failures_total", "1.7.0"),
        ("coredns_forward_healthcheck_failure_count_total", "1.2.0"),
    ),
    "health checks broken": (
        ("coredns_forward_healthcheck_broken_total", "1.7.0"),
        ("coredns_forward_healthcheck_broken_count_total", "1.2.0"),
    ),
    "rejected": (
        ("coredns_forward_max_concurrent_rejects_total", "1.7.0"),
        ("coredns_forward_max_concurrent_reject_count_total", "1.6.6"),
    ),
    "failed reloads": (
        ("coredns_reload_failed_total", "1.7.0"),
        ("coredns_reload_failed_count_total", "1.5.1"),
    ),
    "panics": (
        ("coredns_panics_total", "1.7.0"),
        ("coredns_panic_count_total", "1.2.0"),
    ),
}
"""By what is counted: its names, the newest first, each with the version that brought it."""
_STARTED, _BUILD = "process_start_time_seconds", "coredns_build_info"
_SUFFIXES = ("", "_bucket", "_count", "_sum")
_READ = frozenset(
    (_STARTED, _BUILD, *(name + end for names in NAMES.values() for name, _ in names for end in _SUFFIXES))
)
_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]{0,199}")
_MOST_SAMPLES = 20_000
"""Of what is read: some hundred zones with a dozen upstream servers."""
_MOST_NAMED = 50
"""Upstream servers, rcodes or types that are kept apart, the largest; the rest is left out of the parts."""

Sample: TypeAlias = tuple[str, Mapping[str, str], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A part of a counter by what a label says: an rcode, a query type."""

    label: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long CoreDNS took to answer: a histogram."""

    number: int = 0
    seconds: float = 0.0
    """All of them together."""
    up_to: tuple[tuple[float, int], ...] = ()
    """By upper bound in seconds: how many took no longer. The last bound is infinite, and is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamMetrics:
    """One server that CoreDNS forwards to."""

    address: str
    """Without port and protocol."""
    answers: tuple[Counted, ...]
    """By rcode. What timed out is in none of them."""
    seconds: float
    """All answers' together."""
    health_check_failures: int

    @property
    def answered(self) -> int:
        """How many queries it has answered."""
        return sum(one.number for one in self.answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorednsCounters:
    """All that one CoreDNS process has counted since it started."""

    version: str
    """`1.11.4`; empty where it does not say."""
    started_at: datetime | None
    queries: int
    types: tuple[Counted, ...]
    responses: tuple[Counted, ...]
    """By rcode."""
    latency: Latency
    cache_hits: int | None
    """None: it has no cache, or none that counts."""
    cache_misses: int | None
    upstreams: tuple[UpstreamMetrics, ...]
    """By address."""
    health_checks_broken: int
    """How often all upstream servers failed their health checks."""
    rejected: int
    """Queries beyond `max_concurrent`."""
    failed_reloads: int
    panics: int

    def responded(self, rcode: str) -> int:
        """Return how many responses had this rcode."""
        return sum(one.number for one in self.responses if one.label == rcode)

    @property
    def upstream_answers(self) -> int:
        """How many answers came from upstream servers."""
        return sum(one.answered for one in self.upstreams)

    def upstream(self, address: str) -> UpstreamMetrics | None:
        """Return what was counted of the server at this address."""
        return next((one for one in self.upstreams if one.address == address), None)

    def same_process(self, later: CorednsCounters) -> bool:
        """Return whether `later` was counted by the same process: nothing was set back to 0 in between."""
        return self.started_at == later.started_at and self.queries <= later.queries


def parse_metrics(text: str) -> CorednsCounters:
    """Return what CoreDNS counts. Raises `SourceGarbled` for a text that is no exposition of its metrics."""
    samples: dict[str, list[tuple[Mapping[str, str], float]]] = {}
    for name, labels, value in _samples(text):
        samples.setdefault(name, []).append((labels, value))
    if not any(name in samples for name, _ in (*NAMES["queries"], *NAMES["panics"])) and _BUILD not in samples:
        raise SourceGarbled("The metrics hold none of CoreDNS's: is this the port of its plugin `prometheus`?")
    return _Reading(samples).counters()


@dataclass(frozen=True, slots=True)
class _Reading:
    samples: Mapping[str, list[tuple[Mapping[str, str], float]]]

    def counters(self) -> CorednsCounters:
        hits = self._total("cache hits")
        return CorednsCounters(
            version=next((labels.get("version", "")[:40] for labels, _ in self.samples.get(_BUILD, ())), ""),
            started_at=self._started(),
            queries=self._total("queries") or 0,
            types=self._by("types", "type"),
            responses=self._by("responses", "rcode"),
            latency=self._latency(),
            cache_hits=hits,
            cache_misses=self._misses(hits),
            upstreams=self._upstreams(),
            health_checks_broken=self._total("health checks broken") or 0,
            rejected=self._total("rejected") or 0,
            failed_reloads=self._total("failed reloads") or 0,
            panics=self._total("panics") or 0,
        )

    def _of(self, what: str, suffix: str = "") -> list[tuple[Mapping[str, str], float]]:
        """Return the samples under the newest name that is there; those of another `proxy_name` than forward left."""
        found = next((self.samples[name + suffix] for name, _ in NAMES[what] if name + suffix in self.samples), [])
        return [one for one in found if one[0].get("proxy_name", "forward") == "forward"]

    def _total(self, what: str) -> int | None:
        found = self._of(what)
        return round(sum(value for _, value in found)) if found else None

    def _by(self, what: str, label: str) -> tuple[Counted, ...]:
        return _counted((labels.get(label, ""), value) for labels, value in self._of(what))

    def _misses(self, hits: int | None) -> int | None:
        asked = self._total("cache requests")
        return self._total("cache misses") if asked is None else max(asked - (hits or 0), 0)

    def _latency(self) -> Latency:
        bounds: Counter[float] = Counter()
        for labels, value in self._of("latency", "_bucket"):
            bound = _number(labels.get("le", ""))
            if bound is not None:
                bounds[bound] += round(value)
        seconds = sum(value for _, value in self._of("latency", "_sum"))
        number = sum(value for _, value in self._of("latency", "_count"))
        return Latency(number=round(number), seconds=seconds, up_to=tuple(sorted(bounds.items()))[:_MOST_NAMED])

    def _upstreams(self) -> tuple[UpstreamMetrics, ...]:
        answers = self._of("upstream answers")
        seconds, failures = self._of("upstream seconds"), self._of("health check failures")
        named = sorted({_address(labels.get("to", "")) for labels, _ in (*answers, *seconds, *failures)} - {""})
        return tuple(
            UpstreamMetrics(
                address=address,
                answers=_counted((labels.get("rcode", ""), value) for labels, value in _to(answers, address)),
                seconds=sum(value for _, value in _to(seconds, address)),
                health_check_failures=round(sum(value for _, value in _to(failures, address))),
            )
            for address in named[:_MOST_NAMED]
        )

    def _started(self) -> datetime | None:
        try:
            return next((datetime.fromtimestamp(value, UTC) for _, value in self.samples.get(_STARTED, ())), None)
        except (OverflowError, ValueError, OSError):
            return None


def _to(samples: Iterable[tuple[Mapping[str, str], float]], address: str) -> Iterator[tuple[Mapping[str, str], float]]:
    return (one for one in samples if _address(one[0].get("to", "")) == address)


def _address(target: str) -> str:
    """Return the address of a server as `to` names it: `10.0.0.2:53`, `[fd00::1]:53`, `tls://9.9.9.9:853`."""
    host = target.rpartition("://")[2][:120]
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def _counted(found: Iterable[tuple[str, float]]) -> tuple[Counted, ...]:
    numbers: Counter[str] = Counter()
    for label, value in found:
        numbers[label[:40]] += round(value)
    return tuple(Counted(label=label, number=number) for label, number in numbers.most_common(_MOST_NAMED))


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if found < float("inf") else None


def _counter(name: str, value: float) -> float:
    """Return what a counter shows. Raises `ValueError` for a number that none shows."""
    if not 0 <= value < float("inf"):
        raise ValueError(f"{name} is {value}")
    return value


def _samples(text: str) -> Iterator[Sample]:
    """Yield the samples that are read. Raises `SourceGarbled` for a line that is none, or a value that is no number."""
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415  # not needed by most commands

    wanted = [line for line in text.split("\n") if (named := _NAME.match(line)) and named[0] in _READ]
    if len(wanted) > _MOST_SAMPLES:
        raise SourceGarbled(f"The metrics hold more than {_MOST_SAMPLES} values of CoreDNS's; they are not judged.")
    try:
        for family in text_string_to_metric_families("\n".join([*wanted, ""])):
            for sample in family.samples:
                yield sample.name, sample.labels, _counter(sample.name, sample.value)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise SourceGarbled(f"The metrics are no Prometheus text: {str(error)[:200]}.") from error
