"""What a person asked about is answered first, by name, in every output."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bot.domain.cluster import PodName, Question
from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import Gap
from bot.domain.findings import Finding, Kind, Severity, Verdict, healthy
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer, Client, ClientKind, Lookup, Transport
from bot.domain.phrases import timestamp
from bot.report.diagnosis_words import diagnosis_words
from bot.report.json_report import json_report
from bot.report.plan_words import Caller
from bot.report.terminal import diagnosis_text
from bot.rules import asked_name_does_not_exist
from bot.settings.files import shipped
from bot.slack.render import Views
from bot.slack.reports import first_message, thread_messages
from tests.lookups.lookup_evidence import judge
from tests.report.test_reports import CAUSE, SYMPTOM, WELL, diagnosis, evidence_of

WEB, UI = (Client(node=node, kind=ClientKind.POD, pod=f"shop/{pod}") for node, pod in (("n1", "web"), ("n2", "ui")))
POD = PodName(namespace="shop", name="web")
OUTPUTS = ("text", "slack", "json")


def asked(client: Client, server: str, name: str, answer: Answer, *addresses: str, over: str = "udp") -> Lookup:
    """Return one lookup of a name that was asked about."""
    return Lookup(
        client=client, server=server, through_service=False, transport=Transport(over), external=False, name=name,
        answer=answer, addresses=addresses, detail="the image has no dig" if answer is Answer.NOT_ASKED else "",
    )  # fmt: skip


MADE = (
    asked(WEB, "172.20.0.10", "orders.shop.", Answer.ANSWERED, "10.1.2.3"),
    asked(WEB, "172.20.0.10", "orders.shop.", Answer.NOT_ASKED, over="tcp"),
    asked(UI, "172.20.0.10", "orders.shop.", Answer.TIMED_OUT),
    asked(WEB, "172.20.0.10", "gone.shop.", Answer.NXDOMAIN),
    asked(UI, "172.20.0.10", "gone.shop.", Answer.NXDOMAIN),
)


def about(*findings: Finding, made: tuple[Lookup, ...] | Gap | None = MADE, pod: PodName | None = None) -> Diagnosis:
    """Return a diagnosis that was asked about two names."""
    seen = diagnosis(*(findings or (WELL,)))
    names = () if pod else ("orders.shop", "gone.shop")
    evidence = seen.evidence
    if isinstance(made, Gap):
        evidence += (evidence_of("lookups", None, made),)
    elif made is not None:
        matrix = LookupMatrix(nodes_total=2, nodes_looked=2, lookups=made, resolvers=(), asked_names=("gone.shop.",))
        evidence += (evidence_of("lookups", matrix),)
    return replace(seen, question=replace(seen.question, names=names, pod=pod), evidence=evidence)


def shown(subject: Diagnosis, output: str) -> str:
    """Return a whole report in one of its forms."""
    if output == "json":
        return json.dumps(json_report(subject))
    words = diagnosis_words(subject, at=timestamp)
    if output == "text":
        return diagnosis_text(words)
    views, asker = Views(shipped("templates")), Caller(id="U01", name="ana")
    messages = (first_message(views, subject, words), *thread_messages(views, subject, words, asker))
    return json.dumps([message.blocks for message in messages], ensure_ascii=False)


def absent(subject: Diagnosis) -> Finding:
    """Return what the rule says of this diagnosis."""
    rule = asked_name_does_not_exist.RULE
    assert subject.matrix is not None
    return Finding(
        rule=rule.name, title=rule.title, kind=Kind.SYMPTOM, playbook="lookups", severity=Severity.NOTE,
        judgement=judge(rule, subject.matrix),
    )  # fmt: skip


def test_json_lists_each_name_by_vantage_point() -> None:
    """One entry for each client and server, with the addresses; what was not asked over TCP does not hide UDP."""
    names = json.loads(shown(about(), "json"))["names"]

    assert [(one["name"], one["from"], one["server"], one["answer"], one["addresses"]) for one in names] == [
        ("orders.shop", "shop/web on n1", "172.20.0.10", "answered", ["10.1.2.3"]),
        ("orders.shop", "shop/ui on n2", "172.20.0.10", "timed out", []),
        ("gone.shop", "shop/web on n1", "172.20.0.10", "nxdomain", []),
        ("gone.shop", "shop/ui on n2", "172.20.0.10", "nxdomain", []),
    ]
    assert names[0]["over"] == {"udp": "answered", "tcp": "not asked"}


@pytest.mark.parametrize("output", ["text", "slack"])
def test_answers_stand_before_everything_else(output: str) -> None:
    """Even before the root cause."""
    report = " ".join(shown(about(CAUSE, SYMPTOM), output).split())

    places = [
        report.index(words)
        for words in (
            "orders.shop: 10.1.2.3, from shop/web on n1 at 172.20.0.10.",
            "orders.shop: timed out, from shop/ui on n2 at 172.20.0.10.",
            "gone.shop: does not exist (NXDOMAIN), says every server that was asked (172.20.0.10), from 2 clients.",
            "ROOT CAUSE" if output == "text" else "Root cause:",
        )
    ]
    assert places == sorted(places)


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize(
    ("made", "why"),
    [
        (Gap(what="lookups", reason="403 Forbidden", grant="pods/exec: create"), "403 Forbidden"),
        (None, "none of the playbooks that were run looks names up"),
    ],
    ids=["could not look", "nobody looked"],
)
def test_a_name_that_was_not_asked_is_told_and_never_healthy(output: str, made: Gap | None, why: str) -> None:
    """Whatever the reason."""
    subject = about(made=made)

    assert why in " ".join(shown(subject, output).split())
    assert [one.answer for one in subject.names] == [Answer.NOT_ASKED] * 2


def test_nothing_looked_up_is_unknown_though_every_rule_is_healthy() -> None:
    """A playbook that looks nothing up does not answer a person who asked about a name."""
    subject = about(made=None)

    assert subject.verdict is Verdict.UNKNOWN
    assert [one.rule for one in subject.unknown_checks] == ["asked_name", "asked_name"]
    assert (subject.checks_ran, subject.checks_total) == (2, 4)


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_pod_that_could_not_be_asked_is_told_while_look_ups_fail(output: str) -> None:
    """Though the symptom is found, nobody asked from the pod that the person named."""
    subject = about(CAUSE, SYMPTOM, pod=PodName(namespace="shop", name="none"))

    (unknown,) = json.loads(shown(subject, "json"))["coverage"]["unknown"]
    assert unknown["rule"] == "asked_pod"
    assert subject.verdict is Verdict.PROBLEM
    assert "no name was looked up from it" in " ".join(shown(subject, output).split())


def test_a_pod_that_was_asked_is_told_with_what_came_of_it() -> None:
    """How many of its lookups answered, and how the others ended."""
    subject = about(pod=POD)

    assert subject.unasked == ()
    assert "Pod shop/web on n1: 1 of 2 lookups from it answered, 1 nxdomain." in shown(subject, "text")


@pytest.mark.parametrize("output", ["text", "slack"])
def test_an_absent_name_alone_is_a_problem_and_no_unknown_cause(output: str) -> None:
    """The headline says what is so; nobody is sent to capture packets."""
    subject = about(made=MADE[3:])
    subject = replace(subject, findings=(absent(subject), *subject.findings))

    report = shown(subject, output)
    assert (subject.verdict, subject.root_causes) == (Verdict.PROBLEM, ())
    assert "a name that was asked about does not exist" in report
    assert "No other problem was found. All checks ran." in report
    assert "kubectl get services -A" in " ".join(report.split())
    assert "no known cause" not in report
    assert "Capture packets" not in report


def test_an_absent_name_beside_failing_look_ups_does_not_hide_that_no_cause_is_known() -> None:
    """The lookups that fail are still unexplained."""
    subject = about(made=MADE[3:])
    failing = replace(SYMPTOM, explained_by=())
    subject = replace(subject, findings=(absent(subject), failing))

    assert "no known cause found" in shown(subject, "text")


def test_nobody_asked_leaves_no_heading() -> None:
    """Most reports."""
    subject = replace(about(), question=Question(cluster="cluster-prod"))

    assert "ASKED" not in shown(subject, "text")
    assert json_report(subject)["names"] == []
    assert healthy("x").only_asked is False
