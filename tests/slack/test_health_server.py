from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import Gap, SourceCall
from bot.errors import ConfigurationError, HistoryUnavailable
from bot.slack.health_server import serve_health
from bot.slack.metrics import Metrics
from bot.slack.serving import missing_database, missing_slack
from tests.slack.test_slack_http import BODY, send


def ask(path: str, **told: Any) -> tuple[int, Any]:
    """Ask a health server that is told this, and return status and what it said."""
    server = serve_health(port=0, **told)
    try:
        status, body = send(server.port, b"", {}, path=path, method="GET")
    finally:
        server.stop()
    return status, json.loads(body)


@pytest.mark.parametrize(
    ("path", "told", "answer"),
    [
        pytest.param("/healthz", {"state": lambda: {"jobs": 0}}, (200, {"state": "serving", "jobs": 0}), id="alive"),
        pytest.param("/healthz", {"alive": lambda: False}, (503, {"state": "ended"}), id="ended"),
        pytest.param(
            "/healthz", {"missing": lambda: {"database": "locked"}}, (200, {"state": "serving"}), id="alive-not-ready"
        ),
        pytest.param("/readyz", {}, (200, {"state": "ready"}), id="ready"),
        pytest.param(
            "/readyz",
            {"missing": lambda: {"database": "locked"}},
            (503, {"state": "not ready", "database": "locked"}),
            id="not-ready",
        ),
    ],
)
def test_health_says_what_it_is_told(path: str, told: Any, answer: tuple[int, Any]) -> None:
    """A process that cannot work now is not restarted for it, only said not to be ready."""
    assert ask(path, **told) == answer


def test_health_server_serves_nothing_else() -> None:
    """There is no door for deliveries."""
    server = serve_health(port=0)
    try:
        other = send(server.port, BODY, {})
    finally:
        server.stop()

    assert other[0] == 404


def test_health_port_that_is_taken_is_a_configuration_error(stage: Any) -> None:
    """The message names the option of this port."""
    with pytest.raises(ConfigurationError, match="Choose another --health-port"):
        serve_health(port=stage.server.port)


def test_server_that_was_stopped_is_not_alive() -> None:
    """What `/healthz` asks of the port of deliveries."""
    server = serve_health(port=0)
    before = server.alive
    server.stop()

    assert (before, server.alive) == (True, False)


class DeadHistory:
    """A history whose database is gone."""

    def recent(self, cluster: str = "", *, limit: int = 20) -> Any:
        """Fail."""
        del cluster, limit
        raise HistoryUnavailable("The database did not answer.")


def test_database_that_answers_is_not_missing(script: Any) -> None:
    """A database of the newest schema is ready."""
    assert missing_database(script.history) == {}


def test_database_that_does_not_answer_is_missing() -> None:
    """Its own error says why."""
    dead: Any = DeadHistory()

    assert missing_database(dead) == {"database": "The database did not answer."}


def test_slack_is_missing_while_the_connection_is_down() -> None:
    """Socket Mode reconnects by itself; until then nothing arrives."""
    assert missing_slack(connected=True) == {}
    assert "Socket Mode connection is down" in missing_slack(connected=False)["slack"]


def test_metrics_count_what_was_diagnosed_decided_and_ended(stage: Any, caplog: pytest.LogCaptureFixture) -> None:
    """In Prometheus' text format, from the health port; each diagnosis and decision has its line in the log."""
    caplog.set_level(logging.INFO, logger="bot.slack.metrics")
    stage.post_card()
    stage.press("ben", "Approve")
    metrics = stage.bot.tools.metrics
    metrics.show(lambda: {"outbox_waiting": float(stage.use.history.unsent())})
    server = serve_health(port=0, metrics=metrics.page)
    status, page = send(server.port, b"", {}, path="/metrics", method="GET")
    server.stop()

    assert status == 200
    lines = page.splitlines()
    assert 'dnsbot_diagnoses_total{verdict="problem"} 1.0' in lines
    assert 'dnsbot_causes_total{cause="dns_blocked_by_security_group"} 1.0' in lines
    assert 'dnsbot_decisions_total{choice="approve"} 1.0' in lines
    assert any(line.startswith('dnsbot_lookups_total{answer="timed out"} ') for line in lines)
    assert 'dnsbot_proposals_total{end="verified"} 1.0' in lines
    assert "dnsbot_outbox_waiting 0.0" in lines
    said = [record.message for record in caplog.records if record.name == "bot.slack.metrics"]
    assert said == ["diagnosis ends", "decided"]


def test_metrics_count_what_aws_and_kubernetes_did_not_answer(diagnosis_of: Callable[..., Diagnosis]) -> None:
    """A read that failed is counted for whom it asked; what nobody was asked for is no error of theirs."""
    read, unread = SourceCall(name="list pods in kube-system"), SourceCall(name="ec2:DescribeNetworkAcls")
    missed = replace(diagnosis_of().evidence[0], value=None)
    evidence = (
        replace(missed, id="a", calls=(unread,), gap=Gap(what="ACLs", reason="no answer within 20 s")),
        replace(missed, id="b", calls=(read,), gap=Gap(what="pods", reason="403 Forbidden")),
        replace(missed, id="c", calls=(), gap=Gap(what="pods", reason="needs coredns_pods")),
    )
    metrics = Metrics()
    metrics.diagnosed(diagnosis_of(evidence=evidence))

    lines = metrics.page().decode().splitlines()
    assert 'dnsbot_source_errors_total{source="aws"} 1.0' in lines
    assert 'dnsbot_source_errors_total{source="kubernetes"} 1.0' in lines
