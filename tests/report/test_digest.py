from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.digests import CAPACITY, ClusterHealth, Digest, LightRound, NotSeen, Worsened
from bot.domain.health import Capacity, EndpointUse, Forwarded, LastDiagnosis, Problem, Sample, Served, Standing
from bot.domain.phrases import timestamp
from bot.report.digest_picture import MOST_LINES, alt_text, figure, lines, picture
from bot.report.digest_text import digest_text
from bot.report.digest_words import digest_words
from bot.report.history_words import Ids

AT = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
STANDING = Standing(
    pods_wanted=2, pods_ready=2, restarts=1, nodes=2, zones=1, version="1.11.4", addon="v1.11.4-eksbuild.2"
)
NOW = Served(
    seconds=3600.0,
    queries=151_200,
    responses=10_000,
    servfail=100,
    nxdomain=3_000,
    latency_number=1_000,
    latency_up_to=((0.001, 500), (0.004, 950), (0.016, 1_000)),
    cache_hits=60,
    cache_misses=40,
    forwarded=(Forwarded(address="10.0.0.2", answers=500, servfail=7, health_check_failures=3),),
    busiest_node_answers_per_second=102.4,
)
PROBLEM = Problem(
    cluster="prod",
    rule="r",
    title="DNS is blocked",
    severity="critical",
    summary="udp/53 is stopped",
    since=AT - timedelta(hours=2),
    seen_at=AT,
)
WELL = ClusterHealth(
    cluster="calm", standing=STANDING, now=NOW, before=NOW, diagnosed=LastDiagnosis(at=AT, verdict="healthy")
)


def digest(**changes: Any) -> Digest:
    """Return a digest of nothing, but what is changed."""
    nothing: dict[str, Any] = dict.fromkeys(("new", "worse", "worsened", "fixed", "still_open"), ())
    light = LightRound(samples=(), not_seen=(), took_seconds=1.5, processor_seconds=0.2)
    found = {"clusters": (WELL,), "light": light, "first": False, **nothing, **changes}
    return Digest(
        schedule="s", slot="2026-12-01T09:00", timezone="Europe/Paris", at=AT, since=AT - timedelta(days=1), **found
    )


def test_what_is_new_worse_fixed_and_open_is_told_in_this_order() -> None:
    """With since when, what it was, and which approved plan fixed it."""
    fixed = replace(PROBLEM, title="It crashed", fixed_at=AT, fixed_by="Mend it (p1)")
    by_others = replace(fixed, title="It hung", fixed_by="")
    worsened = (
        Worsened(cluster="prod", what="latency p95", before=0.002, now=0.120),
        Worsened(cluster="prod", what="error share", before=None, now=0.031),
        Worsened(cluster="prod", what="ready pods", before=2.0, now=1),
    )
    found = digest(
        new=(PROBLEM,), worse=(replace(PROBLEM, worst_before="warning"),), worsened=worsened, fixed=(fixed, by_others),
        still_open=(replace(PROBLEM, title="It is slow"),),
    )  # fmt: skip

    text = digest_text(digest_words(found, Ids(), at=timestamp))

    told = [
        "DNS health, 2026-12-01 09:00 Europe/Paris",
        "1 new, 4 worse, 2 fixed, 1 still open in 1 cluster.",
        "NEW (1)",
        "prod: DNS is blocked (critical, since 2026-12-01T06:00:00Z). udp/53 is stopped.",
        "WORSE (4)",
        "prod: DNS is blocked (critical, was warning).",
        "prod: latency p95 120 ms (was 2.0 ms)",
        "prod: error share 3.10 % (not measured before)",
        "prod: ready pods 1 (was 2)",
        "FIXED (2)",
        "by the approved plan Mend it (p1))",
        "by no plan of this bot)",
        "STILL OPEN (1)",
        "prod: It is slow (critical, open since 2026-12-01T06:00:00Z, last seen 2026-12-01T08:00:00Z).",
    ]
    whole = " ".join(text.split())
    places = [whole.index(line) for line in told]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("fares", "row"),
    [
        (WELL, ("ok calm", "0", "42 →", "1.00 % →", "4.0 ms →", "2/2")),
        (replace(WELL, before=None), ("ok calm", "0", "42", "1.00 %", "4.0 ms", "2/2")),
        (
            replace(WELL, before=replace(NOW, queries=302_400, servfail=50), open_problems=1),
            ("! calm", "1", "42 ↓ was 84", "1.00 % ↑ was 0.50 %", "4.0 ms →", "2/2"),
        ),
        (replace(WELL, diagnosed=None), ("? calm", "never diagnosed", "42 →", "1.00 % →", "4.0 ms →", "2/2")),
        (
            replace(WELL, diagnosed=LastDiagnosis(at=AT, verdict="unknown"), now=None),
            ("? calm", "0, some unknown", "-", "-", "-", "2/2"),
        ),
        (replace(WELL, not_seen="no answer", standing=None, now=None), ("? calm", "not seen", "-", "-", "-", "-")),
        (
            replace(WELL, standing=replace(STANDING, part_of_node=True), now=None),
            ("ok calm", "0", "-", "-", "-", "part of node"),
        ),
    ],
    ids=["well", "first", "trouble", "never", "unknown", "not seen", "auto mode"],
)
def test_marks_and_trends_are_words_and_signs(fares: ClusterHealth, row: tuple[str, ...]) -> None:
    """What is not known to be well is not marked so."""
    assert digest_words(digest(clusters=(fares,)), Ids(), at=timestamp).rows == (row,)


def test_what_the_table_has_no_room_for_and_what_was_not_seen_is_said() -> None:
    """Percentiles, rcodes, upstream servers, the estimate that it is one, and the cost."""
    unseen = ClusterHealth(cluster="hung", not_seen="no answer within 10 s")
    found = digest(
        clusters=(WELL, unseen), diagnosed=("calm",), not_diagnosed=(NotSeen(cluster="odd", reason="another cluster"),)
    )

    words = digest_words(found, Ids(), at=timestamp)

    assert words.rows[0][0] == "? hung"
    (line,) = words.details
    assert line == (
        "calm: 2 of 2 pods ready on 2 nodes in 1 zone, 1 restart; CoreDNS 1.11.4, add-on v1.11.4-eksbuild.2; "
        "SERVFAIL 1.00 %, NXDOMAIN 30 %, REFUSED 0 %; p50/p95/p99 1.0 ms/4.0 ms/14 ms, cache hits 60 %; "
        "10 forward failures, most at 10.0.0.2; 0 failed reloads, 0 panics; an estimated 90 % of 1,024 packets a "
        "second free at the busiest node; diagnosed at 2026-12-01T08:00:00Z."
    )
    assert "Not seen: hung. no answer within 10 s." in words.notes
    assert "Not diagnosed though something changed: odd. another cluster." in words.notes
    assert any("2 clusters looked at in 1.5 s, 0.10 s of processor time each" in note for note in words.notes)


def samples(cluster: str, number: int, *, slow: int = 1) -> tuple[str, tuple[Sample, ...]]:
    """Return a series of a cluster, each sample slower and with more errors than the one before."""
    return cluster, tuple(
        Sample(
            cluster=cluster,
            at=AT + timedelta(minutes=10 * index),
            standing=STANDING,
            served=Served(
                seconds=600.0,
                responses=1_000,
                servfail=10 * index,
                latency_number=100,
                latency_up_to=((0.001 * slow * (index + 1), 100),),
            ),
        )
        for index in range(number)
    )


def points(line: Any) -> tuple[list[float], list[float]]:
    """Return minutes since the first point, and heights."""
    days = [float(one) for one in line.get_xdata()]
    return [(one - days[0]) * 24 * 60 for one in days], [float(one) for one in line.get_ydata()]


def test_the_picture_shows_the_numbers_of_the_series() -> None:
    """Two panels, the samples' own times; a sample that goes back to the pods' start is not drawn."""
    name, found = samples("prod", 4)
    first = replace(found[0], at=AT - timedelta(days=1), since_start=True)

    drawn = lines(digest(series=((name, (first, *found)),)))
    made = figure(drawn)

    above, below = made.axes
    (latency,), (errors,) = above.get_lines(), below.get_lines()
    minutes, milliseconds = points(latency)
    assert minutes == pytest.approx([0, 10, 20, 30])
    assert milliseconds == pytest.approx([0.95, 1.9, 2.85, 3.8])
    assert points(errors)[0] == pytest.approx([0, 10, 20, 30])
    assert points(errors)[1] == pytest.approx([0.0, 1.0, 2.0, 3.0])
    assert alt_text(drawn) == (
        "Latency and error share from 2026-12-01 08:00 to 2026-12-01 08:30 UTC. "
        "prod: p95 3.8 ms now, 3.8 ms at most, errors 3.00 % now, 3.00 % at most."
    )


def test_lines_differ_without_colour_and_only_so_many_are_drawn() -> None:
    """Those with trouble come first; how many are left out is in the title."""
    names = ["a", "b", "c", "d", "e", "f"]
    clusters = tuple(replace(WELL, cluster=name, open_problems=int(name == "f")) for name in names)
    found = digest(clusters=clusters, series=tuple(samples(name, 3) for name in names))

    drawn = lines(found)
    made, shown = figure(drawn), picture(found)

    styles = [(one.get_linestyle(), one.get_marker()) for one in made.axes[0].get_lines()]
    assert [line.cluster for line in drawn] == ["f", "a", "b", "c"]
    assert len(set(styles)) == MOST_LINES
    assert shown is not None
    assert shown.title == "DNS latency and errors of 4 clusters, 2 not drawn"
    assert shown.png.startswith(b"\x89PNG")


def test_without_a_series_there_is_no_picture() -> None:
    """One point is no line, and times in which nobody asked anything are none: an empty picture tells nothing."""
    name, found = samples("prod", 3)
    idle = tuple(replace(one, served=Served(seconds=600.0)) for one in found)

    assert picture(digest(series=(samples("prod", 1),))) is None
    assert picture(digest(series=((name, idle),))) is None
    assert picture(digest(series=((name, (*found[:1], *idle[1:])),))) is None


@pytest.mark.parametrize(
    ("newest", "words"),
    [
        ("", "add-on v1.11.4-eksbuild.2; "),
        ("v1.11.4-eksbuild.2", "add-on v1.11.4-eksbuild.2, the newest for this Kubernetes version; "),
        ("v1.12.0-eksbuild.1", "the newest is v1.12.0-eksbuild.1 for this Kubernetes version; "),
    ],
    ids=["not read", "the newest", "behind"],
)
def test_the_addons_version_stands_beside_the_newest(newest: str, words: str) -> None:
    """Where that was read."""
    fares = replace(WELL, standing=replace(STANDING, addon_newest=newest))

    (line,) = digest_words(digest(clusters=(fares,)), Ids(), at=timestamp).details

    assert words in line


@pytest.mark.parametrize(
    ("ready", "cached", "words"),
    [
        (None, None, ""),
        (0, None, "no ready pod of NodeLocal DNSCache"),
        (6, None, "NodeLocal DNSCache, 4 of 6 ready pods read: nothing measured yet"),
        (
            6,
            Served(seconds=10, queries=200, responses=200, servfail=4, cache_hits=90, cache_misses=10),
            "NodeLocal DNSCache, 4 of 6 ready pods read: 20 queries a second, cache hits 90 %, SERVFAIL 2.00 %, p95 -",
        ),
    ],
    ids=["not-read", "none", "first-round", "measured"],
)
def test_what_caches_did_stands_in_the_clusters_line(ready: int | None, cached: Served | None, words: str) -> None:
    """Where it was not read whether there are any, the gaps say so and nothing else is said."""
    fares = replace(WELL, standing=replace(STANDING, caches_ready=ready), cached=cached, caches_read=4)

    (line,) = digest_words(digest(clusters=(fares,)), Ids(), at=timestamp).details

    assert words in line
    assert ("NodeLocal" in line) == bool(words)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "inbound Resolver endpoint rslvr-in-1, no metrics in CloudWatch; "),
        (
            {"queries_per_second": 1_204.2, "healthy": 1, "unhealthy": 1, "capacity": Capacity.WARNING},
            (
                "inbound Resolver endpoint rslvr-in-1, 1,204 queries a second in the last 15 minutes, "
                "1 healthy interface, 1 unhealthy, capacity Warning: an interface uses more than 50 %; "
            ),
        ),
        ({"inbound": False, "healthy": 2}, "outbound Resolver endpoint rslvr-in-1, 2 healthy interfaces, 0 unhealthy;"),
    ],
    ids=["nothing", "all", "outbound"],
)
def test_a_resolver_endpoint_stands_in_the_clusters_line(more: dict[str, Any], words: str) -> None:
    """What CloudWatch has no number of is not said to be 0."""
    use = replace(EndpointUse(id="rslvr-in-1", inbound=True), **more)

    (line,) = digest_words(digest(clusters=(replace(WELL, endpoints=(use,)),)), Ids(), at=timestamp).details

    assert words in line


def test_an_endpoint_near_its_capacity_is_worse_in_cloudwatchs_words() -> None:
    """Its states are OK, Warning and Critical."""
    change = Worsened(cluster="prod", what=f"{CAPACITY} rslvr-in-1", before=0.0, now=2.0)

    _, worse, *_ = digest_words(digest(worsened=(change,)), Ids(), at=timestamp).sections

    assert worse.lines == ("prod: capacity status of Resolver endpoint rslvr-in-1 Critical (was OK)",)
