"""What reports, cards and the history say in Slack, and that the terminal says the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from bot.domain.approvals import Ending, Outcome, Proposal, ProposalState, Proposed, Result
from bot.domain.cluster import Question
from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import Collected, Gap
from bot.domain.findings import Kind, Verdict
from bot.domain.history import Entry, Story
from bot.domain.lookups import Answer, Transport
from bot.domain.peers import Peers, SeenPlace
from bot.domain.people import Person
from bot.domain.phrases import timestamp
from bot.domain.places import Peer, Place
from bot.report.diagnosis_words import NOTHING_PROPOSED, diagnosis_words
from bot.report.evidence_words import check_details
from bot.report.history_words import history_words
from bot.report.plan_words import Caller, plan_words, policy_words
from bot.report.terminal import COMMAND, diagnosis_text, plans_lines
from bot.report.wrapping import Page, Styled
from bot.slack.cards import card_message, further_words, offers_diagnosis
from bot.slack.reports import first_message, thread_messages
from bot.slack.rich_parts import parts
from tests.slack.rendering import VALUE, VIEWS, PlainNames, as_text_of
from tests.slack.samples import lookup, sample_diagnosis

SHARED = Place(name="shared", region="eu-central-1", account="222233334444", vpc_id="vpc-0aaa")


def test_latent_fault_is_said_plainly(diagnosis_of: Any) -> None:
    """Every lookup answers and a rule still says problem: the report says that the fault is latent, and from where."""
    diagnosis = diagnosis_of(lookups_all_answer=True)
    text = rendered(diagnosis)

    assert "Latent fault: every lookup is answered right now (looked from 2 of 3 nodes)" in text


def test_failing_lookups_without_a_cause_say_that_no_known_cause_was_found(diagnosis_of: Any) -> None:
    """Only the symptom stands: no known cause, with what was ruled out."""
    sample = diagnosis_of()
    alone = tuple(
        replace(finding, explained_by=()) for finding in sample.findings if finding.kind is Kind.SYMPTOM
    ) + tuple(finding for finding in sample.findings if finding.verdict is Verdict.HEALTHY)
    text = rendered(replace(sample, findings=alone))

    assert "no known cause found" in text.splitlines()[0]
    assert "1 check ruled out as the cause." in text
    assert "Kube dns service missing" in text
    assert "Root cause" not in text


def test_what_to_do_about_an_unexplained_symptom_is_said_once(diagnosis_of: Any) -> None:
    """It stands under the symptom; at the end stands only what belongs to no fault."""
    sample = diagnosis_of()
    symptom = next(finding for finding in sample.findings if finding.kind is Kind.SYMPTOM)
    told = replace(symptom.judgement, advice=("kubectl get pods",))
    text = rendered(replace(sample, findings=(replace(symptom, explained_by=(), judgement=told),)))

    in_thread = text.partition("\n@ana: ")[2]
    assert in_thread.count("kubectl get pods") == 1
    assert in_thread.count("What to do:") == 2
    assert "Capture packets" in text


def test_healthy_and_unknown_do_not_look_alike(diagnosis_of: Any) -> None:
    """All checks ran and are well, or not everything could be checked: the first line says which."""
    sample = diagnosis_of()
    well = tuple(finding for finding in sample.findings if finding.verdict is Verdict.HEALTHY)
    unknown = tuple(finding for finding in sample.findings if finding.verdict is not Verdict.PROBLEM)

    healthy_text = rendered(replace(sample, findings=well, lookups_all_answer=True))
    unknown_text = rendered(replace(sample, findings=unknown, lookups_all_answer=None, looked_from="no selector"))
    assert "no DNS problem found" in healthy_text.splitlines()[0]
    assert "no problem found, but 1 of 3 checks could not run" in unknown_text.splitlines()[0]
    assert "Missing permission: ec2:DescribeNetworkAcls" in unknown_text
    assert "No test lookup could be made. no selector" in unknown_text


def with_part_unread(sample: Diagnosis) -> Diagnosis:
    """Return it with one source that could not be read whole, which no check misses."""
    gap = Gap(what="add-on coredns", reason="403", grant="eks:DescribeAddon")
    return replace(sample, evidence=(*sample.evidence, replace(sample.evidence[0], id="e", value=None, gap=gap)))


def without_cause(sample: Diagnosis) -> Diagnosis:
    """Return it with the symptom alone."""
    symptoms = (finding for finding in sample.findings if finding.kind is Kind.SYMPTOM)
    return replace(sample, findings=tuple(replace(finding, explained_by=()) for finding in symptoms))


def with_unexplained(sample: Diagnosis) -> Diagnosis:
    """Return it with a failing lookup that the cause does not reach."""
    failing = (lookup("ip-10-0-1-9", Transport.UDP, Answer.TIMED_OUT),)
    findings = (
        replace(one, judgement=replace(one.judgement, failing=failing)) if one.kind is Kind.SYMPTOM else one
        for one in sample.findings
    )
    return replace(sample, findings=tuple(findings))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (with_part_unread, "add-on coredns: 403. Missing permission: eks:DescribeAddon."),
        (without_cause, "Capture packets on udp/53 at a CoreDNS pod"),
        (without_cause, "Lookups fail; no check explains why."),
        (with_unexplained, "1 failing lookup not explained by the causes above"),
        (
            with_unexplained,
            "kubernetes.default.svc.cluster.local. over udp from shop/web on ip-10-0-1-9 to 172.20.0.10: timed out",
        ),
        (lambda sample: replace(sample, lookups_all_answer=True), "Latent fault: every lookup is answered right now"),
        (lambda sample: sample, "4 of 5 checks ran; 1 could not"),
        (lambda sample: sample, "Network ACLs: EC2 refused the call. Missing permission: ec2:DescribeNetworkAcls."),
        (lambda sample: replace(sample, findings=sample.findings[2:]), "this is not an all-clear"),
    ],
    ids=["unread", "capture", "no cause", "unexplained", "which", "latent", "coverage", "unknown", "no all-clear"],
)
def test_slack_and_terminal_tell_the_same(
    diagnosis_of: Any, change: Callable[[Diagnosis], Diagnosis], said: str
) -> None:
    """A diagnosis has one set of sentences; what one teller says the other says, word for word."""
    diagnosis = change(diagnosis_of())
    terminal = diagnosis_text(diagnosis_words(diagnosis, at=timestamp))

    assert said in rendered(diagnosis)
    assert said in " ".join(terminal.split())


def test_matrix_shows_failures_first(diagnosis_of: Any) -> None:
    """The lookup matrix names node, server and transport, failing lines first."""
    text = rendered(diagnosis_of())
    lines = [line.strip() for line in text.splitlines()]
    start = next(index for index, line in enumerate(lines) if line.split()[:2] == ["From", "Server"])

    failed = ["✗", "timed", "out", "✓", "ok", "-", "-"]
    assert lines[start + 1].split() == ["ip-10-0-1-1", "service", "172.20.0.10", *failed]
    assert lines[start + 2].split() == ["ip-10-0-1-2", "service", "172.20.0.10", "✓", "ok", "-", "-", "-"]


def test_what_is_unknown_is_named_by_what_was_looked_at(diagnosis_of: Any) -> None:
    """Report and details say "Network ACLs": "unknown: DNS is blocked" would read as its opposite."""
    diagnosis = diagnosis_of()
    titles = [check.title for check in check_details(diagnosis)]

    assert "Network ACLs: EC2 refused the call" in rendered(diagnosis)
    assert "? Network ACLs (dns_blocked_by_network_acl, critical, playbook network-acls): unknown" in titles
    assert titles[0].startswith("✗ DNS is blocked by a security group (dns_blocked_by_security_group, critical")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "every test lookup must be answered, and these checks must be healthy: Security groups. If not, the undo"),
        ({"symptoms": ()}, "Verified by a new diagnosis: these checks must be healthy: Security groups. If not, the"),
        ({"undoes": "p-0"}, "they must be as before plan p-0."),
    ],
    ids=["symptom", "no symptom", "undo"],
)
def test_card_says_what_verifies_the_plan(proposal_of: Any, changes: dict[str, Any], said: str) -> None:
    """The checks and the lookups that the plan carries; an undo is read, not judged."""
    proposal = proposal_of()
    story = story_of(replace(proposal, plan=replace(proposal.plan, **changes)))

    facts = plan_words(story, PlainNames(""), at=timestamp, checks={"dns_blocked_by_security_group": "Security groups"})

    assert said in facts.verification


@pytest.mark.parametrize("yields", [(), ("query_log",)], ids=["fix", "measure"])
def test_no_undo_is_promised_where_nothing_can_be_undone(proposal_of: Any, yields: tuple[str, ...]) -> None:
    """The same card says "cannot be undone"; whoever approves a restart counts on one of the two."""
    proposal = proposal_of()
    lasting = tuple(replace(step, undo="") for step in proposal.plan.steps)
    story = story_of(replace(proposal, plan=replace(proposal.plan, steps=lasting, yields=yields)))

    facts = plan_words(story, PlainNames(""), at=timestamp, checks={})

    assert "is proposed" not in facts.verification


@pytest.mark.parametrize(("seconds", "times"), [(1800, 1), (0, 0)], ids=["for a time", "lasting"])
def test_card_says_that_a_measure_for_a_time_needs_no_undo(proposal_of: Any, seconds: int, times: int) -> None:
    """Nobody has to be found at night to end a capture; what is over is not promised to end."""
    proposal = proposal_of(state=ProposalState.DONE)
    steps = tuple(replace(step, ends_after_seconds=seconds) for step in proposal.plan.steps)
    outcome = Outcome(proposal_id="p-1", result=Result.VERIFIED, summary="s", steps=(), inverse_proposal_id="p-2")
    noon = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    ending = Ending(index=0, due_at=noon, is_due=False, ended_at=None, note="")
    story = replace(
        story_of(replace(proposal, plan=replace(proposal.plan, steps=steps, yields=("query_log",)))),
        outcome=outcome,
        endings=(ending,),
    )
    ends = "own approval. Without it, everything is undone automatically when its time is over."

    assert plan_words(story, PlainNames(""), at=timestamp, checks={}).verification.count(ends) == times
    assert further_words(story)[0].count(ends) == times
    assert ends not in further_words(replace(story, endings=(replace(ending, ended_at=noon),)))[0]


def test_policy_is_said_in_words(proposal_of: Any) -> None:
    """How many, from whom, and whether the requester may."""
    words = policy_words(proposal_of().policy, PlainNames(""))

    assert words == (
        "Environment production: 1 person must approve, of U03 or members of S01. Who asked may not approve."
    )


def test_outcome_offers_a_diagnosis_unless_it_is_verified(proposal_of: Any) -> None:
    """Verified needs nothing further; everything else does."""
    proposal = proposal_of(state=ProposalState.DONE)
    ended = {
        result: replace(story_of(proposal), outcome=Outcome(proposal_id="p-1", result=result, summary="s", steps=()))
        for result in Result
    }

    assert {result for result, story in ended.items() if not offers_diagnosis(story)} == {Result.VERIFIED}
    assert further_words(ended[Result.NOT_VERIFIED]) == ()


def test_the_form_s_commands_are_those_that_dnsbot_plan_prints(
    plan_of: Any, proposal_of: Any, diagnosis_of: Any
) -> None:
    """Each whole and in order, however long: whoever types them does what Approve does."""
    many = tuple(replace(plan_of().steps[0], command=f"kubectl patch {n} \\\n  -p '{'x' * 4000}'") for n in range(3))
    facts = plan_words(story_of(proposal_of(plan=plan_of(steps=many))), PlainNames("ana"), at=timestamp)

    printed = plans_lines(diagnosis_words(diagnosis_of(), at=timestamp), [facts], Page())
    form = VIEWS.modal("commands", card=facts)

    commands = "\n".join(line for line in printed if isinstance(line, Styled) and line.style == COMMAND)
    assert commands == "\n".join(step.command for step in many)
    pre = [one for block in form["blocks"] for one in block.get("elements", ()) if one["type"].endswith("preformatted")]
    shown = ["".join(part["text"] for part in one["elements"]) for one in pre]  # of each step its diff, its command
    assert shown[1::2] == [step.command for step in many]


def test_the_header_alone_says_how_a_plan_stands(proposal_of: Any) -> None:
    """Where a client draws no rich text, rejected and failed do not look like verified."""
    states = [story_of(proposal_of(state=state)) for state in ProposalState if state is not ProposalState.DONE]
    done = story_of(proposal_of(state=ProposalState.DONE))
    ends = [replace(done, outcome=Outcome(proposal_id="p-1", result=one, summary="s", steps=())) for one in Result]

    tools: Any = SimpleNamespace(views=VIEWS, names=PlainNames("ana"))

    headers = set()
    for story in (*states, *ends):
        card = card_message(tools, story, plan_words(story, tools.names, at=timestamp))
        headers |= {block["text"]["text"] for block in card.blocks if block["type"] == "header"}

    assert len(headers) == len(states) + len(ends)


def test_what_plans_to_choose_from_share_is_told_with_what_it_affects(plan_of: Any, proposal_of: Any) -> None:
    """The card says that it cannot be undone, beside plans that can; the form says all that each plan affects."""
    opening, lasting = plan_of().steps[0], "A restart cannot be undone."
    restart = replace(opening, target="Deployment shop/web", diff=("+ restarted",), undo="")
    narrow = plan_of(steps=(opening, restart), blast_radius=f"Port 53 opens. {lasting}", speaks_for="It is narrow.")
    wide = replace(narrow, steps=(replace(opening, diff=("+ all",)), restart), blast_radius=f"All opens. {lasting}")
    facts = plan_words(story_of(proposal_of(plan=narrow, alternatives=(wide,))), PlainNames("ana"), at=timestamp)

    card = as_text_of(VIEWS.message("proposal", card=facts, glass=(), value=VALUE))
    form = json.dumps(VIEWS.modal("commands", card=facts))

    assert "With each: Deployment shop/web: + restarted. Cannot be undone." in card
    assert card.count("Undo: everything can be undone.") == 2
    assert form.count(f"Port 53 opens. {lasting}") == form.count(f"All opens. {lasting}") == 1


def test_measure_is_called_one_and_says_what_it_gets(plan_of: Any, proposal_of: Any, diagnosis_of: Any) -> None:
    """Card and report tell a measure from a fix, name the evidence and the rules, and do not ask for health."""
    plan = plan_of(title="Switch the query log on", yields=("query_log",), verify_rules=("ndots_amplification",))
    proposal = proposal_of(plan=plan)
    proposed = Proposed(proposals=(proposal,), not_offered=())

    facts = plan_words(story_of(proposal), PlainNames("ana"), at=timestamp)
    card = as_text_of(VIEWS.message("proposal", card=facts, glass=(), value=VALUE))
    report = rendered(diagnosis_of(), proposed)

    assert "Measure for cluster-prod: 1 approval needed" in card
    assert "To read: query log, for ndots amplification" in card
    assert "a new diagnosis must be able to read query log, for ndots amplification" in card
    assert "healthy" not in card
    assert "(medium risk, 1 step), to read what is missing: query log, for ndots amplification" in report


def test_verified_measure_offers_the_diagnosis_that_it_was_for(plan_of: Any, proposal_of: Any) -> None:
    """With the evidence there the rule can decide, so the next diagnosis is worth a button."""
    done = proposal_of(plan=plan_of(yields=("query_log",)), state=ProposalState.DONE)
    outcome = Outcome(proposal_id="p-1", result=Result.VERIFIED, summary="s", steps=())

    assert offers_diagnosis(replace(story_of(done), outcome=outcome))


def test_history_names_the_people_and_how_proposals_stand(proposal_of: Any) -> None:
    """One line for each diagnosis, its proposals below."""
    entry = Entry(
        diagnosis_id="d-1",
        cluster="cluster-prod",
        asked_by=Person(team_id="T01", user_id="U01"),
        started_at=datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
        verdict=Verdict.PROBLEM,
        root_causes=("dns_blocked_by_security_group",),
        titles={"dns_blocked_by_security_group": "DNS is blocked by a security group"},
        proposals=(proposal_of(),),
        outcomes=(),
    )
    facts = history_words([entry], PlainNames("ana"), at=timestamp)[0]

    assert facts.heading == "2026-11-21T09:00:00Z cluster-prod, asked by ana:"
    assert facts.verdict == "problem (DNS is blocked by a security group)"
    assert "Waits for 1 approval, until 2026-11-21T09:30:00Z." in facts.plans[0].brief


def story_of(proposal: Proposal) -> Story:
    """Return the story of a proposal of which nothing was run."""
    return Story(proposal=proposal, journal=(), outcome=None, version=1)


ROLE = "arn:aws:iam::222233334444:role/dnsbot-read"
NOT_ASSUMED = (
    f"Cannot call sts:AssumeRole on {ROLE}: AccessDenied: User: arn:aws:sts::111122223333:assumed-role/dnsbot/pod is "
    f"not authorized to perform: sts:AssumeRole on resource: {ROLE}. Grant `sts:AssumeRole on {ROLE}` to "
    "arn:aws:sts::111122223333:assumed-role/dnsbot/pod, and have the role's trust policy name it."
)
REFUSED = Gap(what=str(SHARED), reason=NOT_ASSUMED, grant=f"sts:AssumeRole on {ROLE}")


@pytest.mark.parametrize(
    ("gap", "lines"),
    [
        (None, [f"Looked at home (eu-west-1), {SHARED}."]),
        (REFUSED, ["Looked at home (eu-west-1).", f"{SHARED}: {NOT_ASSUMED}"]),
        (
            Gap(what=str(SHARED), reason="403.", grant="ec2:DescribeVpcs"),
            ["Looked at home (eu-west-1).", f"{SHARED}: 403. Missing permission: ec2:DescribeVpcs."],
        ),
    ],
    ids=["entered", "role refused", "right refused"],
)
def test_report_says_where_was_looked_and_where_not(gap: Gap | None, lines: list[str]) -> None:
    """One line where all went well; each peer that could not be entered with its reason and what to grant."""
    diagnosis = sample_diagnosis(Question(cluster="cluster-prod"), None)
    peers = Collected(
        id="peers",
        collector="peers",
        parameters={},
        value=Peers(peers=(SeenPlace(place=SHARED, found=SHARED, gap=gap),)),
        gap=None,
        calls=(),
        collected_at=diagnosis.started_at,
        took_ms=1,
        summary="",
    )
    target = replace(diagnosis.target, peers=(Peer(place=SHARED),))

    text = rendered(replace(diagnosis, target=target, evidence=(*diagnosis.evidence, peers)))

    assert [line for line in lines if line not in text] == []
    assert text.count(str(SHARED)) == 1
    assert str(SHARED) not in rendered(diagnosis)


def rendered(diagnosis: Diagnosis, proposed: Proposed = NOTHING_PROPOSED) -> str:
    """Return a report with its thread as a person reads it."""
    facts = diagnosis_words(diagnosis, proposed, asked_by="ana", at=timestamp)
    asker = Caller(id="U01", name="ana")
    messages = [first_message(VIEWS, diagnosis, facts), *thread_messages(VIEWS, diagnosis, facts, asker)]
    return "\n".join(map(as_text_of, messages))


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("2026-11-21T09:00:00Z: restarted", ["date", "text"]),
        ("ended at 2026-11-21T09:00:00Z:\nnext", ["text", "date", "text"]),
        ("2026-11-21T09:00:00Z:30", ["text"]),
        ("a-2026-11-21T09:00:00Z", ["text"]),
    ],
    ids=["colon", "colon and line", "longer number", "part of a name"],
)
def test_a_time_is_drawn_as_a_date_whatever_sign_follows(text: str, kinds: list[str]) -> None:
    """A colon or full stop ends a sentence or a label; letters and digits make it a part of something else."""
    assert [one["type"] for one in parts(text)] == kinds
