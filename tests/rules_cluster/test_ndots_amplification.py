"""Queries wasted on search domains: by workload and rate, and what only looks like it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.collectors.query_log import LoggedQueries, QueryClient, QueryLog
from bot.dns.search_domains import SearchCost
from bot.domain.evidence import Gap
from bot.domain.findings import Judgement, Verdict
from bot.kubernetes.owners import Owner
from bot.rules.ndots_amplification import RULE
from tests.rules_cluster.conftest import NOW

P, H, U = Verdict.PROBLEM, Verdict.HEALTHY, Verdict.UNKNOWN
ORDERS = Owner(kind="Deployment", name="orders")
OFF = Gap(what="CoreDNS's query log", reason="queries are not logged", off=True)
CUT = Gap(what="log of kube-system/coredns-b", reason="403 Forbidden", grant="pods/log: get")


def client(address: str, queries: int, wasted: int, **changes: Any) -> QueryClient:
    """Return one pod's queries; it is of Deployment orders unless told otherwise."""
    costs = {"short": changes.pop("short", 0), "no_name": changes.pop("no_name", 0)}
    names = (("amazon.com", wasted),) if wasted else ()
    pod: dict[str, Any] = {"namespace": "shop", "pod": f"orders-{address[-1]}", "owner": ORDERS}
    return QueryClient(
        address=address, cost=SearchCost(queries=queries, wasted=wasted, names=names, **costs), **(pod | changes)
    )


def log(*clients: QueryClient, seconds: float = 100, gaps: tuple[Gap, ...] = (), beyond: int = 0) -> QueryLog:
    """Return the log of one CoreDNS pod over so many seconds up to now."""
    queries = sum(one.cost.queries for one in clients) + beyond
    pod = LoggedQueries(
        pod="coredns-a",
        lines=queries,
        queries=queries,
        rcodes=(("NXDOMAIN", queries),),
        first_at=NOW - timedelta(seconds=seconds),
        last_at=NOW,
    )
    return QueryLog(pods=(pod,), clients=clients, clients_total=len(clients), gaps=gaps, beyond=beyond)


def ago(seconds: float) -> datetime:
    """Return the time so many seconds before now."""
    return NOW - timedelta(seconds=seconds)


HARMLESS = client("10.0.1.9", 5000, 0, no_name=4900)
CASES = [
    ("wasteful", log(client("10.0.1.8", 5000, 4000)), P, "4000 of 5000 queries (80%, 40.0 a second)"),
    (
        "by workload, over its pods",
        log(client("10.0.1.8", 1000, 800), client("10.0.1.9", 1000, 800)),
        P,
        "deployment/orders in shop (2 pods): 1600 of 2000 queries wasted (80%, 16.0/s), for amazon.com",
    ),
    (
        "beside one that is not",
        log(client("10.0.1.8", 2000, 1600), client("10.0.1.7", 9000, 0, owner=Owner(kind="Job", name="j"))),
        P,
        "they come of deployment/orders in shop.",
    ),
    ("short cluster names cost more", log(client("10.0.1.8", 5000, 4000, short=900)), P, "save 31.0 queries a second"),
    ("seldom", log(client("10.0.1.8", 500, 400)), H, "400 of 500 queries (80%, 4.0 a second)"),
    ("less than a half", log(client("10.0.1.8", 9000, 4400)), H, "(49%, 44.0 a second) are wasted"),
    ("NXDOMAIN that is real", log(HARMLESS), H, "4900 NXDOMAIN answers are for names that exist nowhere"),
    ("its pods are gone", log(client("10.0.1.8", 5000, 4000, pod="", gone=True), HARMLESS), H, "0 of 5000 queries"),
    ("too few queries", log(client("10.0.1.8", 199, 199)), U, "it is too early: 199 queries are logged"),
    ("too short a log", log(client("10.0.1.8", 5000, 4000), seconds=9), U, "it is too early: 0 queries"),
    ("pods of the last seconds", log(client("10.0.1.8", 5000, 4000, since=ago(5))), U, "it is too early: 0 queries"),
    (
        "pods since a while, by the time they were there",
        log(client("10.0.1.8", 500, 400, since=ago(20))),
        P,
        "(80%, 20.0 a second)",
    ),
    ("nothing logged", log(), U, "the logs of 1 CoreDNS pod hold no query yet (0 other lines)"),
    (
        "no CoreDNS here",
        QueryLog(pods=(), clients=(), clients_total=0, absence="no CoreDNS pods"),
        H,
        "Nothing to check: no CoreDNS pods",
    ),
    ("switched off", QueryLog(pods=(), clients=(), clients_total=0, gaps=(OFF,)), U, "queries are not logged"),
    ("a part could not be read", log(HARMLESS, gaps=(CUT,)), U, "403 Forbidden"),
    ("a part, and what was read is enough", log(client("10.0.1.8", 5000, 4000), gaps=(CUT,)), P, "40.0 a second"),
    ("beyond those kept", log(client("10.0.1.8", 100, 80), beyond=900), H, "80 of 1000 queries"),
    (
        "a cache on a node",
        log(client("10.0.1.1", 5000, 4000, host=True, pod="node-a", namespace="", owner=Owner())),
        P,
        "node/node-a (1 pod)",
    ),
    ("a pod of nobody", log(client("10.0.1.8", 5000, 4000, owner=Owner())), P, "pod/orders-8 in shop"),
    (
        "an address that was not looked up",
        log(client("10.0.1.8", 5000, 4000, owner=Owner(), pod="", namespace="")),
        P,
        "address/10.0.1.8",
    ),
]


@pytest.mark.parametrize(("found", "verdict", "said"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_wasted_queries_count_by_workload_share_and_rate(
    judge: Any, found: QueryLog, verdict: Verdict, said: str
) -> None:
    """Only of clients that are there, over the time that they were; too little log is too early, not healthy."""
    judgement: Judgement = judge(RULE, found)

    assert judgement.verdict is verdict, judgement.summary
    assert said in "\n".join((judgement.summary, *judgement.proof))
    assert judgement.missing == found.gaps or (verdict is U and not found.gaps and len(judgement.missing) == 1)


def test_details_say_what_would_be_saved_for_whom(judge: Any) -> None:
    """A fix chooses workloads by these rows; a node's cache is seen, and named as what hides the pods behind it."""
    node = client("10.0.1.1", 1000, 700, host=True, pod="node-a", namespace="", owner=Owner())

    judgement: Judgement = judge(RULE, log(client("10.0.1.8", 5000, 4000, short=900), node))

    details: Any = judgement.details
    orders, cache = details["workloads"]
    assert (details["saved_per_second_by_ndots_1"], details["saved_per_second_by_trailing_dot"]) == (38.0, 47.0)
    assert (orders["namespace"], orders["kind"], orders["name"]) == ("shop", "Deployment", "orders")
    assert (orders["wasted_share"], orders["saved_per_second_by_ndots_1"]) == (0.8, 31.0)
    assert (cache["kind"], cache["name"]) == ("Node", "node-a")
    assert any("NodeLocal DNSCache" in line for line in judgement.advice)
    assert any("`amazon.com.`" in line for line in judgement.advice)
