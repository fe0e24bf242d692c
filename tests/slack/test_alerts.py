from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.domain.approvals import Choice
from bot.domain.askers import AskerPolicy
from bot.domain.cluster import Question
from bot.domain.history import Press
from bot.domain.jobs import Jobs, Lane
from bot.domain.people import machine
from bot.errors import Refused
from bot.slack.alerts import LARGEST_BYTES, Alert, AlertDoor, sort_alerts
from bot.slack.health_server import serve_health
from tests.slack.samples import TARGET
from tests.slack.test_slack_http import send

if TYPE_CHECKING:
    from tests.slack.conftest import Stage
    from tests.slack.script import Script

CHANNEL, TOKEN = "C0123456789", "let-me-in"


@pytest.fixture
def script(script: Script) -> Script:
    """Alertmanager may ask; one of the clusters has no channel."""
    script.askers = AskerPolicy(machines=("alertmanager",))
    script.targets["cluster-quiet"] = replace(TARGET, name="cluster-quiet", eks_name="eks-quiet", channel="")
    return script


@pytest.fixture
def port(stage: Stage) -> Iterator[int]:
    """The health port of a bot that takes alerts."""
    server = serve_health(port=0, alerts=AlertDoor(stage.bot.tools, token=TOKEN))
    yield server.port
    server.stop()


@dataclass
class NoDiagnoses:
    """The jobs of a bot that is stopping: no diagnosis is begun any more."""

    jobs: Jobs

    def submit(self, lane: Lane, key: str, work: Callable[[], None], *, again: bool = False) -> bool:
        """Take everything else."""
        return lane is not Lane.DIAGNOSE and self.jobs.submit(lane, key, work, again=again)

    def running(self) -> tuple[str, ...]:
        """Return what runs."""
        return self.jobs.running()

    def stop(self, *, grace_seconds: float) -> tuple[str, ...]:
        """End it all."""
        return self.jobs.stop(grace_seconds=grace_seconds)


def alert(cluster: str = "cluster-prod", **changes: Any) -> dict[str, Any]:
    """Return one alert as Alertmanager sends it."""
    labels = {"alertname": "CoreDNSDown", "severity": "critical", **({"cluster": cluster} if cluster else {})}
    return {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": "CoreDNS is down <!channel>"},
        "startsAt": "2026-12-01T09:00:00.000Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": "d2f3c4b5a6978801",
        **changes,
    }


def body(*alerts: dict[str, Any]) -> bytes:
    """Return a request of Alertmanager with these alerts."""
    said = {"version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0, "status": "firing", "receiver": "dnsbot"}
    return json.dumps({**said, "groupLabels": {}, "commonLabels": {}, "alerts": list(alerts)}).encode()


def post(stage: Stage, port: int, content: bytes, token: str = TOKEN, method: str = "POST") -> tuple[int, Any]:
    """Post it, and wait until what it started has ended."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    status, said = send(port, content, headers, path="/alerts", method=method)
    stage.quiet()
    return status, json.loads(said)


def counted(stage: Stage) -> dict[str, int]:
    """Return what was counted of alerts."""
    lines = (line for line in stage.bot.tools.metrics.page().decode().splitlines() if "dnsbot_alerts_total{" in line)
    found = {line.split('"')[1]: int(float(line.rsplit(" ", 1)[1])) for line in lines}
    return {result: number for result, number in found.items() if number}


def test_firing_alert_has_its_cluster_diagnosed_in_the_clusters_channel(stage: Stage, port: int) -> None:
    """The report says who asked and, in its thread, why; the card follows as it does when a person asks."""
    status, said = post(stage, port, body(alert(), alert(fingerprint="another")))

    assert (status, said["clusters"]) == (202, ["cluster-prod"])
    assert [one.cluster for one in stage.script.diagnosed] == ["cluster-prod"]
    assert stage.script.asked == [machine("alertmanager")]
    seen = stage.slack.person("ben").sees_text(CHANNEL)
    assert "alertmanager" in seen
    assert "Diagnosed since Alertmanager says that 2 alerts fired: CoreDNSDown, the first at 2026-12-01T09" in seen
    assert stage.proposal().requested_by == machine("alertmanager")
    assert counted(stage) == {"diagnosed": 2}


def test_alert_that_is_sent_again_starts_nothing(stage: Stage, port: int) -> None:
    """As Alertmanager does while it fires; one that begins to fire anew starts a diagnosis."""
    for starts in ("09:00", "09:00", "11:00"):
        assert post(stage, port, body(alert(startsAt=f"2026-12-01T{starts}:00Z")))[0] == 202

    assert len(stage.script.diagnosed) == 2
    assert counted(stage) == {"diagnosed": 2, "repeated": 1}


def test_refused_alert_is_diagnosed_when_it_is_sent_again(script: Script, request: pytest.FixtureRequest) -> None:
    """Too many diagnoses are under way, then the bot is stopping; at the third time nothing is in the way."""
    script.askers = AskerPolicy(machines=("alertmanager",), at_once_per_cluster=1)
    stage: Stage = request.getfixturevalue("stage")
    tools = stage.bot.tools
    stopping = serve_health(port=0, alerts=AlertDoor(replace(tools, jobs=NoDiagnoses(stage.jobs)), token=TOKEN))
    port = request.getfixturevalue("port")
    other, _ = tools.running.enter(Question(cluster="cluster-prod", names=("a.example",)), machine("other"))

    assert post(stage, port, body(alert()))[0] == 202
    tools.running.end(other)
    assert post(stage, stopping.port, body(alert()))[0] == 202
    stopping.stop()
    assert counted(stage) == {"refused": 2}
    assert stage.script.diagnosed == []

    for _ in range(2):
        post(stage, port, body(alert()))
    assert len(stage.script.diagnosed) == 1
    assert counted(stage) == {"refused": 2, "diagnosed": 1, "repeated": 1}


def test_machine_decides_nothing(stage: Stage, port: int) -> None:
    """Its own plan waits for a person."""
    post(stage, port, body(alert()))
    proposal = stage.proposal()
    person = machine("alertmanager")

    with pytest.raises(Refused, match="not of the workspace"):
        stage.use.gate.decide(
            Press(proposal_id=proposal.id, plan_hash=proposal.plan_hash, person=person, choice=Choice.APPROVE)
        )
    stage.press("ben", "Approve")
    assert stage.script.repaired == [proposal.id]


@pytest.mark.parametrize(
    ("content", "token", "status", "count"),
    [
        pytest.param(body(alert()), "wrong", 401, {"wrong_token": 1}, id="wrong token"),
        pytest.param(body(alert()), "", 401, {"wrong_token": 1}, id="no token"),
        pytest.param(body(alert())[:-1], TOKEN, 400, {"unreadable": 1}, id="cut"),
        pytest.param(b'{"alerts": [{"labels": {"cluster": 7}}]}', TOKEN, 400, {"unreadable": 1}, id="another form"),
        pytest.param(b" " * (LARGEST_BYTES + 1), TOKEN, 413, {"too_large": 1}, id="too large"),
        pytest.param(body(alert("nowhere")), TOKEN, 422, {"unknown_cluster": 1}, id="unknown cluster"),
        pytest.param(body(alert("")), TOKEN, 422, {"unknown_cluster": 1}, id="no label"),
        pytest.param(body(alert("eks-quiet")), TOKEN, 422, {"unknown_cluster": 1}, id="no channel"),
        pytest.param(body(alert(status="resolved")), TOKEN, 202, {"resolved": 1}, id="resolved"),
        pytest.param(body(), TOKEN, 202, {}, id="none"),
    ],
)
def test_what_starts_nothing_is_answered_and_counted(
    stage: Stage, port: int, content: bytes, token: str, status: int, count: dict[str, int]
) -> None:
    """Nothing is diagnosed, and nobody in Slack hears of it."""
    assert post(stage, port, content, token)[0] == status

    assert counted(stage) == count
    assert stage.script.diagnosed == []
    assert stage.slack.messages(CHANNEL) == []


def test_where_machines_does_not_name_it_it_is_let_in_by_no_token(script: Script, stage: Stage, port: int) -> None:
    """The door is that of people, which names the key to set."""
    del script
    door = replace(stage.use.door, policy=AskerPolicy())
    other = AlertDoor(replace(stage.bot.tools, use=replace(stage.use, door=door)), token=TOKEN)
    server = serve_health(port=0, alerts=other)
    try:
        status, said = post(stage, server.port, body(alert()))
    finally:
        server.stop()

    assert (status, said["error"]) == (403, "alertmanager is not among `askers.machines` in dnsbot.yaml.")
    assert post(stage, port, b"", method="GET")[0] == 405


def test_without_a_token_there_is_no_such_path(stage: Stage) -> None:
    """The health port serves what it always did."""
    server = serve_health(port=0)
    try:
        assert send(server.port, body(alert()), {}, path="/alerts")[0] == 404
    finally:
        server.stop()
    assert stage.script.diagnosed == []


def test_cluster_is_known_by_its_eks_name_where_that_is_one_clusters() -> None:
    """Two clusters of one name in two regions are told apart by their names in dnsbot.yaml alone."""
    one, two, other = (replace(TARGET, name=name) for name in ("one", "two", "other"))
    targets = {"one": one, "two": two, "other": replace(other, eks_name="elsewhere")}
    alerts = [Alert(status="firing", labels={"cluster": label}) for label in ("elsewhere", "cluster-prod", "two")]

    found = sort_alerts(alerts, targets)

    assert sorted(found.firing) == ["other", "two"]
    assert len(found.astray) == 1
