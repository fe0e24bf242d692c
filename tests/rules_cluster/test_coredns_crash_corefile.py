from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.collectors.corefile import Corefile
from bot.dns.corefile.tree import CorefileRefusal
from bot.domain.evidence import Gap
from bot.domain.findings import Judgement, Verdict
from bot.domain.lookups import EVERYTHING
from bot.rules.coredns_crash_corefile import RULE as CRASH
from bot.rules.coredns_forwarding_loop import RULE as LOOP
from bot.rules.coredns_image_pull import RULE as IMAGE_PULL
from bot.rules.coredns_oom_killed import RULE as OOM
from tests.rules_cluster.log_lines import LOOPED, A, B, at, crashing

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
        ("", datetime(2026, 11, 18, 12, tzinfo=UTC), {}, Verdict.HEALTHY),
        ("", None, {"changed_at": datetime(2026, 11, 19, tzinfo=UTC)}, Verdict.HEALTHY),
        ("", None, {"changed_at": None}, Verdict.PROBLEM),
    ],
    ids=[
        "stands",
        "reloaded since",
        "loaded before",
        "restarted since",
        "restarted within the second",
        "Corefile changed since",
        "change unknown",
    ],
)
def test_a_failed_reload_stands_at_any_age_until_contradicted(
    judge: Any, make: Any, after: str, running_since: Any, corefile: dict[str, Any], verdict: Verdict
) -> None:
    """Logged once, three days ago, far outside the window: latent, and no lookup fails of it."""
    text = at("2026-11-18T12:00:00.400Z", RELOAD) + after
    pod = make.coredns_pod("coredns-a", A, container_running_since=running_since or datetime(2026, 11, 10, tzinfo=UTC))
    changes = {"changed_at": datetime(2026, 11, 18, 11, tzinfo=UTC), **corefile}

    judgement: Judgement = judge(
        CRASH, make.coredns_logs({"coredns-a": text}), make.coredns_pods(pod), make.corefile(BAD, **changes)
    )

    assert judgement.verdict is verdict
    assert judgement.proof[0].endswith(PARSE) or "2026-11-18T12:00:00Z" in judgement.proof[0]
    if verdict is Verdict.PROBLEM:
        assert (judgement.reach, judgement.pods, judgement.details["latent"]) == ((), (), True)
        assert judgement.last_failure_at == datetime(2026, 11, 18, 12, 0, 0, 400_000, tzinfo=UTC)


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


JUST_NOW = datetime(2026, 11, 21, 8, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "summary", "line"),
    [
        pytest.param(".:53 {\n    errors\n", "line 1: this block is never closed", 1, id="left open"),
        pytest.param("", "The Corefile is empty: it holds no server block with a plugin", 0, id="empty"),
        pytest.param("# later\n", "The Corefile is empty", 0, id="only a comment"),
        pytest.param("\0", "The Corefile is empty", 0, id="NUL"),
    ],
)
def test_a_corefile_that_nobody_can_serve_with_is_latent(
    judge: Any, make: Any, text: str, summary: str, line: int
) -> None:
    """The pods run on; the next start fails at the line that is named, or answers nothing."""
    judgement: Judgement = judge(CRASH, make.corefile(text, exists=True, changed_at=JUST_NOW))

    assert (judgement.verdict, judgement.reach) == (Verdict.PROBLEM, ())
    assert summary in judgement.summary
    assert (judgement.details["latent"], judgement.details["line"]) == (True, line)


def test_pods_that_serve_well_do_not_hide_an_empty_corefile(judge: Any, make: Any) -> None:
    """They still serve the old one, and answer nothing once they are started again."""
    pods = make.coredns_pods(make.coredns_pod("coredns-a", A))
    corefile = make.corefile("", exists=True, changed_at=JUST_NOW)

    judgement: Judgement = judge(CRASH, make.coredns_logs({"coredns-a": ""}), pods, corefile)

    assert (judgement.verdict, judgement.details["latent"]) == (Verdict.PROBLEM, True)
    assert "The Corefile is empty" in judgement.summary


@pytest.mark.parametrize(
    ("changed_at", "log", "verdict"),
    [
        (datetime(2026, 11, 19, 9, tzinfo=UTC), "", Verdict.HEALTHY),
        (datetime(2026, 11, 21, 8, 40, tzinfo=UTC), "", Verdict.PROBLEM),
        (datetime(2026, 11, 21, 8, 40, tzinfo=UTC), at("08:50", "[INFO] Reloading complete"), Verdict.HEALTHY),
        (datetime(2026, 11, 21, 8, 49, tzinfo=UTC), at("08:50", "[INFO] Reloading complete"), Verdict.PROBLEM),
        (None, "", Verdict.PROBLEM),
    ],
    ids=["pods began since", "pods are older", "loaded since", "loaded before it was mounted", "change unknown"],
)
def test_pods_that_run_with_it_contradict_a_refused_corefile(
    judge: Any, make: Any, changed_at: Any, log: str, verdict: Verdict
) -> None:
    """Whoever has loaded this very text shows that it can be loaded; the pod is named."""
    bad = make.corefile(".:53 {\n    errors\n", changed_at=changed_at)

    judgement: Judgement = judge(CRASH, bad, make.coredns_logs({"coredns-a": log}))

    assert judgement.verdict is verdict
    assert any(
        "its text seems wrong (this block is never closed), yet coredns-a" in one for one in judgement.proof
    ) == (verdict is Verdict.HEALTHY)


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


@pytest.mark.parametrize(
    ("text", "changed_at", "verdict"),
    [
        (".:53 {\n errors\n import more/*.override\n}\n", JUST_NOW, Verdict.UNKNOWN),
        (".:53 {\n errors\n import more/*.override\n}\n", datetime(2026, 11, 19, 9, tzinfo=UTC), Verdict.HEALTHY),
        (".:53 {\n errors\n reload\n import more/*.override\n}\n", None, Verdict.HEALTHY),
    ],
    ids=["nothing shows it", "pods began with it", "a failed reload would be logged"],
)
def test_a_corefile_that_could_not_be_judged_is_no_sound_one(
    judge: Any, make: Any, text: str, changed_at: Any, verdict: Verdict
) -> None:
    """What was not read is UNKNOWN until a pod has loaded it, or `reload` would have complained."""
    assert judge(CRASH, make.corefile(text, changed_at=changed_at)).verdict is verdict


def test_who_judged_the_corefile_is_told(judge: Any, make: Any) -> None:
    """CoreDNS itself, or the bot's own grammar."""
    sound: Judgement = judge(CRASH, make.corefile(checked_by="CoreDNS 1.15.0 itself"))
    bad: Judgement = judge(
        CRASH, make.corefile(".:53 {\n    errors\n", changed_at=JUST_NOW, checked_by="the bot's own grammar")
    )

    assert "the Corefile is accepted by CoreDNS 1.15.0 itself" in sound.proof
    assert "the Corefile is refused by the bot's own grammar" in bad.proof


def test_a_refused_file_that_is_imported_is_named(judge: Any, make: Any) -> None:
    """Its line is none of the Corefile's."""
    refusal = CorefileRefusal(file="/etc/coredns/custom/a.server", line=3, message="Unknown directive 'x'")

    judgement: Judgement = judge(CRASH, make.corefile(refusal=refusal, changed_at=JUST_NOW))

    assert "does not read at line 3 of /etc/coredns/custom/a.server: Unknown directive 'x'" in judgement.summary
    assert (judgement.details["line"], judgement.details["word"]) == (0, "x")


LOOP_LINE = '[FATAL] plugin/loop: Loop (127.0.0.1:34614 -> :53) detected for zone ".", see https://coredns.io'
API_LINE = 'plugin/kubernetes: Get "https://10.32.0.1:443/version?timeout=32s": dial tcp 10.32.0.1:443: i/o timeout'
MAXPROCS = "maxprocs: Leaving GOMAXPROCS=2: CPU quota undefined"
BANNER = "CoreDNS-1.11.4"


@pytest.mark.parametrize(
    ("lines", "exit_code", "verdict"),
    [
        (["some words that nobody knows"], 1, Verdict.PROBLEM),
        ([MAXPROCS, "some words that nobody knows"], 1, Verdict.PROBLEM),
        (["plugin/forward: no nameservers found"], 1, Verdict.PROBLEM),
        (["/etc/coredns/custom/extra.server:3 - Error during parsing: Unknown directive 'x'"], 1, Verdict.PROBLEM),
        (["Listen: listen tcp :53: bind: permission denied"], 1, Verdict.PROBLEM),
        (["some words that nobody knows"], 2, Verdict.HEALTHY),
        ([".:53", BANNER, "some words that nobody knows"], 1, Verdict.HEALTHY),
        ([BANNER, LOOP_LINE], 1, Verdict.HEALTHY),
        ([API_LINE], 1, Verdict.HEALTHY),
        (["exec /coredns: exec format error"], 1, Verdict.UNKNOWN),
        (["exec /coredns: operation not permitted"], 1, Verdict.UNKNOWN),
        (["standard_init_linux.go:228: exec user process caused: exec format error"], 1, Verdict.UNKNOWN),
    ],
    ids=["any words", "after maxprocs", "a plugin's", "an imported file's", "a port", "a panic", "it had served",
         "a loop", "the API", "another architecture", "a capability that is denied", "an older runtime"],
)  # fmt: skip
def test_exit_code_1_before_it_served_is_its_configuration(
    judge: Any, make: Any, lines: list[str], exit_code: int, verdict: Verdict
) -> None:
    """Whatever the words; what a panic, a loop, a running CoreDNS or the API ends is not, nor what never began."""
    pod = make.coredns_pod(
        "coredns-a", A, ready=False, container_running_since=None, container_waiting_reason="CrashLoopBackOff",
        container_last_exit_code=exit_code,
    )  # fmt: skip
    log = make.coredns_logs({"coredns-a": "".join(at("08:59", line) for line in lines)}, ended=("coredns-a",))

    judgement: Judgement = judge(CRASH, make.coredns_pods(pod, make.coredns_pod("coredns-b", B)), log)

    assert (judgement.verdict is Verdict.PROBLEM) is (verdict is Verdict.PROBLEM), judgement.summary
    assert judgement.verdict is verdict or verdict is Verdict.HEALTHY
    if verdict is Verdict.PROBLEM:
        assert judgement.pods == ("coredns-a",)
        assert lines[-1].rpartition(": ")[2] in judgement.summary
