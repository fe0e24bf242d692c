from __future__ import annotations

import pytest

from bot.errors import Refused
from bot.slack.asking import MOST_CHARACTERS, plain_words


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
