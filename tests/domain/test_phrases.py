"""Counts, times, permissions and nearest names, as every teller writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from bot.domain.phrases import and_more, count, few, known, nearest, timestamp, with_grant

EARLY = datetime(2026, 11, 21, 1, 30, 12, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("number", "plural", "said"), [(1, "", "1 entry"), (0, "entries", "0 entries"), (2, "", "2 entrys")]
)
def test_one_is_singular_and_all_else_plural(number: int, plural: str, said: str) -> None:
    """An s is added where no plural is given."""
    assert count(number, "entry", plural) == said


@pytest.mark.parametrize(
    ("names", "short", "counted"),
    [((), "", ""), ("ab", "a, b", "a; b"), ("abcd", "a, b, …", "a; b and 2 more")],
    ids=["none", "as many as may be shown", "more"],
)
def test_a_list_that_is_cut_says_so(names: str, short: str, counted: str) -> None:
    """By dots, or by how many there are besides."""
    assert few(list(names), 2) == short
    assert and_more(list(names), 2, between="; ") == counted


def test_times_are_told_in_utc() -> None:
    """A time of another zone is told as UTC in both forms, on the day that it is there."""
    assert timestamp(EARLY) == "2026-11-20T23:30:12Z"
    assert timestamp(EARLY.astimezone(UTC)) == timestamp(EARLY)


@pytest.mark.parametrize(
    ("text", "grant", "said"),
    [
        ("403 Forbidden", "pods: list", "403 Forbidden. Missing permission: pods: list."),
        ("403. Grant `pods: list`.", "pods: list", "403. Grant `pods: list`."),
        ("no answer within 20 s", "", "no answer within 20 s."),
    ],
    ids=["missing", "named already", "none"],
)
def test_a_permission_is_told_once(text: str, grant: str, said: str) -> None:
    """What the reason names already is not told again."""
    assert with_grant(text, grant) == said


def test_a_mistyped_name_gets_the_nearest_else_what_there_is() -> None:
    """Near names first; where none is near the valid ones, ten at most."""
    many = [f"cluster-{letter}" for letter in "abcdefghijkl"]

    assert nearest("cordns", ["coredns", "kube-proxy"], "playbook") == "Did you mean coredns?"
    assert nearest("zzz", ["coredns", "kube-proxy"], "playbook") == "Known playbooks: coredns, kube-proxy."
    assert known(many, "cluster").endswith("cluster-j and 2 more.")
    assert nearest("a", [], "parameter") == "There are no parameters."
