"""Lookups that fail: where, and what could not be asked."""

from __future__ import annotations

import pytest

from bot.domain.evidence import Gap
from bot.domain.findings import Kind, Verdict
from bot.domain.lookups import Answer, ClientKind, Transport
from bot.rules import dns_lookups_fail
from tests.lookups.lookup_evidence import COREDNS_A, SERVICE, all_lookups, answering, lookup, symptom


def test_it_is_a_symptom() -> None:
    """Never a root cause."""
    assert dns_lookups_fail.RULE.kind is Kind.SYMPTOM


def test_all_answered_is_healthy_and_says_from_where() -> None:
    """Internal and external names over UDP and TCP, from all nodes."""
    judgement = symptom(all_lookups())

    assert judgement.verdict is Verdict.HEALTHY
    assert "looked from 3 of 3 nodes" in judgement.summary


PLACES = [
    ("everything", {}, "whatever the name, protocol and server", 36),
    ("one node", {"node": "b"}, "only from b", 12),
    ("service path", {"through_service": True}, "only through the service", 12),
    ("one CoreDNS pod", {"server": COREDNS_A}, f"only by {COREDNS_A}", 12),
    ("one transport", {"transport": Transport.TCP}, "only over tcp", 18),
    ("external names", {"external": True}, "only for external names", 18),
    ("internal names", {"external": False}, "only for internal names", 18),
]


@pytest.mark.parametrize(("where", "told", "failed"), [row[1:] for row in PLACES], ids=[row[0] for row in PLACES])
@pytest.mark.parametrize("answer", [Answer.TIMED_OUT, Answer.SERVFAIL, Answer.REFUSED, Answer.NXDOMAIN])
def test_failures_are_localised(where: dict[str, object], told: str, failed: int, answer: Answer) -> None:
    """The summary says what the failures have in common; it carries those that failed."""
    judgement = symptom(answering(all_lookups(), answer, **where))

    assert judgement.verdict is Verdict.PROBLEM
    assert told in judgement.summary
    assert len(judgement.failing) == failed
    assert f"{failed} of 36 test lookups failed ({failed} {answer.value})" in judgement.summary


def test_failures_of_one_kind_of_client_alone_are_said_of_these_pods() -> None:
    """Plain pods on the same nodes get answers, so the summary names the kind."""
    branches = answering(all_lookups(SERVICE, kind=ClientKind.BRANCH), Answer.TIMED_OUT)

    judgement = symptom([*all_lookups(SERVICE), *branches])

    assert "only from branch-interface pods;" in judgement.summary


def test_a_kind_of_client_that_could_not_be_asked_is_a_hole() -> None:
    """That plain pods get answers says nothing of the pods with branch interfaces on the same node."""
    unasked = answering(all_lookups(kind=ClientKind.BRANCH), Answer.NOT_ASKED, node="b")

    judgement = symptom([*all_lookups(), *unasked])

    assert judgement.verdict is Verdict.UNKNOWN
    assert "lookups from b, branch-interface pods through the service" in {gap.what for gap in judgement.missing}


HOLES = [
    ("tcp nowhere", {"transport": Transport.TCP}, "lookups over tcp"),
    ("udp nowhere", {"transport": Transport.UDP}, "lookups over udp"),
    ("one node", {"node": "b"}, "lookups from b"),
    ("one server", {"server": COREDNS_A}, f"lookups by {COREDNS_A}"),
    ("external names", {"external": True}, "lookups of an external name"),
    (
        "udp through the service from one node",
        {"node": "b", "server": SERVICE, "transport": Transport.UDP},
        "from b through",
    ),
]


@pytest.mark.parametrize(("where", "told"), [row[1:] for row in HOLES], ids=[row[0] for row in HOLES])
def test_what_was_not_asked_is_never_healthy(where: dict[str, object], told: str) -> None:
    """All asked answered, and a hole: UNKNOWN, naming it."""
    judgement = symptom(answering(all_lookups(), Answer.NOT_ASKED, **where))

    assert judgement.verdict is Verdict.UNKNOWN
    assert told in judgement.summary
    assert judgement.missing


def test_one_nodes_missing_tcp_is_no_hole_while_others_asked_it() -> None:
    """One image without dig among three: each server was asked over TCP from elsewhere."""
    made = answering(all_lookups(), Answer.NOT_ASKED, node="b", transport=Transport.TCP)

    assert symptom(made).verdict is Verdict.HEALTHY


def test_nothing_asked_is_unknown_with_the_reason() -> None:
    """The gap's grant travels on."""
    gap = Gap(what="lookups", reason="neither dig nor nslookup", grant="pods/exec: create in namespace shop")

    judgement = symptom(answering(all_lookups(), Answer.NOT_ASKED), gaps=(gap,))

    assert (judgement.verdict, judgement.missing) == (Verdict.UNKNOWN, (gap,))


def test_a_failure_stands_beside_what_could_not_be_asked() -> None:
    """PROBLEM, with the hole named."""
    made = answering(all_lookups(), Answer.TIMED_OUT, node="a", transport=Transport.UDP)

    judgement = symptom(answering(made, Answer.NOT_ASKED, transport=Transport.TCP))

    assert judgement.verdict is Verdict.PROBLEM
    assert [gap.what for gap in judgement.missing] == ["lookups over tcp"]


def test_a_persons_name_that_nobody_knows_is_a_note() -> None:
    """NXDOMAIN from every server may be the truth about a name that somebody typed."""
    made = [*all_lookups(), *(lookup("a", SERVICE, proto, "nope.example.", Answer.NXDOMAIN) for proto in Transport)]

    judgement = symptom(made, asked_names=("nope.example.",))

    assert judgement.verdict is Verdict.HEALTHY
    assert "nope.example. does not exist: every server says so" in judgement.summary


def test_a_persons_name_that_only_some_servers_know_is_a_failure() -> None:
    """Servers that disagree are a fault."""
    extra = [
        lookup("a", SERVICE, Transport.UDP, "db.example.", Answer.NXDOMAIN),
        lookup("a", COREDNS_A, Transport.UDP, "db.example."),
    ]

    assert symptom([*all_lookups(), *extra], asked_names=("db.example.",)).verdict is Verdict.PROBLEM
