"""A record of what was read, as a file in the report's thread, for whoever may ask."""

from __future__ import annotations

from typing import Any

import pytest

from bot.sandbox.slack import FaultKind, WebFault, as_text
from bot.workflow.record import read_record

CHANNEL = "C0123456789"


def report_of(stage: Any) -> Any:
    """Let ana diagnose, and return the last message of the report's thread: what was read."""
    stage.slack.person("ana").types("/dns-diagnose cluster-prod name=orders.shop.svc")
    stage.quiet()
    return next(one for one in stage.slack.person("ana").sees() if as_text(one).startswith("What was read"))


def shared(stage: Any) -> list[Any]:
    """Return the messages with a file."""
    return [message for message in stage.slack.messages(CHANNEL) if message.files]


def test_record_stands_in_the_thread_of_its_report(stage: Any) -> None:
    """A press makes it from the history; it is one that `dnsbot replay` reads."""
    report = report_of(stage)

    assert stage.press("ben", "record", report).acked.ok

    (message,) = shared(stage)
    (file,) = message.files
    read = read_record(file.content, name=file.name)
    stored = stage.script.history.diagnosis(read.manifest.diagnosis_id)
    assert message.thread_ts == report.thread_ts
    assert file.name.startswith("cluster-prod-")
    assert file.name.endswith(".dnsrec")
    assert "dnsbot replay" in file.title
    assert read.manifest.question == stage.script.diagnosed[0]
    assert [one.id for one in read.readings] == [one.id for one in stored.evidence]


@pytest.mark.parametrize(
    ("method", "kind", "error", "said"),
    [
        ("files.getUploadURLExternal", FaultKind.ERROR, "missing_scope", "Give the app the scope files:write"),
        ("upload", FaultKind.DOWN, "", "could not be put into this thread"),
        ("files.completeUploadExternal", FaultKind.ERROR, "channel_not_found", "(channel_not_found)"),
    ],
)
def test_a_record_that_slack_does_not_take_is_told_to_whoever_pressed(
    stage: Any, method: str, kind: FaultKind, error: str, said: str
) -> None:
    """Each of the three steps may fail; nothing is shared then."""
    report = report_of(stage)
    stage.slack.fail(WebFault(method=method, kind=kind, error=error, times=9))

    stage.press("ben", "record", report)

    assert shared(stage) == []
    assert said in stage.slack.person("ben").sees_text()
    assert said not in stage.slack.person("ana").sees_text()


def test_a_guest_gets_no_record(stage: Any) -> None:
    """Who may not ask may not have what was read."""
    stage.press("guest", "record", report_of(stage))

    assert shared(stage) == []
    assert "it is a guest" in stage.slack.person("guest").sees_text()


def test_a_diagnosis_that_is_not_in_the_history_has_no_record(stage: Any) -> None:
    """Whatever a button carries is looked up first."""
    stage.forge("record", "no-such-one")

    assert shared(stage) == []
    assert "is not in the history" in stage.slack.person("ben").sees_text()
