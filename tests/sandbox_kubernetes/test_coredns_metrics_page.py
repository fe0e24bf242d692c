from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.dns.coredns_metrics import CorednsCounters, parse_metrics
from bot.sandbox.kubernetes.dns_load import Episodes, Load
from bot.sandbox.kubernetes.served_cluster import ServedCluster
from bot.sandbox.world.crawler import crawler

PODS = "/api/v1/namespaces/kube-system/pods"
DNS = "k8s-app=kube-dns"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def page(served: ServedCluster, pod: dict[str, Any], *, port: int = 9153) -> tuple[int, Any]:
    """Ask for a pod's metrics as the bot does."""
    return served.ask("GET", f"{PODS}/{pod['metadata']['name']}:{port}/proxy/metrics", token="reader-token")


def counted(served: ServedCluster, pod: dict[str, Any]) -> CorednsCounters:
    """Return what a pod has counted."""
    status, text = page(served, pod)
    assert status == 200, text
    return parse_metrics(text)


def test_look_ups_are_counted_by_the_pod_that_answers(served: ServedCluster) -> None:
    """By rcode, and by the upstream server for names outside."""
    first, second = served.pods(DNS)
    client = served.pods("app=shop", namespace="shop")[0]
    address = first["status"]["podIP"]
    for name in ("kubernetes.default.svc.cluster.local.", "nobody.default.svc.cluster.local.", "amazon.com."):
        served.dig(client, address, name)

    found = counted(served, first)

    assert (found.queries, found.responded("NOERROR"), found.responded("NXDOMAIN")) == (3, 2, 1)
    assert [(one.address, one.answered) for one in found.upstreams] == [("10.0.0.2", 1)]
    assert found.started_at is not None
    assert found.version == "1.11.4"
    assert counted(served, second).queries == 0


def test_where_nothing_listens_the_api_server_says_so(served: ServedCluster) -> None:
    """Another port, and a Corefile without the plugin; another role may not ask at all."""
    pod = served.pods(DNS)[0]

    status, refused = page(served, pod, port=9999)
    denied, said = served.ask("GET", f"{PODS}/{pod['metadata']['name']}:9153/proxy/metrics", token="writer-token")

    assert (status, refused["reason"]) == (503, "ServiceUnavailable")
    assert refused["message"].startswith("error trying to reach service: dial tcp ")
    assert denied == 403
    assert 'cannot get resource "pods/proxy"' in said["message"]


@pytest.mark.parametrize(("each", "dropped"), [(300, 0.0), (1024, 0.0), (2048, 0.5)])
def test_what_exceeds_the_interface_s_limit_gets_no_answer(served: ServedCluster, each: int, dropped: float) -> None:
    """Two CoreDNS pods on two interfaces share what two pods ask; it is counted, and logged."""
    served.put(*crawler(queries_per_second=each))
    served.settle()
    served.settle()
    pod = served.pods(DNS)[0]

    served.ask("POST", "/sandbox/passed", {"seconds": 60})

    found, seconds = counted(served, pod), 60
    assert each * seconds <= found.queries < each * (seconds + 10)
    assert found.responded("SERVFAIL") == pytest.approx(found.queries * dropped, abs=2)
    logged = served.ask("GET", f"{PODS}/{pod['metadata']['name']}/log", token="reader-token")[1]
    assert ("i/o timeout" in logged) is (dropped > 0)


def test_a_load_that_ends_is_counted_to_its_end() -> None:
    """And its last time-outs stay in the log, in order."""
    episodes = Episodes()
    episodes.become(Load(per_second=100, dropped=0.5), NOW)
    episodes.become(Load(), NOW + timedelta(seconds=10))
    later = NOW + timedelta(seconds=100)

    assert (episodes.queries(later), episodes.dropped(later)) == (1000, 500)
    assert episodes.now == Load()
    failed = episodes.failures(later, 5)
    assert failed == sorted(failed)
    assert failed[-1] == NOW + timedelta(seconds=10)
    episodes.date_back(timedelta(seconds=50))
    assert episodes.failures(later, 5)[-1] == NOW - timedelta(seconds=40)


def test_a_load_that_goes_on_has_gone_on_for_longer_once_time_has_passed() -> None:
    """As whoever lets time pass wants it."""
    episodes = Episodes()
    episodes.become(Load(per_second=10), NOW)
    episodes.date_back(timedelta(seconds=60))

    assert episodes.queries(NOW) == 600
