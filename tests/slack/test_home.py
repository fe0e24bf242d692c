from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.domain.askers import AskerPolicy
from bot.domain.people import Person
from bot.report.home_words import HomeWords
from bot.sandbox.slack import FaultKind, WebFault
from bot.sandbox.slack.text import blocks_text
from bot.slack.home import Homes, renew_homes

if TYPE_CHECKING:
    from tests.slack.conftest import Stage
    from tests.slack.script import Script

ANA, BEN = Person(team_id="T01", user_id="U01"), Person(team_id="T01", user_id="U02")


def opened(stage: Stage, name: str, tab: str = "home") -> str:
    """Let somebody open the page, and return what it says."""
    person = stage.slack.person(name)
    before = len(published(stage))
    assert person.opens_home(tab).ok
    if tab == "home":
        stage.until(lambda: len(published(stage)) > before)
    stage.quiet()
    return page(stage, name)


def page(stage: Stage, name: str) -> str:
    """Return what somebody's page says now."""
    return blocks_text(stage.slack.person(name).home().view["blocks"])


def published(stage: Stage) -> list[str]:
    """Return for whom a page was published, in order."""
    return [one.arguments["user_id"] for one in stage.slack.requests if one.method == "views.publish"]


def test_page_shows_what_waits_for_this_very_person(stage: Stage) -> None:
    """The plan waits for the approver with a link to its card; whoever asked for it sees that it was found."""
    stage.post_card()

    approver, asker = opened(stage, "ben"), opened(stage, "ana")

    assert "cluster-prod: Let members of sg-0abc talk to one another (medium risk, asked by ana" in approver
    assert "0 plans wait for you" in asker
    assert "cluster-prod: problem (DNS is blocked by a security group)" in asker
    assert "cluster-prod: problem" not in approver.partition("What you asked for")[2]
    assert "! cluster-prod: 1 open" in asker
    assert "? cluster-staging: never diagnosed" in asker


def test_page_is_renewed_when_it_would_say_something_else(stage: Stage) -> None:
    """Not before five seconds have passed, and not where it says the same."""
    now = [0.0]
    stage.bot.tools.homes.clock = lambda: now[0]
    stage.post_card()
    opened(stage, "ben")
    stage.press("ben", "Approve")
    renew_homes(stage.bot.tools)
    stage.quiet()
    assert published(stage) == ["U02"]

    for seconds in (5.0, 10.0):
        now[0] = seconds
        renew_homes(stage.bot.tools)
        stage.quiet()

    assert published(stage) == ["U02", "U02"]
    assert "0 plans wait for you" in page(stage, "ben")
    assert "Let members of sg-0abc talk to one another. Verified" in page(stage, "ben").partition("Recent changes")[2]


def test_who_may_not_ask_is_shown_no_cluster(script: Script, request: pytest.FixtureRequest) -> None:
    """Only why."""
    script.askers = AskerPolicy(users=("U02",))
    stage: Stage = request.getfixturevalue("stage")
    stage.slack.person("ana").opens_home()
    stage.until(lambda: published(stage))
    stage.quiet()

    said = page(stage, "ana")
    assert "You may not ask about clusters" in said
    assert "cluster-" not in said


def test_other_tabs_publish_nothing(stage: Stage) -> None:
    """Slack tells of the messages tab by the same event."""
    stage.slack.person("ana").opens_home("messages")
    stage.quiet()

    assert published(stage) == []


def test_people_are_forgotten_after_a_while() -> None:
    """And the oldest where there are too many."""
    now = [0.0]
    homes = Homes(clock=lambda: now[0])
    said = HomeWords(summary="x", clusters=(), waiting=(), asked=(), changes=(), refused="")
    homes.opened(ANA)
    now[0] = 800.0
    homes.opened(BEN)
    now[0] = 1000.0

    assert homes.people() == (BEN,)
    assert not homes.says(ANA, said)
    assert homes.says(BEN, said)
    assert homes.waits_seconds(BEN) == 5.0
    assert not homes.says(BEN, replace(said))


def test_page_that_slack_did_not_take_is_published_at_a_later_tick(stage: Stage) -> None:
    """Nothing new has to happen for it."""
    now = [0.0]
    stage.bot.tools.homes.clock = lambda: now[0]
    stage.slack.fail(WebFault(method="views.publish", kind=FaultKind.ERROR, error="internal_error", times=1))
    stage.slack.person("ana").opens_home()
    stage.until(lambda: published(stage))
    stage.quiet()

    now[0] = 5.0
    renew_homes(stage.bot.tools)
    stage.quiet()

    assert "? cluster-prod: never diagnosed" in page(stage, "ana")


def test_without_news_nobody_is_looked_up(stage: Stage) -> None:
    """Slack takes few look-ups of user groups a minute; where something is new few pages are made at once."""
    now = [0.0]
    homes = stage.bot.tools.homes
    homes.clock = lambda: now[0]
    people = [Person(team_id="T01", user_id=f"U{number:02}") for number in range(1, 9)]
    for person in people:
        homes.opened(person)
    homes.seen("something")

    turns = [homes.take_due() for _ in range(3)]
    homes.seen("something")

    assert turns == [tuple(people[:2:-1]), tuple(people[2::-1]), ()]
    assert homes.take_due() == ()
