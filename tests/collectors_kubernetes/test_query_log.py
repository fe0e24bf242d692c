"""The query log as evidence: read with the other lines of the same logs, clients found by their addresses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.collectors import coredns_logs, coredns_pods, query_log
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.corefile import Corefile
from bot.collectors.query_log import QueryLog
from bot.collectors.workload_pods import WorkloadPods
from bot.dns.corefile.parsing import parse_corefile
from bot.errors import AccessDenied
from bot.kubernetes.owners import Owner
from bot.kubernetes.pods import Pod

START = "2026-11-20T09:00:00Z [INFO] plugin/reload: Running configuration SHA512 = 1b2c\n"
LOGGING = ".:53 {\n    errors\n    log\n    kubernetes cluster.local in-addr.arpa\n    forward . /etc/resolv.conf\n}\n"
ORDERS, JOB, GONE, NODE, UNREAD = "10.0.1.50", "10.0.1.51", "10.0.1.52", "10.0.1.1", "10.0.1.53"
REFUSED = AccessDenied("403 Forbidden", grant="pods: list")


def line(second: int, client: str, name: str, rcode: str) -> str:
    """Return a stamped query line."""
    return f'2026-11-21T08:59:{second:02}Z [INFO] {client}:5353 - 7 "A IN {name} udp 54 false 512" {rcode} qr 54 0.1s\n'


def look_up(second: int, client: str) -> str:
    """Return the lines of one lookup of amazon.com by the cluster's search domains."""
    searched = [
        f"amazon.com.{domain}" for domain in ("shop.svc.cluster.local.", "svc.cluster.local.", "cluster.local.")
    ]
    return "".join(line(second, client, name, "NXDOMAIN") for name in searched) + line(
        second, client, "amazon.com.", "NOERROR"
    )


def corefile(text: str = LOGGING) -> Corefile:
    """Return a Corefile as evidence."""
    return Corefile(exists=True, text=text, blocks=parse_corefile(text).blocks)


@pytest.fixture
def read(collect: Any, cluster: Any) -> Any:
    """Collect the pods, then the query log; the application pods are those of Deployment orders."""

    def run(raw: list[Any], texts: dict[str, Any], *, of: str = LOGGING, **lists: Any) -> tuple[QueryLog, Any]:
        found = {f"pods?status.podIP={address}": pods for address, pods in lists.pop("by_address", {}).items()}
        world = cluster(objects={"pods": raw, **found}, texts=texts)
        pods = collect(coredns_pods.COLLECTOR, world)
        application = Pod.of({**raw[0], "metadata": {**raw[0]["metadata"], "namespace": "shop", "name": "orders-1"}})
        known = WorkloadPods(selector="app=shop", pods=(_with(application, ORDERS),))
        needed = {CorednsPods: pods, Corefile: corefile(of), WorkloadPods: known}
        world.asked.clear()
        return collect(query_log.COLLECTOR, world, needed=needed, **lists), world

    return run


def _with(pod: Pod, address: str) -> Pod:
    return replace(pod, ip=address, owner=Owner(kind="Deployment", name="orders"))


def test_clients_are_counted_over_all_pods_and_found_by_their_addresses(read: Any, pod: Any) -> None:
    """An application pod, a stranger found by its address, a node, one that is gone, and one that may not be listed."""
    texts = {
        "coredns-a": START + look_up(10, ORDERS) + look_up(20, JOB) + line(30, NODE, "b.com.", "SERVFAIL"),
        "coredns-bb": START
        + look_up(12, ORDERS)
        + line(40, GONE, "b.com.", "NOERROR")
        + line(41, UNREAD, "c.", "NOERROR"),
    }
    controlled = [{"kind": "Job", "name": "export", "uid": "u", "controller": True}]
    by_address = {
        JOB: [pod("export-1", ownerReferences=controlled)],
        NODE: [{**pod("proxy"), "spec": {**pod("proxy")["spec"], "hostNetwork": True}}],
        GONE: [pod("over", phase="Succeeded")],
        UNREAD: REFUSED,
    }

    found, world = read([pod("coredns-a"), pod("coredns-bb")], texts, by_address=by_address)

    clients = {one.address: one for one in found.clients}
    assert [one.address for one in found.clients][:2] == [ORDERS, JOB]
    assert (clients[ORDERS].namespace, clients[ORDERS].owner.name) == ("shop", "orders")
    assert (clients[ORDERS].cost.queries, clients[ORDERS].cost.wasted) == (8, 6)
    assert (clients[JOB].owner.kind, clients[JOB].owner.name, clients[JOB].cost.wasted) == ("Job", "export", 3)
    assert (clients[NODE].host, clients[NODE].pod, clients[GONE].gone, clients[UNREAD].gone) == (
        True,
        "node-1",
        True,
        False,
    )
    assert [(gap.reason, gap.grant) for gap in found.gaps] == [("403 Forbidden", "pods: list")]
    assert (found.queries, found.rcodes["NXDOMAIN"], found.pods[0].lines) == (15, 9, 10)
    assert [rcode for rcode, _ in found.pods[0].errors] == ["SERVFAIL"]
    assert found.began is not None
    assert (found.began.second, found.ended and found.ended.second) == (12, 41)
    assert sum(call.startswith("logs") for call in world.asked) == 2


def test_the_calls_are_those_of_the_other_reader_of_these_logs(read: Any, collect: Any, pod: Any) -> None:
    """The tail, and the wider part where the tail does not cover the window: made once for both in a diagnosis."""
    texts = {"coredns-a": START + "".join(line(n // 50, ORDERS, "a.com.", "NOERROR") for n in range(2500))}

    found, world = read([pod("coredns-a")], texts)
    mine = [call for call in world.asked if call.startswith("logs")]
    world.asked.clear()
    collect(coredns_logs.COLLECTOR, world, needed={CorednsPods: collect(coredns_pods.COLLECTOR, world)})

    assert found.queries == 2500
    assert mine == [call for call in world.asked if call.startswith("logs")]
    assert len(mine) == 2


OFF = [
    ("no log", LOGGING.replace("    log\n", ""), "queries are not logged", True),
    ("another format", LOGGING.replace("log\n", "log . {name}\n"), "writes `{name}`", False),
    ("some answers", LOGGING.replace("log\n", "log {\n class error\n }\n"), "of class error only", False),
    ("no root block", LOGGING.replace(".:53", "corp.example:53"), "no server block for all names", False),
    ("an import that was not read", LOGGING.replace("log\n", "import more/*\n"), "is not known", False),
]


@pytest.mark.parametrize(("text", "reason", "off"), [row[1:] for row in OFF], ids=[row[0] for row in OFF])
def test_where_queries_are_not_logged_nothing_is_read(read: Any, pod: Any, text: str, reason: str, off: bool) -> None:  # noqa: FBT001
    """The gap says why, and whether it is merely switched off."""
    found, world = read([pod("coredns-a")], {"coredns-a": START}, of=text)

    (gap,) = found.gaps
    assert reason in gap.reason
    assert gap.off is off
    assert (found.pods, found.clients, world.asked) == ((), (), [])


def test_pods_whose_logs_are_not_read_are_a_gap(read: Any, pod: Any) -> None:
    """One that refuses, and those beyond the sample: what they were asked is missing from every count."""
    pods = [pod("coredns-a"), pod("coredns-bb"), pod("coredns-ccc")]
    texts = {
        "coredns-a": START + look_up(10, ORDERS),
        "coredns-bb": AccessDenied("403 Forbidden", grant="pods/log: get"),
    }

    found, _ = read(pods, texts, max_pods=2)

    assert [one.pod for one in found.pods] == ["coredns-a"]
    assert [gap.reason for gap in found.gaps] == [
        "403 Forbidden",
        "of 1 CoreDNS pod no log was read (`max_pods`): coredns-ccc",
    ]
