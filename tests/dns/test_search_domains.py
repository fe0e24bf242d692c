"""What search domains cost, and what is no waste of theirs."""

from __future__ import annotations

from collections import Counter

import pytest

from bot.dns.corefile.parsing import parse_corefile
from bot.dns.query_log import ClientQueries
from bot.dns.query_log_setting import query_log_setting
from bot.dns.search_domains import search_cost

SEARCHED = ("shop.svc.cluster.local.", "svc.cluster.local.", "cluster.local.", "eu-west-1.compute.internal.")


def asked(*names: tuple[str, str, int]) -> ClientQueries:
    """Return a client's queries from (name, rcode, times)."""
    queries = ClientQueries()
    for name, rcode, times in names:
        queries.names.setdefault(name, Counter())[rcode] += times
    return queries


def tried(name: str, times: int = 10) -> list[tuple[str, str, int]]:
    """Return the queries of a name with each search domain behind it, in vain."""
    return [(f"{name}{domain}", "NXDOMAIN", times) for domain in SEARCHED]


COSTS = [
    ("an external name", [*tried("amazon.com."), ("amazon.com.", "NOERROR", 10)], (40, 0, 0)),
    ("with a dot at its end", [("amazon.com.", "NOERROR", 10)], (0, 0, 0)),
    ("one that exists nowhere", [*tried("nowhere.example."), ("nowhere.example.", "NXDOMAIN", 10)], (0, 0, 50)),
    ("a Service that is gone", [("old.shop.svc.cluster.local.", "NXDOMAIN", 10)], (0, 0, 10)),
    (
        "a subdomain that does not exist",
        [("x.example.com.", "NXDOMAIN", 10), ("x.", "NOERROR", 1), ("example.com.", "NOERROR", 10)],
        (0, 0, 10),
    ),
    (
        "a cluster name in full, without a dot at its end",
        [*tried("carts.carts.svc.cluster.local."), ("carts.carts.svc.cluster.local.", "NOERROR", 10)],
        (40, 0, 0),
    ),
    (
        "a cluster name in short form",
        [("carts.carts.shop.svc.cluster.local.", "NXDOMAIN", 10), ("carts.carts.svc.cluster.local.", "NOERROR", 10)],
        (0, 10, 0),
    ),
    ("a Service of its own namespace", [("carts.shop.svc.cluster.local.", "NOERROR", 10)], (0, 0, 0)),
    (
        "a name behind another that has an answer, in no search domain",
        [("example.com.", "NOERROR", 10), ("example.com.example.org.", "NXDOMAIN", 10)],
        (0, 0, 10),
    ),
]


@pytest.mark.parametrize(("queries", "cost"), [row[1:] for row in COSTS], ids=[row[0] for row in COSTS])
def test_wasted_is_what_has_an_answer_without_the_search_domain(
    queries: list[tuple[str, str, int]], cost: tuple[int, int, int]
) -> None:
    """Wasted queries, short cluster names, and NXDOMAIN that is real; `ndots:1` saves the first less the second."""
    found = search_cost(asked(*queries))

    assert (found.wasted, found.short, found.no_name) == cost
    assert found.saved == cost[0] - cost[1]
    assert found.queries == sum(times for _, _, times in queries)


def test_the_cluster_may_have_another_domain_and_the_dearest_names_come_first() -> None:
    """Zones are those of the kubernetes plugin; names are shown as applications have them."""
    queries = asked(
        ("a.com.svc.corp.internal.", "NXDOMAIN", 1),
        ("a.com.", "NOERROR", 1),
        ("b.com.svc.corp.internal.", "NXDOMAIN", 5),
        ("b.com.", "NOERROR", 5),
    )

    assert search_cost(queries, ("corp.internal.",)).names == (("b.com", 5), ("a.com", 1))
    assert search_cost(queries).wasted == 0


SETTINGS = [
    ("log", True, ""),
    ("log .", True, ""),
    ("log . {common}", True, ""),
    ('log . "{combined}"', True, ""),
    ("log {\n class all\n }", True, ""),
    ("log example.org\n log", True, ""),
    ("errors", False, ""),
    ("log example.org", True, "for example.org only"),
    ("log {\n class denial error\n }", True, "of class denial, error only"),
    ('log . "{remote} {type} {name}"', True, "`log` at line 2 of the Corefile writes `{remote} {type} {name}`"),
]


@pytest.mark.parametrize(("written", "on", "refused"), SETTINGS, ids=[row[0] for row in SETTINGS])
def test_the_corefile_tells_whether_every_query_is_logged_and_how(written: str, on: bool, refused: str) -> None:  # noqa: FBT001
    """Other formats, some names or some answers alone are refused, with their text."""
    block = parse_corefile(f".:53 {{\n {written}\n}}\n").blocks[0]

    found = query_log_setting(block)

    assert (found.on, found.every_query) == (on, on and not refused)
    assert refused in found.refused
    assert bool(found.refused) == bool(refused)
