from __future__ import annotations

from datetime import UTC, datetime

from bot.domain.cluster import ClusterTarget, Question
from bot.domain.diagnosis import Binding, Diagnosis
from bot.domain.evidence import Gap
from bot.domain.findings import Finding, Judgement, Kind, Severity, Verdict, healthy, unknown
from bot.domain.phrases import timestamp
from bot.report.diagnosis_words import DiagnosisWords, diagnosis_words
from bot.report.terminal import brief_lines, diagnosis_text
from bot.report.wrapping import Page

TIME_OUT = "http://10.0.0.9 gave no whole answer in time. Check the route to it, then ask again."
PODS = "needs coredns_pods: Cannot list pods in kube-system: "
NODES = "Cannot list nodes: "


def finding(rule: str, judgement: Judgement, kind: Kind = Kind.CAUSE) -> Finding:
    """Return a rule's finding; what it checks has the rule's name."""
    return Finding(
        rule=rule, title=rule, check=f"Check {rule}", kind=kind, playbook="p", severity=Severity.CRITICAL,
        judgement=judgement,
    )  # fmt: skip


def blind(rule: str, reason: str, grant: str = "") -> Finding:
    """Return a rule that could not look."""
    return finding(rule, unknown("Could not be checked.", Gap(what="it", reason=reason, grant=grant)))


AILING = finding(
    "coredns_pods_not_ready",
    Judgement(verdict=Verdict.PROBLEM, summary="1 of 2 pods.", proof=("coredns-a: CrashLoopBackOff",),
              pods=("coredns-a",), advice=("kubectl describe pod coredns-a",)),
    Kind.SYMPTOM,
)  # fmt: skip
WELL = finding("well", healthy("Fine."))


def words_of(*findings: Finding) -> DiagnosisWords:
    """Return the report of these findings."""
    diagnosis = Diagnosis(
        id="d1", question=Question(cluster="prod"),
        target=ClusterTarget(name="prod", eks_name="prod", region="eu-west-1"), asked_by=None,
        started_at=datetime(2026, 11, 21, tzinfo=UTC), took_ms=1, findings=findings, evidence=(),
        binding=Binding(account="1", cluster_arn="arn", kube_system_uid="u"),
    )  # fmt: skip
    return diagnosis_words(diagnosis, at=timestamp)


def test_checks_that_could_not_run_are_no_known_cause() -> None:
    """The headline says how many; what would let most of them run is the first advice, before that for the symptom."""
    words = words_of(AILING, blind("a", PODS + TIME_OUT), blind("b", NODES + TIME_OUT), blind("c", "no", "logs: get"))

    assert words.headline == "prod: 1 CoreDNS pod not healthy, cause not found: 3 checks could not run"
    assert words.verdict.startswith("1 CoreDNS pod not healthy; the cause was not found: 3 of 5 checks could not run")
    assert words.advice == (
        f"To let 2 more checks run: {TIME_OUT}",
        "To let 1 more check run, grant the bot's read role: logs: get.",
        "kubectl describe pod coredns-a",
    )
    assert "WHAT TO DO" in diagnosis_text(words)


def test_reasons_are_grouped() -> None:
    """What was tried differs, what came back does not: one line, with how many and which checks."""
    words = words_of(AILING, blind("a", PODS + TIME_OUT), blind("b", NODES + TIME_OUT), blind("c", "the log is off"))

    assert words.unknown == (
        f"No answer from the API server: {TIME_OUT} 2 checks: Check a, Check b.",
        "Check c: the log is off.",
    )


def test_a_reason_comes_before_the_many_checks_that_it_keeps() -> None:
    """Where a line is cut, as in Slack, what came back is still read."""
    login = "Cannot use the kubeconfig: there is no file k.yaml. Correct `kubeconfig`."
    words = words_of(AILING, *(blind(name, login) for name in "abc"))

    assert words.unknown == ("There is no file k.yaml. Correct `kubeconfig`. 3 checks: Check a, Check b, Check c.",)


def test_the_report_in_brief_says_what_would_let_checks_run() -> None:
    """Whoever reads only the brief one is told the first thing to do, not just how many could not run."""
    lines = brief_lines(words_of(WELL, blind("a", "403", "pods: list"), blind("b", "403", "pods: list")), Page())

    assert lines[1] == "  - To let 2 more checks run, grant the bot's read role: pods: list."


def test_with_every_check_run_it_is_no_known_cause() -> None:
    """Nothing was left out: the rules that there are do not know it."""
    words = words_of(AILING, WELL)

    assert words.headline == "prod: 1 CoreDNS pod not healthy, no known cause found"
    assert words.advice == ("kubectl describe pod coredns-a",)
    assert "SEEN  coredns_pods_not_ready" in diagnosis_text(words)


def test_without_a_problem_the_first_advice_is_what_would_let_checks_run() -> None:
    """No all-clear, and how to get one."""
    words = words_of(WELL, blind("a", "403", "pods: list"), blind("b", "403", "pods: list"))

    assert words.advice == ("To let 2 more checks run, grant the bot's read role: pods: list.",)
    assert words.unknown == ("Missing permission pods: list: 2 checks (Check a, Check b).",)


def test_a_pod_that_the_cause_does_not_name_stays_unexplained() -> None:
    """There is a root cause, and one pod is not well of something else."""
    cause = finding("cause", Judgement(verdict=Verdict.PROBLEM, summary="s", pods=("coredns-b",)))

    assert words_of(AILING, cause).unexplained == (
        "1 CoreDNS pod not healthy (coredns-a) not explained by the causes above: there may be another cause."
    )
