from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.diagnosis import Progress
from bot.domain.findings import FixOffer, Verdict
from bot.sandbox.slack import FaultKind, WebFault, as_text
from tests.slack.script import FIX

CHANNEL = "C0123456789"


def test_command_becomes_a_report_in_place_with_evidence_in_its_thread(stage: Any) -> None:
    """One message in the channel holds the report, its evidence stands in the thread, the proposal has its card."""
    acked = stage.slack.person("ana").types("/dns-diagnose cluster-prod")
    stage.quiet()

    assert acked.ok
    shown = [message for message in stage.slack.messages(CHANNEL) if not message.only_visible_to]
    top = [message for message in shown if not message.thread_ts]
    report = as_text(top[0].seen())
    assert len(top) == 2
    assert "DNS is blocked by a security group" in report
    assert "4 of 5 checks ran; 1 could not" in report
    assert "Let members of sg-0abc talk to one another" in as_text(top[1].seen())
    threads = [as_text(message.seen()) for message in shown if message.thread_ts == top[0].ts]
    said = ("@ana: cluster-prod", "looked from 2 of 3 nodes", "ec2:DescribeNetworkAcls", "2026-11-21T08:58:00Z")
    assert [words for words in said if not any(words in text for text in threads)] == []
    assert any("ec2:DescribeSecurityGroupRules" in text for text in threads)


def test_asker_is_the_person_of_the_payload(stage: Any) -> None:
    """Who asked is team and user, as Slack signed them."""
    stage.slack.person("ana").types("/dns-diagnose cluster-prod pod=shop/web name=orders.shop.svc")
    stage.quiet()

    assert [str(person) for person in stage.script.asked] == ["T01/U01"]
    question = stage.script.diagnosed[0]
    assert (str(question.pod), question.names) == ("shop/web", ("orders.shop.svc",))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        pytest.param("cluster-pord", "Did you mean cluster-prod", id="unknown-cluster"),
        pytest.param("", "Which cluster?", id="no-cluster"),
        pytest.param("cluster-prod coredn", "Did you mean coredns?", id="unknown-playbook"),
        pytest.param("cluster-prod pod=web", "pod=NAMESPACE/NAME", id="bad-pod"),
        pytest.param("cluster-prod name=a;rm", "is not a DNS name", id="bad-host"),
        pytest.param("cluster-prod node=a", "node= is not known here", id="bad-option"),
        pytest.param("cluster-staging", "its kubeconfig cannot be read", id="configuration"),
    ],
)
def test_refusal_says_why_and_nothing_is_diagnosed(stage: Any, typed: str, said: str) -> None:
    """What is wrong with a question is told with what would do."""
    stage.slack.person("ana").types(f"/dns-diagnose {typed}")
    stage.quiet()

    assert said in stage.slack.person("ana").sees_text()
    if not typed.startswith("cluster-staging"):
        assert stage.script.diagnosed == []
        assert said not in stage.slack.person("ben").sees_text()


def test_mention_in_a_thread_is_answered_in_that_thread(stage: Any) -> None:
    """By mention, in a thread, with a host that Slack has made a link of: the report stands in the thread."""
    stage.mention("ana", "@dnsbot diagnose cluster-prod name=<http://example.com|example.com>")
    first = next(message for message in stage.slack.messages(CHANNEL) if message.user == "U01")
    stage.mention("ana", "@dnsbot diagnose cluster-prod", thread_ts=first.ts)

    assert stage.script.diagnosed[0].names == ("example.com",)
    in_thread = [message for message in stage.slack.messages(CHANNEL) if message.thread_ts == first.ts]
    assert any("DNS is blocked" in as_text(message.seen()) for message in in_thread)


def test_unknown_verb_of_a_mention_is_told_to_that_person_alone(stage: Any) -> None:
    """A mention with an unknown verb gets the nearest command, ephemerally."""
    stage.mention("ana", "@dnsbot diagnos cluster-prod")

    assert "Did you mean diagnose?" in stage.slack.person("ana").sees_text()
    assert "Did you mean" not in stage.slack.person("ben").sees_text()


def test_where_the_bot_is_no_member_the_report_goes_to_the_asker_alone(stage: Any) -> None:
    """In a channel without the bot the final report comes by response_url, the card goes to the cluster's channel."""
    stage.slack.person("ana").types("/dns-diagnose cluster-prod", channel="C0OUTSIDE")
    stage.quiet()

    mine = stage.slack.person("ana").sees_text("C0OUTSIDE")
    assert "no member of this channel" in mine
    assert "sg-0abc lets udp/53 in from nobody" in mine
    assert "sg-0abc" not in stage.slack.person("ben").sees_text("C0OUTSIDE")
    assert "Let members of sg-0abc" in stage.slack.person("ben").sees_text()


def test_proposal_that_cannot_be_posted_is_told_to_the_asker(stage: Any) -> None:
    """When the cluster's channel refuses the card, the asker learns why and where the proposal stays."""
    stage.slack.fail(WebFault(method="chat.postMessage", kind=FaultKind.ERROR, error="not_in_channel", times=2))
    stage.slack.person("ana").types("/dns-diagnose cluster-prod", channel="C0OUTSIDE")
    stage.quiet()

    assert "invite it, and it comes within the hour" in stage.slack.person("ana").sees_text("C0OUTSIDE")
    assert "stays listed in /dns-history" in stage.slack.person("ana").sees_text("C0OUTSIDE")
    assert list(stage.slack.messages(CHANNEL)) == []


def test_same_delivery_many_times_is_one_diagnosis(stage: Any) -> None:
    """Slack's retries of one command, before and after it was served, have one effect and one message."""
    stage.slack.person("ana").types("/dns-diagnose cluster-prod")
    delivery = stage.slack.deliveries[0][0]
    for _ in range(5):
        assert stage.slack.redeliver(delivery).ok
    stage.quiet()
    assert stage.slack.redeliver(delivery, headers={"X-Slack-Retry-Num": "1"}).ok
    stage.quiet()

    assert len(stage.script.diagnosed) == 1
    assert len([message for message in stage.slack.messages(CHANNEL) if not message.thread_ts]) == 2


def test_history_down_still_diagnoses_and_says_that_nothing_is_proposed(stage: Any) -> None:
    """Without the database a diagnosis is answered; the report says why there is no proposal."""
    stage.script.history.down = "The database did not answer within 5 s."
    stage.slack.person("ana").types("/dns-diagnose cluster-prod")
    stage.quiet()

    text = stage.slack.person("ben").sees_text()
    assert "No fix is proposed: The database did not answer within 5 s." in text
    assert "sg-0abc lets udp/53 in from nobody" in text


def test_measure_is_proposed_and_read_in_a_diagnosis_of_its_playbook(
    stage: Any, finding_of: Any, diagnosis_of: Any
) -> None:
    """No problem was found, a rule lacks evidence: its measure gets a card, and its button looks there again."""
    offer = FixOffer(fix=FIX, parameters={}, risk="low", yields=("query_log",))
    lacking = finding_of("dns_blocked_by_security_group", Verdict.UNKNOWN, "The log is off.", measures=(offer,))
    found = diagnosis_of(findings=(lacking,))
    stage.script.make = lambda question, asked_by: replace(found, question=question, asked_by=asked_by)

    stage.post_card()
    assert "To read: query log, for dns blocked by security group" in stage.card_text()
    stage.press("ben", "Approve")
    stage.press("ana", "Diagnose again")

    assert [question.playbooks for question in stage.script.diagnosed] == [(), ("security-groups",)]


def test_fault_of_the_bot_itself_ends_the_message(stage: Any) -> None:
    """An error that nobody expected leaves no message that runs for ever."""

    def broken(*_: object) -> None:
        message = "a key is missing"
        raise KeyError(message)

    stage.script.make = broken
    stage.slack.person("ana").types("/dns-diagnose cluster-prod")
    stage.quiet()

    text = stage.slack.person("ben").sees_text()
    assert "ended with an error of the bot itself" in text
    assert "a key is missing" not in text


def test_progress_is_shown_and_never_overwrites_the_report(stage: Any) -> None:
    """While collectors run the message says so; the report is the last thing it shows."""
    hold = threading.Event()
    stage.script.hold = hold
    stage.script.progress = (
        Progress(cluster="cluster-prod", done=("EKS cluster",), running=("Nodes",), waiting=("Rules",), elapsed_ms=900),
    )
    stage.slack.person("ana").types("/dns-diagnose cluster-prod")
    seen = stage.slack.person("ana").wait_for(lambda message: "1 of 3 sources read" in as_text(message))
    hold.set()
    stage.quiet()

    report = next(message for message in stage.slack.messages(CHANNEL) if message.ts == seen.ts)
    assert "Nodes" in as_text(seen)
    assert "Cause: " in as_text(report.seen())
    assert "sources read" not in as_text(report.seen())


def test_progress_after_the_report_is_not_sent(stage: Any) -> None:
    """A collector that ends late cannot overwrite the report."""
    stage.slack.person("ana").types("/dns-diagnose cluster-prod")
    stage.quiet()
    updates = len(stage.slack.calls("chat.update"))
    time.sleep(3.05)
    stage.script.late[0](
        Progress(cluster="cluster-prod", done=("EKS cluster",), running=(), waiting=(), elapsed_ms=9000)
    )
    stage.quiet()

    assert len(stage.slack.calls("chat.update")) == updates


def test_final_report_survives_rate_limits(stage: Any) -> None:
    """A 429 on the final update is waited for, not dropped."""
    stage.slack.fail(WebFault(method="chat.update", kind=FaultKind.RATE_LIMITED, retry_after_seconds=1))
    stage.slack.person("ana").types("/dns-diagnose cluster-prod")
    stage.quiet()

    assert "Root cause" in stage.slack.person("ben").sees_text()


def test_lost_answer_to_a_post_is_not_sent_again(stage: Any) -> None:
    """A post whose answer was lost may stand: the channel is looked at, and the message that is there is updated."""
    stage.slack.fail(WebFault(method="chat.postMessage", kind=FaultKind.LOST_ANSWER))
    stage.slack.person("ana").types("/dns-diagnose cluster-prod", channel=CHANNEL)
    stage.quiet()
    stage.script.let_a_minute_pass()
    stage.look_for_work()

    shown = [as_text(message.seen()) for message in stage.slack.messages(CHANNEL) if not message.thread_ts]
    assert ["\nCause: " in text for text in shown] == [True, False]
    assert "[ Approve ]" in shown[1]


def test_history_and_help_are_shown_to_the_asker_alone(stage: Any) -> None:
    """Help names the commands that there are."""
    stage.slack.person("ana").types("/dns-diagnose cluster-prod", channel="C0OUTSIDE")
    stage.quiet()
    seen_by_all = stage.slack.person("ben").sees_text()
    stage.slack.person("ana").types("/dns-help")
    stage.slack.person("ana").types("/dns-history cluster-prod")
    stage.quiet()

    mine = stage.slack.person("ana").sees_text()
    assert "/dns-diagnose CLUSTER [PLAYBOOK…]" in mine
    assert "/dns-digest [now|CLUSTER|" in mine
    assert "1 diagnosis; there are no older ones" in mine
    assert stage.slack.person("ben").sees_text() == seen_by_all


def test_history_takes_restrictions(stage: Any) -> None:
    """Oneself, and a time; what fits nothing says what was sought, a word that is none what there is."""
    stage.slack.person("ana").types("/dns-diagnose cluster-prod", channel="C0OUTSIDE")
    stage.quiet()
    for words in ("cluster-prod person=me since=2026-01-01", "rule=no_such_rule", "who=ana", "incident=p-1"):
        stage.slack.person("ana").types(f"/dns-history {words}")
    stage.quiet()

    mine = stage.slack.person("ana").sees_text()
    assert "1 diagnosis; there are no older ones" in mine
    assert "No recorded diagnosis fits (rule no_such_rule)." in mine
    assert "Incident of cluster-prod" in mine
    assert "asked, " in mine
    assert "who= is not known here. The options are rule=, person=" in mine


@pytest.mark.parametrize("words", ["hey @dnsbot help me", "@dnsbot please help", "@dnsbot HELP", "@dnsbot"])
def test_a_mention_is_read_as_people_write_it(stage: Any, words: str) -> None:
    """What stands before the mention, and a few polite words before the command, count for nothing."""
    stage.mention("ana", words)

    told = stage.slack.person("ana").sees_text()
    assert "is not a command" not in told
    assert "/dns-diagnose CLUSTER" in told
