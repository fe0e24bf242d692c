from __future__ import annotations

import itertools
from collections.abc import Mapping

import pytest

from bot.sandbox.slack.blocks import text_of
from face.chromium import heights
from face.page import page, screen
from face.real_run import Shown, run

PHONE = 400
pytestmark = pytest.mark.timeout(900)  # a world, a bot, a repair and a browser


@pytest.fixture(scope="module")
def shown() -> Shown:
    """What a real run sent."""
    return run()


@pytest.fixture(scope="module")
def high(shown: Shown) -> Mapping[str, int]:
    """The heights of all screens on a phone."""
    screens = shown.screens.items()
    return heights(page(screen(messages, name=name, width=PHONE) for name, messages in screens))


def test_the_first_message_fits_a_phone(high: Mapping[str, int]) -> None:
    """A phone shows some 700 px at once: headline, cause, effect, what to do and the buttons are among them."""
    assert 100 < high["report"] <= 700


def test_the_card_is_short_whatever_it_waits_for(high: Mapping[str, int]) -> None:
    """Approve can be reached by one swipe; with the outcome the card is shorter still."""
    assert 100 < high["card"] <= 1000
    assert high["outcome"] < high["card"]


def test_few_words_stand_before_the_buttons(shown: Shown) -> None:
    """Five blocks and 600 characters at most."""
    before = list(itertools.takewhile(lambda block: block["type"] != "actions", shown.report.blocks))

    assert len(before) <= 5
    assert len("".join(text for block in before for text in text_of(block))) <= 600


def test_approvers_and_asker_are_called(shown: Shown) -> None:
    """By new messages: those who may decide by the card, whoever asked by the thread."""
    assert '"usergroup_id": "S01"' in repr(shown.card.blocks).replace("'", '"')
    assert '"user_id": "U01"' in repr(shown.thread[0].blocks).replace("'", '"')


def test_the_digests_table_shows_all_its_columns_on_a_phone(shown: Shown) -> None:
    """Its columns are wrapped, so that none is pushed off the screen."""
    (table,) = [block for block in shown.digest.blocks if block["type"] == "table"]

    assert all(column["is_wrapped"] for column in table["column_settings"])
    assert len(table["column_settings"]) == len(table["rows"][0]) == 6
