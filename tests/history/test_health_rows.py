from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.approvals import Choice, Outcome, ProposalState, Result
from bot.domain.diagnosis import Diagnosis
from bot.domain.findings import Severity, Verdict
from bot.domain.health import Mute, Problem, Sample, Served, Standing
from bot.domain.people import Person
from bot.history import SqlHistory
from bot.history.health import SqlHealth

CLUSTER, RULE = "cluster-prod", "dns_blocked_by_security_group"
STANDING = Standing(pods_wanted=2, pods_ready=2, restarts=0, nodes=2, zones=2)
LONG = timedelta(days=365)


@pytest.fixture
def store(history: SqlHistory) -> SqlHealth:
    """The store of health beside an empty history."""
    return SqlHealth(database=history.database)


def sample(at: datetime, queries: int = 60, **more: Any) -> Sample:
    """Return what was seen at a time."""
    return Sample(cluster=CLUSTER, at=at, standing=STANDING, served=Served(seconds=600.0, queries=queries), **more)


def test_a_slot_is_taken_once_however_many_try(store: SqlHealth) -> None:
    """Eight at once: one wins; when it is done nobody gets it again."""
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda at: store.claim("digest", "09:00", f"p{at}", seconds=60), range(8)))
    owner = f"p{won.index(True)}"

    assert sum(won) == 1
    assert not store.claim("digest", "09:00", owner, seconds=60)
    assert store.claim("digest", "10:00", "other", seconds=60)

    store.done("digest", "09:00", owner, {"a": 1})

    assert not store.claim("digest", "09:00", "other", seconds=60)
    said = store.last_said("digest")
    assert said is not None
    assert said[1] == {"a": 1}
    assert timedelta() <= store.now() - said[0] < timedelta(minutes=5)
    assert store.last_said("another") is None


def test_a_slot_whose_process_ended_is_taken_over(store: SqlHealth) -> None:
    """A process that was only slow finds out, and ends nothing; one that is given back is free at once."""
    assert store.claim("digest", "09:00", "dead", seconds=-1)
    assert store.claim("digest", "09:00", "heir", seconds=60)
    assert not store.renew("digest", "09:00", "dead", seconds=60)
    assert store.renew("digest", "09:00", "heir", seconds=60)
    store.done("digest", "09:00", "dead", {})
    store.give_back("digest", "09:00", "dead")
    assert not store.claim("digest", "09:00", "third", seconds=60)

    store.give_back("digest", "09:00", "heir")

    assert store.claim("digest", "09:00", "third", seconds=60)


def test_samples_make_a_series_and_hours_that_stay_longer(store: SqlHealth, sql: Callable[[str], Any]) -> None:
    """Each for two weeks, its hour for a year; an hour is the sum of its samples."""
    now = store.now()
    hour = (now - timedelta(days=20)).replace(minute=0, second=0, microsecond=0)
    old = [hour + timedelta(minutes=minute) for minute in (5, 15, 65)]
    before: datetime | None = None
    for at in (*old, now - timedelta(hours=3)):
        assert store.keep(sample(at), {"pod": {"n": 1}}, before=before)
        before = at

    series = store.series(CLUSTER, since=now - timedelta(days=30), until=now)

    assert [one.at for one in series] == [hour, hour + timedelta(hours=1), now - timedelta(hours=3)]
    assert [one.served.queries for one in series if one.served] == [120, 60, 60]
    assert series[0].served == Served(seconds=1200.0, queries=120)

    store.forget(hours_older_than=LONG)
    assert sql("SELECT resolution, count(*) FROM health_series GROUP BY resolution ORDER BY 1") == [
        ("hour", 3),
        ("raw", 1),
    ]
    store.forget(hours_older_than=timedelta(days=10))
    assert sql("SELECT resolution, count(*) FROM health_series GROUP BY resolution ORDER BY 1") == [
        ("hour", 1),
        ("raw", 1),
    ]


def test_a_sample_whose_differences_were_taken_already_is_not_kept(store: SqlHealth) -> None:
    """Two processes looked at once: what was served would be counted twice."""
    first, second = store.now() - timedelta(minutes=20), store.now() - timedelta(minutes=10)
    assert store.keep(sample(first, since_start=True), {"pod": {"n": 1}}, before=None)
    assert store.keep(sample(second), {"pod": {"n": 2}}, before=first)
    assert not store.keep(sample(second + timedelta(seconds=1)), {"pod": {"n": 3}}, before=first)

    scrape = store.scrape(CLUSTER)

    assert scrape is not None
    assert (scrape.at, scrape.counters) == (second, {"pod": {"n": 2}})
    assert len(store.series(CLUSTER, since=first, until=store.now())) == 2
    assert store.scrape("another") is None


def test_what_another_version_wrote_is_left_out(store: SqlHealth, sql: Callable[[str], Any]) -> None:
    """It hides nothing else."""
    first, second = store.now() - timedelta(minutes=20), store.now() - timedelta(minutes=10)
    store.keep(sample(first), {}, before=None)
    sql("UPDATE health_series SET document = '{\"form\": 9}'")
    store.keep(sample(second), {}, before=first)

    assert [one.at for one in store.series(CLUSTER, since=first, until=store.now())] == [second]


@pytest.fixture
def found(history: SqlHistory, diagnosis_of: Callable[..., Diagnosis]) -> Callable[..., None]:
    """Record what a diagnosis found, some hours after nine."""
    start = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)

    def record(
        hours: float, verdict: Verdict, severity: Severity = Severity.CRITICAL, *, explained_by: tuple[str, ...] = ()
    ) -> None:
        made = diagnosis_of(f"d{hours}", started_at=start + timedelta(hours=hours))
        judgement = replace(made.findings[0].judgement, verdict=verdict)
        finding = replace(made.findings[0], judgement=judgement, severity=severity, explained_by=explained_by)
        history.record(replace(made, findings=(finding,)))

    return record


def problems(store: SqlHealth, fixed_since: datetime = datetime(2026, 11, 21, tzinfo=UTC)) -> list[Problem]:
    """Return those of the cluster."""
    return list(store.problems(CLUSTER, fixed_since=fixed_since))


def test_a_problem_is_open_since_it_was_first_found_after_it_was_healthy(
    store: SqlHealth, found: Callable[..., None]
) -> None:
    """What could not decide neither opens nor ends it; how bad it was before is known."""
    found(0, Verdict.PROBLEM)
    found(1, Verdict.HEALTHY)
    found(2, Verdict.PROBLEM, Severity.WARNING)
    found(3, Verdict.UNKNOWN)
    found(4, Verdict.PROBLEM)

    (problem,) = problems(store)

    assert (problem.rule, problem.severity, problem.worst_before) == (RULE, "critical", "warning")
    assert (problem.since.hour, problem.seen_at.hour, problem.fixed_at) == (11, 13, None)
    last = store.last_diagnosis(CLUSTER)
    assert last is not None
    assert (last.at.hour, last.verdict) == (13, "problem")
    assert store.last_diagnosis("another") is None


def test_a_mute_is_kept_with_what_was_at_fault_until_its_time_is_over(
    store: SqlHealth, found: Callable[..., None]
) -> None:
    """The problem names it, too; a mute whose time is over is none."""
    found(0, Verdict.PROBLEM)
    (problem,) = problems(store)
    person = Person(team_id="T01", user_id="U01")
    mute = Mute(
        cluster=CLUSTER,
        rule=RULE,
        severity="warning",
        since=problem.since,
        owner=person,
        reason="known",
        until=store.now() + timedelta(days=1),
        objects=problem.objects,
    )

    store.mute(mute)
    store.mute(replace(mute, reason="long ago", until=store.now() - timedelta(seconds=1)))

    assert problem.objects == ("security group sg-0abc ingress",)
    assert store.mutes(CLUSTER) == (mute,)


def test_what_another_problem_explains_is_not_told(store: SqlHealth, found: Callable[..., None]) -> None:
    """It stands under its cause in the report."""
    found(0, Verdict.PROBLEM, explained_by=("another",))

    assert problems(store) == []


def test_a_fixed_problem_names_the_plan_that_was_verified(
    store: SqlHealth,
    history: SqlHistory,
    found: Callable[..., None],
    diagnosis_of: Callable[..., Diagnosis],
    draft_of: Callable[..., Any],
    press_of: Callable[..., Any],
) -> None:
    """Only the plan's own finding; without a plan it was fixed by somebody else."""
    now = store.now()
    hours = (now - datetime(2026, 11, 21, 9, 0, tzinfo=UTC)) / timedelta(hours=1)
    history.record(diagnosis_of("d1"))
    found(hours - 1, Verdict.PROBLEM)
    draft = draft_of()
    history.propose(draft)
    history.take(press_of(draft, choice=Choice.APPROVE), required=1)
    lease: Any = history.begin("p1", "process")
    found(hours, Verdict.HEALTHY)
    outcome = Outcome(proposal_id="p1", result=Result.VERIFIED, summary="well", steps=(), finished_at=now)
    history.finish(lease, outcome, ProposalState.DONE)

    (problem,) = problems(store, fixed_since=now - timedelta(minutes=5))

    assert problem.fixed_at is not None
    assert problem.fixed_by == "Open the port (p1)"
    assert problems(store, fixed_since=now + timedelta(minutes=5)) == []
