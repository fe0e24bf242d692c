from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from bot.domain.approvals import ApprovalPolicy, Proposal, ProposalState
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.diagnosis import Binding, Diagnosis
from bot.domain.findings import Finding, Judgement, Kind, Severity, Verdict, healthy
from bot.domain.history import Story
from bot.domain.phrases import timestamp
from bot.domain.plans import FixPlan, Step, WriterKind
from bot.report.diagnosis_words import DiagnosisWords, diagnosis_words
from bot.report.history_words import Ids
from bot.report.markdown import diagnosis_markdown, escaped
from bot.report.plan_words import PlanWords, plan_words
from bot.report.screen import page_of, print_on, progress_on, show
from bot.report.terminal import brief_lines, diagnosis_lines, plans_lines
from bot.report.wrapping import Page, Styled

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LONG = "the cluster security group sg-0123456789abcdef0 has no inbound rule for port 53 from itself, udp and tcp, " * 3
HOSTILE = "<script>alert(1)</script> ![x](http://a/b) [y](http://c) `z` **b** # h | t\n# heading\n- item\n1. one"
COMMAND = "aws ec2 authorize-security-group-ingress --group-id sg-0123456789abcdef0 --ip-permissions " + "x" * 200


def finding(rule: str, verdict: Verdict, summary: str, proof: tuple[str, ...] = ()) -> Finding:
    """Return a finding."""
    judgement = (
        Judgement(verdict=verdict, summary=summary, proof=proof) if verdict is Verdict.PROBLEM else healthy(summary)
    )
    return Finding(
        rule=rule, title=f"Title of {rule}", check=f"Check of {rule}", kind=Kind.CAUSE, playbook="p",
        severity=Severity.CRITICAL, judgement=judgement,
    )  # fmt: skip


def words(*findings: Finding) -> DiagnosisWords:
    """Return what is said of a diagnosis with these findings."""
    return diagnosis_words(
        Diagnosis(
            id="d1", question=Question(cluster="cluster-prod"),
            target=ClusterTarget(name="cluster-prod", eks_name="cluster-prod", region="eu-west-1"), asked_by=None,
            started_at=NOON, took_ms=1830, findings=findings, evidence=(),
            binding=Binding(account="1", cluster_arn="arn:aws:eks:eu-west-1:1:cluster/p", kube_system_uid="u"),
        ),
        at=timestamp,
    )  # fmt: skip


def a_proposal() -> Proposal:
    """Return a plan with a command that is longer than any line."""
    step = Step(
        fix="f", action="open", writer=WriterKind.AWS, target="security group sg-1", parameters={}, before=None,
        diff=("+ udp 53 from itself", "- nothing"), command=COMMAND, undo="Remove the rule.",
    )  # fmt: skip
    plan = FixPlan(
        id="plan-1", diagnosis_id="d1", cluster="cluster-prod", region="eu-west-1",
        binding=Binding(account="1", cluster_arn="arn", kube_system_uid="u"), fix="f", title="Open port 53",
        finding="r", playbook="p", risk="low", blast_radius="Nothing else.", steps=(step,),
        verify_rules=("r",), symptoms=(),
    )  # fmt: skip
    return Proposal(
        id="plan-1", plan=plan, plan_hash=plan.hash, policy=ApprovalPolicy(environment="production"), requested_by=None,
        state=ProposalState.PENDING, created_at=NOON, expires_at=NOON + timedelta(minutes=30),
    )  # fmt: skip


def a_plan(**changes: Any) -> PlanWords:
    """Return what is said of it."""
    proposal = replace(a_proposal(), **changes)
    return plan_words(Story(proposal=proposal, journal=(), outcome=None, version=0), Ids(), at=timestamp)


def a_choice(**changes: Any) -> PlanWords:
    """Return what is said of it where a wider plan may be approved instead."""
    plan = a_proposal().plan
    wide = replace(
        plan, title="Open all ports", speaks_for="No port is forgotten.", risk="medium", blast_radius="Nothing else.",
        steps=(replace(plan.steps[0], diff=("+ all traffic from itself",), command="open all"),),
    )  # fmt: skip
    return a_plan(**{"plan": plan, "plan_hash": plan.hash, "alternatives": (wide,), **changes})


PROBLEM = finding("blocked", Verdict.PROBLEM, LONG, (LONG,))
WELL = finding("well", Verdict.HEALTHY, LONG)


def shown(lines: Sequence[str], out: io.StringIO) -> str:
    """Return what `show` writes."""
    show(lines, out)
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Headings, proofs and lists are wrapped in its width."""
    lines = diagnosis_lines(words(PROBLEM, WELL), Page(width))

    assert max(map(len, lines)) <= width
    assert any(len(line) > width - 30 for line in lines)


def test_what_is_no_terminal_gets_plain_text() -> None:
    """No colour, and the columns that scripts have always had."""
    out = io.StringIO()

    text = shown(diagnosis_lines(words(PROBLEM), page_of(out)), out)

    assert "\x1b" not in text
    assert page_of(out).width == 110
    with progress_on(out) as progress:
        assert progress is None


@pytest.mark.parametrize(("no_color", "red"), [(False, True), (True, False)])
def test_colours_are_in_a_terminal_unless_somebody_wants_none(*, no_color: bool, red: bool) -> None:
    """Rich sees to NO_COLOR, by which headings stay bold."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, no_color=no_color, color_system="standard")

    print_on(console, [Styled("ROOT CAUSE  [x]", "bold red"), "plain"])

    assert ("31m" in out.getvalue()) is red
    assert "[x]" in out.getvalue()
    assert out.getvalue().endswith("plain\n")


def test_no_rule_s_id_is_told_to_people() -> None:
    """It is for scripts: titles and checks have words of their own."""
    told = words(replace(PROBLEM, rule="the_rule_s_id"), replace(WELL, rule="another_id"))

    for text in ("\n".join(diagnosis_lines(told, Page())), diagnosis_markdown(told)):
        assert "the_rule_s_id" not in text
        assert "another_id" not in text


def test_brief_is_a_few_lines_with_what_was_checked() -> None:
    """The headline, the cause in a sentence, and how much was looked at."""
    lines = brief_lines(words(finding("blocked", Verdict.PROBLEM, "A short reason."), WELL), Page())

    assert lines[0] == "cluster-prod: Title of blocked"
    assert lines[1] == "  A short reason."
    assert "3 of 3 checks ran" in lines[-1]
    assert len(lines) == 3


def test_a_plan_s_command_stands_whole_in_one_line() -> None:
    """However narrow the terminal is: it is there to be copied."""
    lines = plans_lines(words(PROBLEM), [a_plan()], Page(60))

    assert COMMAND in lines
    assert "    + udp 53 from itself" in lines
    assert lines[-1] == "Nothing was applied, stored or posted."


def test_plans_to_choose_from_are_told_one_by_one() -> None:
    """Terminal and Markdown number them, and say what speaks for each; the commands of all are there."""
    text = "\n".join(plans_lines(words(PROBLEM), [a_choice()], Page()))
    marked = diagnosis_markdown(words(PROBLEM), [a_choice()])

    assert "CHOOSE ONE of 2 plans, the narrowest first: approving one withdraws the others." in text
    assert text.index("PLAN 1  Open port 53  [risk low]") < text.index(COMMAND)
    assert text.index(COMMAND) < text.index("PLAN 2  Open all ports  [risk medium]\n  No port is forgotten.")
    assert "\nopen all" in text
    assert "## Plan 2: Open all ports (risk medium)\n\nNo port is forgotten." in marked


@pytest.mark.parametrize(
    ("state", "title", "withdrawn"),
    [
        (ProposalState.RUNNING, "Open port 53", ("Open all ports",)),
        (ProposalState.REJECTED, "Open port 53 or Open all ports", ()),
    ],
)
def test_once_it_is_decided_one_plan_is_told(state: ProposalState, title: str, withdrawn: tuple[str, ...]) -> None:
    """With the titles of those that were withdrawn; of plans that were all rejected, all titles."""
    found = a_choice(state=state)

    assert (found.title, found.withdrawn, found.choices) == (title, withdrawn, ())


def test_markdown_has_the_same_and_the_commands_in_blocks() -> None:
    """Cause, what to do, plan, what was ruled out."""
    text = diagnosis_markdown(words(PROBLEM, WELL), [a_plan()])

    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings[0] == "# cluster-prod: Title of blocked"
    assert "## Cause: Title of blocked (critical)" in headings
    assert "## Plan: Open port 53 (risk low)" in headings
    assert f"```sh\n{COMMAND}\n```" in text
    assert "```diff\n+ udp 53 from itself\n- nothing\n```" in text


def test_what_comes_from_a_cluster_means_nothing_in_markdown() -> None:
    """No heading, list, link, image, HTML, mention or code of its own."""
    text = diagnosis_markdown(words(finding("blocked", Verdict.PROBLEM, HOSTILE, (HOSTILE, "@everyone"))))

    assert "\n# heading" not in text
    assert not re.search(r"(?<!\\)[<\[`*@|]", text.replace("`d1`", ""))
    assert escaped("- a") == "\\- a"
    assert escaped("1. a") == "1\\. a"
