from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http import HTTPStatus

import pytest

from bot.domain.cluster import PodName
from bot.domain.deadline import Deadline
from bot.domain.ports import ClusterReader, Resource
from bot.errors import (
    AccessDenied,
    EvidenceUnavailable,
    NotFound,
    SourceFailing,
    SourceGarbled,
    SourceTimeout,
    SourceUnreachable,
    Unauthenticated,
)
from tests.clients.conftest import Act, Open, Shared, drip_body, drip_headers, hang, no_http, reset, respond, truncate

PODS = Resource(plural="pods")
DEPLOYMENTS = Resource(group="apps", plural="deployments")
EMPTY_LIST = json.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": []})
HTML = "<!DOCTYPE html><html><body>Sign in</body></html>"


def status(code: int, reason: str, message: str) -> Act:
    """Answer with a Status object, as an API server refuses."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    return respond(f"{code} {HTTPStatus(code).phrase}", json.dumps(body))


def pods(*names: str, following: str = "") -> Act:
    """Answer with a page of pods."""
    metadata = {"continue": following} if following else {}
    items = [{"metadata": {"name": name}} for name in names]
    return respond("200 OK", json.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": items}))


FORBIDDEN = status(403, "Forbidden", 'pods is forbidden: User "dnsbot" cannot list resource "pods" in API group ""')

FAILURES: list[tuple[str, Act, type[EvidenceUnavailable]]] = [
    ("forbidden", FORBIDDEN, AccessDenied),
    ("unauthorised", status(401, "Unauthorized", "Unauthorized"), Unauthenticated),
    ("anonymous", status(403, "Forbidden", 'User "system:anonymous" cannot list resource "pods"'), Unauthenticated),
    ("hang", hang, SourceTimeout),
    ("drip of the body", drip_body, SourceTimeout),
    ("drip of the headers", drip_headers, SourceTimeout),
    ("reset", reset, SourceUnreachable),
    ("empty 200", respond("200 OK", "", content_type=""), SourceGarbled),
    ("HTML 200", respond("200 OK", HTML, content_type="text/html"), SourceGarbled),
    ("HTML 404", respond("404 Not Found", HTML, content_type="text/html"), SourceGarbled),
    ("redirect", respond("302 Found", "", "Location: http://127.0.0.1:9/"), SourceGarbled),
    ("truncated", truncate, SourceGarbled),
    ("another protocol", no_http, SourceGarbled),
    ("a list without items", respond("200 OK", '{"kind":"PodList","metadata":{}}'), SourceGarbled),
    ("another kind", respond("200 OK", '{"kind":"Status","status":"Success","metadata":{},"items":[]}'), SourceGarbled),
    ("a JSON array", respond("200 OK", "[]"), SourceGarbled),
    ("throttled", status(429, "TooManyRequests", "too many requests"), SourceFailing),
    ("server error", status(500, "InternalError", "etcdserver: leader changed"), SourceFailing),
    ("bad gateway", respond("502 Bad Gateway", HTML, content_type="text/html"), SourceFailing),
    (
        "resource not served",
        status(404, "NotFound", "the server could not find the requested resource"),
        EvidenceUnavailable,
    ),
]


READS: dict[str, Callable[[ClusterReader], object]] = {
    "list": lambda reader: reader.list(PODS, dict, namespace="kube-system"),
    "get": lambda reader: reader.get(PODS, "coredns-1", namespace="kube-system"),
}


@pytest.mark.parametrize(("act", "expected"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES])
@pytest.mark.parametrize("verb", sorted(READS))
def test_every_failure_has_its_class_and_ends_in_time(
    verb: str,
    act: Act,
    expected: type[EvidenceUnavailable],
    shared: Shared,
    took: Callable[[], float],
) -> None:
    """A failing API server ends a read by its deadline, in the class named for who must act."""
    opened = took()
    reader = shared.played(act).cluster(Deadline.after(2))

    with pytest.raises(expected) as raised:
        READS[verb](reader)

    assert raised.value.reason.startswith(f"Cannot {verb} pods") or f"{verb} pods" in raised.value.reason
    assert took() - opened < 10


def test_forbidden_names_the_grant(shared: Shared) -> None:
    """The grant is the permission as a person would give it."""
    reader = shared.played(FORBIDDEN).cluster(Deadline.after(30))

    with pytest.raises(AccessDenied) as raised:
        reader.list(DEPLOYMENTS, dict, namespace="kube-system")

    assert raised.value.grant == "deployments.apps: list in namespace kube-system"
    assert raised.value.grant in raised.value.reason


def test_connection_refused_is_unreachable(open_at: Open) -> None:
    """Nobody listens: the operator must look at the endpoint."""
    reader = open_at("http://127.0.0.1:1").cluster(Deadline.after(2))

    with pytest.raises(SourceUnreachable, match=r"no connection to http://127\.0\.0\.1:1"):
        reader.list(PODS, dict)


def test_own_name_look_up_that_fails_says_so(open_at: Open, took: Callable[[], float]) -> None:
    """A far end whose name does not resolve is told apart from one that does not answer."""
    reader = open_at("http://api.cluster.invalid:443").cluster(Deadline.after(2))

    with pytest.raises(SourceUnreachable, match=r"the bot's own name lookup of http://api\.cluster\.invalid"):
        reader.list(PODS, dict)

    assert took() < 6


def test_all_pages_are_joined_and_selectors_are_sent(shared: Shared) -> None:
    """Pages follow the continue token; the server applies the selectors."""
    far_end = shared.play(pods("a", "b", following="token-2"), pods("c"))
    reader = shared.sources.cluster(Deadline.after(30))

    found = reader.list(PODS, dict, namespace="shop", labels="app=x", fields="status.phase=Running")

    assert [item["metadata"]["name"] for item in found] == ["a", "b", "c"]
    assert far_end.paths()[0] == (
        "/api/v1/namespaces/shop/pods?limit=500&labelSelector=app%3Dx&fieldSelector=status.phase%3DRunning"
    )
    assert far_end.paths()[1].endswith("&continue=token-2")


def test_expired_list_is_read_again_once(shared: Shared) -> None:
    """410 Gone on a later page starts the list anew; nothing is counted twice."""
    gone = status(410, "Expired", "The provided continue parameter is too old")
    shared.play(pods("a", following="old"), gone, pods("a", following="new"), pods("b"))

    found = shared.sources.cluster(Deadline.after(30)).list(PODS, dict)

    assert [item["metadata"]["name"] for item in found] == ["a", "b"]


def test_list_that_expires_twice_is_given_up(shared: Shared) -> None:
    """A list that never holds still is not read for ever."""
    far_end = shared.play(status(410, "Expired", "too old"))

    with pytest.raises(EvidenceUnavailable, match="410 Gone"):
        shared.sources.cluster(Deadline.after(30)).list(PODS, dict)

    assert len(far_end.requests) == 2


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(status(503, "ServiceUnavailable", "not now"), id="5xx"),
        pytest.param(respond("429 Too Many Requests", "", "Retry-After: 0"), id="429"),
        pytest.param(reset, id="reset"),
    ],
)
def test_a_passing_failure_is_tried_once_more(first: Act, shared: Shared) -> None:
    """One bounded second attempt, and no third."""
    far_end = shared.play(first, pods("a"))

    found = shared.sources.cluster(Deadline.after(30)).list(PODS, dict)

    assert len(found) == 1
    assert len(far_end.requests) == 2


def test_advice_to_wait_beyond_the_deadline_is_not_taken(shared: Shared, took: Callable[[], float]) -> None:
    """Retry-After 60 with 30 seconds left ends at once."""
    far_end = shared.play(respond("429 Too Many Requests", "", "Retry-After: 60"))
    opened = took()

    with pytest.raises(SourceUnreachable, match="429"):
        shared.sources.cluster(Deadline.after(30)).list(PODS, dict)

    assert len(far_end.requests) == 1
    assert took() - opened < 20


def test_absence_is_a_fact_only_from_the_api_server(shared: Shared) -> None:
    """NotFound needs a Status of reason NotFound."""
    shared.play(status(404, "NotFound", 'services "kube-dns" not found'))

    with pytest.raises(NotFound, match="kube-dns"):
        shared.sources.cluster(Deadline.after(30)).get(Resource(plural="services"), "kube-dns", namespace="kube-system")


def test_another_object_than_asked_for_is_garbled(shared: Shared) -> None:
    """A cache that answers with something else is found out."""
    shared.play(respond("200 OK", '{"kind":"Pod","metadata":{"name":"other"}}'))

    with pytest.raises(SourceGarbled, match="another object"):
        shared.sources.cluster(Deadline.after(30)).get(PODS, "coredns-1", namespace="kube-system")


def test_a_name_that_is_no_text_is_garbled(shared: Shared) -> None:
    """A lone surrogate, which JSON can hold: it is named, and nothing is asked."""
    cluster = shared.played(respond("200 OK", "{}")).cluster(Deadline.after(30))

    with pytest.raises(SourceGarbled, match=r"'web-\\ud800' is not a name that an API server accepts"):
        cluster.get(Resource(plural="pods"), "web-\ud800", namespace="shop")
    with pytest.raises(SourceGarbled, match="is not a name"):
        cluster.logs(PodName(namespace="shop", name="web-\ud800"))

    assert shared.far_end.requests == []


def test_a_missing_member_is_garbled_when_indexed(shared: Shared) -> None:
    """A collector that indexes what is not there gets an error for the report, no KeyError."""
    shared.play(respond("200 OK", '{"kind":"Pod","metadata":{"name":"a"}}'))
    found = shared.sources.cluster(Deadline.after(30)).get(PODS, "a", namespace="shop")

    with pytest.raises(SourceGarbled, match="without `spec`"):
        found["spec"]


def test_logs_are_asked_for_with_timestamps(shared: Shared) -> None:
    """The query says timestamps, window, tail, limit and which container."""
    far_end = shared.play(respond("200 OK", b"2026-11-21T09:00:00Z caf\xc3\xa9 \xff\n", content_type="text/plain"))
    reader = shared.sources.cluster(Deadline.after(30))

    text = reader.logs(PodName(namespace="kube-system", name="coredns-1"), container="coredns", previous=True)

    assert text == "2026-11-21T09:00:00Z café �\n"
    assert far_end.paths() == [
        (
            "/api/v1/namespaces/kube-system/pods/coredns-1/log?timestamps=true&tailLines=2000&sinceSeconds=900"
            "&limitBytes=1000000&container=coredns&previous=true"
        )
    ]


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        pytest.param(respond("200 OK", HTML, content_type="text/html"), SourceGarbled, id="HTML"),
        pytest.param(respond("200 OK", "", content_type=""), SourceGarbled, id="empty and untyped"),
        pytest.param(
            status(400, "BadRequest", "previous terminated container not found"), NotFound, id="no previous container"
        ),
    ],
)
def test_a_log_that_is_none_is_not_an_empty_log(act: Act, expected: type[EvidenceUnavailable], shared: Shared) -> None:
    """Only text/plain counts as a log."""
    reader = shared.played(act).cluster(Deadline.after(30))

    with pytest.raises(expected):
        reader.logs(PodName(namespace="kube-system", name="coredns-1"))


def test_an_empty_log_is_a_log(shared: Shared) -> None:
    """A container that wrote nothing in the window."""
    reader = shared.played(respond("200 OK", "", content_type="text/plain")).cluster(Deadline.after(30))

    assert reader.logs(PodName(namespace="kube-system", name="coredns-1")) == ""


UNREACHABLE = "error trying to reach service: dial tcp 10.0.1.7:9153: connect: connection refused"


def test_a_pod_s_page_is_asked_for_by_its_port(shared: Shared) -> None:
    """Through the API server's proxy, as text."""
    far_end = shared.play(respond("200 OK", "coredns_panics_total 0\n", content_type="text/plain; version=0.0.4"))

    text = shared.sources.cluster(Deadline.after(30)).pod_page(
        PodName(namespace="kube-system", name="coredns-1"), port=9153, path="metrics"
    )

    assert text == "coredns_panics_total 0\n"
    assert far_end.paths() == ["/api/v1/namespaces/kube-system/pods/coredns-1:9153/proxy/metrics"]


@pytest.mark.parametrize(
    ("act", "expected", "said"),
    [
        (status(503, "ServiceUnavailable", UNREACHABLE), SourceUnreachable, "connection refused"),
        (status(403, "Forbidden", 'User "dnsbot" cannot get resource "pods/proxy"'), AccessDenied, "pods/proxy: get"),
        (respond("404 Not Found", "404 page not found", content_type="text/plain"), SourceGarbled, "404"),
    ],
)
def test_a_page_that_is_none_is_told_with_its_reason(
    act: Act, expected: type[EvidenceUnavailable], said: str, shared: Shared
) -> None:
    """The way from the API server to the pod is no fault of the API server's."""
    reader = shared.played(act, act).cluster(Deadline.after(30))

    with pytest.raises(expected, match=said):
        reader.pod_page(PodName(namespace="kube-system", name="coredns-1"), port=9153, path="metrics")


def test_hung_calls_leave_no_threads(shared: Shared) -> None:
    """Twenty hung reads end by their deadline, and nothing goes on behind them."""
    sources = shared.played(drip_headers)
    failures: list[EvidenceUnavailable] = []
    before = set(threading.enumerate())

    def read() -> None:
        try:
            sources.cluster(Deadline.after(2)).list(PODS, dict)
        except EvidenceUnavailable as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(20)]
    for thread in readers:
        thread.start()
    for thread in readers:
        thread.join(20)

    assert len(failures) == 20
    assert [one.name for one in set(threading.enumerate()) - before if one.name != "far end"] == []


def test_traffic_is_counted(shared: Shared) -> None:
    """Calls and bytes of bodies, for reports and benchmarks."""
    sources = shared.played(respond("200 OK", EMPTY_LIST))
    before = sources.totals()

    sources.cluster(Deadline.after(30)).list(PODS, dict)

    assert sources.totals() == {"calls": before["calls"] + 1, "bytes": before["bytes"] + len(EMPTY_LIST)}
