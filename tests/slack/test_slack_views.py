from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from bot.domain.approvals import (
    Choice,
    Decision,
    MessageRef,
    Outcome,
    Posted,
    Proposal,
    ProposalState,
    Proposed,
    Result,
    StepRecord,
    StepState,
)
from bot.domain.cluster import Question
from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import Collected, Gap, SourceCall
from bot.domain.findings import Kind, Verdict
from bot.domain.history import Entry, Story
from bot.domain.lookups import Answer, Transport
from bot.domain.peers import Peers, SeenPlace
from bot.domain.people import Person
from bot.domain.phrases import timestamp
from bot.domain.places import Peer, Place
from bot.errors import ConfigurationError, UnitError
from bot.report.diagnosis_words import NOTHING_PROPOSED, OpenCard, diagnosis_words
from bot.report.digest_words import HEADINGS, DigestSection, DigestWords, KnownIssue
from bot.report.evidence_words import check_details
from bot.report.glass_words import GlassWords
from bot.report.history_words import HistoryWords, PageWords, PlanHistory, history_words
from bot.report.home_words import HomeWords, WaitingPlan
from bot.report.plan_words import Caller, plan_words, policy_words
from bot.report.terminal import diagnosis_text
from bot.report.timeline_words import EventWords
from bot.report.watch_words import WatchWords
from bot.sandbox.slack import Seen, as_text
from bot.sandbox.slack.blocks import check_message, check_view, text_of, too_long
from bot.slack.cards import further_words, offers_diagnosis
from bot.slack.commands.help import CommandHelp
from bot.slack.render import Message, Views
from bot.slack.reports import first_message, thread_messages
from bot.slack.subscribing import Offered
from bot.slack.text import clean
from tests.slack.samples import lookup, sample_diagnosis

TEMPLATES = Path(__file__).parents[2] / "templates"
VIEWS = Views(TEMPLATES)
pytestmark = pytest.mark.timeout(300)  # forty steps of 40,000 characters take seconds, many times in one test
SHARED = Place(name="shared", region="eu-central-1", account="222233334444", vpc_id="vpc-0aaa")
VALUE = f"p-1 {'0' * 64}"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
LIVE = re.compile(r"<[!@#]|<https?:|<mailto:", re.IGNORECASE)
INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
NASTY = [
    "<!channel>.evil.test",
    "<@U1>",
    "<!subteam^S01>",
    "<https://evil.test|sign in>",
    'quote " and \\ backslash',
    "line\nline\r\nline",
    "``` fence ```",
    "{{ 7 * 7 }} {% raw %}",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07",
    "\u202egnp.exe\u2066 \u200b\u200f",
    "<\u200b!channel>",
    "</script>&amp;",
    "\ud800 lone",
    "x" * 40_000,
    "\U0001f600" * 3_000,
    "",
    " \n\t",
]
hostile = st.one_of(st.sampled_from(NASTY), st.text(max_size=200), st.lists(st.sampled_from(NASTY[:12])).map("".join))


class PlainNames:
    """Names as hostile as the test wants."""

    def __init__(self, name: str) -> None:
        self._name = name

    def person(self, user_id: str) -> str:
        """Return the name."""
        return self._name or user_id

    def group(self, group_id: str) -> str:
        """Return the name."""
        return self._name or group_id


def strings(value: object) -> Iterator[str]:
    """Yield every string in a payload."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for child in value.values():
            yield from strings(child)
    elif isinstance(value, list):
        for child in value:
            yield from strings(child)


def assert_well(message: Message) -> None:
    """Refuse what Slack would refuse, and what would be live in Slack."""
    assert check_message(message.blocks) == ()
    assert not too_long(message.blocks)
    assert len(json.dumps(message.blocks, ensure_ascii=False, separators=(",", ":"))) <= 12_000
    assert len(message.blocks) <= 50
    assert 0 < len(message.text) <= 4_000
    for block in message.blocks:
        parsed = Block.parse(block)
        assert parsed is not None
        parsed.validate_json()
    assert_harmless({"text": message.text, "blocks": message.blocks})


def assert_harmless(payload: object) -> None:
    """Find no live mention or link, no invisible character, no mrkdwn anywhere."""
    for text in strings(payload):
        assert not LIVE.search(text), text[:200]
        assert not INVISIBLE.search(text), repr(text[:200])
    assert '"mrkdwn"' not in json.dumps(payload)


def hostile_diagnosis(sample: Diagnosis, text: str, number: int) -> Diagnosis:
    """Return a diagnosis in which every text that can come from outside is `text`, `number` times."""
    many = (text,) * number
    gap = Gap(what=text, reason=text, grant=text)
    findings = tuple(
        replace(
            finding,
            title=text,
            judgement=replace(
                finding.judgement, summary=text, proof=many, advice=many, missing=(gap,) * min(number, 30)
            ),
        )
        for finding in sample.findings * max(1, number // 4)
    )
    piece = Collected(
        id=text or "e",
        collector="c",
        parameters={},
        value=None,
        gap=gap,
        calls=(SourceCall(name=text),) * number,
        collected_at=NOW,
        took_ms=1,
        summary=text,
    )
    return replace(
        sample,
        target=replace(sample.target, name=text),
        findings=findings,
        evidence=(*sample.evidence, piece, replace(piece, gap=None)),
        looked_from=text,
        unrecorded=text,
    )


def assert_on_one_screen(message: Message) -> None:
    """Find few blocks and few words before the buttons."""
    before = list(itertools.takewhile(lambda block: block["type"] != "actions", message.blocks))
    seen = "".join(text for block in before for text in text_of(block))
    assert len(before) <= 5
    assert len(seen) <= 600


fast = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@fast
@given(text=hostile, number=st.sampled_from([1, 3, 40]))
def test_report_and_evidence_stay_harmless_and_within_limits(
    diagnosis_of: Any, proposal_of: Any, advice_of: Any, text: str, number: int
) -> None:
    """Whatever a cluster holds, report and evidence are messages that Slack takes, with nothing live in them."""
    diagnosis = hostile_diagnosis(diagnosis_of(), text, number)
    proposed = Proposed(proposals=(proposal_of(),) * number, not_offered=(advice_of(text, *(text,) * number),) * number)
    cards = (OpenCard(title=text, asked_by=text, url="https://x.slack.com/archives/C1/p1"),) * number
    facts = diagnosis_words(diagnosis, proposed, asked_by=text, at=timestamp, note=text, open_cards=cards)
    first = first_message(VIEWS, diagnosis, facts, text)

    assert_well(first)
    assert_on_one_screen(first)
    for message in thread_messages(VIEWS, diagnosis, facts, Caller(id=text, name=text)):
        assert_well(message)
    details = VIEWS.modal("details", title=text, diagnosis_id=text, checks=check_details(diagnosis))
    assert check_view(details) == ()
    View(**details).validate_json()
    assert_harmless(details)


@fast
@given(text=hostile, number=st.sampled_from([1, 3, 40]), state=st.sampled_from(list(ProposalState)))
def test_cards_stay_harmless_and_within_limits(
    proposal_of: Any, plan_of: Any, text: str, number: int, state: ProposalState
) -> None:
    """Cards of any state, with any text in plan, decisions and journal."""
    plan = plan_of(
        title=text, blast_radius=text, risk=text, cluster=text, finding=text, undoes=text, yields=(text,) * number
    )
    step = replace(plan.steps[0], target=text, diff=(f"+ {text}",) * number, undo=text, command=text, owner=text)
    plan = replace(plan, steps=(step,) * number)
    decision = Decision(
        proposal_id="p-1",
        person=Person(team_id="T01", user_id=text),
        choice=Choice.REJECT,
        accepted=True,
        reason=text,
        decided_at=NOW,
    )
    proposal = proposal_of(
        plan=plan, decisions=(decision,) * number, not_approvable=text, state=state,
        posted=Posted(message=MessageRef(channel="C1", ts="1.2"), report_url="https://x.slack.com/archives/C1/p1"),
    )  # fmt: skip
    journal = tuple(
        StepRecord(proposal_id="p-1", index=index, state=StepState.UNKNOWN, effects={}, note=text, at=NOW)
        for index in range(number)
    )
    outcome = Outcome(proposal_id="p-1", result=Result.STOPPED, summary=text, steps=())
    facts = plan_words(
        Story(proposal=proposal, journal=journal, outcome=outcome, version=1), PlainNames(text), at=timestamp
    )

    for view in ("proposal", "decided"):
        assert_well(VIEWS.message(view, card=facts, value=VALUE))
    assert_well(VIEWS.message("outcome", card=facts, value=VALUE, further=(text,) * number, again=True, undo=True))
    assert_well(VIEWS.message("steps", heading=text, label=text, text=text[:5000]))
    if len(text) * number * number < 5_000:
        whole = VIEWS.modal("commands", card=facts)
        assert check_view(whole) == ()
        View(**whole).validate_json()
        assert_harmless(whole)


@fast
@given(text=hostile, number=st.sampled_from([0, 1, 40]))
def test_small_views_stay_harmless_and_within_limits(text: str, number: int) -> None:
    """Progress, history, help, refusals, digests and the form for the reason."""
    many = (text,) * number
    plan = PlanHistory(
        plan=text, status=text, brief=text, risk=text, not_approvable=text, decisions=many, journal=many,
        outcome=text, taken_back_by=text, not_shown=text,
    )  # fmt: skip
    line = HistoryWords(diagnosis_id=text, heading=text, verdict=text, plans=(plan,) * number)

    assert_well(VIEWS.message("progress", cluster=text, done=many, running=many, total=number * 2, elapsed="3 s"))
    page = PageWords(lines=(line,) * number, fits=text, nothing=text or "Nothing.", older=text, notes=many)
    assert_well(VIEWS.message("history", title=text, page=page, again=text))
    event = EventWords(at=text, cluster=text, diagnosis=text, event=text, who=text, plan=text, what=text)
    assert_well(VIEWS.message("timeline", title=text, events=(event,) * number * 2))
    glass = GlassWords(heading=text or "Glass", who=text, reason=text, means=text, review=text)
    ids = ("U01",) * number
    assert_well(VIEWS.message("break_glass", glass=glass, users=ids, groups=("S01",), value="7", is_open=bool(number)))
    commands = (CommandHelp(usage=text, purpose=text),) * 5
    assert_well(VIEWS.message("help", commands=commands, clusters=many, playbooks=many, name=text))
    assert_well(VIEWS.message("refusal", reason=text, hints=many))
    clusters = many or (text,)
    assert_well(VIEWS.message("pick_cluster", clusters=clusters, thread_ts="1700000000.000100"))
    assert_well(VIEWS.message("called", callers=(Caller(id=text, name=text),) * number, said=text))
    section = DigestSection(heading=text, lines=many or (text,))
    digest = DigestWords(
        title=text, summary=text, sections=(section,) * 4, headings=HEADINGS, rows=((text,) * len(HEADINGS),) * number,
        details=many, notes=many or (text,), clusters=(f"c{text}",) * max(number, 1), open_in=("cluster",) * number,
    )  # fmt: skip
    assert_well(VIEWS.message("digest", digest=digest))
    news = WatchWords(title=text or "New", text=text, note=text, cluster="cluster-prod" if number else "")
    assert_well(VIEWS.message("watch", news=news))
    waiting = WaitingPlan(text=text, url="https://dnsbot.slack.com/archives/C1/p1" if number else "")
    home = HomeWords(
        summary=text, clusters=many or (text,), waiting=(waiting,) * number, asked=many or (text,),
        changes=many or (text,), refused="",
    )  # fmt: skip
    issues = (KnownIssue(title=text, value="cluster-prod rule"),) * max(number, 1)
    for modal in (
        VIEWS.modal("reject", value="p-1 hash C1 1.0", title=text),
        VIEWS.modal("mute", value="mute digest C1 1.0", issues=issues),
        VIEWS.modal("subscribe", value="v", clusters=("cluster-prod",) * max(number, 1), timezone=text or "UTC"),
        VIEWS.modal("unsubscribe", value="v", subscribed=(Offered(title=text, value="v"),) * max(number, 1)),
        VIEWS.modal("home", home=home, at=text or "now"),
    ):
        assert check_view(modal) == ()
        View(**modal).validate_json()
        assert_harmless(modal)


def test_every_view_is_rendered_by_a_test() -> None:
    """A new view needs its hostile test: these are all there are."""
    tested = {"report", "cause", "lookups", "unchecked", "ruled_out", "evidence", "details"}
    tested |= {"proposal", "decided", "outcome", "steps", "commands", "called", "pick_cluster"}
    tested |= {"progress", "history", "help", "refusal", "reject", "digest", "mute", "timeline", "break_glass"}
    tested |= {"watch", "home", "subscribe", "unsubscribe"}

    assert set(VIEWS.names()) == tested


def test_what_is_cut_says_how_much_is_missing() -> None:
    """A long text ends with the number of characters that are not shown."""
    message = VIEWS.message("refusal", reason="x" * 40_000, hints=())

    shown = as_text_of(message)
    found = re.search(r"…\((\d+) more characters\)", shown)
    assert found is not None
    kept = message.blocks[0]["elements"][0]["elements"][0]["text"].count("x")
    assert kept + int(found[1]) == 40_000


def test_cleaned_text_keeps_what_people_read() -> None:
    """Colours, titles, marks and live forms go; the words stay."""
    cleaned = clean("\x1b[31mred\x1b[0m\x1b]0;title\x07 \u202egnp\u200b <\u200b!channel> a<b")

    assert cleaned == "red gnp < !channel> a<b"


def test_top_level_text_is_escaped_for_mrkdwn() -> None:
    """The one text that Slack parses has its three characters escaped."""
    assert VIEWS.message("refusal", reason="a <b> & c", hints=()).text == "a &lt;b&gt; &amp; c"


def test_block_ids_change_at_every_rendering() -> None:
    """Slack keeps the state of a block by its id: an update must bring new ones."""
    first = VIEWS.message("refusal", reason="a", hints=())
    second = VIEWS.message("refusal", reason="a", hints=())

    assert first.blocks[0]["block_id"] != second.blocks[0]["block_id"]


def test_missing_value_stops_a_view(tmp_path: Path) -> None:
    """A template that names what it does not get is an error, not an empty text."""
    (tmp_path / "bad.json.j2").write_text('{"text": {{ nobody }}, "blocks": [{"type": "divider"}]}')

    with pytest.raises(UnitError, match="'nobody' is undefined"):
        Views(tmp_path).message("bad")


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ('{"text": "a", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": {{ v }}}}]}', "mrkdwn"),
        ('{"text": "a", "blocks": [{"type": "image_grid"}]}', "unknown type"),
        ('{"blocks": [{"type": "divider"}]}', "/text"),
        ('{"text": "a", "blocks": []}', "missing or empty"),
        ('{"text": "a", "blocks": [{"type": "divider"}', "ValueError|JSONDecodeError"),
        ('{"text": "a", "blocks": [{"type": "header", "text": {{ v.__class__ }}}]}', "SecurityError|undefined"),
    ],
    ids=["mrkdwn", "unknown-block", "no-text", "no-blocks", "not-json", "private-attribute"],
)
def test_template_that_slack_would_refuse_is_an_error(tmp_path: Path, template: str, said: str) -> None:
    """Each broken template says what is wrong with it."""
    (tmp_path / "bad.json.j2").write_text(template)

    with pytest.raises(UnitError, match=said):
        Views(tmp_path).message("bad", v="<!channel>")


def test_template_folder_that_is_not_there_is_a_configuration_error(tmp_path: Path) -> None:
    """The folder is named in the error."""
    with pytest.raises(ConfigurationError, match="nowhere"):
        Views(tmp_path / "nowhere")


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


def test_measure_is_called_one_and_says_what_it_gets(plan_of: Any, proposal_of: Any, diagnosis_of: Any) -> None:
    """Card and report tell a measure from a fix, name the evidence and the rules, and do not ask for health."""
    plan = plan_of(title="Switch the query log on", yields=("query_log",), verify_rules=("ndots_amplification",))
    proposal = proposal_of(plan=plan)
    proposed = Proposed(proposals=(proposal,), not_offered=())

    facts = plan_words(story_of(proposal), PlainNames("ana"), at=timestamp)
    card = as_text_of(VIEWS.message("proposal", card=facts, value=VALUE))
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
        proposals=(proposal_of(),),
        outcomes=(),
    )
    facts = history_words([entry], PlainNames("ana"), at=timestamp)[0]

    assert facts.heading == "2026-11-21T09:00:00Z cluster-prod, asked by ana:"
    assert facts.verdict == "problem (dns_blocked_by_security_group)"
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


def as_text_of(message: Message) -> str:
    """Return a message as a person reads it."""
    seen = Seen(
        channel="C",
        ts="1",
        thread_ts="",
        user="U",
        text=message.text,
        blocks=tuple(message.blocks),
        attachments=(),
        only_visible_to="",
        edited=0,
    )
    return as_text(seen)
