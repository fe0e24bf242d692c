from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dns.api_failure import ApiFailure, ApiFailureKind, api_failure
from bot.dns.coredns_log import CorednsLineKind, coredns_line
from bot.dns.klog import klog_line
from bot.dns.kube_proxy_log import KubeProxyLineKind, kube_proxy_line
from bot.dns.log_wordings import Subject
from bot.dns.timestamped import timed_lines
from bot.dns.upstream_failure import UpstreamFailureKind

PROXY = "system:serviceaccount:kube-system:kube-proxy"
EVENT_REFUSED = (
    'E1121 14:12:13.970321       1 event_broadcaster.go:270] "Server rejected event (will not retry!)" '
    f'err="events.events.k8s.io is forbidden: User \\"{PROXY}\\" cannot create resource \\"events\\" in API group '
    '\\"events.k8s.io\\" in the namespace \\"default\\"" event="&Event{Action:StartKubeProxy,Reason:Starting}"'
)
WATCH = (
    "E0605 07:51:49.326711       1 reflector.go:382] k8s.io/client-go/informers/factory.go:135: Failed to watch "
    "*v1.{kind}: failed to list *v1.{kind}: Get "
    '"https://ABC.gr7.eu-west-1.eks.amazonaws.com/api/v1/services?limit=500&timeoutSeconds=582": {tail}'
)


@pytest.mark.parametrize(
    ("tail", "kind"),
    [
        ("dial tcp 10.0.1.9:443: i/o timeout", ApiFailureKind.TIMEOUT),
        ("net/http: TLS handshake timeout", ApiFailureKind.TLS_TIMEOUT),
        ("dial tcp 10.0.1.9:443: connect: connection refused", ApiFailureKind.REFUSED),
        ("dial tcp 10.0.1.9:443: connect: no route to host", ApiFailureKind.NO_ROUTE),
        ("dial tcp 10.0.1.9:443: connect: network is unreachable", ApiFailureKind.UNREACHABLE),
        ("dial tcp: lookup abc on 10.0.0.2:53: no such host", ApiFailureKind.NO_SUCH_HOST),
        ("x509: certificate signed by unknown authority", ApiFailureKind.X509),
        ("read tcp 10.0.1.5:40000->10.0.1.9:443: read: connection reset by peer", ApiFailureKind.LOST),
        ("EOF", ApiFailureKind.LOST),
        ("Unauthorized", ApiFailureKind.UNAUTHORIZED),
        ('services is forbidden: User "u" cannot list resource "services" in API group ""', ApiFailureKind.FORBIDDEN),
    ],
)
def test_the_reasons_of_a_failed_call_are_told_apart(tail: str, kind: ApiFailureKind) -> None:
    """Each tail of a reflector line gives its own kind; a URL's `timeoutSeconds` is no time-out."""
    line = kube_proxy_line(WATCH.format(kind="Service", tail=tail))

    assert line.kind is KubeProxyLineKind.API_FAILURE
    assert line.failure is not None
    assert (line.failure.kind, line.failure.resource) == (kind, "services")


def test_a_refusal_names_who_may_not_do_what() -> None:
    """Verb, resource and subject come out of the API's own sentence."""
    found = api_failure(
        "Failed to watch *v1.EndpointSlice: failed to list *v1.EndpointSlice: endpointslices.discovery.k8s.io is "
        f'forbidden: User "{PROXY}" cannot list resource "endpointslices" in API group "discovery.k8s.io" at the '
        "cluster scope"
    )

    assert found == ApiFailure(
        kind=ApiFailureKind.FORBIDDEN, verb="list", resource="endpointslices", subject=PROXY, target=""
    )


def test_a_quoted_error_reads_like_a_bare_one() -> None:
    """Newer client-go puts the error in quotes: who, what and why come out all the same."""
    error = f'endpointslices.discovery.k8s.io is forbidden: User "{PROXY}" cannot list resource "endpointslices" in API'
    bare = f"Failed to watch *v1.EndpointSlice: failed to list *v1.EndpointSlice: {error}"
    quoted = bare.replace('"', '\\"')
    line = f'E1121 08:58:00.000000       1 reflector.go:166] "Unhandled Error" err="{quoted}" logger="UnhandledError"'

    found = kube_proxy_line(line).failure

    assert found == api_failure(bare)
    assert found is not None
    assert (found.resource, found.subject) == ("endpointslices", PROXY)


NODE_URL = "https://10.0.9.9/api/v1/nodes?fieldSelector=metadata.name%3Dnode-a&limit=500&resourceVersion=0"
REFLECTOR = 'logger="UnhandledError" reflector="k8s.io/client-go@v0.36.3/tools/cache/reflector.go:343"'


@pytest.mark.parametrize(
    "text",
    [
        (
            f'E1121 14:05:59.992147   31549 reflector.go:227] "Failed to watch" err="failed to list *v1.Node: Get '
            f'\\"{NODE_URL}\\": dial tcp 10.0.9.9:443: i/o timeout" {REFLECTOR} type="*v1.Node"'
        ),
        (
            f'Trace[1870254453]: ---"Objects listed" error:Get "{NODE_URL}": dial tcp 10.0.9.9:443: i/o timeout '
            "30001ms (14:05:59.991)"
        ),
    ],
    ids=["reflector", "trace"],
)
def test_a_kube_proxy_that_cannot_read_its_own_node_names_no_service(text: str) -> None:
    """1.36 asks for its Node first: the address and why come out, and nothing else is said to be missing."""
    found = kube_proxy_line(text).failure

    assert found is not None
    assert (found.kind, found.resource, found.target) == (ApiFailureKind.TIMEOUT, "nodes", "10.0.9.9:443")


def test_a_refusal_that_names_the_type_at_the_end_reads_like_an_older_one() -> None:
    """CoreDNS 1.15 puts reflector and type behind the error."""
    error = f'endpointslices.discovery.k8s.io is forbidden: User "{PROXY}" cannot list resource "endpointslices" in API'
    line = coredns_line(
        f"[ERROR] plugin/kubernetes: Failed to watch: failed to list *v1.EndpointSlice: {error} {REFLECTOR} "
        'type="*v1.EndpointSlice"'
    )

    assert line.kind is CorednsLineKind.API_FAILURE
    assert line.api == api_failure(f"Failed to watch *v1.EndpointSlice: failed to list *v1.EndpointSlice: {error}")


def test_a_dialled_address_is_the_target() -> None:
    """The address that was called is kept: CoreDNS calls the service's, kube-proxy the endpoint's."""
    found = api_failure(
        'Failed to list *v1.Namespace: Get "https://172.20.0.1:443/api/v1/namespaces?limit=500": '
        "dial tcp 172.20.0.1:443: i/o timeout"
    )

    assert found is not None
    assert (found.resource, found.target) == ("namespaces", "172.20.0.1:443")


@pytest.mark.parametrize(
    "text",
    [
        'I0515 23:23:01.196457       1 proxier.go:822] "SyncProxyRules complete" ipFamily="IPv4" elapsed="297ms"',
        'I0515 23:23:01.196457       1 proxier.go:822] "Finished syncing" elapsed="2ms"',
        "W0605 07:51:49.326711       1 reflector.go:456] watch of *v1.Service ended with: too old resource version",
    ],
    ids=["sync of rules", "finished syncing", "watch ended"],
)
def test_lines_that_show_neither_failure_nor_success(text: str) -> None:
    """Syncing rules says nothing about the API; nor does a watch that is taken up again."""
    assert kube_proxy_line(text).kind is KubeProxyLineKind.OTHER


@pytest.mark.parametrize(
    "text",
    [
        'E1012 21:41:08.700491       6 server.go:369] Can\'t get Node "ip-10-12-4-85", err: nodes "x" not found',
        EVENT_REFUSED,
    ],
    ids=["node not found", "event refused"],
)
def test_errors_that_take_nothing_away_are_counted_and_open_nothing(text: str) -> None:
    """A node that is asked for its mode, an event that is not written: known, kept, about nothing that is judged."""
    line = kube_proxy_line(text)

    assert line.kind is KubeProxyLineKind.COMPLAINT
    assert line.complaint is not None
    assert not any(line.complaint.may_concern(subject) for subject in (Subject.API, Subject.RULES))


@pytest.mark.parametrize(
    ("text", "resource"),
    [
        ("I0126 03:08:48.019124       1 shared_informer.go:318] Caches are synced for service config", "services"),
        (
            'I0126 03:08:48.0 1 shared_informer.go:357] "Caches are synced" controller="endpoint slice config"',
            "endpointslices",
        ),
        ("I0126 03:08:48.019124       1 shared_informer.go:318] Caches are synced for node config", "nodes"),
        ('I0126 03:08:48.019124       1 server.go:677] "Successfully retrieved node IP(s)" IPs=["10.0.1.5"]', "nodes"),
        ('I0126 03:08:48.019124       1 service.go:360] "Adding new service port" portName="a/b"', "services"),
        ('I1121 14:07:08.466408    9109 server.go:228] "Successfully retrieved NodeIPs" NodeIPs=["10.0.1.5"]', "nodes"),
        (
            'I1121 14:07:08.3 1 reflector.go:507] "Caches populated" type="*v1.EndpointSlice" reflector="r.go:343"',
            "endpointslices",
        ),
        ("I1121 14:07:08.3 1 reflector.go:289] Caches populated for *v1.Endpoints from factory.go:150", "endpoints"),
    ],
    ids=[
        "cache synced",
        "structured",
        "nodes",
        "node address",
        "service change",
        "node address, 1.36",
        "cache populated",
        "cache populated, 1.27",
    ],
)
def test_lines_that_only_a_working_call_can_cause(text: str, resource: str) -> None:
    """A synced cache, a node address that was read, a service that changed: the call works."""
    line = kube_proxy_line(text)

    assert (line.kind, line.resource) == (KubeProxyLineKind.API_WORKS, resource)


@pytest.mark.parametrize(
    ("text", "resource"),
    [
        ('I0126 03:08:48.0 1 server.go:539] "Version info" version="v1.36.3"', ""),
        ('I0126 03:08:48.0 1 shared_informer.go:402] "Waiting for caches to sync"', ""),
        ("I0126 03:08:48.0 1 shared_informer.go:311] Waiting for caches to sync for service config", "services"),
        (
            'I0126 03:08:48.0 1 shared_informer.go:349] "Waiting for caches to sync" controller="endpoint slice config"',  # noqa: E501  # a line as it is logged
            "endpointslices",
        ),
        ('I0126 03:08:48.0 1 shared_informer.go:402] "Waiting for caches to sync" controller="node config"', "nodes"),
    ],
    ids=["version", "own node, 1.36", "services", "structured", "node config"],
)
def test_a_wait_for_a_cache_is_no_start_of_the_others(text: str, resource: str) -> None:
    """A line of the process's start is about everything; a wait names what is waited for."""
    line = kube_proxy_line(text)

    assert (line.kind, line.resource) == (KubeProxyLineKind.STARTED, resource)


def test_a_wait_for_an_unknown_cache_says_nothing() -> None:
    """It is neither the process's start nor a wait for what rules are written from."""
    text = "I0126 03:08:48.0 1 shared_informer.go:311] Waiting for caches to sync for node topology config"

    assert kube_proxy_line(text).kind is KubeProxyLineKind.OTHER


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (
            (
                "[ERROR] Corefile changed but reload failed: plugin/kubernetes: /etc/coredns/Corefile:9 - Error during parsing: "  # noqa: E501  # a line as it is logged
                "unknown property 'upstrem'"
            ),
            CorednsLineKind.RELOAD_FAILED,
        ),
        (
            "[WARNING] Corefile parse failed: /etc/coredns/Corefile:9 - Syntax error: Unexpected token",
            CorednsLineKind.RELOAD_FAILED,
        ),
        ("[INFO] Reloading complete", CorednsLineKind.CONFIGURATION_LOADED),
        ("[INFO] plugin/reload: Running configuration SHA512 = 1b2c", CorednsLineKind.CONFIGURATION_LOADED),
        ("[INFO] plugin/reload: Running configuration MD5 = 1b2c", CorednsLineKind.CONFIGURATION_LOADED),
        ("[INFO] Reloading", CorednsLineKind.OTHER),
        (
            'plugin/kubernetes: Get "https://10.32.0.1:443/version?timeout=32s": dial tcp 10.32.0.1:443: i/o timeout',
            CorednsLineKind.API_FAILURE,
        ),
        ("[WARNING] plugin/kubernetes: starting server with unsynced Kubernetes API", CorednsLineKind.WAITING_FOR_API),
        ('[INFO] plugin/ready: Plugins not ready: "kubernetes"', CorednsLineKind.WAITING_FOR_API),
        (
            'coredns-fdcd5b74b-p78xs coredns [FATAL] plugin/loop: Loop (127.0.0.1:34614 -> :53) detected for zone "."',
            CorednsLineKind.LOOP,
        ),
        ("Mar 26 19:12:14 ip-10-0-1-5 coredns[1927]: [INFO] Reloading complete", CorednsLineKind.CONFIGURATION_LOADED),
        (
            '[INFO] 10.0.1.5:36839 - 14241 "A IN amazon.com. udp 51 false 512" NOERROR qr,rd,ra 51 0.0042s',
            CorednsLineKind.UPSTREAM_ANSWERED,
        ),
        (
            '[INFO] 10.0.1.5:36839 - 14241 "A IN amazon.com. udp 51 false 512" NOERROR qr,rd,ra 51 0.00004s',
            CorednsLineKind.OTHER,
        ),
        (
            '[INFO] 10.0.1.5:36839 - 14241 "A IN kubernetes.default.svc.cluster.local. udp 54 false 512" NOERROR qr,aa,rd 51 0.0042s',  # noqa: E501  # a line as it is logged
            CorednsLineKind.OTHER,
        ),
        (
            '[INFO] 10.0.1.5:36839 - 14241 "A IN a.plugin/loop:\\032Loop. udp 54 false 512" SERVFAIL qr 51 5.0s',
            CorednsLineKind.OTHER,
        ),
        ("Listen: listen tcp :53: bind: permission denied", CorednsLineKind.LISTEN_FAILED),
    ],
)
def test_coredns_lines_old_and_new(text: str, kind: CorednsLineKind) -> None:
    """Every format of the same message gives the same kind; names in query lines say nothing."""
    assert coredns_line(text).kind is kind


@pytest.mark.parametrize(
    ("text", "kind", "upstream", "protocol", "self_test"),
    [
        (
            "[ERROR] plugin/errors: 2 a.example. A: read udp 10.5.5.18:40310->10.28.0.2:53: i/o timeout",
            UpstreamFailureKind.TIMEOUT,
            "10.28.0.2",
            "udp",
            False,
        ),
        (
            "[ERROR] plugin/errors: 2 a.example. AAAA: dial tcp 10.28.0.2:53: i/o timeout",
            UpstreamFailureKind.TIMEOUT,
            "10.28.0.2",
            "tcp",
            False,
        ),
        (
            "[ERROR] plugin/errors: 2 a.example. A: select tcp 10.233.0.3:53: i/o timeout",
            UpstreamFailureKind.TIMEOUT,
            "10.233.0.3",
            "tcp",
            False,
        ),
        (
            "[ERROR] plugin/errors: 2 1.2. HINFO: read udp 10.5.5.18:40310->10.28.0.2:53: i/o timeout",
            UpstreamFailureKind.TIMEOUT,
            "10.28.0.2",
            "udp",
            True,
        ),
        (
            "[ERROR] plugin/errors: 2 . NS: read udp 10.5.5.18:4->192.168.50.1:53: read: no route to host",
            UpstreamFailureKind.NO_ROUTE,
            "192.168.50.1",
            "udp",
            False,
        ),
        (
            "[ERROR] plugin/errors: 2 a. AAAA: dial udp [2a02:26f0::1]:53: connect: network is unreachable",
            UpstreamFailureKind.UNREACHABLE,
            "2a02:26f0::1",
            "udp",
            False,
        ),
        (
            "2019-08-23T05:53:12.236Z [ERROR] 2 a. AAAA: unreachable backend: read udp 10.9.7.7:6->10.1.1.2:53: i/o timeout",  # noqa: E501  # a line as it is logged
            UpstreamFailureKind.TIMEOUT,
            "10.1.1.2",
            "udp",
            False,
        ),
        (
            "[ERROR] plugin/errors: 12 errors like '^read udp .* i/o timeout$' occurred in last 30s",
            UpstreamFailureKind.TIMEOUT,
            "",
            "udp",
            False,
        ),
    ],
)
def test_failed_forwards_name_their_upstream(
    text: str, kind: UpstreamFailureKind, upstream: str, protocol: str, *, self_test: bool
) -> None:
    """udp, tcp, IPv6, health check, proxy plugin and consolidated lines name server, transport and reason."""
    line = coredns_line(text)

    assert line.upstream is not None
    assert (line.upstream.kind, line.upstream.upstream, line.upstream.protocol, line.upstream.self_test) == (
        kind,
        upstream,
        protocol,
        self_test,
    )


def test_a_parse_error_names_file_line_plugin_and_word() -> None:
    """The refused word and its place come out, for the report and the repair."""
    error = coredns_line(
        "plugin/kubernetes: /etc/coredns/Corefile:25 - Error during parsing: unknown property 'upstream'"
    ).corefile

    assert error is not None
    assert (error.file, error.line, error.plugin, error.word) == ("/etc/coredns/Corefile", 25, "kubernetes", "upstream")


def test_klog_head_is_taken_off() -> None:
    """Severity, source and message of a klog line; other lines are none."""
    line = klog_line("W1122 11:15:14.719388       1 server.go:604] Failed to retrieve node info: Unauthorized")

    assert line is not None
    assert (line.severity, line.source) == ("W", "server.go:604")
    assert klog_line("[INFO] plugin/reload: x") is None


FRAGMENTS = st.sampled_from(
    [
        "[ERROR] plugin/errors: ",
        "2 a. A: ",
        "read udp 1.2.3.4:5->6.7.8.9:53",
        ": i/o timeout",
        "Corefile:9 - Error during parsing: ",
        "Corefile changed but reload failed: ",
        "Failed to watch *v1.Service",
        'User "u" cannot list ',
        "https://x/api/v1/",
        "E0605 07:51:49.3 1 a.go:1] ",
        "2026-11-21T09:00:00Z ",
        "plugin/loop: Loop (",
        "\x00",
        "\n",
        "'",
    ]
)


@given(st.lists(st.one_of(FRAGMENTS, st.text(max_size=20)), max_size=12).map("".join))
def test_no_line_raises(text: str) -> None:
    """Any text gives lines, and any line a class, in both logs."""
    for line in timed_lines(text):
        coredns_line(line.text)
        kube_proxy_line(line.text)
    coredns_line(text)
    kube_proxy_line(text)
