from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.collectors.corefile import Corefile
from bot.collectors.lookups import Lookups
from bot.domain.evidence import Gap
from bot.domain.findings import EVERYTHING, Answer, Judgement, Reach, Verdict
from bot.rules.coredns_crash_corefile import RULE as CRASH
from bot.rules.coredns_forwarding_loop import RULE as LOOP
from bot.rules.coredns_image_pull import RULE as IMAGE_PULL
from bot.rules.coredns_oom_killed import RULE as OOM
from bot.rules.coredns_upstream_unreachable import RULE as UPSTREAM

PARSE = "plugin/kubernetes: /etc/coredns/Corefile:6 - Error during parsing: unknown property 'upstream'"
RELOAD = f"[ERROR] Corefile changed but reload failed: {PARSE}"
BAD = """.:53 {
    errors
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        upstream
    }
}
"""
A, B, SERVICE = "10.0.1.7", "10.0.2.7", "172.20.0.10"


def at(time: str, line: str) -> str:
    """Return a line at `time`: hh:mm of the day of the diagnosis, or a whole time."""
    stamp = time if "T" in time else f"2026-11-21T{time}:00Z"
    return f"{stamp} {line}\n"


def crashing(make: Any) -> Any:
    """Return two pods that do not come up."""
    changes = {
        "ready": False,
        "synced_since": None,
        "container_running_since": None,
        "container_waiting_reason": "CrashLoopBackOff",
    }
    return make.coredns_pods(make.coredns_pod("coredns-a", A, **changes), make.coredns_pod("coredns-b", B, **changes))


def test_a_corefile_that_ends_coredns_is_named_with_its_line(judge: Any, make: Any) -> None:
    """The bad line, its plugin and word, and what to do; the look-alikes stay silent."""
    logs = make.coredns_logs({"coredns-a": at("08:58", PARSE), "coredns-b": at("08:59", PARSE)})
    world = (logs, crashing(make), make.corefile(BAD))

    judgement: Judgement = judge(CRASH, *world)

    assert (judgement.verdict, judgement.reach) == (Verdict.PROBLEM, (EVERYTHING,))
    assert judgement.last_failure_at == datetime(2026, 11, 21, 8, 59, tzinfo=UTC)
    assert "line 6 of the Corefile: unknown property 'upstream'" in judgement.summary
    assert "Corefile line 6: upstream" in judgement.proof
    assert judgement.details["pods"] == ["coredns-a", "coredns-b"]
    assert (judgement.details["bad_line"], judgement.details["latent"]) == ("upstream", False)
    assert "1.7.0" in judgement.advice[0]
    assert {judge(rule, *world).verdict for rule in (LOOP, OOM, IMAGE_PULL)} == {Verdict.HEALTHY}


def test_an_addon_that_owns_the_corefile_changes_the_advice(judge: Any, make: Any) -> None:
    """An edit of the ConfigMap would be written back."""
    logs = make.coredns_logs({"coredns-a": at("08:58", PARSE)})

    judgement: Judgement = judge(CRASH, logs, crashing(make), make.corefile(BAD, managers=("eks",)))

    assert any("aws eks update-addon --cluster-name cluster-prod" in line for line in judgement.advice)
    assert not any("edit configmap" in line for line in judgement.advice)


def test_a_container_that_runs_since_has_read_its_corefile(judge: Any, make: Any) -> None:
    """It crashed at 08:50 and runs since 08:55: shown, dated, not counted. 3 s of running prove nothing."""
    logs = make.coredns_logs({"coredns-a": at("08:50", PARSE)})
    up = make.coredns_pod("coredns-a", A, container_running_since=make.now - timedelta(minutes=5))
    starting = make.coredns_pod("coredns-a", A, ready=False, container_running_since=make.now - timedelta(seconds=3))

    assert judge(CRASH, logs, make.coredns_pods(up)).verdict is Verdict.HEALTHY
    assert "08:50:00Z" in judge(CRASH, logs, make.coredns_pods(up)).proof[0]
    assert judge(CRASH, logs, make.coredns_pods(starting)).verdict is Verdict.PROBLEM


def test_a_container_started_again_within_the_second_of_its_crash_runs_since(judge: Any, make: Any) -> None:
    """Kubernetes dates starts in whole seconds, logs are dated more finely: the start seems to come first."""
    crashed = make.coredns_logs({"coredns-a": at("2026-11-21T08:50:00.400Z", PARSE)})
    looped = make.coredns_logs({"coredns-a": at("2026-11-21T08:50:00.400Z", LOOPED)})
    pods = make.coredns_pods(make.coredns_pod("coredns-a", A, container_running_since=make.now - timedelta(minutes=10)))

    assert judge(CRASH, crashed, pods).verdict is Verdict.HEALTHY
    assert judge(LOOP, looped, pods).verdict is Verdict.HEALTHY


LOADED = "[INFO] plugin/reload: Running configuration SHA512 = 1b2c"


@pytest.mark.parametrize(
    ("after", "running_since", "corefile", "verdict"),
    [
        ("", None, {}, Verdict.PROBLEM),
        (at("2026-11-19T12:00:00Z", LOADED), None, {}, Verdict.HEALTHY),
        (at("2026-11-17T12:00:00Z", LOADED), None, {}, Verdict.PROBLEM),
        ("", datetime(2026, 11, 19, tzinfo=UTC), {}, Verdict.HEALTHY),
        ("", None, {"changed_at": datetime(2026, 11, 19, tzinfo=UTC)}, Verdict.HEALTHY),
        ("", None, {"changed_at": None}, Verdict.PROBLEM),
    ],
    ids=["stands", "reloaded since", "loaded before", "restarted since", "Corefile changed since", "change unknown"],
)
def test_a_failed_reload_stands_at_any_age_until_contradicted(
    judge: Any, make: Any, after: str, running_since: Any, corefile: dict[str, Any], verdict: Verdict
) -> None:
    """Logged once, three days ago, far outside the window: latent, and no look-up fails of it."""
    text = at("2026-11-18T12:00:00Z", RELOAD) + after
    pod = make.coredns_pod("coredns-a", A, container_running_since=running_since or datetime(2026, 11, 10, tzinfo=UTC))
    changes = {"changed_at": datetime(2026, 11, 18, 11, tzinfo=UTC), **corefile}

    judgement: Judgement = judge(
        CRASH, make.coredns_logs({"coredns-a": text}), make.coredns_pods(pod), make.corefile(BAD, **changes)
    )

    assert judgement.verdict is verdict
    assert judgement.proof[0].endswith(PARSE) or "2026-11-18 12:00:00Z" in judgement.proof[0]
    if verdict is Verdict.PROBLEM:
        assert (judgement.reach, judgement.details["latent"]) == ((), True)
        assert judgement.last_failure_at == datetime(2026, 11, 18, 12, tzinfo=UTC)


def test_a_latent_fault_accounts_for_no_failing_look_up(judge: Any, make: Any) -> None:
    """Even where no pod is ready for some other reason: the old configuration is not what fails."""
    logs = make.coredns_logs({"coredns-a": at("08:58", RELOAD)})
    pod = make.coredns_pod("coredns-a", A, ready=False)

    judgement: Judgement = judge(CRASH, logs, make.coredns_pods(pod), make.corefile(BAD))

    assert (judgement.verdict, judgement.reach) == (Verdict.PROBLEM, ())


def test_a_line_without_the_refused_word_was_changed(judge: Any, make: Any) -> None:
    """Where managedFields say nothing, the Corefile's own line shows that it was corrected."""
    logs = make.coredns_logs({"coredns-a": at("2026-11-18T12:00:00Z", RELOAD)})
    pod = make.coredns_pod("coredns-a", A, container_running_since=datetime(2026, 11, 10, tzinfo=UTC))

    judgement: Judgement = judge(CRASH, logs, make.coredns_pods(pod), make.corefile(changed_at=None))

    assert judgement.verdict is Verdict.HEALTHY
    assert "no longer holds `upstream`" in judgement.proof[0]


def test_an_unbalanced_corefile_is_latent(judge: Any, make: Any) -> None:
    """The pods run on; the next start fails at the line that is named."""
    judgement: Judgement = judge(CRASH, make.corefile(".:53 {\n    errors\n"))

    assert (judgement.verdict, judgement.reach) == (Verdict.PROBLEM, ())
    assert "line 1 on: this block is never closed" in judgement.summary


@pytest.mark.parametrize(
    ("whole", "changed_at", "verdict"),
    [
        (True, None, Verdict.HEALTHY),
        (False, datetime(2026, 11, 1, tzinfo=UTC), Verdict.HEALTHY),
        (False, datetime(2026, 11, 20, 12, tzinfo=UTC), Verdict.UNKNOWN),
        (False, None, Verdict.UNKNOWN),
    ],
    ids=["whole log", "Corefile older than the container", "changed since, log cut", "change unknown, log cut"],
)
def test_a_log_that_was_not_read_far_enough_is_unknown(
    judge: Any, make: Any, changed_at: Any, verdict: Verdict, *, whole: bool
) -> None:
    """A failed reload is logged once: a log that does not reach back to the last change may hold it."""
    log = make.coredns_log("coredns-a", at("08:59", "[INFO] something"), whole=whole)

    judgement: Judgement = judge(
        CRASH, make.coredns_logs(pods=(log,), pods_total=1), make.corefile(changed_at=changed_at)
    )

    assert judgement.verdict is verdict


def test_without_a_corefile_nothing_is_claimed(judge: Any, make: Any) -> None:
    """CoreDNS may read another ConfigMap; an unread one leaves the crash standing, with what is missing."""
    gap = Gap(what="Corefile", reason="403", grant="configmaps: get")
    logs = make.coredns_logs({"coredns-a": at("08:58", PARSE)})

    assert judge(CRASH, make.corefile("")).verdict is Verdict.UNKNOWN
    crash = judge(CRASH, logs, crashing(make), gaps={Corefile: gap})
    assert (crash.verdict, crash.missing) == (Verdict.PROBLEM, (gap,))


LOOPED = '[FATAL] plugin/loop: Loop (127.0.0.1:34614 -> :53) detected for zone ".", see https://coredns.io/plugins/loop'


@pytest.mark.parametrize(
    ("time", "running_for", "verdict"),
    [
        ("08:58", None, Verdict.PROBLEM),
        ("08:50", timedelta(seconds=20), Verdict.PROBLEM),
        ("08:50", timedelta(minutes=5), Verdict.HEALTHY),
        ("08:00", None, Verdict.HEALTHY),
    ],
    ids=["now", "self-test not over", "passed since", "before the window"],
)
def test_a_loop_counts_until_a_start_passes_its_test(
    judge: Any, make: Any, time: str, running_for: Any, verdict: Verdict
) -> None:
    """The loop plugin tests for 30 s after each start; a container that outlives that has passed."""
    since = make.now - running_for if running_for else None
    pod = make.coredns_pod("coredns-a", A, ready=bool(running_for), container_running_since=since)
    logs = make.coredns_logs({"coredns-a": at(time, LOOPED)})

    judgement: Judgement = judge(LOOP, logs, make.coredns_pods(pod))

    assert judgement.verdict is verdict
    assert judge(CRASH, logs, make.coredns_pods(pod)).verdict is Verdict.HEALTHY
    if verdict is Verdict.PROBLEM:
        assert judgement.details["loops"] == ['127.0.0.1:34614 -> :53 for zone "."']
        assert "127.0.0.53" in judgement.advice[0]


TIMEOUT = "[ERROR] plugin/errors: 2 a.example. A: read udp 10.0.1.7:40310->{server}:53: i/o timeout"
HINFO = "[ERROR] plugin/errors: 2 12.34. HINFO: read udp 10.0.1.7:40310->{server}:53: i/o timeout"
ROUTE = "[ERROR] plugin/errors: 2 . NS: read udp 10.0.1.7:40310->{server}:53: read: no route to host"
ANSWERED = '[INFO] 10.0.1.5:36839 - 14241 "A IN amazon.com. udp 51 false 512" NOERROR qr,rd,ra 51 0.0042s'
INSIDE = ((A, "inside", Answer.ANSWERED), (B, "inside", Answer.ANSWERED))
OUTSIDE_WELL = (*INSIDE, (A, "outside", Answer.ANSWERED), (B, "outside", Answer.ANSWERED))
OUTSIDE_DEAD = (*INSIDE, (A, "outside", Answer.SERVFAIL), (B, "outside", Answer.TIMED_OUT))
UNREACHED = ((A, "inside", Answer.TIMED_OUT), (A, "outside", Answer.TIMED_OUT))


@pytest.mark.parametrize(
    ("line", "server", "times", "answers", "verdict"),
    [
        (TIMEOUT, "10.64.0.53", 4, OUTSIDE_DEAD, Verdict.PROBLEM),
        (TIMEOUT, "10.0.0.2", 1, OUTSIDE_DEAD, Verdict.PROBLEM),
        (HINFO, "10.64.0.53", 1, OUTSIDE_DEAD, Verdict.PROBLEM),
        (TIMEOUT, "10.64.0.53", 4, OUTSIDE_WELL, Verdict.HEALTHY),
        (HINFO, "10.64.0.53", 4, OUTSIDE_WELL, Verdict.HEALTHY),
        (TIMEOUT, "10.64.0.53", 4, None, Verdict.PROBLEM),
        (TIMEOUT, "10.64.0.53", 2, None, Verdict.UNKNOWN),
        (TIMEOUT, "10.0.0.2", 9, None, Verdict.UNKNOWN),
        (TIMEOUT, "169.254.169.253", 9, None, Verdict.UNKNOWN),
        (TIMEOUT, "10.0.0.2", 9, UNREACHED, Verdict.UNKNOWN),
        (ROUTE, "10.0.0.2", 1, None, Verdict.PROBLEM),
        (HINFO, "10.64.0.53", 9, None, Verdict.UNKNOWN),
        (TIMEOUT, "10.64.0.53", 0, OUTSIDE_WELL, Verdict.HEALTHY),
        (TIMEOUT, "10.64.0.53", 0, None, Verdict.UNKNOWN),
    ],
    ids=[
        "constant, look-ups fail",
        "VPC resolver, look-ups fail",
        "self-test, look-ups fail",
        "some, look-ups answer",
        "self-test, look-ups answer",
        "many, nothing looked up",
        "two, nothing looked up",
        "VPC resolver may be throttled",
        "link-local resolver may be throttled",
        "CoreDNS itself was not reached",
        "no route is no throttling",
        "self-test alone says nothing",
        "quiet",
        "quiet, nothing looked up",
    ],
)
def test_an_upstream_is_unreachable_when_constantly_so(
    judge: Any, make: Any, line: str, server: str, times: int, answers: Any, verdict: Verdict
) -> None:
    """Look-ups straight to the pod tell constant from some; without them only what load cannot explain counts."""
    text = "".join(at(f"08:5{minute}", line.format(server=server)) for minute in range(times))
    gaps = {Lookups: Gap(what="look-ups", reason="no workload_selector")} if answers is None else {}
    found = make.lookups(*(answers or ()))

    judgement: Judgement = judge(UPSTREAM, make.coredns_logs({"coredns-a": text}), found, gaps=gaps)

    assert judgement.verdict is verdict, judgement.summary
    if line == HINFO and verdict is Verdict.UNKNOWN:
        assert any("only the loop plugin's self-test failed" in gap.reason for gap in judgement.missing)
    if verdict is Verdict.PROBLEM:
        assert server in judgement.summary
        assert judgement.reach == (Reach(servers=frozenset({A}), external_only=True),)
        assert judgement.details["upstreams"] == [server]


def test_all_pods_cut_off_reach_every_external_name(judge: Any, make: Any) -> None:
    """Both pods: whichever the service chooses, external names fail."""
    text = at("08:58", TIMEOUT.format(server="10.64.0.53"))

    judgement: Judgement = judge(
        UPSTREAM, make.coredns_logs({"coredns-a": text, "coredns-b": text}), make.lookups(*OUTSIDE_DEAD)
    )

    assert judgement.reach == (Reach(external_only=True),)


@pytest.mark.parametrize(
    ("times", "verdict"), [(("08:50", "08:55"), Verdict.HEALTHY), (("08:55", "08:50"), Verdict.PROBLEM)]
)
def test_a_later_upstream_answer_in_the_query_log_contradicts(
    judge: Any, make: Any, times: tuple[str, str], verdict: Verdict
) -> None:
    """The `log` plugin shows an answer with `ra` after the failure; one before it shows nothing."""
    failed, answered = times
    text = "".join(at(failed, TIMEOUT.format(server="10.64.0.53")) for _ in range(3)) + at(answered, ANSWERED)

    assert judge(UPSTREAM, make.coredns_logs({"coredns-a": text}), make.lookups(*OUTSIDE_DEAD)).verdict is verdict


def test_answers_for_other_names_do_not_clear_a_stub_domain(judge: Any, make: Any) -> None:
    """corp.example goes to 10.64.0.53 alone: that amazon.com resolves says nothing about it."""
    text = "".join(at(f"08:5{minute}", TIMEOUT.format(server="10.64.0.53")) for minute in range(4))
    stub = make.corefile(
        ".:53 {\n errors\n forward . /etc/resolv.conf\n}\ncorp.example:53 {\n forward . 10.64.0.53\n}\n"
    )

    judgement: Judgement = judge(UPSTREAM, make.coredns_logs({"coredns-a": text}), make.lookups(*OUTSIDE_WELL), stub)

    assert judgement.verdict is Verdict.PROBLEM


def test_silence_without_the_errors_plugin_says_nothing(judge: Any, make: Any) -> None:
    """No `errors` plugin: only an answered external name shows that upstream works."""
    mute = make.corefile(".:53 {\n forward . /etc/resolv.conf\n}\n")

    assert judge(UPSTREAM, mute, make.lookups(*OUTSIDE_WELL)).verdict is Verdict.HEALTHY
    assert judge(UPSTREAM, mute, make.lookups(*UNREACHED)).verdict is Verdict.UNKNOWN


def test_old_failures_are_dated(judge: Any, make: Any) -> None:
    """Before the window: HEALTHY, with the time."""
    judgement: Judgement = judge(
        UPSTREAM, make.coredns_logs({"coredns-a": at("07:00", TIMEOUT.format(server="10.64.0.53"))})
    )

    assert judgement.verdict is Verdict.HEALTHY
    assert judgement.proof[0].startswith("2026-11-21 07:00:00Z coredns-a")
