from __future__ import annotations

import http.client
import time
import urllib.error

import pytest

from bot.sandbox.kubernetes.served_cluster import ServedCluster

PATH = "/api/v1/namespaces"


def _fault(bare: ServedCluster, kind: str, **more: object) -> None:
    assert bare.ask("POST", "/sandbox/faults", [{"action": "list namespaces", "kind": kind, **more}])[0] == 200


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [("deny", 403, "Forbidden"), ("error500", 500, "InternalError")],
)
def test_a_refusal_is_a_status_body(bare: ServedCluster, kind: str, status: int, reason: str) -> None:
    """Both answer as the API server does."""
    _fault(bare, kind)
    found, body = bare.ask("GET", PATH)
    assert (found, body["reason"]) == (status, reason)


def test_empty_and_html_answer_200(bare: ServedCluster) -> None:
    """A proxy's nonsense comes with 200."""
    _fault(bare, "empty")
    assert bare.ask("GET", PATH) == (200, "")
    _fault(bare, "html")
    status, text = bare.ask("GET", PATH)
    assert (status, text[:6]) == (200, "<html>")


def test_truncate_breaks_off_in_the_middle(bare: ServedCluster) -> None:
    """The announced length never arrives."""
    _fault(bare, "truncate")
    with pytest.raises(http.client.IncompleteRead):
        bare.ask("GET", PATH)


def test_reset_ends_the_connection(bare: ServedCluster) -> None:
    """No answer at all."""
    _fault(bare, "reset")
    with pytest.raises((ConnectionError, urllib.error.URLError, http.client.RemoteDisconnected)):
        bare.ask("GET", PATH)


def test_delay_and_latency_add_time(bare: ServedCluster) -> None:
    """Delay holds one action up, latency every call."""
    _fault(bare, "delay", seconds=0.2)
    bare.ask("POST", "/sandbox/latency", {"ms": 100})
    started = time.monotonic()
    assert bare.ask("GET", PATH)[0] == 200
    assert time.monotonic() - started >= 0.3


def test_a_fault_counts_down_and_touches_its_action_alone(bare: ServedCluster) -> None:
    """times=1 breaks one call; other actions never."""
    _fault(bare, "error500", times=1)
    assert bare.ask("GET", "/api/v1/nodes")[0] == 200
    assert [bare.ask("GET", PATH)[0] for _ in range(2)] == [500, 200]


def test_the_calls_are_counted(bare: ServedCluster) -> None:
    """Each call stands in the log by verb and resource; control routes do not."""
    bare.ask("GET", PATH)
    bare.ask("GET", "/api/v1/namespaces/shop/pods/x/log")
    assert [call["action"] for call in bare.get("/sandbox/calls")] == ["list namespaces", "get pods/log"]


def test_an_unknown_fault_is_refused(bare: ServedCluster) -> None:
    """A typing error in a test does not pass as no fault."""
    assert bare.ask("POST", "/sandbox/faults", [{"action": "*", "kind": "explode"}])[0] == 400
