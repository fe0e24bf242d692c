"""Error lines as versions of CoreDNS and kube-proxy print them, from their sources: what class each gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dns import coredns_wordings, kube_proxy_wordings
from bot.dns.api_failure import ApiFailureKind, api_failure
from bot.dns.coredns_log import CorednsLineKind, coredns_line
from bot.dns.kube_proxy_log import KubeProxyLineKind, kube_proxy_line
from bot.dns.log_wordings import Subject, Wording
from bot.dns.upstream_failure import UpstreamFailureKind

KLOG = "E1121 08:58:00.123456       1 "
COREDNS = CorednsLineKind
PROXY = KubeProxyLineKind
RULES = Subject.RULES
UNWRITTEN = PROXY.RULES_NOT_WRITTEN


@pytest.mark.parametrize(
    ("versions", "text", "file", "plugin"),
    [
        ("1.2-", "/etc/coredns/custom/a.server:3 - Error during parsing: Unknown directive 'x'", "a.server", ""),
        ("1.2-", "plugin/hosts: /etc/coredns/a b:4 - Error during parsing: unknown property 'x'", "b", "hosts"),
        ("1.2-", "/etc/coredns/Corefile:9 - Syntax error: Unexpected token '}'", "Corefile", ""),
        ("1.5-", "plugin/forward: no nameservers found", "", "forward"),
        ("1.5-1.11", 'plugin/forward: not an IP address or file: "dns.corp.example"', "", "forward"),
        ("1.15-", 'plugin/forward: not an IP address, file, or valid domain: "dns_corp"', "", "forward"),
        ("1.2-1.4", 'plugin/proxy: not an IP address or file: "dns.corp.example"', "", "proxy"),
        ("1.6-", "plugin/hosts: this plugin can only be used once per Server Block", "", "hosts"),
        ("1.2-", "plugin/kubernetes: invalid configuration: no configuration has been provided", "", "kubernetes"),
        ("1.2-", "loading Caddyfile via flag: open /etc/coredns/Corefile: no such file or directory", "", ""),
        ("1.2-", "loading Caddyfile via default: open Corefile: permission denied", "", ""),
        ("1.15-", '{"time":"2026-11-21T08:58:00Z","level":"FATAL","msg":"plugin/forward: no nameservers found"}', "", "forward"),  # noqa: E501  # a line as it is logged
    ],
)  # fmt: skip
def test_a_start_that_its_configuration_ends_is_known_by_any_words(
    versions: str, text: str, file: str, plugin: str
) -> None:
    """The Corefile, a file that it imports, a plugin's own words without a place, a file that is not there."""
    line = coredns_line(text)

    assert (line.kind, bool(versions)) == (COREDNS.COREFILE_ERROR, True)
    assert line.corefile is not None
    assert (line.corefile.file.rpartition("/")[2], line.corefile.plugin) == (file, plugin)


@pytest.mark.parametrize(
    ("versions", "text", "kind"),
    [
        ("1.2-", "Listen: listen tcp :53: bind: permission denied", COREDNS.LISTEN_FAILED),
        ("1.2-", "flag provided but not defined: -cnf", COREDNS.START_FAILED),
        ("1.2-", "extra command line arguments: [x]", COREDNS.START_FAILED),
        ("1.2-1.14", "[FATAL] plugin/prometheus: Cannot register metrics collector: x", COREDNS.START_FAILED),
        ("1.15-", "[FATAL] Cannot register metrics collector: x", COREDNS.START_FAILED),
        ("any", "exec /coredns: exec format error", COREDNS.NOT_EXECUTED),
        ("any", 'standard_init_linux.go:211: exec user process caused "exec format error"', COREDNS.NOT_EXECUTED),
        ("1.2-", "panic: runtime error: invalid memory address or nil pointer dereference", COREDNS.PANIC),
        ("1.2-", "fatal error: concurrent map writes", COREDNS.PANIC),
        ("1.2-", '[ERROR] plugin/errors: 2 errors like "x" occured in last 30s', COREDNS.UPSTREAM_FAILURE),
        ("1.2.6", '[FATAL] plugin/loop: Forwarding loop detected in "." zone. Exiting. See x', COREDNS.LOOP),
        ("1.2-", "2026/11/21 08:58:00 [ERROR] Restart failed: x", COREDNS.COMPLAINT),
        ("1.7-", '[ERROR] Recovered from panic in server: "dns://:53" runtime error', COREDNS.COMPLAINT),
        ("1.2-1.3", "[ERROR] plugin/kubernetes: Unable to hijack connection: x", COREDNS.COMPLAINT),
        ("1.12-", "[ERROR] upstream lookup failed: x", COREDNS.COMPLAINT),
        ("1.2-1.14", "[ERROR] plugin/prometheus: Failed to start metrics handler: x", COREDNS.COMPLAINT),
        ("1.2-", "[ERROR] SIGTERM shutdown: x", COREDNS.COMPLAINT),
        ("1.2-", "[ERROR] Stopping 127.0.0.1:53: x", COREDNS.COMPLAINT),
        ("1.15-", "[ERROR] plugin/hosts: /etc/hosts, line 3: name longer than 255 bytes, dropping", COREDNS.COMPLAINT),
        ("1.13", "[ERROR] plugin/kubernetes: Failed to watch", COREDNS.API_FAILURE),
        ("none", "[ERROR] plugin/shed: words that no version has had", COREDNS.UNKNOWN_ERROR),
        ("none", "[FATAL] words that no version has had", COREDNS.UNKNOWN_ERROR),
        ("none", f"{KLOG}runtime.go:79] Observed a panic", COREDNS.UNKNOWN_ERROR),
        ("none", "[WARNING] words that no version has had", COREDNS.OTHER),
    ],
)
def test_error_lines_of_coredns_by_version(versions: str, text: str, kind: CorednsLineKind) -> None:
    """Each wording of the sources has its class; what has none is an unknown error, and only if it is an error."""
    assert (coredns_line(text).kind, bool(versions)) == (kind, True)


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("[ERROR] plugin/kubernetes: words", Subject.API),
        ("[ERROR] plugin/forward: words", Subject.UPSTREAM),
        ("[ERROR] plugin/reload: words", Subject.CONFIGURATION),
        ("[FATAL] plugin/loop: words", Subject.LOOP),
        ("[ERROR] plugin/anything: words", Subject.ANY),
        ("[ERROR] words", Subject.ANY),
    ],
)
def test_an_unknown_error_says_what_it_may_be_about(text: str, subject: Subject) -> None:
    """The plugin narrows it down; without one it may be about everything."""
    complaint = coredns_line(text).complaint

    assert complaint is not None
    assert (complaint.subject, complaint.meaning) == (subject, "")


@pytest.mark.parametrize(
    ("versions", "reason", "kind"),
    [
        ("1.2-", "read udp 10.0.1.11:4->10.0.0.2:53: i/o timeout", UpstreamFailureKind.TIMEOUT),
        ("1.2-1.4", "unreachable backend: read udp 10.0.1.11:4->10.0.0.2:53: i/o timeout", UpstreamFailureKind.TIMEOUT),
        ("1.2-1.4", "unreachable backend: no upstream host", UpstreamFailureKind.NO_UPSTREAM),
        ("1.3-", "no healthy proxies", UpstreamFailureKind.NO_UPSTREAM),
        ("1.2-", "write udp 10.0.1.1:4->10.0.0.2:53: operation not permitted", UpstreamFailureKind.NOT_PERMITTED),
        ("1.2-", "read tcp 10.0.1.11:4->10.0.0.2:53: read: connection reset by peer", UpstreamFailureKind.RESET),
        ("1.6-", "cached connection was closed by peer", UpstreamFailureKind.RESET),
        ("1.7-", "concurrent queries exceeded maximum 1000", UpstreamFailureKind.OVERLOADED),
        ("1.2-", "plugin/kubernetes: no next plugin found", UpstreamFailureKind.NOT_FORWARDED),
        ("1.5-", "no forwarder defined", UpstreamFailureKind.NOT_FORWARDED),
        ("1.2-", "EOF", UpstreamFailureKind.END_OF_FILE),
        ("1.2-", "unexpected EOF", UpstreamFailureKind.END_OF_FILE),
        ("1.5-", "context deadline exceeded", UpstreamFailureKind.DEADLINE),
        ("1.5-", "tls: failed to verify certificate: x509: not valid", UpstreamFailureKind.CERTIFICATE),
        ("1.2-", "dns: overflow unpacking uint32", UpstreamFailureKind.BAD_ANSWER),
        ("none", "words that no version has had", UpstreamFailureKind.OTHER),
    ],
)  # fmt: skip
def test_every_failed_query_is_counted_by_its_reason(versions: str, reason: str, kind: UpstreamFailureKind) -> None:
    """No reason of plugin/errors is passed over, and one that nobody knows is told as such."""
    found = coredns_line(f"[ERROR] plugin/errors: 2 a.example. A: {reason}").upstream

    assert found is not None
    assert (found.kind, bool(versions)) == (kind, True)


@pytest.mark.parametrize(
    ("versions", "text", "kind", "subject"),
    [
        ("1.19-1.20", "proxier.go:1] Failed to execute iptables-restore: exit status 1", UNWRITTEN, RULES),
        ("1.21-", 'proxier.go:1] "Failed to execute iptables-restore" err="exit status 4"', UNWRITTEN, RULES),
        ("1.29-", 'proxier.go:1] "nftables sync failed" err="x"', UNWRITTEN, RULES),
        ("1.21-", 'proxier.go:1] "Failed to ensure chain jumps" err="x"', UNWRITTEN, RULES),
        ("1.21-", 'ipset.go:1] "Failed to make sure existence of ip set" err="x"', UNWRITTEN, RULES),
        ("1.21-", 'server.go:1] "Error running ProxyServer" err="x"', PROXY.ENDED, RULES),
        ("1.21-1.27", 'server_others.go:1] "Can\'t use the IPVS proxier" err="x"', PROXY.ENDED, RULES),
        ("1.19-", "server.go:1] failed complete: x", PROXY.ENDED, RULES),
        ("1.24-", 'ipset.go:1] "Failed to list ip set entries" err="x"', UNWRITTEN, RULES),
        ("1.19-", 'proxier.go:1] "Failed to delete destination" err="x"', UNWRITTEN, RULES),
        ("1.21-", 'cleanup.go:1] "Failed to execute iptables-restore" err="x" table="nat"', PROXY.COMPLAINT, Subject.NONE),  # noqa: E501  # a line as it is logged
        ("1.19-1.20", "proxier.go:1] Failed to execute iptables-restore for nat: x", PROXY.COMPLAINT, Subject.NONE),
        ("1.21-", 'service_health.go:1] "Failed to start healthcheck" err="x"', PROXY.COMPLAINT, Subject.NONE),
        ("1.30-", 'proxier.go:1] "Failed to list conntrack entries" err="x"', PROXY.COMPLAINT, Subject.NONE),
        ("none", "proxier.go:1] words that no version has had", PROXY.UNKNOWN_ERROR, RULES),
        ("none", "reflector.go:1] words that no version has had", PROXY.UNKNOWN_ERROR, Subject.API),
        ("none", "anything.go:1] words that no version has had", PROXY.UNKNOWN_ERROR, Subject.ANY),
    ],
)  # fmt: skip
def test_error_lines_of_kube_proxy_by_version(
    versions: str, text: str, kind: KubeProxyLineKind, subject: Subject
) -> None:
    """Rules that could not be written, a process that ended, what is harmless and what nobody knows."""
    line = kube_proxy_line(f"{KLOG}{text}")

    assert (line.kind, bool(versions)) == (kind, True)
    assert line.complaint is not None
    assert line.complaint.subject is subject


def _said(wording: Wording) -> str:
    """Return a message of this wording."""
    return f"{wording.words.replace('*', 'x')} x"


OF_KUBE_PROXY = (
    *kube_proxy_wordings.ENDS_THE_PROCESS,
    *kube_proxy_wordings.RULES_NOT_WRITTEN,
    *kube_proxy_wordings.KNOWN,
)


@pytest.mark.parametrize("wording", coredns_wordings.KNOWN, ids=lambda one: one.words)
def test_a_wording_of_coredns_is_known_where_its_line_begins_with_it(wording: Wording) -> None:
    """The same words further on are somebody else's, and a line that ended the process was no complaint of one."""
    begun, within, fatal = (
        coredns_line(text)
        for text in (f"[ERROR] {_said(wording)}", f"[ERROR] words: {_said(wording)}", f"[FATAL] {_said(wording)}")
    )

    assert begun.complaint == wording.complaint
    assert (within.kind, fatal.kind) == (COREDNS.UNKNOWN_ERROR, COREDNS.UNKNOWN_ERROR)


@pytest.mark.parametrize("wording", OF_KUBE_PROXY, ids=lambda one: one.words)
def test_a_wording_of_kube_proxy_is_known_where_its_line_begins_with_it(wording: Wording) -> None:
    """Not as the error of another message, where a name holds it, or after what is no head of klog's."""
    begun, quoted, within, fatal = (
        kube_proxy_line(text)
        for text in (
            f"{KLOG}x.go:1] {_said(wording)}",
            f'{KLOG}x.go:1] "{_said(wording)}',
            f'{KLOG}x.go:1] "words" err="{_said(wording)}',
            f"F{KLOG[1:]}x.go:1] {_said(wording)}",
        )
    )

    assert (begun.complaint, quoted.complaint) == (wording.complaint, wording.complaint)
    assert within.kind is PROXY.UNKNOWN_ERROR
    assert fatal.kind is PROXY.ENDED
    assert fatal.complaint is not None
    assert fatal.complaint.subject is not Subject.NONE


@pytest.mark.parametrize(
    "text",
    [
        '[ERROR] Still waiting on: "kubernetes"',
        "[FATAL] plugin/kubernetes: waiting for Kubernetes API before starting server",
        "[ERROR] Reloading complete",
    ],
)
def test_an_error_line_says_nothing_of_progress(text: str) -> None:
    """Words that tell how far CoreDNS has come count on lines of information alone."""
    assert coredns_line(text).kind is COREDNS.UNKNOWN_ERROR


def test_a_failed_sync_is_no_error_line_and_counts_all_the_same() -> None:
    """Since 1.24 kube-proxy says by an information line that it tries again."""
    line = kube_proxy_line('I1121 08:58:00.1 1 proxier.go:834] "Sync failed" ipFamily="IPv4" retryingTime="30s"')

    assert line.kind is PROXY.RULES_NOT_WRITTEN


@pytest.mark.parametrize(
    "tail",
    [
        "Timeout: Too large resource version: 5, current: 4",
        "etcdserver: request timed out",
        "etcdserver: leader changed",
        "the server is currently unable to handle the request (get services)",
        "the server was unable to return a response in the time allotted, but may still be processing the request",
        "the server has received too many requests and has asked us to try again later (get services)",
        'an error on the server ("Internal Server Error: x") has prevented the request from succeeding (get services)',
        "Internal error occurred: etcdserver: no leader",
    ],
)
def test_words_of_an_answer_are_no_silence(tail: str) -> None:
    """An API server that answers 5xx, 429 or its store's time-out dropped no packet: no address was dialled."""
    found = api_failure(f"Failed to watch *v1.Service: failed to list *v1.Service: {tail}")

    assert found is not None
    assert (found.kind, found.target) == (ApiFailureKind.FAILING, "")


def test_a_time_out_without_an_address_says_nothing_about_packets() -> None:
    """Whose patience ended is open: the API rules are UNKNOWN by it."""
    found = api_failure("Failed to watch *v1.Service: failed to list *v1.Service: context deadline exceeded")

    assert found is not None
    assert found.kind is ApiFailureKind.OTHER


WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\n\r"), max_size=60)


@given(st.sampled_from(["ERROR", "FATAL"]), st.sampled_from(["", "plugin/errors: ", "plugin/x: ", "2 a. A: "]), WORDS)
def test_no_error_of_coredns_is_counted_nowhere(level: str, head: str, words: str) -> None:
    """Whatever follows [ERROR] or [FATAL] has a class that is kept, but for what only looks like a logged query."""
    line = coredns_line(f"[{level}] {head}{words}")

    assert line.kind is not COREDNS.OTHER


@given(st.sampled_from("EF"), st.sampled_from(["proxier.go:7", "x.go:1"]), WORDS)
def test_no_error_of_kube_proxy_is_counted_nowhere(severity: str, source: str, words: str) -> None:
    """Whatever follows klog's E or F has a class that is kept."""
    line = kube_proxy_line(f"{severity}1121 08:58:00.123456       1 {source}] {words}")

    assert line.kind is not PROXY.OTHER
