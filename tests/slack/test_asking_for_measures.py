from __future__ import annotations

from typing import Any

import pytest

from bot.asking import lasting
from bot.errors import Refused


@pytest.mark.parametrize(("text", "seconds"), [("60s", 60), ("30m", 1800), ("24h", 86_400)])
def test_a_time_is_read_as_people_write_it(text: str, seconds: int) -> None:
    """From a minute to a day."""
    assert lasting(text) == seconds


@pytest.mark.parametrize(
    ("text", "reason"),
    [("30", "a duration such as"), ("long", "a duration such as"), ("0m", "between 1m"), ("2d", "between 1m and 24h")],
)
def test_another_time_is_refused_with_what_would_do(text: str, reason: str) -> None:
    """It says which times are taken."""
    with pytest.raises(Refused, match=reason):
        lasting(text)


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("log cluster-prod", ("log", (), 0)),
        ("log cluster-prod 10m", ("log", (), 600)),
        ("capture cluster-prod", ("capture", (), 0)),
        ("capture cluster-prod 20s", ("capture", (), 20)),
        ("capture cluster-prod 1m", ("capture", (), 60)),
    ],
)
def test_it_asks_the_playbooks_of_its_command(stage: Any, words: str, asked: tuple[str, tuple[str, ...], int]) -> None:
    """With the time that the measure is to last, or none: then it lasts as its playbook has it."""
    stage.slack.person("ana").types(f"/dns-{words}")
    stage.quiet()

    (question,) = stage.script.diagnosed
    assert (question.command, question.playbooks, question.lasting_seconds) == asked


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("log", "Which cluster, and for how long? For example: /dns-log cluster-prod 30m"),
        ("log cluster-prod 30m now", "Which cluster, and for how long?"),
        ("log cluster-pro", "There is no cluster 'cluster-pro'. Did you mean cluster-prod?"),
        ("log cluster-prod forever", "forever is no time"),
        ("capture", "Which cluster, and for how long? For example: /dns-capture cluster-prod 60s"),
        ("capture cluster-prod 61s", "61s is not between 20s and 1m"),
    ],
)
def test_what_is_wrong_is_told_to_the_asker_alone(stage: Any, words: str, reason: str) -> None:
    """Nothing is diagnosed."""
    stage.slack.person("ana").types(f"/dns-{words}")
    stage.quiet()

    assert reason in stage.slack.person("ana").sees_text()
    assert reason not in stage.slack.person("ben").sees_text()
    assert stage.script.diagnosed == []
