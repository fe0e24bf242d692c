from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

import bot.slack.buttons
import bot.slack.commands
import bot.slack.shortcuts
import bot.slack.views
from bot.errors import UnitError
from bot.slack.units import Button, Command, Modal, Shortcut, units
from tests.trial_units import trial_package

GOOD = """
from bot.slack.units import Command
COMMAND = Command(name="trial", usage="", purpose="Try.", run=lambda asked, tools: None)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Callable[[str, str], ModuleType]]:
    """Make a package of units in a folder of its own."""
    with trial_package("trial_units", tmp_path) as write:
        yield write


def test_shipped_units_are_found_by_name() -> None:
    """The folders hold these units; adding one is adding a file."""
    assert [unit.name for unit in units(bot.slack.commands, "COMMAND", Command)] == [
        "break_glass",
        "capture",
        "diagnose",
        "digest",
        "help",
        "history",
        "log",
    ]
    assert [unit.name for unit in units(bot.slack.buttons, "BUTTON", Button)] == [
        "approve",
        "commands",
        "details",
        "diagnose_again",
        "diagnose_cluster",
        "mute_issue",
        "pick_cluster",
        "record",
        "reject",
        "review_break_glass",
        "undo",
    ]
    assert [unit.name for unit in units(bot.slack.views, "VIEW", Modal)] == [
        "mute_known_issue",
        "reject_reason",
        "subscribe_digest",
        "unsubscribe_digest",
    ]
    assert [unit.name for unit in units(bot.slack.shortcuts, "SHORTCUT", Shortcut)] == ["diagnose_message"]


def test_new_file_is_a_new_command(folder: Callable[[str, str], ModuleType]) -> None:
    """A file that exports a COMMAND is found without any other edit."""
    assert [unit.name for unit in units(folder("trial", GOOD), "COMMAND", Command)] == ["trial"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        pytest.param("other", GOOD, "must be the file's name, 'other'", id="name-mismatch"),
        pytest.param("Trial", GOOD.replace("trial", "Trial"), "Slack takes lower-case letters", id="bad-name"),
        pytest.param("empty", "", "exports no COMMAND that is a Command", id="no-unit"),
        pytest.param("wrong", "COMMAND = 'diagnose'", "exports no COMMAND that is a Command", id="wrong-type"),
        pytest.param("broken", "import nothing_of_this_name", "cannot be imported", id="import-error"),
        pytest.param("syntax", "def", "cannot be imported", id="syntax-error"),
    ],
)
def test_malformed_unit_stops_the_start(
    folder: Callable[[str, str], ModuleType], name: str, text: str, said: str
) -> None:
    """A bad unit is named, with what is wrong."""
    package = folder(name, text)

    with pytest.raises(UnitError, match=said) as caught:
        units(package, "COMMAND", Command)
    assert f"trial_units.{name}" in str(caught.value)
