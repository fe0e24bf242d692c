"""What CoreDNS's plugin `prometheus` shows: counters under the names of CoreDNS 1.11 to 1.15."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from bot.sandbox.kubernetes.corefile import Block
from bot.sandbox.network.replies import SILENT, Reply

_BOUNDS = tuple(0.00025 * 2**power for power in range(16))
_QUICK, _SLOW = 2, 14
"""Which bound an answer of its own, or of an upstream server, is under, and which one that failed after 4 s."""


@dataclass(slots=True)
class Counters:
    """What one process has answered itself, lookup by lookup."""

    responses: Counter[str] = field(default_factory=Counter)
    """By rcode."""
    upstream: Counter[str] = field(default_factory=Counter)
    """Answers of the upstream server, by rcode."""
    failed: int = 0
    """Forwarded queries without an answer."""
    failed_reloads: int = 0

    def forwarded(self, reply: Reply) -> None:
        """Count what a forwarded query came to."""
        if reply.outcome in SILENT:
            self.failed += 1
        else:
            self.upstream[reply.outcome.value] += 1


def shows_metrics(blocks: Iterable[Block], port: int) -> bool:
    """Return whether a server block has the plugin `prometheus` on this port, 9153 where it names none."""
    asked = [block.find("prometheus") for block in blocks]
    return str(port) in {(one.arguments or (":9153",))[0].rpartition(":")[2] for one in asked if one}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """All that the page is made of."""

    version: str
    started: datetime
    upstream: str
    """Address of the server that the root zone is forwarded to; empty: there is none."""
    responses: Counter[str]
    answers: Counter[str]
    """Of the upstream server."""
    failed: int
    hits: int
    failed_reloads: int


def exposition(shown: Shown) -> str:
    """Return the page."""
    return "\n".join([*_lines(shown), ""])


def _lines(shown: Shown) -> Iterator[str]:
    server = 'server="dns://:53",view="",zone="."'
    queries = shown.responses.total()
    yield from _family("coredns_build_info", "gauge", "A metric with a constant '1' value.")
    yield f'coredns_build_info{{goversion="go1.23.8",revision="00a55bd",version="{shown.version}"}} 1'
    yield from _family("coredns_cache_hits_total", "counter", "The count of cache hits.")
    yield f'coredns_cache_hits_total{{server="dns://:53",type="success",view="",zones="."}} {shown.hits}'
    yield from _family("coredns_cache_requests_total", "counter", "The count of cache requests.")
    yield f'coredns_cache_requests_total{{server="dns://:53",view="",zones="."}} {queries}'
    yield from _family("coredns_dns_request_duration_seconds", "histogram", "Histogram of the time each request took.")
    for number, bound in enumerate(_BOUNDS):
        under = (queries - shown.failed) * (number >= _QUICK) + shown.failed * (number >= _SLOW)
        yield f'coredns_dns_request_duration_seconds_bucket{{{server},le="{bound}"}} {under}'
    yield f'coredns_dns_request_duration_seconds_bucket{{{server},le="+Inf"}} {queries}'
    yield f"coredns_dns_request_duration_seconds_sum{{{server}}} {queries * _BOUNDS[1] + shown.failed * 4}"
    yield f"coredns_dns_request_duration_seconds_count{{{server}}} {queries}"
    yield from _family("coredns_dns_requests_total", "counter", "Counter of DNS requests made per zone.")
    yield f'coredns_dns_requests_total{{family="1",proto="udp",{server},type="A"}} {queries}'
    yield from _family("coredns_dns_responses_total", "counter", "Counter of response status codes.")
    for rcode, number in sorted(shown.responses.items()):
        yield f'coredns_dns_responses_total{{plugin="",rcode="{rcode}",{server}}} {number}'
    yield from _family("coredns_forward_healthcheck_broken_total", "counter", "Complete failures of the healthchecks.")
    yield "coredns_forward_healthcheck_broken_total 0"
    yield from _family("coredns_forward_max_concurrent_rejects_total", "counter", "Queries rejected.")
    yield "coredns_forward_max_concurrent_rejects_total 0"
    yield from _family("coredns_panics_total", "counter", "A metrics that counts the number of panics.")
    yield "coredns_panics_total 0"
    yield from _upstream(shown)
    yield from _family("coredns_reload_failed_total", "counter", "Counter of the number of failed reload attempts.")
    yield f"coredns_reload_failed_total {shown.failed_reloads}"
    yield from _family("process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds.")
    yield f"process_start_time_seconds {shown.started.timestamp():.2f}"


def _upstream(shown: Shown) -> Iterator[str]:
    if not shown.upstream:
        return
    to = f"[{shown.upstream}]:53" if ":" in shown.upstream else f"{shown.upstream}:53"
    named = f'proxy_name="forward",to="{to}"'
    yield from _family(
        "coredns_proxy_request_duration_seconds", "histogram", "Histogram of the time each request took."
    )
    for rcode, number in sorted(shown.answers.items()):
        yield f'coredns_proxy_request_duration_seconds_bucket{{{named},rcode="{rcode}",le="+Inf"}} {number}'
        yield f'coredns_proxy_request_duration_seconds_sum{{{named},rcode="{rcode}"}} {number * _BOUNDS[1]}'
        yield f'coredns_proxy_request_duration_seconds_count{{{named},rcode="{rcode}"}} {number}'


def _family(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
