from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.dns.coredns_growth import CountedPod, DnsHealth
from bot.dns.coredns_metrics import parse_metrics
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.cron import parse_cron
from bot.domain.digests import CAPACITY, UNHEALTHY, DigestSchedule
from bot.domain.evidence import Gap
from bot.domain.health import Capacity, EndpointUse, Mute, Problem, Served, Standing
from bot.domain.people import Person
from bot.errors import ClusterMismatch, SourceTimeout
from bot.history import migrate
from bot.history.engine import open_database
from bot.history.health import SqlHealth
from bot.workflow.digest import Digester
from bot.workflow.digest_slots import DueDigest, due_digests, holding
from bot.workflow.health_changes import differs, endpoints_worsened, sort_out, worsened
from bot.workflow.light_rounds import LightRounds

STANDING = Standing(pods_wanted=1, pods_ready=1, restarts=0, nodes=1, zones=1, pods=("coredns-1",))
START = 1_763_715_600


def counted(queries: int) -> CountedPod:
    """Return a pod that has answered so many."""
    page = (
        f'coredns_dns_requests_total{{type="A"}} {queries}\ncoredns_dns_responses_total{{rcode="NOERROR"}} {queries}\n'
        f"process_start_time_seconds {START}\n"
    )
    return CountedPod(name="coredns-1", node="node-1", counters=parse_metrics(page))


@dataclass
class World:
    """Clusters as light rounds and diagnoses see them."""

    seen: dict[str, DnsHealth | Exception]
    hung: threading.Event = field(default_factory=threading.Event)
    hangs: frozenset[str] = frozenset()
    diagnosed: list[str] = field(default_factory=list)

    def look(self, target: ClusterTarget) -> DnsHealth:
        """Return what is seen, or hang until let go."""
        if target.name in self.hangs:
            self.hung.wait(120)
            message = "no answer in time"
            raise SourceTimeout(message)
        found = self.seen[target.name]
        if isinstance(found, Exception):
            raise found
        return found

    def diagnose(self, question: Question) -> Any:
        """Note it."""
        self.diagnosed.append(question.cluster)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlHealth]:
    """An empty store."""
    url = f"sqlite:///{tmp_path / 'history.db'}"
    migrate(url)
    database = open_database(url)
    yield SqlHealth(database=database)
    database.close()


def digester(world: World, store: SqlHealth, *, owner: str = "p1") -> Digester:
    """Return what makes digests of this world."""
    targets = {
        name: ClusterTarget(name=name, eks_name=name, region="eu-west-1") for name in {*world.seen, *world.hangs}
    }
    rounds = LightRounds(targets=targets, look=world.look, store=store, owner=owner)
    return Digester(rounds=rounds, store=store, diagnose=world.diagnose)


def schedule(*clusters: str, **more: Any) -> DigestSchedule:
    """Return one each hour."""
    return DigestSchedule(channel="C1", cron=parse_cron("0 * * * *"), timezone="UTC", clusters=clusters, **more)


def test_one_hung_cluster_delays_no_other_and_is_named(store: SqlHealth) -> None:
    """All others are measured while it hangs."""
    names = [f"c{number}" for number in range(20)]
    world = World(
        {name: DnsHealth(standing=STANDING, pods=(counted(10),)) for name in names}, hangs=frozenset({"hung"})
    )
    made: list[Any] = []
    work = threading.Thread(target=lambda: made.append(digester(world, store).rounds.round(["hung", *names])))

    work.start()
    until = time.monotonic() + 60
    while any(store.scrape(name) is None for name in names):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert work.is_alive()
    world.hung.set()
    work.join(60)

    (found,) = made
    assert [one.cluster for one in found.samples] == names
    assert [(one.cluster, one.reason) for one in found.not_seen] == [("hung", "no answer in time")]


def test_rounds_measure_what_was_done_in_between(store: SqlHealth) -> None:
    """The first goes back to the pods' start; a look that is not kept changes nothing."""
    world = World(
        {"prod": DnsHealth(standing=STANDING, pods=(counted(100),), gaps=(Gap(what="add-ons", reason="403"),))}
    )
    rounds = digester(world, store).rounds

    (first,) = rounds.round(["prod"]).samples
    world.seen["prod"] = DnsHealth(standing=STANDING, pods=(counted(160),), endpoints=(USE,))
    (dry,) = rounds.round(["prod"], keep=False).samples
    (second,) = rounds.round(["prod"]).samples

    assert (first.since_start, dry.since_start, second.since_start) == (True, False, False)
    assert [one.served.queries for one in (first, dry, second) if one.served] == [100, 60, 60]
    assert first.gaps == ("add-ons: 403",)
    assert [one.endpoints for one in store.series("prod", since=first.at, until=second.at)] == [(), (USE,)]


def test_caches_are_measured_between_two_readings_of_the_same_one(store: SqlHealth) -> None:
    """What one did before it was first read is of no known time; one that started since then counts whole."""
    since = replace(STANDING, caches_ready=3)
    known, late = replace(counted(100), name="cache-1"), replace(counted(5), name="cache-2")
    world = World({"prod": DnsHealth(standing=since, pods=(counted(100),), caches=(known,))})
    rounds = digester(world, store).rounds

    (first,) = rounds.round(["prod"]).samples
    later = replace(known, counters=counted(130).counters)
    fresh = replace(late.counters, started_at=datetime.now(UTC) + timedelta(days=1))
    world.seen["prod"] = DnsHealth(standing=since, pods=(counted(160),), caches=(later, late))
    (second,) = rounds.round(["prod"], keep=False).samples
    world.seen["prod"] = DnsHealth(standing=since, pods=(counted(160),), caches=(later, replace(late, counters=fresh)))
    (third,) = rounds.round(["prod"]).samples

    assert (first.cached, first.caches_read) == (None, 1)
    assert second.cached is not None
    assert (second.cached.queries, second.caches_read) == (30, 2)
    assert third.cached is not None
    assert third.cached.queries == 35
    (hour,) = store.series("prod", since=store.now() - timedelta(days=30), until=store.now())[-1:]
    assert hour.cached == third.cached


def test_a_measuring_round_is_made_by_one_process(store: SqlHealth) -> None:
    """The other finds its slot taken."""
    world = World({"prod": DnsHealth(standing=STANDING, pods=(counted(100),))})

    made = [
        digester(world, store, owner=owner).rounds.measure(["prod"], hours_older_than=timedelta(days=365))
        for owner in ("p1", "p2")
    ]

    # the clock may pass into the next ten minutes in between
    assert made[0] is not None
    assert made[1] is None or store.now().minute % 10 == 0


def test_only_a_cluster_about_which_something_changed_is_diagnosed(store: SqlHealth) -> None:
    """And one that was never diagnosed; a failing diagnosis is named, and stops nothing."""
    world = World(
        {"prod": DnsHealth(standing=STANDING, pods=(counted(100),)), "odd": ClusterMismatch("another cluster")}
    )
    maker = digester(world, store)

    found = maker.make(schedule("odd", "prod"))

    assert world.diagnosed == ["prod"]
    assert found.diagnosed == ("prod",)
    assert [(one.cluster, one.reason) for one in found.light.not_seen] == [("odd", "another cluster")]
    assert found.changed
    assert maker.make(schedule("prod"), keep=False).diagnosed == ()


SLOW = {"latency_number": 1_000, "latency_up_to": ((0.016, 900), (0.128, 1_000))}
FAST = {"latency_number": 1_000, "latency_up_to": ((0.001, 1_000),)}


@pytest.mark.parametrize(
    ("before", "now", "what"),
    [
        ({"responses": 1_000, "servfail": 2}, {"responses": 1_000, "servfail": 20}, ["error share"]),
        ({"responses": 1_000, "servfail": 15}, {"responses": 1_000, "servfail": 20}, []),
        ({"responses": 1_000, "servfail": 0}, {"responses": 1_000, "servfail": 9}, []),
        ({"responses": 50, "servfail": 50}, {"responses": 50, "servfail": 50}, []),
        (None, {"responses": 1_000, "servfail": 20}, ["error share"]),
        ({"responses": 1_000, **FAST}, {"responses": 1_000, **SLOW}, ["latency p95"]),
        ({"responses": 1_000, **SLOW}, {"responses": 1_000, **SLOW}, []),
        ({}, {"panics": 1, "failed_reloads": 2}, ["panics", "failed reloads"]),
        ({"panics": 3}, {"panics": 3}, []),
        ({}, {"busiest_node_answers_per_second": 900.0}, ["resolver head-room"]),
        ({"busiest_node_answers_per_second": 900.0}, {"busiest_node_answers_per_second": 950.0}, []),
    ],
)
def test_which_numbers_got_worse(before: dict[str, Any] | None, now: dict[str, Any], what: list[str]) -> None:
    """Twice as bad and bad enough; with few responses nothing is said of shares."""
    old = None if before is None else Served(seconds=600.0, **before)

    found = worsened("prod", old, Served(seconds=600.0, **now), None, None)

    assert [one.what for one in found] == what


@pytest.mark.parametrize(
    ("before", "now", "what"),
    [
        ({}, {"pods_ready": 0}, ["ready pods"]),
        ({"pods_ready": 0}, {"pods_ready": 0}, []),
        (None, {"pods_ready": 0}, ["ready pods"]),
        ({}, {"restarts": 2}, ["restarts"]),
        ({"pods": ("other",)}, {"restarts": 2}, []),
        ({"zones": 2}, {}, ["zones"]),
        ({}, {"pods_ready": 0, "part_of_node": True}, []),
    ],
)
def test_which_state_got_worse(before: dict[str, Any] | None, now: dict[str, Any], what: list[str]) -> None:
    """New pods begin their restarts anew."""
    stood = None if before is None else replace(STANDING, **before)

    assert [one.what for one in worsened("prod", None, None, stood, replace(STANDING, **now))] == what
    assert differs(STANDING, replace(STANDING, **now)) is bool(now)


USE = EndpointUse(id="rslvr-in-1", inbound=True, healthy=2, unhealthy=0, capacity=Capacity.OK)


@pytest.mark.parametrize(
    ("before", "now", "what"),
    [
        ((USE,), USE, []),
        ((USE,), replace(USE, unhealthy=1), [(UNHEALTHY, 0, 1)]),
        ((replace(USE, unhealthy=1),), replace(USE, unhealthy=1), []),
        ((USE,), replace(USE, capacity=Capacity.CRITICAL), [(CAPACITY, 0, 2)]),
        ((replace(USE, capacity=Capacity.CRITICAL),), replace(USE, capacity=Capacity.WARNING), []),
        ((), replace(USE, capacity=Capacity.WARNING), [(CAPACITY, None, 1)]),
        ((USE,), EndpointUse(id="rslvr-in-1", inbound=True), []),
    ],
    ids=["steady", "an interface", "as before", "nearer", "farther", "new and bad", "no metrics"],
)
def test_which_resolver_endpoints_got_worse(before: tuple[EndpointUse, ...], now: EndpointUse, what: list[Any]) -> None:
    """One of which CloudWatch has no numbers is neither better nor worse."""
    found = endpoints_worsened("prod", before, [now])

    assert [(one.what, one.before, one.now) for one in found] == [
        (f"{name} rslvr-in-1", was, value) for name, was, value in what
    ]


def test_a_version_that_aws_brings_out_is_no_change_of_the_cluster() -> None:
    """It is shown, and nothing is diagnosed for it; another version that is installed is a change."""
    assert not differs(STANDING, replace(STANDING, addon_newest="v1.12.0-eksbuild.1"))
    assert differs(STANDING, replace(STANDING, addon="v1.12.0-eksbuild.1"))


NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


def test_a_cache_on_one_more_node_is_no_change_of_coredns() -> None:
    """Nor is that it was not read whether there are any: a digest diagnoses nothing for it."""
    assert not differs(replace(STANDING, caches_ready=None), replace(STANDING, caches_ready=0))
    assert not differs(replace(STANDING, caches_ready=3), replace(STANDING, caches_ready=4))


def problem(rule: str, *, hours: float = 48, **more: Any) -> Problem:
    """Return one that began so many hours ago."""
    values = {"severity": "warning", "title": rule, "summary": "", "seen_at": NOW, **more}
    return Problem(cluster="prod", rule=rule, since=NOW - timedelta(hours=hours), **values)


def test_problems_are_sorted_out_by_what_was_said_before() -> None:
    """One that came back is new; one that was told as less severe is worse."""
    old, grave, back = problem("old"), problem("grave"), problem("back", hours=40)
    said = sort_out([old, grave, back], {}, now=NOW).said
    again = problem("back", hours=3)
    worse, new, fixed = replace(grave, severity="critical"), problem("new"), problem("fixed", fixed_at=NOW)

    found = sort_out([old, worse, again, new, fixed], said, now=NOW)

    assert (found.new, found.worse, found.fixed, found.still_open) == ((new, again), (worse,), (fixed,), (old,))


def test_in_the_first_digest_only_what_began_within_a_day_is_new() -> None:
    """Nothing was said yet that it could be compared with."""
    old, new = problem("old"), problem("new", hours=3)

    found = sort_out([old, new], None, now=NOW)

    assert (found.new, found.still_open) == ((new,), (old,))


@pytest.mark.parametrize(
    ("found", "muted"),
    [
        (problem("known"), True),
        (problem("known", severity="note"), True),
        (problem("known", severity="critical"), False),
        (problem("known", hours=3), False),
        (problem("another"), False),
        (problem("known", objects=("security group sg-1",)), True),
        (problem("known", objects=("security group sg-1", "security group sg-3")), False),
    ],
    ids=["the same", "less severe", "worse", "came back", "another", "one of its objects", "one object more"],
)
def test_a_mute_is_of_one_problem_that_gets_no_worse(found: Problem, muted: bool) -> None:  # noqa: FBT001  # a table
    """And it is remembered as said, so that it is not new when its time is over."""
    known = problem("known")
    mute = Mute(
        cluster="prod", rule="known", severity="warning", since=known.since, owner=Person(team_id="T", user_id="U"),
        reason="", until=NOW, objects=("security group sg-1", "security group sg-2"),
    )  # fmt: skip

    told = sort_out([found], {}, now=NOW, mutes=[mute])

    assert told.muted == (((found, mute),) if muted else ())
    assert told.new == (() if muted else (found,))
    assert len(told.said) == 1


class Frozen:
    """A store whose clock stands still, and which notes what is done to slots."""

    def __init__(self, at: str) -> None:
        self.at = datetime.fromisoformat(at).replace(tzinfo=UTC)

    def now(self) -> datetime:
        """Return the time."""
        return self.at


@pytest.mark.parametrize(
    ("at", "slots"),
    [
        ("2026-12-01T09:59:59", ["2026-12-01T09:00"]),
        ("2026-12-01T10:00:00", ["2026-12-01T10:00"]),
        ("2026-12-01T10:40:00", ["2026-12-01T10:00"]),
    ],
)
def test_due_is_the_newest_slot_by_the_databases_clock(at: str, slots: list[str]) -> None:
    """Also for a process that was down when it began; an older one is not made up after it."""
    clock: Any = Frozen(at)

    assert [due.slot for due in due_digests([schedule(grace=timedelta(minutes=60))], clock)] == slots
    assert due_digests([schedule(grace=timedelta(seconds=1))], clock) == () or at.endswith("10:00:00")
    assert due_digests([], clock) == ()


def test_a_slot_is_held_while_its_digest_is_made_and_free_afterwards(store: SqlHealth) -> None:
    """However long that takes; a digest that failed is made by whoever is next."""
    due = DueDigest(schedule=schedule("prod"), slot="09:00")

    with holding(store, due, "p1", seconds=1.0, every_seconds=0.05) as held:
        assert held
        time.sleep(1.2)
        with holding(store, due, "p2") as other:
            assert not other
    with holding(store, due, "p2") as held:
        assert held
        store.done(due.schedule.name, due.slot, "p2", {})
    with holding(store, due, "p1") as held:
        assert not held
