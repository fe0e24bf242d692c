from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.asking import sought_from
from bot.domain.sought import Sought
from bot.errors import Refused
from bot.slack.asking import MOST_CHARACTERS, plain_words

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def test_links_escapes_and_mentions_are_undone() -> None:
    """Slack's markup of what somebody typed comes off; the words stay."""
    words = plain_words("<@U01|ana> cluster-prod name=<http://orders.example|orders.example> a&amp;b")

    assert words == ["cluster-prod", "name=orders.example", "a&b"]


@pytest.mark.parametrize("text", ["secret-" * 500, "a" * (MOST_CHARACTERS + 1), "<a" * 2_000, "<@U|" * 5_000])
def test_more_than_people_type_is_read_by_nobody(text: str) -> None:
    """It is refused with its length, and is itself not repeated."""
    with pytest.raises(Refused, match=r"characters long; at most 300 are read") as refused:
        plain_words(text)

    assert text[:50] not in str(refused.value)


def test_names_with_slacks_links_count_as_typed() -> None:
    """Markup makes a text longer than what was typed: the typed one counts."""
    link = "name=<http://orders.shop.example|orders.shop.example> "

    assert len(plain_words("cluster-prod " + link * 8)) == 9


def test_who_is_named_as_a_value_stays() -> None:
    """`person=` with a mention keeps the id; the mention of the bot goes."""
    assert plain_words("<@U0BOT> history person=<@U01|ana> <@U02>") == ["history", "person=U01"]


@pytest.mark.parametrize(
    ("options", "sought"),
    [
        ({"rule": "", "since": ""}, Sought()),
        ({"rule": "ndots_amplification", "older": "d-1"}, Sought(rule="ndots_amplification", older="d-1")),
        ({"person": "U01"}, Sought(user_id="U01")),
        ({"person": "T01/W01"}, Sought(team_id="T01", user_id="W01")),
        ({"since": "7d", "until": "12h"}, Sought(since=NOW - timedelta(days=7), until=NOW - timedelta(hours=12))),
        (
            {"since": "2026-11-01", "until": "2026-11-21T11:00:00+02:00"},
            Sought(since=datetime(2026, 11, 1, tzinfo=UTC), until=NOW),
        ),
    ],
)
def test_what_is_sought_is_read_alike_everywhere(options: dict[str, str], sought: Sought) -> None:
    """A person by id, with or without the team; a time as a date, a time, or how long ago."""
    assert sought_from(options, NOW, form="{}=".format) == sought


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"person": "@ana"}, "person=@ana names nobody"),
        ({"since": "yesterday"}, "since=yesterday is no time"),
        ({"until": "2026-13-01"}, "until=2026-13-01 is no time"),
        ({"since": "999999d"}, "since=999999d is no time"),
    ],
)
def test_what_cannot_be_sought_is_said_with_what_would_do(options: dict[str, str], said: str) -> None:
    """The words that were typed, and an example."""
    with pytest.raises(Refused) as refused:
        sought_from(options, NOW, form="{}=".format)

    assert str(refused.value).startswith(said)
