"""Pods that look names up all the time: which queries their resolv.conf makes of a name, and to whom they go."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from bot.sandbox.kubernetes.client_traffic import Asked, RunningPod, traffic
from bot.sandbox.network.replies import Outcome, Reply

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SERVERS = ("10.0.1.7", "10.0.2.7")
FILE = "search shop.svc.cluster.local cluster.local\nnameserver 172.20.0.10\noptions ndots:{ndots}\n"


def answer(name: str) -> Reply:
    """Know two names."""
    known = name in {"amazon.com.", "carts.shop.svc.cluster.local."}
    return Reply(outcome=Outcome.ANSWER if known else Outcome.NXDOMAIN)


def came(
    names: str, ndots: int, server: str = SERVERS[0], rate: str = "2", since: float = 60, led_to: str = ""
) -> list[Asked]:
    """Return what came to a server in the last minute from a pod that runs so long."""
    environment = [{"name": "ASKS", "value": names}, {"name": "ASKS_PER_SECOND", "value": rate}]
    pod = {"spec": {"containers": [{"env": environment}]}}
    begun = NOW - timedelta(seconds=since)
    one = RunningPod(pod=pod, address="10.0.1.50", resolv_conf=FILE.format(ndots=ndots), since=begun, led_to=led_to)
    behind = {"172.20.0.10": SERVERS}
    return list(
        traffic((one,), lambda address: behind.get(address, ()), server, answer, NOW - timedelta(minutes=1), NOW)
    )


@pytest.mark.parametrize(
    ("name", "ndots", "chain"),
    [
        ("amazon.com", 5, ["amazon.com.shop.svc.cluster.local.", "amazon.com.cluster.local.", "amazon.com."]),
        ("amazon.com", 1, ["amazon.com."]),
        ("amazon.com.", 5, ["amazon.com."]),
        ("carts", 1, ["carts.shop.svc.cluster.local."]),
        ("no.where", 1, ["no.where.", "no.where.shop.svc.cluster.local.", "no.where.cluster.local."]),
    ],
)
def test_a_name_is_asked_for_as_resolv_conf_says(name: str, ndots: int, chain: list[str]) -> None:
    """With fewer dots than ndots search domains come first, else last; a dot at the end forbids them."""
    assert list(dict.fromkeys(one.name for one in came(name, ndots))) == chain


def test_servers_take_turns_and_only_what_was_asked_is_logged() -> None:
    """Twice a second for a minute: half to each server; a younger pod has asked less, an unknown server got nothing."""
    assert [len(came("amazon.com", 1, server)) for server in SERVERS] == [60, 60]
    assert len(came("amazon.com", 1, since=30)) == pytest.approx(30, abs=1)
    assert came("amazon.com", 1, "10.0.3.7") == []
    assert came("", 1) == []
    assert set(Counter(one.at for one in came("amazon.com", 1)).values()) == {1}


def test_who_asks_from_one_port_is_led_to_one_address_alone() -> None:
    """That of a server gets all, and that of nobody leaves all of them with nothing."""
    assert [len(came("amazon.com", 1, server, led_to=SERVERS[0])) for server in SERVERS] == [120, 0]
    assert [came("amazon.com", 1, server, led_to="10.0.1.99") for server in SERVERS] == [[], []]
