from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.asked import absolute, name_answers
from bot.domain.findings import Judgement, Kind, Verdict
from bot.domain.lookups import Answer, Lookup, Transport
from bot.rules import asked_name_does_not_exist
from tests.lookups.lookup_evidence import COREDNS_A, SERVICE, all_lookups, judge, lookup, lookups, symptom

NAME = "orders.shop.svc.cluster.local."
NOWHERE: tuple[Lookup, ...] = ()


def told(*answers: Answer, name: str = NAME) -> list[Lookup]:
    """Return one lookup of the name for each answer, by two servers over both transports in turn."""
    places = [(server, transport) for transport in Transport for server in (SERVICE, COREDNS_A)]
    return [
        lookup("a", server, transport, name, answer)
        for (server, transport), answer in zip(places, answers, strict=False)
    ]


def judged(asked: Iterable[Lookup], **changed: Any) -> Judgement:
    """Judge what became of a name that was asked about."""
    rule = asked_name_does_not_exist.RULE
    return judge(rule, lookups([*all_lookups(), *asked], **{"asked_names": (NAME,)} | changed))


ABSENT, FOUND, LATE, UNASKED = Answer.NXDOMAIN, Answer.ANSWERED, Answer.TIMED_OUT, Answer.NOT_ASKED


@pytest.mark.parametrize(
    ("asked", "verdict"),
    [
        (told(ABSENT, ABSENT, ABSENT, ABSENT), Verdict.PROBLEM),
        (told(ABSENT, UNASKED), Verdict.PROBLEM),
        (told(ABSENT, ABSENT, FOUND, ABSENT), Verdict.HEALTHY),
        (told(ABSENT, ABSENT, LATE, ABSENT), Verdict.UNKNOWN),
        (told(LATE, LATE), Verdict.UNKNOWN),
        (told(UNASKED, UNASKED), Verdict.UNKNOWN),
        (NOWHERE, Verdict.UNKNOWN),
        ([replace(one, empty=True) for one in told(ABSENT, ABSENT)], Verdict.HEALTHY),
        (told(FOUND, FOUND), Verdict.HEALTHY),
        (told(ABSENT, ABSENT, name="kubernetes.default.svc.cluster.local."), Verdict.UNKNOWN),
    ],
    ids=[
        "every server", "every server that could be asked", "one server knows it", "one is silent", "all are silent",
        "not asked", "asked from nowhere", "no IPv4 address", "known", "another name",
    ],
)  # fmt: skip
def test_a_name_is_absent_only_where_every_server_says_so(asked: Iterable[Lookup], verdict: Verdict) -> None:
    """Silence is no answer, and a name with another kind of record exists."""
    assert judged(asked).verdict is verdict


def test_it_is_a_symptom_that_is_one_only_because_it_was_asked() -> None:
    """It is no root cause, no failing lookup, and calls for no unknown cause; lookups themselves are well."""
    asked = told(ABSENT, ABSENT, ABSENT, ABSENT)

    judgement = judged(asked)

    assert asked_name_does_not_exist.RULE.kind is Kind.SYMPTOM
    assert not asked_name_does_not_exist.RULE.judges_lookups
    assert (judgement.only_asked, judgement.failing) == (True, ())
    assert "orders.shop.svc.cluster.local: every server" in judgement.summary
    assert judgement.details == {"names": ["orders.shop.svc.cluster.local"]}
    assert symptom([*all_lookups(), *asked], asked_names=(NAME,)).verdict is Verdict.HEALTHY


def test_nobody_asked_is_healthy() -> None:
    """There is nothing to say."""
    assert judged(NOWHERE, asked_names=()).verdict is Verdict.HEALTHY


def test_one_absent_name_does_not_hide_that_another_could_not_be_asked() -> None:
    """The second is what is missing."""
    judgement = judged(told(ABSENT, ABSENT), asked_names=(NAME, "other.example."))

    assert judgement.verdict is Verdict.PROBLEM
    assert [gap.what for gap in judgement.missing] == ["whether other.example exists"]


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("orders.shop.svc", "orders.shop.svc.cluster.local."),
        ("orders.shop.svc.", "orders.shop.svc."),
        ("orders.shop.svc.cluster.local", "orders.shop.svc.cluster.local."),
        ("example.com", "example.com."),
        ("example.com.", "example.com."),
    ],
)
def test_the_short_form_of_a_service_is_asked_for_in_full(name: str, asked: str) -> None:
    """Pods find it by their search list: that nobody knows `orders.shop.svc` itself says nothing."""
    made = told(ABSENT) if asked != NAME else told(FOUND)
    matrix = lookups(made)

    (answer, *_) = name_answers([name], matrix, "nowhere")

    assert absolute(name, "cluster.local") == asked
    assert answer.answer is (FOUND if asked == NAME else UNASKED)
