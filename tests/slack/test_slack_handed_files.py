"""What a diagnosis hands to people stands as one file in the thread of its report, or says where else it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.domain.findings import TextFile, Verdict
from bot.domain.kept_files import KeptFile
from bot.sandbox.slack import FaultKind, WebFault

CHANNEL = "C0123456789"
CAPTURE = KeptFile(name="client-shop-ui.pcap", title="Packets at shop/ui", content=b"\xd4\xc3\xb2\xa1\0")
HANDED = (
    TextFile(name="bind.conf", title="BIND", text="zone a\n"),
    TextFile(name="dnsmasq.conf", title="dnsmasq", text="server=/a/10.0.0.10\n"),
)


def diagnosed(stage: Any, diagnosis_of: Any, finding_of: Any) -> Any:
    """Let ana diagnose what hands two texts over, and return what stands in threads."""
    found = diagnosis_of(findings=(finding_of("door_shut", Verdict.PROBLEM, "The door is shut.", files=HANDED),))
    stage.script.make = lambda question, asked_by: replace(found, question=question, asked_by=asked_by)
    stage.slack.person("ana").types("/dns-diagnose cluster-prod")
    stage.quiet()
    return [one for one in stage.slack.messages(CHANNEL) if one.thread_ts and not one.only_visible_to]


def test_the_texts_are_one_file_in_the_report_s_thread(stage: Any, diagnosis_of: Any, finding_of: Any) -> None:
    """Named for what they are for; the report itself stays short."""
    (message,) = [one for one in diagnosed(stage, diagnosis_of, finding_of) if one.files]

    (file,) = message.files
    top = next(one for one in stage.slack.messages(CHANNEL) if not one.thread_ts)
    assert message.thread_ts == top.ts
    assert (file.title, file.content) == ("cluster-prod: BIND, dnsmasq", b"zone a\n\nserver=/a/10.0.0.10\n")


def captured(diagnosis_of: Any) -> Any:
    """Return a diagnosis with a packet capture."""
    (first, *others) = diagnosis_of().evidence
    return diagnosis_of(evidence=(replace(first, files=(CAPTURE,)), *others))


def test_packet_captures_are_files_of_their_own(stage: Any, diagnosis_of: Any) -> None:
    """In the thread of the report, as they were captured."""
    found = captured(diagnosis_of)
    stage.script.make = lambda question, asked_by: replace(found, question=question, asked_by=asked_by)

    stage.slack.person("ana").types("/dns-capture cluster-prod")
    stage.quiet()

    top = next(one for one in stage.slack.messages(CHANNEL) if not one.thread_ts)
    (message,) = [one for one in stage.slack.messages(CHANNEL) if one.files]
    (file,) = message.files
    assert message.thread_ts == top.ts
    assert (file.name, file.title, file.content) == (CAPTURE.name, CAPTURE.title, CAPTURE.content)


def test_a_capture_that_slack_does_not_take_can_be_got_from_the_history(stage: Any, diagnosis_of: Any) -> None:
    """The thread says by which command."""
    found = captured(diagnosis_of)
    stage.script.make = lambda question, asked_by: replace(found, question=question, asked_by=asked_by)
    stage.slack.fail(WebFault(method="files.getUploadURLExternal", kind=FaultKind.ERROR, error="no_such", times=9))

    stage.slack.person("ana").types("/dns-capture cluster-prod")
    stage.quiet()

    shown = [one.seen().text for one in stage.slack.messages(CHANNEL) if one.thread_ts]
    assert any(f"`dnsbot show {found.id} --files FOLDER` writes it there" in text for text in shown)
    assert stage.script.history.real.files(found.id) == (CAPTURE,)


def test_where_slack_takes_no_file_the_thread_says_how_to_print_it(
    stage: Any, diagnosis_of: Any, finding_of: Any
) -> None:
    """Nothing is lost: the history has the texts."""
    stage.slack.fail(
        WebFault(method="files.getUploadURLExternal", kind=FaultKind.ERROR, error="missing_scope", times=9)
    )

    threads = diagnosed(stage, diagnosis_of, finding_of)

    assert not any(one.files for one in threads)
    assert any("`dnsbot show d-1` prints them" in one.seen().text for one in threads)
