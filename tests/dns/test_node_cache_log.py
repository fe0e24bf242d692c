from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dns.log_wordings import Subject
from bot.dns.node_cache_log import NodeCacheLine, NodeCacheLineKind, node_cache_line, node_cache_pod_log
from bot.dns.pod_log import PodLog
from bot.dns.timestamped import timed_lines
from bot.dns.upstream_failure import UpstreamFailureKind

Kind = NodeCacheLineKind
AT = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
RULE = "{raw PREROUTING [-p udp -d 169.254.20.10 --dport 53 -j NOTRACK -m comment --comment NodeLocal DNS Cache]}"
LINES = [
    ("[INFO] Starting node-cache image: 1.22.8", Kind.OTHER),
    ("[INFO] Updated Corefile with 0 custom stubdomains and upstream servers /etc/resolv.conf", Kind.OTHER),
    (f"[INFO] Added back nodelocaldns rule - {RULE}", Kind.LAID_AGAIN),
    (f"[ERROR] Error adding iptables rule {RULE} - exit status 4", Kind.NOT_LAID),
    (f"[INFO] Error checking/adding iptables rule {RULE}, due to xtables lock in use", Kind.NOT_LAID),
    ("[ERROR] Failed to add non-existent interface nodelocaldns: operation not permitted", Kind.NOT_LAID),
    (
        "[WARNING] Unable to lookup IP address of Upstream service kube-dns-upstream, env $X ``",
        Kind.NO_UPSTREAM_SERVICE,
    ),
    ("[ERROR] Failed to read node-cache coreFile /etc/coredns/Corefile.base - open: no such file", Kind.COMPLAINT),
    ('[FATAL] Error parsing flags - invalid localip specified - "__PILLAR__LOCAL__DNS__", Exiting', Kind.BAD_ARGUMENTS),
    ("Listen: listen tcp 169.254.20.10:53: bind: address already in use", Kind.ADDRESS_IN_USE),
    ("Listen: listen udp [fd00::a]:53: bind: cannot assign requested address", Kind.ADDRESS_MISSING),
    ("Listen: listen tcp :53: bind: permission denied", Kind.UNKNOWN_ERROR),
    ('[FATAL] plugin/loop: Loop (169.254.20.10:41872 -> 169.254.20.10:53) detected for zone "."', Kind.LOOP),
    ("/etc/Corefile:3 - Error during parsing: Unknown directive 'errorz'", Kind.CONFIGURATION),
    ("CoreDNS-1.12.2", Kind.SERVES),
    ("[ERROR] plugin/errors: 2 amazon.com. A: dial tcp 10.0.0.2:53: i/o timeout", Kind.UPSTREAM_FAILURE),
    ("[ERROR] something that nobody knows", Kind.UNKNOWN_ERROR),
]


@pytest.mark.parametrize(("text", "kind"), LINES, ids=[text[:60] for text, _ in LINES])
def test_lines_of_node_cache_and_of_the_coredns_inside_are_told_apart(text: str, kind: NodeCacheLineKind) -> None:
    """The words of cmd/node-cache, and CoreDNS's own for the rest."""
    assert node_cache_line(text).kind is kind


def test_a_failure_over_tcp_names_server_and_protocol() -> None:
    """Without the name asked for and the port: they differ from line to line."""
    line = node_cache_line("[ERROR] plugin/errors: 2 amazon.com. A: dial tcp 10.0.0.2:53: i/o timeout")

    assert (line.upstream, line.protocol, line.failure) == ("10.0.0.2", "tcp", UpstreamFailureKind.TIMEOUT)
    assert line == node_cache_line("[ERROR] plugin/errors: 2 example.org. AAAA: dial tcp 10.0.0.2:53: i/o timeout")


def test_where_it_could_not_listen_is_kept() -> None:
    """The address without its port, of either family."""
    lines = [text for text, kind in LINES if kind in {Kind.ADDRESS_IN_USE, Kind.ADDRESS_MISSING}]

    assert [node_cache_line(text).address for text in lines] == ["169.254.20.10", "fd00::a"]


def test_an_error_that_nobody_knows_leaves_open_what_it_may_be_about() -> None:
    """One that nodes log which work leaves nothing open."""
    text = "".join(f"2026-11-21T09:00:00Z {line}\n" for line, kind in LINES if kind is not Kind.OTHER)
    log = node_cache_pod_log(PodLog(pod="cache-1", lines=timed_lines(text), whole=True), "node-a", AT)

    (gap,) = log.open_errors(Subject.CONFIGURATION, AT)

    assert "cache-1 logged 2 errors (that no rule knows)" in gap.reason
    assert log.last(Kind.SERVES) == AT


@given(st.text(max_size=200), st.sampled_from(["", "[ERROR] ", "[FATAL] ", "[INFO] ", "Listen: listen tcp "]))
def test_any_line_is_classified(text: str, head: str) -> None:
    """And none that says ERROR is passed over."""
    line = node_cache_line(head + text)

    assert isinstance(line, NodeCacheLine)
    assert head != "[ERROR] " or line.kind is not Kind.OTHER
