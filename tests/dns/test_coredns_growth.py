from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from bot.dns.coredns_growth import CountedPod, grown, served
from bot.dns.coredns_metrics import CorednsCounters, parse_metrics
from bot.domain.health import Served, after, beside, total

START = 1_763_715_600
AT = datetime.fromtimestamp(START, UTC)
BOUNDS = (
    0.00025,
    0.0005,
    0.001,
    0.002,
    0.004,
    0.008,
    0.016,
    0.032,
    0.064,
    0.128,
    0.256,
    0.512,
    1.024,
    2.048,
    4.096,
    8.192,
)
"""Of CoreDNS's histogram (plugin/pkg/metrics `TimeBuckets`)."""
_SINCE_1_7 = {
    "requests": "dns_requests_total",
    "responses": "dns_responses_total",
    "forwarded": "forward_responses_total",
    "panics": "panics_total",
    "reloads": "reload_failed_total",
    "health": "forward_healthcheck_failures_total",
    "rejects": "forward_max_concurrent_rejects_total",
}
NAMES = {
    "1.6.6": {
        "requests": "dns_request_count_total",
        "responses": "dns_response_rcode_count_total",
        "forwarded": "forward_response_rcode_count_total",
        "panics": "panic_count_total",
        "reloads": "reload_failed_count_total",
        "health": "forward_healthcheck_failure_count_total",
        "rejects": "forward_max_concurrent_reject_count_total",
    },
    "1.9.3": _SINCE_1_7,
    "1.14.1": {
        **_SINCE_1_7,
        "forwarded": "proxy_request_duration_seconds_count",
        "health": "proxy_healthcheck_failures_total",
    },
}
"""What each version calls what is read here (CoreDNS release notes 1.7.0 and 1.11.0)."""


def exposition(version: str, times: int, *, start: int = START) -> str:
    """Return what a CoreDNS of this version shows after `times` rounds of the same hundred queries."""
    name = {what: f"coredns_{called}" for what, called in NAMES[version].items()}
    of_proxy = ',proxy_name="forward"' if "proxy" in name["forwarded"] else ""
    buckets = "".join(
        f'coredns_dns_request_duration_seconds_bucket{{server="dns://:53",zone=".",le="{bound}"}} '
        f"{(50 if bound < 0.004 else 90 if bound < 0.064 else 100) * times if bound >= 0.001 else 0}\n"
        for bound in BOUNDS
    )
    return f"""\
# HELP coredns_build_info A metric with a constant '1' value
# TYPE coredns_build_info gauge
coredns_build_info{{goversion="go1.22",revision="a",version="{version}"}} 1
# TYPE coredns_cache_hits_total counter
coredns_cache_hits_total{{server="dns://:53",type="success"}} {30 * times}
coredns_cache_misses_total{{server="dns://:53"}} {70 * times}
{name["requests"]}{{family="1",proto="udp",server="dns://:53",type="A",zone="."}} {100 * times}
{name["responses"]}{{rcode="NOERROR",server="dns://:53",zone="."}} {88 * times}
{name["responses"]}{{rcode="NXDOMAIN",server="dns://:53",zone="."}} {9 * times}
{name["responses"]}{{rcode="SERVFAIL",server="dns://:53",zone="."}} {2 * times}
{name["responses"]}{{rcode="REFUSED",server="dns://:53",zone="."}} {times}
{buckets}coredns_dns_request_duration_seconds_bucket{{server="dns://:53",zone=".",le="+Inf"}} {100 * times}
coredns_dns_request_duration_seconds_sum{{server="dns://:53",zone="."}} {0.5 * times}
coredns_dns_request_duration_seconds_count{{server="dns://:53",zone="."}} {100 * times}
{name["forwarded"]}{{rcode="NOERROR",to="10.0.0.2:53"{of_proxy}}} {60 * times}
{name["forwarded"]}{{rcode="SERVFAIL",to="10.0.0.2:53"{of_proxy}}} {2 * times}
{name["health"]}{{to="10.0.0.2:53"{of_proxy}}} {3 * times}
{name["rejects"]} {times}
{name["reloads"]} {times}
{name["panics"]} {times}
go_goroutines 30
process_start_time_seconds {start}
"""


def counters(times: int, *, version: str = "1.9.3", start: int = START) -> CorednsCounters:
    """Return its counters."""
    return parse_metrics(exposition(version, times, start=start))


@pytest.mark.parametrize("version", NAMES)
def test_what_was_done_between_two_readings_whatever_the_version_calls_it(version: str) -> None:
    """Shares, percentiles and failures of the time in between, and of nothing before."""
    found = grown(counters(5, version=version), counters(15, version=version), seconds=100.0)

    (upstream,) = found.forwarded
    assert (found.queries_per_second, found.queries, found.responses) == (10.0, 1000, 1000)
    assert (found.share(found.nxdomain), found.error_share, found.cache_hit_share) == (0.09, 0.03, 0.3)
    assert (found.percentile(0.5), found.percentile(0.9), found.percentile(0.95)) == pytest.approx(
        (0.001, 0.004, 0.048)
    )
    assert (upstream.address, upstream.answers, upstream.servfail, upstream.health_check_failures) == (
        "10.0.0.2", 620, 20, 30,
    )  # fmt: skip
    assert (found.forward_failures, found.worst_upstream) == (60, upstream)
    assert (found.failed_reloads, found.panics, found.rejected) == (10, 10, 10)


def test_a_process_that_started_anew_counts_from_zero() -> None:
    """What it did before the restart was in another reading; nothing is negative."""
    found = grown(counters(50), counters(2, start=START + 60), seconds=60.0)

    assert (found.queries, found.servfail, found.latency_number) == (200, 4, 200)
    assert found.percentile(0.5) == pytest.approx(0.001)


def test_a_cluster_is_all_its_pods_and_the_resolver_limit_that_of_the_busiest_node() -> None:
    """A new pod began within the time; head-room is of packets at one node, not of all together."""
    earlier = {"a": counters(1), "gone": counters(9)}
    pods = [
        CountedPod(name="a", node="n1", counters=counters(3)),
        CountedPod(name="b", node="n1", counters=counters(1, start=START + 30)),
        CountedPod(name="c", node="n2", counters=counters(2, start=START + 30)),
    ]

    found = served(earlier, AT, pods, at=AT + timedelta(seconds=100))

    assert found is not None
    assert (found.seconds, found.queries, found.queries_per_second) == (100.0, 500, 5.0)
    assert found.busiest_node_answers_per_second == pytest.approx(3 * 62 / 100)
    assert found.resolver_headroom == pytest.approx(1 - 1.86 / 1024)


def test_the_first_reading_is_of_the_time_since_the_pods_started() -> None:
    """The oldest pod's; without a start that is known there are no rates, and without pods nothing."""
    pods = [CountedPod(name="a", node="n", counters=counters(4))]
    unknown = [CountedPod(name="a", node="n", counters=replace(counters(4), started_at=None))]

    first = served({}, None, pods, at=AT + timedelta(seconds=200))
    without = served({}, None, unknown, at=AT)

    assert first is not None
    assert without is not None
    assert (first.seconds, first.queries_per_second) == (200.0, 2.0)
    assert (without.queries, without.queries_per_second) == (400, None)
    assert served({}, None, [], at=AT) is None


def test_nothing_is_said_of_what_was_not_measured() -> None:
    """No responses, no histogram, no cache."""
    nothing = Served(seconds=60.0)

    assert (nothing.error_share, nothing.percentile(0.5), nothing.cache_hit_share) == (None, None, None)
    assert (nothing.worst_upstream, nothing.resolver_headroom, total([])) == (None, 1.0, None)


def test_a_sum_of_histograms_holds_at_the_bounds_that_both_have() -> None:
    """Versions of CoreDNS differ in their buckets."""
    old = Served(seconds=1.0, latency_number=10, latency_up_to=((0.001, 5), (0.002, 10)))
    new = Served(seconds=1.0, latency_number=10, latency_up_to=((0.0005, 1), (0.002, 10)))

    both = after(old, new)

    assert both.latency_up_to == ((0.002, 20),)
    assert both.percentile(0.5) == pytest.approx(0.001)


@settings(max_examples=50)
@given(
    readings=some.lists(some.tuples(some.integers(min_value=0, max_value=40), some.booleans()), min_size=1, max_size=8)
)
def test_however_often_it_is_read_and_restarted_the_parts_add_up_to_the_whole(readings: list[tuple[int, bool]]) -> None:
    """Each query is counted once, and within a part nothing is negative and percentiles do not fall."""
    parts: list[Served] = []
    before: CorednsCounters | None = None
    start, count, done = START, 0, 0
    for more, restarted in readings:
        if restarted:
            start, count = start + 100, 0
        count += more
        done += more
        now = counters(count, start=start)
        parts.append(grown(before, now, seconds=10.0))
        before = now

    whole = total(parts)

    assert whole is not None
    assert (whole.queries, whole.seconds) == (100 * done, 10.0 * len(parts))
    for part in (*parts, whole, beside(parts[0], parts[-1])):
        assert min(part.queries, part.servfail, part.cache_hits, *(number for _, number in part.latency_up_to)) >= 0
        known = [one for one in (part.percentile(share / 20) for share in range(1, 21)) if one is not None]
        assert known == sorted(known)
