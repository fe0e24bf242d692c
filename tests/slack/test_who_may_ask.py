"""Who is let in, how many diagnoses there may be at once, and that one question is found out once."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.askers import AskerPolicy
from bot.domain.cluster import PodName, Question
from bot.domain.people import Person, Standing, machine
from bot.errors import HistoryUnavailable, Refused
from bot.sandbox.slack import Kind, as_text
from bot.sandbox.slack.roster import Channel
from bot.slack.diagnosing import begin_diagnosis
from bot.slack.incoming import Origin
from bot.slack.running import RunningDiagnoses
from bot.workflow.may_ask import Door

CHANNEL = "C0123456789"
ANA, BEN = Person(team_id="T01", user_id="U01"), Person(team_id="T01", user_id="U02")
QUESTION = Question(cluster="cluster-prod")


class People:
    """A directory of full members, in which S01 holds U02."""

    down = False

    def standing(self, person: Person) -> Standing:
        """Return a full member."""
        if self.down:
            raise HistoryUnavailable("Nobody answers.")
        return Standing(
            person=person, name="n", home_team_id="T01",
            is_bot=person.user_id == "UBOT", is_guest=False, is_deactivated=False,
            is_stranger=False,
        )  # fmt: skip

    def channel_members(self, channel: str, *, at_most: int) -> frozenset[str]:
        """Return two people and a program."""
        if self.down or at_most < 3:
            raise Refused(f"Nobody says who is in {channel}.")
        return frozenset({"U01", "U02", "UBOT"})

    def group_members(self, group_ids: Any) -> frozenset[str]:
        """Return U02 for S01."""
        return frozenset({"U02"}) if "S01" in group_ids else frozenset()


@pytest.mark.parametrize(
    ("policy", "person", "enters"),
    [
        (AskerPolicy(), ANA, True),
        (AskerPolicy(machines=("alertmanager",)), ANA, True),
        (AskerPolicy(users=("U01",)), ANA, True),
        (AskerPolicy(users=("U01",)), BEN, False),
        (AskerPolicy(user_groups=("S01",)), BEN, True),
        (AskerPolicy(user_groups=("S01",)), ANA, False),
        (AskerPolicy(users=("U01",), user_groups=("S01",)), ANA, True),
        (AskerPolicy(), replace(ANA, team_id="T77"), False),
        (AskerPolicy(users=("U01",)), replace(ANA, team_id="T77"), False),
        (AskerPolicy(), replace(ANA, team_id=""), False),
    ],
)
def test_the_policy_lets_in_whom_it_names_and_by_default_everybody(
    policy: AskerPolicy,
    person: Person,
    enters: bool,  # noqa: FBT001  # a table
) -> None:
    """Whatever it says, nobody of another team."""
    door = Door(directory=People(), team_id="T01", policy=policy)

    try:
        door.check(person)
    except Refused:
        assert not enters
    else:
        assert enters


def test_who_cannot_be_looked_up_is_not_let_in() -> None:
    """Nobody is entitled by default."""
    people = People()
    people.down = True

    with pytest.raises(Refused, match="could not be looked up"):
        Door(directory=people, team_id="T01", policy=AskerPolicy()).check(ANA)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        pytest.param("guest", "it is a guest", id="guest"),
        pytest.param("robot", "it is a bot", id="bot"),
        pytest.param("gone", "it is deactivated", id="deactivated"),
        pytest.param("stranger", "not of the workspace that this bot serves", id="stranger"),
    ],
)
@pytest.mark.parametrize("way", ["command", "mention", "button"])
def test_doubtful_accounts_are_refused_a_diagnosis_by_every_way(stage: Any, way: str, name: str, why: str) -> None:
    """They are told alone; nothing is diagnosed for them."""
    if way == "button":
        stage.script.summary, stage.script.result = "no", type(stage.script.result).NOT_VERIFIED
        stage.post_card()
        stage.press("ben", "Approve")
    before = len(stage.script.diagnosed)

    if way == "command":
        stage.slack.person(name).types("/dns-diagnose cluster-prod")
        stage.quiet()
    elif way == "mention" and name != "robot":  # what bots say is not even looked at
        stage.mention(name, "@dnsbot diagnose cluster-prod")
    elif way == "button":
        stage.press(name, "diagnose_again")

    assert len(stage.script.diagnosed) == before
    if (way, name) != ("mention", "robot"):
        assert why in stage.slack.person(name).sees_text()
        assert why not in stage.slack.person("ben").sees_text()


@pytest.mark.parametrize(
    "words", ["history", "history cluster-prod", "history cluster-x", "diagnose cluster-x", "help"]
)
@pytest.mark.parametrize("way", ["command", "mention"])
def test_who_may_not_ask_sees_nothing_of_any_cluster(stage: Any, way: str, words: str) -> None:
    """Neither the history nor a cluster's name, not even as "did you mean"; help tells what the commands are."""
    stage.post_card()
    guest = stage.slack.person("guest")
    before = guest.sees_text()

    if way == "command":
        guest.types(f"/dns-{words}")
        stage.quiet()
    else:
        stage.mention("guest", f"@dnsbot {words}")

    told = guest.sees_text().removeprefix(before).replace(f"<@U0DNSBOT> {words}", "")
    assert "it is a guest" in told
    assert "cluster-prod" not in told
    assert "sg-0abc" not in told
    assert ("/dns-history" in told) is (words == "help")


@pytest.mark.parametrize("words", ["history", "help"])
def test_who_is_not_among_the_askers_is_told_so(script: Any, request: pytest.FixtureRequest, words: str) -> None:
    """A full member whom the policy leaves out."""
    script.askers = AskerPolicy(users=("U77",))
    stage = request.getfixturevalue("stage")

    stage.slack.person("ben").types(f"/dns-{words}")
    stage.quiet()

    assert "You may not ask about clusters. Who can ask: @" in stage.slack.person("ben").sees_text()
    assert "cluster-prod" not in stage.slack.person("ben").sees_text()


@pytest.mark.parametrize("way", ["command", "mention"])
def test_a_request_of_another_team_is_refused_and_leaves_nothing_to_approve(stage: Any, way: str) -> None:
    """The user ids of one organisation are the same in all its teams: who asked as T77 could approve as T01."""
    if way == "command":
        body = {
            "command": "/dns-diagnose", "text": "cluster-prod", "team_id": "T77", "user_id": "U02",
            "channel_id": CHANNEL, "trigger_id": "t-77", "response_url": "",
        }  # fmt: skip
        assert stage.slack.deliver(body, kind=Kind.COMMAND).ok
    else:
        event = {
            "type": "app_mention", "user": "U02", "user_team": "T77", "text": "<@U0DNSBOT> diagnose cluster-prod",
            "channel": CHANNEL, "ts": "1.1",
        }  # fmt: skip
        assert stage.slack.deliver_event(
            {"type": "event_callback", "team_id": "T01", "event_id": "Ev77", "event": event}
        ).ok
    stage.quiet()
    assert stage.slack.wait_until(lambda: "not of the workspace" in stage.slack.person("ben").sees_text())

    assert stage.script.diagnosed == []


@pytest.mark.parametrize("asks", ["command", "mention"])
@pytest.mark.parametrize("decides", ["button", "modal"])
def test_by_every_pair_of_ways_a_requester_withdraws_and_does_not_approve(stage: Any, asks: str, decides: str) -> None:
    """Ben may approve what others asked for, not his own."""
    if asks == "command":
        stage.slack.person("ben").types("/dns-diagnose cluster-prod")
        stage.quiet()
    else:
        stage.mention("ben", "@dnsbot diagnose cluster-prod")
    card = stage.card()

    stage.press("ben", "Approve", card)
    assert "somebody else must approve" in stage.slack.person("ben").sees_text()
    assert stage.decided() == []

    if decides == "modal":
        stage.press("ben", "Reject", card)
        stage.slack.person("ben").submits(stage.slack.person("ben").wait_for_view(), {"reason": "mine"})
        stage.quiet()
        assert stage.decided() == [("U02", "mine")]
    stage.press("ben", "Approve", card)
    assert stage.script.repaired == []


def test_the_same_question_is_found_out_once_and_linked_to(stage: Any) -> None:
    """Whoever asks in the same channel is told where the report will stand."""
    stage.script.hold = threading.Event()
    ana, ben = stage.slack.person("ana"), stage.slack.person("ben")
    ana.types("/dns-diagnose cluster-prod coredns name=a.example name=b.example")
    stage.until(lambda: stage.script.diagnosed and stage.slack.messages(CHANNEL) and not stage.use.history.due())

    ben.types("/dns-diagnose cluster-prod coredns name=b.example name=a.example")
    assert stage.slack.wait_until(lambda: "ana asked the same" in ben.sees_text())
    stage.script.hold.set()
    stage.quiet()

    assert len(stage.script.diagnosed) == 1
    assert stage.script.diagnosed[0].names == ("a.example", "b.example")
    assert "the report will be here: http" in ben.sees_text()
    assert len([one for one in stage.slack.messages(CHANNEL) if "Root cause" in as_text(one.seen())]) == 1


def test_whoever_asks_the_same_elsewhere_gets_the_same_report_there(stage: Any) -> None:
    """The plan is proposed once, in the name of who asked first."""
    stage.script.hold = threading.Event()
    stage.slack.person("ana").types("/dns-diagnose cluster-prod")
    assert stage.slack.wait_until(lambda: stage.script.diagnosed)
    stage.slack.person("ben").types("/dns-diagnose cluster-prod", channel="C0OUTSIDE")
    assert stage.slack.wait_until(
        lambda: "no member of this channel" in stage.slack.person("ben").sees_text("C0OUTSIDE")
    )

    stage.script.hold.set()
    stage.quiet()

    assert len(stage.script.diagnosed) == 1
    assert "sg-0abc lets udp/53 in from nobody" in stage.slack.person("ben").sees_text("C0OUTSIDE")
    assert "sg-0abc lets udp/53 in from nobody" in stage.slack.person("ana").sees_text()
    assert stage.proposal().requested_by == ANA


def test_nobody_has_more_than_three_diagnoses_at_once(stage: Any) -> None:
    """The fourth is refused to that person alone; others go on."""
    stage.script.hold = threading.Event()
    ana, ben = stage.slack.person("ana"), stage.slack.person("ben")
    for number in range(4):
        ana.types(f"/dns-diagnose cluster-prod name=n{number}.example")
    ben.types("/dns-diagnose cluster-prod")
    assert stage.slack.wait_until(lambda: len(stage.script.diagnosed) == 4)
    assert stage.slack.wait_until(lambda: "3 diagnoses that you asked for" in ana.sees_text())
    assert "that you asked for" not in ben.sees_text()

    stage.script.hold.set()
    stage.quiet()
    ana.types("/dns-diagnose cluster-prod name=n9.example")
    stage.quiet()
    assert len(stage.script.diagnosed) == 5


def test_a_cluster_is_not_diagnosed_more_often_at_once_than_it_may_be() -> None:
    """Whoever asks; another cluster is another matter, and what ended counts no more."""
    running: RunningDiagnoses[str] = RunningDiagnoses(AskerPolicy(at_once_per_person=9, at_once_per_cluster=2))
    first, is_new = running.enter(QUESTION, ANA)
    running.enter(replace(QUESTION, pod=PodName(namespace="shop", name="web")), BEN)

    with pytest.raises(Refused, match="2 diagnoses of cluster-prod are under way"):
        running.enter(replace(QUESTION, names=("a.example",)), ANA)

    assert is_new
    assert running.enter(QUESTION, BEN) == (first, False)
    assert running.enter(Question(cluster="cluster-test"), ANA)[1]
    assert running.wait(first, "channel")
    assert running.end(first) == ("channel",)
    assert not running.wait(first, "late")
    assert running.enter(QUESTION, BEN)[1]


def test_a_fault_of_the_bot_lets_the_question_go(stage: Any) -> None:
    """The next one who asks is not sent to a diagnosis that nobody runs."""
    stage.script.make = None
    stage.slack.person("ana").types("/dns-diagnose cluster-prod")
    stage.quiet()

    stage.slack.person("ana").types("/dns-diagnose cluster-prod")
    stage.quiet()

    assert len(stage.script.diagnosed) == 2


@pytest.mark.parametrize(
    ("policy", "channel", "shown"),
    [
        (AskerPolicy(), "C-OTHER", True),
        (AskerPolicy(users=("U01",)), "C-OTHER", False),
        (AskerPolicy(users=("U01",)), CHANNEL, True),
        (AskerPolicy(users=("U01",)), "D01", True),
        (AskerPolicy(users=("U01", "U02")), "C-OTHER", True),
    ],
)
def test_a_channel_is_shown_what_all_its_members_may_see(
    policy: AskerPolicy,
    channel: str,
    shown: bool,  # noqa: FBT001  # a table
) -> None:
    """The cluster's own channel, direct messages, and channels whose members may all ask; programs do not count."""
    door = Door(directory=People(), team_id="T01", policy=policy)

    try:
        door.check_channel(channel, {CHANNEL})
    except Refused:
        assert not shown
    else:
        assert shown


def test_in_a_channel_with_a_guest_the_asker_alone_sees_what_was_found(stage: Any) -> None:
    """The report and its evidence are shown to whoever asked, and to nobody else; the card stands where it belongs."""
    stage.slack.workspace.channels["C0MIXED"] = Channel(id="C0MIXED", name="mixed", has_bot=True)
    stage.slack.person("ana").types("/dns-diagnose cluster-prod", channel="C0MIXED")
    stage.quiet()

    told = stage.slack.person("ana").sees_text("C0MIXED")
    assert "Not everybody in this channel may see this cluster" in told
    assert "sg-0abc lets udp/53 in from nobody" in told
    assert "looked from 2 of 3 nodes" in told
    assert stage.slack.person("guest").sees_text("C0MIXED") == ""
    assert "sg-0abc" in stage.slack.person("ben").sees_text()


def test_a_program_is_refused_where_not_everybody_may_see(stage: Any) -> None:
    """Nobody could be told alone; in the cluster's own channel it is as ever."""
    stage.slack.workspace.channels["C0MIXED"] = Channel(id="C0MIXED", name="mixed", has_bot=True)
    origin = Origin(person=machine("alertmanager"), channel="C0MIXED")

    with pytest.raises(Refused, match="Not everybody in this channel"):
        begin_diagnosis(stage.bot.tools, origin, QUESTION, delivery="alert:1")
    assert begin_diagnosis(stage.bot.tools, replace(origin, channel=CHANNEL), QUESTION, delivery="alert:2")
    stage.quiet()

    assert stage.slack.person("guest").sees_text("C0MIXED") == ""
    assert len(stage.script.diagnosed) == 1


def test_in_a_channel_of_people_who_may_ask_everybody_sees_it(stage: Any) -> None:
    """Ana and ben are full members: the report stands in their channel, with its evidence in the thread."""
    stage.slack.workspace.channels["C0TEAM"] = Channel(
        id="C0TEAM", name="team", has_bot=True, members=("U01", "U02", "U0DNSBOT")
    )
    stage.slack.person("ana").types("/dns-diagnose cluster-prod", channel="C0TEAM")
    stage.quiet()

    assert "sg-0abc lets udp/53 in from nobody" in stage.slack.person("ben").sees_text("C0TEAM")
