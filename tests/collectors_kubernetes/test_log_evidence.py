from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.collectors import coredns_logs, coredns_pods
from bot.collectors._log_window import newest_lines
from bot.collectors.coredns_pods import CorednsPods
from bot.dns.api_failure import ApiFailureKind
from bot.dns.coredns_log import CorednsLineKind
from bot.errors import AccessDenied, NotFound, SourceGarbled

START = "2026-11-20T09:00:00Z [INFO] plugin/reload: Running configuration SHA512 = 1b2c\n"
RELOAD = (
    "2026-11-20T12:00:00Z [ERROR] Corefile changed but reload failed: plugin/kubernetes: /etc/coredns/Corefile:9 - "
    "Error during parsing: unknown property 'upstrem'\n"
)
FORBIDDEN = (
    "2026-11-21T08:5{minute}:00Z [ERROR] plugin/kubernetes: Failed to watch *v1.EndpointSlice: failed to list "
    "*v1.EndpointSlice: endpointslices.discovery.k8s.io is forbidden: User "
    '"system:serviceaccount:kube-system:coredns" cannot list resource "endpointslices"\n'
)


@pytest.fixture
def coredns(collect: Any, cluster: Any) -> Any:
    """Collect the pods, then the logs."""

    def run(raw: list[Any], texts: dict[str, Any], **parameters: Any) -> tuple[Any, Any]:
        world = cluster(objects={"pods": raw}, texts=texts)
        pods = collect(coredns_pods.COLLECTOR, world)
        world.asked.clear()
        return collect(coredns_logs.COLLECTOR, world, needed={CorednsPods: pods}, **parameters), world

    return run


def test_lines_are_kept_as_classes_with_times(coredns: Any, pod: Any) -> None:
    """Two equal failures are one class: how many, first, last, and the newest line; the tail is read at any age."""
    text = START + RELOAD + FORBIDDEN.format(minute=3) + FORBIDDEN.format(minute=9)

    found, world = coredns([pod("coredns-a")], {"coredns-a": text})

    (log,) = found.pods
    failure = log.of(CorednsLineKind.API_FAILURE)[0]
    assert (failure.count, failure.recent) == (2, 2)
    assert failure.first_at == datetime(2026, 11, 21, 8, 53, tzinfo=UTC)
    assert failure.last_at == datetime(2026, 11, 21, 8, 59, tzinfo=UTC)
    assert log.last(CorednsLineKind.RELOAD_FAILED) == datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    assert log.whole
    assert found.read == "logs of 1 of 1 CoreDNS pods read"
    assert world.asked == ["logs coredns-a -c coredns since=315360000 tail=2000"]


def test_names_asked_do_not_multiply_classes(coredns: Any, pod: Any) -> None:
    """Failed queries for many names towards one server are one class."""
    line = "2026-11-21T08:59:0{n}Z [ERROR] plugin/errors: 2 n{n}. A: read udp 10.0.1.7:4->10.64.0.2:53: i/o timeout\n"

    found, _ = coredns([pod("coredns-a")], {"coredns-a": START + "".join(line.format(n=n) for n in range(9))})

    (failure,) = found.pods[0].of(CorednsLineKind.UPSTREAM_FAILURE)
    assert (failure.count, failure.line.upstream.upstream, len(failure.samples)) == (9, "10.64.0.2", 3)


def test_the_previous_container_is_read_after_a_restart(coredns: Any, pod: Any) -> None:
    """What the container before said is there, and lines that both logs hold count once."""
    raw = pod(
        "coredns-a", restarts=1, last_state={"terminated": {"reason": "Error", "finishedAt": "2026-11-21T08:59:30Z"}}
    )
    before = START + FORBIDDEN.format(minute=9)

    found, _ = coredns([raw], {"coredns-a": START, "coredns-a/previous": before})

    log = found.pods[0]
    assert log.of(CorednsLineKind.API_FAILURE)[0].count == 1
    assert log.of(CorednsLineKind.CONFIGURATION_LOADED)[0].count == 1
    assert found.gaps == ()


@pytest.mark.parametrize(
    ("ended_at", "gaps"),
    [("2026-11-21T08:50:00Z", 1), ("2026-11-19T08:50:00Z", 0)],
    ids=["ended inside the window", "ended long ago"],
)
def test_a_lost_previous_log_matters_inside_the_window(coredns: Any, pod: Any, ended_at: str, gaps: int) -> None:
    """The node deletes old logs: only one that could hold lines of the window is a gap."""
    raw = pod("coredns-a", restarts=1, last_state={"terminated": {"reason": "Error", "finishedAt": ended_at}})

    found, _ = coredns([raw], {"coredns-a": START, "coredns-a/previous": NotFound("previous container not found")})

    assert len(found.gaps) == gaps


def test_a_container_that_has_written_nothing_yet_does_not_hide_the_one_before(coredns: Any, pod: Any) -> None:
    """In a crash loop the cause stands in the previous log; that the present one is empty is a gap all the same."""
    raw = pod(
        "coredns-a", restarts=1, last_state={"terminated": {"reason": "Error", "finishedAt": "2026-11-21T08:59:30Z"}}
    )

    found, _ = coredns([raw], {"coredns-a": "", "coredns-a/previous": START + FORBIDDEN.format(minute=9)})

    assert found.pods[0].of(CorednsLineKind.API_FAILURE)[0].count == 1
    assert not found.pods[0].whole
    assert [gap.what for gap in found.gaps] == ["log of kube-system/coredns-a"]


def test_one_unreadable_log_does_not_lose_the_others(coredns: Any, pod: Any) -> None:
    """The gap names the pod; the other pod's log is there."""
    refused = AccessDenied("Cannot get pods/log: 403.", grant="pods/log: get")

    found, _ = coredns([pod("coredns-a"), pod("coredns-b")], {"coredns-a": refused, "coredns-b": START})

    assert [log.pod for log in found.pods] == ["coredns-b"]
    assert [(gap.what, gap.grant) for gap in found.gaps] == [("log of kube-system/coredns-a", "pods/log: get")]
    assert found.pods_total == 2


def test_no_readable_log_at_all_is_not_evidence(coredns: Any, pod: Any) -> None:
    """Then the first reason is raised, with its grant."""
    with pytest.raises(AccessDenied):
        coredns([pod("coredns-a")], {"coredns-a": AccessDenied("403", grant="pods/log: get")})


@pytest.mark.parametrize("text", ["", "\n\n", "<html><body>login</body></html>", "no timestamps here\n"])
def test_an_empty_or_foreign_log_is_not_a_quiet_log(coredns: Any, pod: Any, text: str) -> None:
    """A container that runs has written lines; an empty or undated answer is garbled, not healthy."""
    with pytest.raises(SourceGarbled):
        coredns([pod("coredns-a")], {"coredns-a": text})


@pytest.mark.parametrize(
    ("logs", "read", "gaps"),
    [
        pytest.param({"coredns-a": "", "coredns-a/previous": ""}, ["coredns-b"], 0, id="nothing-twice"),
        pytest.param({"coredns-a": "", "coredns-a/previous": START}, ["coredns-a", "coredns-b"], 0, id="once"),
        pytest.param({"coredns-a": ""}, ["coredns-b"], 1, id="the-one-before-is-lost"),
        pytest.param({"coredns-a": "CoreDNS\n", "coredns-a/previous": ""}, ["coredns-b"], 1, id="no-times"),
    ],
)
def test_a_container_that_was_killed_for_its_memory_may_have_written_nothing(
    coredns: Any, pod: Any, logs: dict[str, str], read: list[str], gaps: int
) -> None:
    """CoreDNS under a limit below what it starts with ends within 0.2 s: that is no lost log, nor a quiet one."""
    killed = {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-11-21T08:59:30Z"}}
    raw = pod("coredns-a", restarts=1, last_state=killed, state={"waiting": {"reason": "CrashLoopBackOff"}})

    found, _ = coredns([raw, pod("coredns-b")], {**logs, "coredns-b": START})

    assert ([log.pod for log in found.pods], len(found.gaps)) == (read, gaps)
    assert found.read == f"logs of {len(read)} of 2 CoreDNS pods read"


def test_a_container_that_never_ran_has_no_log(coredns: Any, pod: Any) -> None:
    """A pending pod is not asked for its log."""
    found, world = coredns([pod("coredns-a", state={}, ready=False, phase="Pending", node="")], {})

    assert (found.pods, found.pods_total) == ((), 0)
    assert world.asked == []
    assert found.nothing_read


def test_a_busy_log_is_read_again_over_the_window(coredns: Any, pod: Any) -> None:
    """Where the tail does not reach back to the window, more lines are read; what is still cut is a gap."""
    query = '[INFO] 10.0.1.5:3 - 1 "A IN a. udp 51 false 512" NOERROR qr,aa,rd 51 0.0042s\n'
    busy = "".join(f"2026-11-21T08:59:{second:02}Z {query}" for second in range(60))

    found, world = coredns([pod("coredns-a")], {"coredns-a": START + busy}, tail_lines=5)

    assert world.asked[-1] == "logs coredns-a -c coredns since=900 tail=50"
    assert "only the newest 50 lines" in found.gaps[0].reason
    assert not found.pods[0].whole


def test_a_log_that_is_cut_by_its_bytes_lacks_its_newest_lines_and_says_so(coredns: Any, pod: Any) -> None:
    """What the API server left off may be the failure: the log does not count as read to its end."""
    long = "2026-11-21T08:59:{second:02}Z [ERROR] " + "x" * 3_000 + "\n"
    text = START + "".join(long.format(second=second) for second in range(9)) + FORBIDDEN.format(minute=9)

    found, world = coredns([pod("coredns-a")], {"coredns-a": text}, tail_lines=12)

    (gap,) = found.gaps
    assert gap.reason == (
        "cut off after 24000 bytes: 8 lines, up to 2026-11-21T08:59:06Z were read, newer ones were not"
    )
    assert not found.pods[0].whole
    assert len(world.asked) == 1


def test_a_wider_part_that_is_cut_does_not_hide_the_newest_lines(coredns: Any, pod: Any) -> None:
    """The tail that was read first is kept instead, and what is older is said to be missing."""
    long = "2026-11-21T08:59:{second:02}Z [ERROR] " + "x" * 99_000 + "\n"
    text = START + long.format(second=1) + "".join(FORBIDDEN.format(minute=n) for n in range(5, 10))

    found, _ = coredns([pod("coredns-a")], {"coredns-a": text}, tail_lines=5)

    assert found.pods[0].of(CorednsLineKind.API_FAILURE)[0].count == 5
    assert "only the newest 5 lines were read" in found.gaps[0].reason
    assert "more than 100000 bytes" in found.gaps[0].reason


def test_more_lines_than_were_asked_for_are_not_kept() -> None:
    """An API server that ignores `tailLines` is answered by keeping the newest."""
    text = START + FORBIDDEN.format(minute=3) * 40 + RELOAD.replace("20T12", "21T08")

    assert len(newest_lines(text, 3).splitlines()) == 3
    assert newest_lines(text, 3).endswith(RELOAD.replace("20T12", "21T08"))
    assert newest_lines(text, 100) == text


def test_a_readiness_after_the_failure_contradicts_it(coredns: Any, collect: Any, cluster: Any, pod: Any) -> None:
    """A pod that became Ready by /ready has listed everything since."""
    older = FORBIDDEN.format(minute=3).replace("2026-11-21T08", "2026-11-20T08")
    found, _ = coredns([pod("coredns-a")], {"coredns-a": older + START})
    pods = collect(coredns_pods.COLLECTOR, cluster(objects={"pods": [pod("coredns-a")]}))

    (failure,) = found.api_failures(pods, ApiFailureKind.FORBIDDEN)

    assert failure.contradicted_by == "the pod became Ready at 2026-11-20T09:00:10Z"


SAME_SECOND = pytest.mark.parametrize(
    ("at", "stands"),
    [("09:00:10.734", False), ("09:00:11.000", True)],
    ids=["same second", "next second"],
)
"""The pods of these tests became ready at 09:00:10: conditions are dated in whole seconds, lines more finely."""


@SAME_SECOND
def test_a_readiness_within_the_second_of_the_failure_contradicts_it(
    coredns: Any,
    collect: Any,
    cluster: Any,
    pod: Any,
    at: str,
    stands: bool,  # noqa: FBT001  # one column of a table
) -> None:
    """Which of the two came first cannot be told: a pod that is ready has listed everything."""
    found, _ = coredns([pod("coredns-a")], {"coredns-a": START + FORBIDDEN.replace("1T08:5{minute}:00", f"0T{at}")})
    pods = collect(coredns_pods.COLLECTOR, cluster(objects={"pods": [pod("coredns-a")]}))

    (failure,) = found.api_failures(pods, ApiFailureKind.FORBIDDEN)

    assert (failure.contradicted_by == "") is stands


@SAME_SECOND
def test_a_wait_that_ended_within_the_second_needs_no_explanation(
    coredns: Any,
    collect: Any,
    cluster: Any,
    pod: Any,
    at: str,
    stands: bool,  # noqa: FBT001  # one column of a table
) -> None:
    """A pod that waited for the API and became ready in the same second waits no more."""
    waits = f'2026-11-20T{at}Z [INFO] plugin/ready: Plugins not ready: "kubernetes"\n'
    found, _ = coredns([pod("coredns-a")], {"coredns-a": START + waits})
    pods = collect(coredns_pods.COLLECTOR, cluster(objects={"pods": [pod("coredns-a")]}))

    gaps = found.waits_unexplained(pods, datetime(2026, 11, 20, 9, 0, tzinfo=UTC))

    assert [gap.what for gap in gaps] == ["API access of coredns-a"] * stands


ENDED_NOW = {"restarts": 1, "last_state": {"terminated": {"reason": "Error", "finishedAt": "2026-11-21T08:58:00Z"}}}
ENDED_LONG_AGO = {
    "restarts": 9,
    "last_state": {"terminated": {"reason": "Error", "finishedAt": "2026-11-19T08:58:00Z"}},
}


@pytest.mark.parametrize(
    ("suspects", "changes", "others", "open_pods"),
    [
        (0, {}, 5, 0),
        (3, {"ready": False}, 5, 0),
        (25, {"ready": False}, 0, 5),
        (25, ENDED_NOW, 0, 5),
        (25, ENDED_LONG_AGO, 5, 0),
    ],
    ids=["all ready", "the unready ones are read", "more unready than are read", "all ended now", "all ended long ago"],
)
def test_logs_beyond_the_sample_are_stood_in_for_by_a_pods_status(
    coredns: Any, pod: Any, *, suspects: int, changes: Any, others: int, open_pods: int
) -> None:
    """20 of 25 logs are read; of the other pods each is seen ready and not ended within the window, or is a gap."""
    raw = [pod(f"coredns-{n:02}", **(changes if n >= 25 - suspects else {})) for n in range(25)]
    texts = {f"coredns-{n:02}": START for n in range(25)} | {f"coredns-{n:02}/previous": START for n in range(25)}

    found, _ = coredns(raw, texts)

    told = f", the other {others} are ready" if others else ""
    assert found.read == f"logs of 20 of 25 CoreDNS pods read{told}"
    gaps = [gap.reason for gap in found.gaps if "no log was read" in gap.reason]
    assert [
        f"of 5 of 25 CoreDNS pods no log was read (`max_pods`), and {open_pods} of these" in gap for gap in gaps
    ] == ([True] if open_pods else [])


def test_pods_whose_container_ended_last_are_read_first(coredns: Any, pod: Any) -> None:
    """Many restarts of long ago do not come before one of now."""
    old = [pod(f"coredns-{n:02}", **ENDED_LONG_AGO) for n in range(20)]

    found, _ = coredns([*old, pod("coredns-zz", **ENDED_NOW)], {"coredns-zz": START, "coredns-00": START})

    assert "coredns-zz" in {log.pod for log in found.pods}
