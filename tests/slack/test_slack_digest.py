from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.dns.coredns_growth import DnsHealth
from bot.domain.cron import parse_cron
from bot.domain.digests import DigestSchedule
from bot.domain.health import Standing
from bot.errors import SourceTimeout
from bot.sandbox.slack import FaultKind, WebFault, as_text
from bot.sandbox.slack.roster import Channel
from bot.slack.digests import say_digest, send_digest, send_due_digests
from bot.workflow.digest_slots import DueDigest

if TYPE_CHECKING:
    from tests.slack.conftest import Stage
    from tests.slack.script import Script

CHANNEL = "C0123456789"
WELL = DnsHealth(standing=Standing(pods_wanted=2, pods_ready=2, restarts=0, nodes=2, zones=2), pods=())
ALWAYS = DigestSchedule(
    channel=CHANNEL,
    cron=parse_cron("0 * * * *"),
    timezone="Europe/Paris",
    clusters=("cluster-prod",),
    grace=timedelta(hours=2),
)


@pytest.fixture
def script(script: Script) -> Script:
    """One digest an hour, of a cluster that can be seen."""
    script.digests = (ALWAYS,)
    script.healths = {"cluster-prod": WELL, "cluster-staging": SourceTimeout("no answer within 10 s")}
    return script


def posted(stage: Stage) -> list[str]:
    """Return the digests in the channel."""
    texts = (as_text(one) for one in stage.slack.person("ben").sees(CHANNEL))
    return [text for text in texts if "DNS health" in text]


def send(stage: Stage) -> None:
    """Let the clock tick, and wait for what follows."""
    send_due_digests(stage.bot.tools)
    stage.quiet(60)


def test_a_slot_is_posted_once_and_says_what_is_new(stage: Stage) -> None:
    """However often the clock ticks, whatever other process ticks, and after a restart."""
    for _ in range(3):
        send(stage)

    (text,) = posted(stage)
    assert "1 new, 0 worse, 0 fixed, 0 still open in 1 cluster." in text
    assert "cluster-prod: DNS is blocked by a security group (critical, since" in text
    assert text.index("New (1)") < text.index("Worse (0)") < text.index("Fixed (0)") < text.index("Still open (0)")
    assert "! cluster-prod  1" in text
    assert "2/2" in text
    assert [one.cluster for one in stage.script.diagnosed] == ["cluster-prod"]


def test_the_next_digest_says_that_it_is_still_open_and_diagnoses_nothing_anew(stage: Stage) -> None:
    """Nothing about the cluster has changed."""
    tools, digester = stage.bot.tools, stage.use.digester
    assert digester is not None

    for slot in ("2026-12-01T09:00", "2026-12-01T10:00"):
        send_digest(tools, digester, DueDigest(schedule=ALWAYS, slot=slot))
    stage.quiet()

    first, second = posted(stage)
    assert "DNS health, 2026-12-01 09:00 Europe/Paris" in first
    assert "0 new, 0 worse, 0 fixed, 1 still open" in second
    assert "open since" in second
    assert len(stage.script.diagnosed) == 1


def test_a_slot_that_another_process_holds_is_left_to_it(stage: Stage) -> None:
    """One whose process was killed before it said anything is taken over."""
    tools, digester, health = stage.bot.tools, stage.use.digester, stage.script.health
    assert digester is not None
    held, dead = (DueDigest(schedule=ALWAYS, slot=f"2026-12-01T{hour}:00") for hour in ("09", "10"))
    assert health.claim(ALWAYS.name, held.slot, "other", seconds=60)
    assert health.claim(ALWAYS.name, dead.slot, "other", seconds=-1)

    for due in (held, dead):
        send_digest(tools, digester, due)
    stage.quiet()

    assert [text.splitlines()[0] for text in posted(stage)] == ["DNS health, 2026-12-01 10:00 Europe/Paris"]


def test_a_process_that_is_killed_after_it_said_a_digest_is_followed_by_no_second_one(stage: Stage) -> None:
    """The slot is taken over, the digest made again, and what is said a second time changes nothing."""
    tools, digester, health = stage.bot.tools, stage.use.digester, stage.script.health
    assert digester is not None
    due = DueDigest(schedule=ALWAYS, slot="2026-12-01T09:00")
    assert health.claim(ALWAYS.name, due.slot, "other", seconds=-1)
    say_digest(tools, digester.make(ALWAYS, slot=due.slot), key=due.key, channel=CHANNEL)

    send_digest(tools, digester, due)
    stage.quiet()

    assert len(posted(stage)) == 1
    assert not health.claim(ALWAYS.name, due.slot, "third", seconds=60)


def test_what_slack_certainly_did_not_take_is_sent_at_a_later_tick(stage: Stage) -> None:
    """It stays in the outbox until then."""
    stage.slack.fail(WebFault(method="chat.postMessage", kind=FaultKind.ERROR, error="not_in_channel", times=1))

    send(stage)
    stage.script.let_a_minute_pass()
    stage.look_for_work()

    assert len(posted(stage)) == 1


def test_a_quiet_digest_is_silent_until_something_changes(stage: Stage) -> None:
    """An open problem that was told is nothing new; a cluster that cannot be seen is."""
    tools, digester = stage.bot.tools, stage.use.digester
    assert digester is not None
    quiet = DigestSchedule(
        channel=CHANNEL, cron=ALWAYS.cron, timezone="UTC", clusters=("cluster-prod",), quiet=True
    )  # fmt: skip
    for hour in ("09", "10"):
        send_digest(tools, digester, DueDigest(schedule=quiet, slot=f"2026-12-01T{hour}:00"))
        stage.quiet()
    assert len(posted(stage)) == 1

    stage.script.healths["cluster-prod"] = SourceTimeout("no answer within 10 s")
    send_digest(tools, digester, DueDigest(schedule=quiet, slot="2026-12-01T11:00"))
    stage.quiet()

    newest = posted(stage)[-1]
    assert "1 still open in 1 cluster; 1 not seen." in newest
    assert "Not seen: cluster-prod. no answer within 10 s." in newest
    assert "? cluster-prod  not seen" in newest


def test_somebody_asks_now_for_the_channels_digest_or_for_one_cluster(stage: Stage) -> None:
    """It takes no slot, so the scheduled one is posted all the same."""
    stage.slack.person("ana").types("/dns-digest now")
    stage.quiet(60)
    stage.slack.person("ana").types("/dns-digest cluster-staging")
    stage.quiet(60)
    stage.slack.person("ana").types("/dns-digest nowhere")
    stage.quiet(60)
    send(stage)

    now, staging, scheduled = posted(stage)
    assert "in 1 cluster." in now
    assert "? cluster-staging  not seen" in staging
    assert "1 still open" in scheduled or "1 new" in scheduled
    assert "No cluster" in stage.slack.person("ana").sees_text(CHANNEL) or "nowhere" in stage.slack.person(
        "ana"
    ).sees_text(CHANNEL)


def test_where_a_guest_is_the_asker_alone_sees_the_digest(stage: Stage) -> None:
    """Whether of one cluster or of all; in direct messages it stands as ever."""
    stage.slack.workspace.channels["C0MIXED"] = Channel(id="C0MIXED", name="mixed", has_bot=True)
    for words in ("cluster-prod", "now"):
        stage.slack.person("ana").types(f"/dns-digest {words}", channel="C0MIXED")
        stage.quiet(60)

    told = stage.slack.person("ana").sees_text("C0MIXED")
    assert told.count("Not everybody in this channel may see this cluster") == 2
    assert told.count("DNS health, ") == 2
    assert stage.slack.person("guest").sees_text("C0MIXED") == ""
    assert stage.bot.tools.awaited == {}


def test_the_button_diagnoses_in_the_digests_thread(stage: Stage) -> None:
    """Whoever may ask presses it."""
    send(stage)
    digest = next(one for one in stage.slack.person("ben").sees(CHANNEL) if "DNS health" in as_text(one))

    stage.slack.person("ben").clicks(digest, "Diagnose cluster-prod")
    stage.quiet(60)

    assert len(stage.script.diagnosed) == 2
    threads = [one.thread_ts for one in stage.slack.messages(CHANNEL) if "cluster-prod" in as_text(one.seen())]
    assert digest.ts in threads


def mute(stage: Stage, name: str) -> None:
    """Let somebody mute the problem of the newest digest for a week."""
    digest = [one for one in stage.slack.person("ben").sees(CHANNEL) if "DNS health" in as_text(one)][-1]
    person = stage.slack.person(name)
    person.clicks(digest, "Mute a known issue")
    view = person.wait_for_view()
    answers = {"issue": "cluster-prod dns_blocked_by_security_group", "reason": "TICKET-7", "days": "7"}
    assert person.submits(view, answers).errors == {}
    stage.quiet(60)


def test_a_known_issue_is_muted_by_an_approver_and_listed_as_muted(stage: Stage) -> None:
    """With who, why and until when; it is neither dropped nor told as open, and comes back when its time is over."""
    tools, digester = stage.bot.tools, stage.use.digester
    assert digester is not None
    send_digest(tools, digester, DueDigest(schedule=ALWAYS, slot="2026-12-01T09:00"))
    stage.quiet()

    mute(stage, "ben")
    send_digest(tools, digester, DueDigest(schedule=ALWAYS, slot="2026-12-01T10:00"))
    with stage.script.history.real.database.writing() as connection:
        connection.exec_driver_sql("UPDATE mutes SET until = '2026-01-01 00:00:00.000000'")
    send_digest(tools, digester, DueDigest(schedule=ALWAYS, slot="2026-12-01T11:00"))
    stage.quiet()

    _, muted, over = posted(stage)
    assert "0 new, 0 worse, 0 fixed, 0 still open, 1 muted in 1 cluster." in muted
    assert "(critical, muted by ben until" in muted
    assert ": TICKET-7)" in muted
    assert "! cluster-prod  1" in muted
    assert "0 fixed, 1 still open in 1 cluster." in over
    assert "is muted until" in stage.slack.person("ben").sees_text(CHANNEL)


def test_who_may_not_approve_may_not_mute(stage: Stage) -> None:
    """It is told why, alone."""
    send(stage)

    mute(stage, "ana")

    assert stage.script.health.mutes("cluster-prod") == ()
    assert "You may not decide on plans" in stage.slack.person("ana").sees_text(CHANNEL)
    assert "You may not decide on plans" not in stage.slack.person("ben").sees_text(CHANNEL)
