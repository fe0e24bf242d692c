from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from bot.domain.changes import ChangePolicy, Freeze, GlassPolicy
from bot.domain.outbox import GLASS, Note, glass_key
from bot.domain.people import Person
from bot.sandbox.slack import as_text
from bot.sandbox.slack.roster import Channel
from bot.sandbox.slack.text import buttons

if TYPE_CHECKING:
    from bot.sandbox.slack import Seen
    from tests.slack.conftest import Stage
    from tests.slack.script import Script

CHANNEL = "C0123456789"
BEN = Person(team_id="T01", user_id="U02")


@pytest.fixture
def script(script: Script) -> Script:
    """Everything is frozen, and ana may break the glass."""
    freeze = Freeze(since=date(2000, 1, 1), until=date(2999, 1, 1), reason="sales")
    policy = ChangePolicy(environment="production", freezes=(freeze,), glass=GlassPolicy(users=("U01",)))
    script.changes = {"production": policy}
    return script


def _loud(stage: Stage) -> Seen:
    return next(one for one in stage.slack.person("ben").sees(CHANNEL) if "broke the glass at" in as_text(one))


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


def test_waiting_card_says_who_may_approve_alone_until_when_and_who_reviewed_it(stage: Stage) -> None:
    """A card that stood before, too; a glass that is broken for another cluster is not its matter."""
    stage.post_card()
    assert "Break-glass" not in stage.card_text()

    stage.slack.person("ana").types("/dns-break-glass cluster-prod CoreDNS is down and nobody answers")
    stage.quiet()
    stage.use.history.break_glass("cluster-staging", BEN, "another matter", timedelta(minutes=1))
    stage.look_for_work()
    broken = "not reviewed: ana may approve this alone until"
    assert broken in stage.card_text()
    assert "CoreDNS is down and nobody answers" in stage.card_text()
    assert "another matter" not in stage.card_text()

    stage.press("ben", "Reviewed", on=_loud(stage))
    assert "reviewed by ben: ana may approve this alone until" in stage.card_text()
    assert broken not in stage.card_text()


def test_wherever_it_is_reviewed_each_of_its_messages_says_so(stage: Stage) -> None:
    """Not only where Reviewed was pressed, or where dnsbot.yaml would have it told today."""
    stage.slack.person("ana").types("/dns-break-glass cluster-prod CoreDNS is down and nobody answers")
    stage.quiet()
    stage.slack.workspace.channels["C0TEAM"] = Channel(id="C0TEAM", name="team", has_bot=True)
    (glass,) = stage.use.history.broken_glass("cluster-prod")
    key = glass_key(glass.number, "C0TEAM")
    stage.bot.tools.say(Note(key=key, channel="C0TEAM", kind=GLASS, about={"number": str(glass.number)}))
    stage.quiet()

    stage.use.gate.review_break_glass(BEN, glass.number)
    stage.look_for_work()

    for channel in (CHANNEL, "C0TEAM"):
        texts = (as_text(one.seen()) for one in stage.slack.messages(channel))
        (text,) = [text for text in texts if "broke the glass at" in text]
        assert "Reviewed by ben" in text


def test_whoever_may_not_is_told_alone(stage: Stage) -> None:
    """Nothing is posted, nothing is diagnosed."""
    stage.slack.person("ben").types("/dns-break-glass cluster-prod CoreDNS is down and nobody answers")
    stage.quiet()
    assert [one for one in stage.slack.person("ana").sees(CHANNEL) if "Break-glass" in as_text(one)] == []
    assert stage.script.diagnosed == []
