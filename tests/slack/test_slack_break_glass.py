from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from bot.domain.changes import ChangePolicy, Freeze, GlassPolicy
from bot.sandbox.slack import as_text
from bot.sandbox.slack.text import buttons

if TYPE_CHECKING:
    from bot.sandbox.slack import Seen
    from tests.slack.conftest import Stage
    from tests.slack.script import Script

CHANNEL = "C0123456789"


@pytest.fixture
def script(script: Script) -> Script:
    """Everything is frozen, and ana may break the glass."""
    freeze = Freeze(since=date(2000, 1, 1), until=date(2999, 1, 1), reason="sales")
    policy = ChangePolicy(environment="production", freezes=(freeze,), glass=GlassPolicy(users=("U01",)))
    script.changes = {"production": policy}
    return script


def _loud(stage: Stage) -> Seen:
    return next(one for one in stage.slack.person("ben").sees(CHANNEL) if "Break-glass" in as_text(one))


def test_ana_breaks_the_glass_approves_alone_and_ben_reviews_it(stage: Stage) -> None:
    """All who may approve are mentioned, the plan of the diagnosis that follows runs, and it stands open till then."""
    stage.slack.person("ana").types("/dns-break-glass cluster-prod CoreDNS is down and nobody answers")
    stage.quiet()
    loud = _loud(stage)
    assert "CoreDNS is down and nobody answers" in as_text(loud)
    mentioned = {part["type"] for part in loud.blocks[1]["elements"][0]["elements"]}
    assert {"user", "usergroup"} <= mentioned

    assert stage.press("ana", "Approve").sent
    assert [user for user, _ in stage.decided()] == ["U01"]
    assert "under break-glass" in stage.decided()[0][1]
    assert stage.script.repaired == ["p-1"]
    assert "under break-glass" in stage.card_text()

    stage.press("ana", "Reviewed", on=_loud(stage))
    assert "Reviewed" in buttons(_loud(stage))
    stage.press("ben", "Reviewed", on=_loud(stage))
    assert buttons(_loud(stage)) == ()
    assert "Reviewed by" in as_text(_loud(stage))


def test_whoever_may_not_is_told_alone(stage: Stage) -> None:
    """Nothing is posted, nothing is diagnosed."""
    stage.slack.person("ben").types("/dns-break-glass cluster-prod CoreDNS is down and nobody answers")
    stage.quiet()
    assert [one for one in stage.slack.person("ana").sees(CHANNEL) if "Break-glass" in as_text(one)] == []
    assert stage.script.diagnosed == []
