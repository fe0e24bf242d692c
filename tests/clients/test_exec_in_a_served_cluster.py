"""Exec through the bot's own client, over a real WebSocket, in the sandbox's cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from bot.dns.resolv_conf import parse_resolv_conf
from bot.domain.cluster import PodName
from bot.domain.deadline import Deadline
from bot.domain.ports import ExecResult
from bot.errors import SourceGarbled
from bot.sandbox.kubernetes.served_cluster import ServedCluster
from bot.sandbox.kubernetes.small_cluster import small_cluster
from tests.clients.conftest import Open

Cat = Callable[[int], ExecResult]


@pytest.fixture
def cat(open_at: Open) -> Iterator[Cat]:
    """Return a function that prints /etc/resolv.conf of a pod which has so many search domains."""
    served = ServedCluster()
    served.put(*small_cluster())

    def run(searches: int) -> ExecResult:
        domains = [f"{number:04}.search.example.com" for number in range(searches)]
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "wordy", "namespace": "shop"},
            "spec": {
                "containers": [{"name": "app", "image": "shop:1"}],
                "dnsPolicy": "None",
                "dnsConfig": {"nameservers": ["172.20.0.10"], "searches": domains},
            },
        }
        served.put(pod)
        served.settle()
        wordy = PodName(namespace="shop", name="wordy")
        return open_at(served.url).pods(Deadline.after(10)).run(wordy, "app", ["cat", "/etc/resolv.conf"])

    yield run
    served.stop()


def test_whole_output_is_text(cat: Cat) -> None:
    """The pod's own servers and domains come back."""
    result = cat(2)

    assert (result.exit_code, result.cut, result.stderr) == (0, False, b"")
    assert parse_resolv_conf(result.text()).search == ("0000.search.example.com", "0001.search.example.com")


def test_output_beyond_64_kib_says_that_it_was_cut(cat: Cat) -> None:
    """The exit code comes all the same, and nobody takes the beginning for the whole."""
    result = cat(4000)

    assert (result.exit_code, result.cut, len(result.stdout)) == (0, True, 65_536)
    with pytest.raises(SourceGarbled):
        result.text()
