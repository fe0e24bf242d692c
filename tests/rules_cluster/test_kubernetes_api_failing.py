"""The API server answers that it cannot: in CoreDNS's log, in kube-proxy's, and to the bot."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.clients.kubernetes_errors import KubernetesCall, refusal
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.kube_dns import KubeDns
from bot.domain.evidence import Gap
from bot.domain.findings import Verdict
from bot.domain.lookup_matrix import LookupMatrix
from bot.rules.coredns_api_unreachable import RULE as UNREACHABLE
from bot.rules.kube_proxy_api_timeout import RULE as PROXY_TIMEOUT
from bot.rules.kubernetes_api_failing import RULE as FAILING

TOO_LARGE = (
    "Failed to watch *v1.Service: failed to list *v1.Service: Timeout: Too large resource version: 5, current: 4"
)
SHED = (
    "Failed to watch *v1.Service: failed to list *v1.Service: the server has received too many requests and has asked "
    "us to try again later (get services)"
)
DIALLED = (
    'Failed to watch *v1.Service: failed to list *v1.Service: Get "https://172.20.0.1:443/api/v1/services": dial tcp '
    "172.20.0.1:443: i/o timeout"
)
UNREASONED = "Failed to watch *v1.Service: failed to list *v1.Service"
PROBLEM, UNKNOWN, HEALTHY = Verdict.PROBLEM, Verdict.UNKNOWN, Verdict.HEALTHY


def klog(at: str, words: str) -> str:
    """Return a line at `at` (hh:mm) of the day of the diagnosis, 09:00."""
    return f"2026-11-21T{at}:00Z E1121 08:00:00.000000       1 reflector.go:166] {words}\n"


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        ((("08:58", TOO_LARGE),), PROBLEM),
        ((("08:58", SHED),), PROBLEM),
        ((("08:50", SHED),), UNKNOWN),
        ((("08:48", SHED), ("08:49", SHED), ("08:50", SHED)), PROBLEM),
        ((("08:00", SHED),), HEALTHY),
        ((("08:58", DIALLED),), HEALTHY),
        ((("08:58", UNREASONED),), UNKNOWN),
        ((("08:00", UNREASONED),), HEALTHY),
        ((), HEALTHY),
    ],
    ids=[
        "of now",
        "429",
        "one, and nothing since",
        "many",
        "before the window",
        "nobody answered",
        "no reason given",
        "none given long ago",
        "none",
    ],
)
def test_words_of_an_answer_name_the_api_server(judge: Any, make: Any, lines: Any, verdict: Verdict) -> None:
    """In either log; a time-out of a dialled address is another fault, and one answer long ago leaves it open."""
    text = "".join(klog(at, words) for at, words in lines)

    by_coredns = judge(FAILING, make.coredns_logs({"coredns-a": text}))
    by_kube_proxy = judge(FAILING, make.kube_proxy_logs({"node-a": text}))

    assert (by_coredns.verdict, by_kube_proxy.verdict) == (verdict, verdict)


@pytest.mark.parametrize("words", [TOO_LARGE, SHED])
def test_an_answer_is_no_dropped_packet(judge: Any, make: Any, words: str) -> None:
    """Neither CoreDNS's nor kube-proxy's way to the API is blamed: it answered."""
    logs = (
        make.coredns_logs({"coredns-a": klog("08:58", words)}),
        make.kube_proxy_logs({"node-a": klog("08:58", words)}),
    )

    assert [judge(rule, *logs).verdict for rule in (UNREACHABLE, PROXY_TIMEOUT)] == [HEALTHY, HEALTHY]


@pytest.mark.parametrize(
    ("status", "verdict"), [(503, PROBLEM), (500, PROBLEM), (429, PROBLEM), (403, UNKNOWN), (404, UNKNOWN)]
)
def test_what_the_bot_itself_is_answered_counts(judge: Any, status: int, verdict: Verdict) -> None:
    """A 5xx or 429 to the bot is proof enough; a refusal is none."""
    error = refusal(KubernetesCall(verb="list", resource="pods", namespace="kube-system"), status, b"")

    judgement = judge(FAILING, gaps={CorednsPods: Gap.of("coredns_pods", error)})

    assert judgement.verdict is verdict
    assert str(status) in "".join((*judgement.proof, *(gap.reason for gap in judgement.missing)))


@pytest.mark.parametrize("status", [500, 503, 504, 429])
def test_any_read_of_the_bot_counts(judge: Any, make: Any, status: int) -> None:
    """Whatever was asked, and if it was but a part of some evidence; what only waits for it is not counted twice."""
    slices = Gap.of("kube_dns", refusal(KubernetesCall(verb="list", resource="endpointslices"), status, b""))
    events = Gap.of("events", refusal(KubernetesCall(verb="list", resource="events"), status, b""))
    waiting = replace(slices, what="lookups", reason=f"needs kube_dns: {slices.reason}")

    whole = judge(FAILING, gaps={KubeDns: slices, LookupMatrix: waiting})
    part = judge(FAILING, make.coredns_pods(gaps=(events,)))

    assert (whole.verdict, part.verdict) == (PROBLEM, PROBLEM)
    assert whole.proof == (slices.reason,)
    assert part.details["to_the_bot"] is True


def test_a_kubelet_that_is_silent_is_no_failing_api() -> None:
    """A log is fetched from the node: the API server answers 500 where the kubelet does not."""
    log = KubernetesCall(verb="get", resource="pods/log", namespace="kube-system", name="coredns-a")

    assert not Gap.of("log", refusal(log, 500, b"")).failing
    assert Gap.of("pods", refusal(KubernetesCall(verb="list", resource="pods"), 500, b"")).failing


def test_the_look_ups_of_the_pods_that_were_answered_so_are_accounted_for(judge: Any, make: Any) -> None:
    """A CoreDNS that reads nothing when it starts answers no cluster name."""
    pods = make.coredns_pods(
        *(
            make.coredns_pod(name, ip, ready=False, ready_since=None)
            for name, ip in (("coredns-a", "10.0.1.7"), ("coredns-b", "10.0.2.7"))
        )
    )
    logs = make.coredns_logs({"coredns-a": klog("08:58", SHED), "coredns-b": klog("08:58", SHED)})

    judgement = judge(FAILING, logs, pods)

    assert judgement.reach
    assert judgement.details["pods"] == ["coredns-a", "coredns-b"]
    assert "flowschemas" in "".join(judgement.advice)
