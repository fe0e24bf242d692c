from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from bot.domain.askers import AskerPolicy
from bot.domain.cron import parse_cron
from bot.domain.digests import DigestSchedule
from bot.domain.people import Person
from bot.history.tables import subscriptions as rows
from bot.sandbox.slack.roster import Channel
from bot.slack.digests import send_digest, send_due_digests
from bot.workflow.digest_slots import DueDigest
from tests.slack.test_slack_digest import WELL, posted

if TYPE_CHECKING:
    from tests.slack.conftest import Stage
    from tests.slack.script import Script

CHANNEL = "C0123456789"
ANA = Person(team_id="T01", user_id="U01")
ANSWERS = {"clusters": "cluster-prod", "cron": "* * * * *", "timezone": "Europe/Paris", "quiet": "no"}
OF_FILE = DigestSchedule(
    channel=CHANNEL,
    cron=parse_cron("0 0 1 1 *"),
    timezone="UTC",
    clusters=("cluster-prod",),
    grace=timedelta(minutes=1),
)


@pytest.fixture
def script(script: Script) -> Script:
    """One digest a year in dnsbot.yaml."""
    script.digests, script.healths = (OF_FILE,), {"cluster-prod": WELL}
    return script


def subscribe(stage: Stage, name: str = "ana", **changes: str) -> dict[str, str]:
    """Let somebody subscribe the channel, and return the form's complaints."""
    person = stage.slack.person(name)
    person.types("/dns-digest subscribe")
    errors = person.submits(person.wait_for_view(), {**ANSWERS, **changes}).errors
    stage.quiet()
    return dict(errors)


def test_subscribed_channel_gets_digests_until_it_is_unsubscribed(stage: Stage) -> None:
    """Whoever may ask does both; the channel is told who did, and the digest of dnsbot.yaml stays."""
    assert subscribe(stage) == {}
    send_due_digests(stage.bot.tools)
    stage.quiet()
    assert len(posted(stage)) == 1
    assert [one.clusters for one in stage.use.schedules()] == [("cluster-prod",)] * 2

    ben = stage.slack.person("ben")
    ben.types("/dns-digest unsubscribe")
    view = ben.wait_for_view()
    (option,) = view.view["blocks"][0]["element"]["options"]
    assert ben.submits(view, {"schedule": option["value"]}).errors == {}
    stage.quiet()

    assert stage.use.schedules() == (OF_FILE,)
    said = ben.sees_text(CHANNEL)
    assert "ana subscribed this channel to digests: * * * * * Europe/Paris, cluster-prod." in said
    assert "ben ended this channel's digests: * * * * * Europe/Paris, cluster-prod." in said


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        pytest.param({"cron": "every day"}, "in the form", id="no cron"),
        pytest.param({"timezone": "Mars/Olympus"}, "in the form", id="no time zone"),
        pytest.param({"cron": "0 0 1 1 *", "timezone": "UTC"}, "alone", id="there already"),
    ],
)
def test_form_that_cannot_be_followed_subscribes_nothing(stage: Stage, changes: dict[str, str], where: str) -> None:
    """It says why, in the form where that can be told at once."""
    errors = subscribe(stage, **changes)

    assert bool(errors) is (where == "in the form")
    assert stage.use.subscriptions is not None
    assert stage.use.subscriptions.all() == ()
    assert errors or "dnsbot.yaml has a digest of this channel" in stage.slack.person("ana").sees_text(CHANNEL)


def test_who_may_not_ask_may_not_subscribe(script: Script, request: pytest.FixtureRequest) -> None:
    """The form that opens says so, and asks for nothing."""
    script.askers = AskerPolicy(users=("U02",))
    stage: Stage = request.getfixturevalue("stage")

    stage.slack.person("ana").types("/dns-digest subscribe")
    stage.quiet()

    assert "You may not ask about clusters" in stage.slack.person("ana").sees_text(CHANNEL)
    form = stage.slack.person("ana").view().view
    assert "submit" not in form
    assert "You may not ask about clusters" in str(form)


def test_channel_with_a_guest_is_neither_subscribed_nor_shown_a_digest(stage: Stage) -> None:
    """The asker is told alone; where the guest joined later, the channel is told why, once a day."""
    stage.slack.workspace.channels["C0MIXED"] = Channel(id="C0MIXED", name="mixed", has_bot=True)
    ana, kept = stage.slack.person("ana"), stage.use.subscriptions
    assert kept is not None
    ana.types("/dns-digest subscribe", channel="C0MIXED")
    assert ana.submits(ana.wait_for_view(), ANSWERS).errors == {}
    stage.quiet()
    assert "Not everybody in this channel may see" in ana.sees_text("C0MIXED")
    assert kept.all() == ()

    schedule = DigestSchedule(
        channel="C0MIXED", cron=parse_cron("* * * * *"), timezone="UTC", clusters=("cluster-prod",)
    )
    kept.subscribe(schedule, ANA)
    tools, digester = stage.bot.tools, stage.use.digester
    assert digester is not None
    for slot in ("2026-12-01T09:00", "2026-12-01T09:01", "2026-12-02T09:00"):
        send_digest(tools, digester, DueDigest(schedule=schedule, slot=slot))
    stage.quiet()

    seen = stage.slack.person("guest").sees_text("C0MIXED")
    assert seen.count("is not shown. Not everybody in this channel may see") == 2
    assert "sg-0abc" not in seen
    assert "DNS health" not in seen
    assert stage.script.diagnosed == []


def test_subscription_without_clusters_is_to_all_that_there_are(stage: Stage) -> None:
    """One to a cluster that is configured no more is left aside, and so is a row that another version wrote."""
    kept = stage.use.subscriptions
    assert kept is not None
    for cron, clusters in (("1 * * * *", ()), ("2 * * * *", ("gone",)), ("3 * * * *", ("cluster-staging",))):
        schedule = DigestSchedule(channel=CHANNEL, cron=parse_cron(cron), timezone="UTC", clusters=clusters, quiet=True)
        kept.subscribe(schedule, ANA)
    with stage.script.history.real.database.writing() as connection:
        connection.execute(update(rows).where(rows.c.schedule.contains("3 *")).values(document={"cron": 7}))

    _, found = stage.use.schedules()

    assert (found.cron.text, found.quiet, found.clusters) == ("1 * * * *", True, ("cluster-prod", "cluster-staging"))


def test_a_mention_opens_no_form(stage: Stage) -> None:
    """Slack gives it nothing to open one with; it is told what to type."""
    stage.mention("ana", "@dnsbot digest subscribe")

    assert "type /dns-digest subscribe" in stage.slack.person("ana").sees_text(CHANNEL)
