from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.dns.coredns_metrics import NAMES, Counted, Latency, parse_metrics
from bot.errors import SourceGarbled

OLD = """\
# HELP coredns_build_info A metric with a constant '1' value labeled by version.
# TYPE coredns_build_info gauge
coredns_build_info{goversion="go1.12",revision="x",version="1.6.6"} 1
coredns_cache_hits_total{server="dns://:53",type="success"} 30
coredns_cache_hits_total{server="dns://:53",type="denial"} 10
coredns_cache_misses_total{server="dns://:53"} 60
coredns_dns_request_count_total{family="1",proto="udp",server="dns://:53",zone="."} 90
coredns_dns_request_count_total{family="1",proto="tcp",server="dns://:53",zone="."} 10
coredns_dns_request_type_count_total{server="dns://:53",type="A",zone="."} 70
coredns_dns_request_type_count_total{server="dns://:53",type="AAAA",zone="."} 30
coredns_dns_response_rcode_count_total{rcode="NOERROR",server="dns://:53",zone="."} 95
coredns_dns_response_rcode_count_total{rcode="SERVFAIL",server="dns://:53",zone="."} 5
coredns_forward_response_rcode_count_total{rcode="NOERROR",to="10.0.0.2:53"} 50
coredns_forward_response_rcode_count_total{rcode="NXDOMAIN",to="10.0.0.2:53"} 5
coredns_forward_request_duration_seconds_sum{to="10.0.0.2:53"} 1.5
coredns_forward_healthcheck_failure_count_total{to="10.0.0.2:53"} 2
coredns_forward_healthcheck_broken_count_total 1
coredns_forward_max_concurrent_reject_count_total 4
coredns_reload_failed_count_total 3
coredns_panic_count_total 7
process_start_time_seconds 1.7637156e+09
"""
MIDDLE = """\
coredns_build_info{version="1.9.3"} 1
coredns_cache_hits_total{server="dns://:53",type="success",zones="."} 40
coredns_cache_requests_total{server="dns://:53",zones="."} 100
coredns_cache_misses_total{server="dns://:53",zones="."} 60
coredns_dns_requests_total{family="1",proto="udp",server="dns://:53",type="A",zone="."} 70
coredns_dns_requests_total{family="1",proto="tcp",server="dns://:53",type="AAAA",zone="."} 30
coredns_dns_responses_total{plugin="forward",rcode="NOERROR",server="dns://:53",zone="."} 95
coredns_dns_responses_total{plugin="",rcode="SERVFAIL",server="dns://:53",zone="."} 5
coredns_forward_responses_total{rcode="NOERROR",to="10.0.0.2:53"} 50
coredns_forward_responses_total{rcode="NXDOMAIN",to="10.0.0.2:53"} 5
coredns_forward_request_duration_seconds_sum{rcode="NOERROR",to="10.0.0.2:53"} 1.5
coredns_forward_healthcheck_failures_total{to="10.0.0.2:53"} 2
coredns_forward_healthcheck_broken_total 1
coredns_forward_max_concurrent_rejects_total 4
coredns_reload_failed_total 3
coredns_panics_total 7
process_start_time_seconds 1.7637156e+09
"""
_PROXY, _NAMED = "coredns_proxy", 'proxy_name="forward"'
NEW = (
    MIDDLE.replace("1.9.3", "1.15.0")
    .replace("coredns_forward_responses_total{", f"{_PROXY}_request_duration_seconds_count{{{_NAMED},")
    .replace("coredns_forward_request_duration_seconds_sum{", f"{_PROXY}_request_duration_seconds_sum{{{_NAMED},")
    .replace("coredns_forward_healthcheck_failures_total{", f"{_PROXY}_healthcheck_failures_total{{{_NAMED},")
    + f'{_PROXY}_request_duration_seconds_count{{proxy_name="grpc",rcode="NOERROR",to="10.9.9.9:53"}} 9\n'
)


@pytest.mark.parametrize(("text", "version"), [(OLD, "1.6.6"), (MIDDLE, "1.9.3"), (NEW, "1.15.0")])
def test_the_same_is_read_whatever_the_version_calls_it(text: str, version: str) -> None:
    """Renamed in 1.7.0, split in 1.8.5, moved to the proxy package in 1.11.0: the numbers are the same."""
    found = parse_metrics(text)

    (upstream,) = found.upstreams
    assert found.version == version
    assert found.started_at == datetime(2025, 11, 21, 9, 0, tzinfo=UTC)
    assert (found.queries, found.types) == (100, (Counted(label="A", number=70), Counted(label="AAAA", number=30)))
    assert (found.responded("NOERROR"), found.responded("SERVFAIL")) == (95, 5)
    assert (found.cache_hits, found.cache_misses) == (40, 60)
    assert (upstream.address, upstream.answered, upstream.seconds, upstream.health_check_failures) == (
        "10.0.0.2", 55, 1.5, 2,
    )  # fmt: skip
    assert found.upstream("10.0.0.2") == upstream
    assert (found.health_checks_broken, found.rejected, found.failed_reloads, found.panics) == (1, 4, 3, 7)


def test_the_histogram_is_of_all_zones_together() -> None:
    """Bounds in seconds, the infinite one left out."""
    rows = [(bound, zone, number) for zone in (".", "a.") for bound, number in (("0.001", 2), ("0.1", 3), ("+Inf", 4))]
    name = "coredns_dns_request_duration_seconds"
    text = "".join(f'{name}_bucket{{le="{bound}",zone="{zone}"}} {number}\n' for bound, zone, number in rows)

    found = parse_metrics(f'{NEW}{text}{name}_sum{{zone="."}} 0.5\n{name}_count{{zone="."}} 4\n').latency

    assert found == Latency(number=4, seconds=0.5, up_to=((0.001, 4), (0.1, 6)))


@pytest.mark.parametrize(
    ("to", "address"),
    [("10.0.0.2:53", "10.0.0.2"), ("[fd00:ec2::253]:53", "fd00:ec2::253"), ("tls://9.9.9.9:853", "9.9.9.9")],
)
def test_a_server_is_known_by_its_address(to: str, address: str) -> None:
    """Without port and protocol, as logs name it."""
    found = parse_metrics(f'{MIDDLE}coredns_forward_responses_total{{rcode="NOERROR",to="{to}"}} 1\n')

    assert address in {one.address for one in found.upstreams}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "none of CoreDNS's"),
        ("<html>404</html>", "none of CoreDNS's"),
        ("go_goroutines 12\nprocess_start_time_seconds 1\n", "none of CoreDNS's"),
        ("coredns_panics_total\n", "no Prometheus text"),
        ("coredns_panics_total x\n", "no Prometheus text"),
        ("coredns_panics_total -1\n", "no Prometheus text"),
        ("coredns_panics_total NaN\n", "no Prometheus text"),
        ('coredns_dns_requests_total{type="A 3\n', "no Prometheus text"),
        ("coredns_panics_total 1\n" * 20_001, "more than 20000"),
    ],
)
def test_what_is_no_exposition_of_coredns_is_refused(text: str, said: str) -> None:
    """Nothing counted is not "nothing happened"."""
    with pytest.raises(SourceGarbled, match=said):
        parse_metrics(text)


@pytest.mark.parametrize(
    ("queries", "later_start", "same"), [(100, False, True), (120, False, True), (99, False, False), (500, True, False)]
)
def test_a_process_that_started_anew_counts_from_nothing(queries: int, later_start: bool, same: bool) -> None:  # noqa: FBT001
    """By its start, or by a counter that fell."""
    first = parse_metrics(NEW)
    start = datetime(2025, 11, 21, 9, 5, tzinfo=UTC) if later_start else first.started_at

    assert first.same_process(replace(first, queries=queries, started_at=start)) is same


@given(some.text(alphabet='coredns_{}="#.0123456789e+\n ', max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No other error comes of it."""
    try:
        parse_metrics(f"coredns_panics_total 1\n{text}")
    except SourceGarbled:
        return


def test_names_are_listed_newest_first() -> None:
    """The first that is there counts: a version that shows two names for a time counts once."""
    for names in NAMES.values():
        versions = [tuple(map(int, version.split("."))) for _, version in names]
        assert versions == sorted(versions, reverse=True)
