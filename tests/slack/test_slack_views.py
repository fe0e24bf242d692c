"""Whatever text comes in, views stay harmless and within Slack's limits."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
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
    ApprovalPolicy,
    Choice,
    Decision,
    MessageRef,
    Outcome,
    Posted,
    ProposalState,
    Proposed,
    Result,
    StepRecord,
    StepState,
)
from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import Collected, Gap, SourceCall
from bot.domain.history import Story
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer, Client, ClientKind, Lookup, Transport
from bot.domain.people import Person
from bot.domain.phrases import timestamp
from bot.errors import ConfigurationError, UnitError
from bot.report.diagnosis_words import OpenCard, diagnosis_words
from bot.report.digest_words import HEADINGS, DigestSection, DigestWords, KnownIssue
from bot.report.evidence_words import check_details
from bot.report.glass_words import GlassWords
from bot.report.history_words import HistoryWords, PageWords, PlanHistory
from bot.report.home_words import HomeWords, WaitingPlan
from bot.report.plan_words import Caller, plan_words
from bot.report.timeline_words import EventWords
from bot.report.watch_words import WatchWords
from bot.sandbox.slack.blocks import check_message, check_view, text_of, too_long
from bot.sandbox.slack.text import blocks_text
from bot.slack.commands.help import CommandHelp
from bot.slack.render import Message, Views
from bot.slack.reports import first_message, thread_messages
from bot.slack.subscribing import Offered
from bot.slack.text import clean
from tests.slack.rendering import VALUE, VIEWS, PlainNames, as_text_of

pytestmark = pytest.mark.timeout(300)  # forty steps of 40,000 characters take seconds, many times in one test
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
LONGEST_CLUSTER = "c" * 100
"""What `bot.settings` takes; options carry it as their value, of which Slack takes 150 characters."""
LONGEST_RULE = "control_plane_blocked_by_security_group"
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


def assert_form_well(form: dict[str, Any]) -> None:
    """Refuse of a modal or home page what Slack would refuse, and what would be live in Slack."""
    assert check_view(form) == ()
    View(**form).validate_json()
    for block in form["blocks"]:
        parsed = Block.parse(block)
        assert parsed is not None
        parsed.validate_json()
    assert_harmless(form)


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
    client = Client(node=text or "n", kind=ClientKind.POD, pod=text)
    asked = tuple(
        Lookup(
            client=client, server=f"{text}{index}", through_service=bool(index), transport=Transport.UDP,
            external=bool(index % 2), name=text, answer=Answer.TIMED_OUT, detail=text,
        )
        for index in range(number)
    )  # fmt: skip
    matrix = LookupMatrix(nodes_total=3, nodes_looked=2, lookups=asked, resolvers=(), gaps=(gap,), asked_names=many)
    evidence = tuple(replace(one, value=matrix) if one.id == "lookups" else one for one in sample.evidence)
    return replace(
        sample,
        target=replace(sample.target, name=text),
        findings=findings,
        evidence=(*evidence, piece, replace(piece, gap=None)),
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
    assert_form_well(details)


@fast
@given(
    text=hostile,
    number=st.sampled_from([1, 3, 40]),
    others=st.sampled_from([0, 1, 2]),
    state=st.one_of(st.just(ProposalState.PENDING), st.sampled_from(list(ProposalState))),
    closed=st.sampled_from(["", "closed"]),
)
def test_cards_stay_harmless_and_within_limits(
    proposal_of: Any, plan_of: Any, text: str, number: int, others: int, state: ProposalState, closed: str
) -> None:
    """Cards of any state, of one plan or several to choose from, with any text in plans, decisions and journal."""
    text = text[:2000] if others else text  # choices are compared line by line: long ones take minutes
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
    wider = tuple(
        replace(plan, id=f"p-{index}", title=f"{text}{index}", speaks_for=text, risk="high", steps=(step,) * index)
        for index in range(1, others + 1)
    )
    proposal = proposal_of(
        plan=plan, alternatives=wider, decisions=(decision,) * number, not_approvable=closed and text, state=state,
        policy=ApprovalPolicy(environment=text, users=(text, "U03"), user_groups=(text, "S01")),
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

    assert_well(VIEWS.message("proposal", card=facts, glass=(text,) * number, value=VALUE))
    assert_well(VIEWS.message("decided", card=facts, value=VALUE))
    assert_well(VIEWS.message("outcome", card=facts, value=VALUE, further=(text,) * number, again=True, undo=True))
    assert_well(VIEWS.message("steps", heading=text, label=text, text=text[:5000]))
    if len(text) * number * number < 5_000:
        assert_form_well(VIEWS.modal("commands", card=facts))


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
    issues = (KnownIssue(title=text, value=f"{LONGEST_CLUSTER} {LONGEST_RULE}"),) * max(number, 1)
    for modal in (
        VIEWS.modal("reject", value="p-1 hash C1 1.0", title=text),
        VIEWS.modal("mute", value="mute digest C1 1.0", issues=issues),
        VIEWS.modal("subscribe", value="v", clusters=(LONGEST_CLUSTER,) * max(number, 1), timezone=text or "UTC"),
        VIEWS.modal("unsubscribe", value="v", subscribed=(Offered(title=text, value="v"),) * max(number, 1)),
        VIEWS.modal("home", home=home, at=text or "now"),
        VIEWS.modal("in_form", title="Not opened", said=text or "text"),
    ):
        assert_form_well(modal)


def test_every_view_is_rendered_by_a_test() -> None:
    """A new view needs its hostile test: these are all there are."""
    tested = {"report", "cause", "lookups", "unchecked", "ruled_out", "evidence", "details"}
    tested |= {"proposal", "decided", "outcome", "steps", "commands", "called", "pick_cluster"}
    tested |= {"progress", "history", "help", "refusal", "reject", "digest", "mute", "timeline", "break_glass"}
    tested |= {"watch", "home", "subscribe", "unsubscribe", "in_form"}

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


def test_a_timeline_names_a_plan_once_for_what_follows_one_another() -> None:
    """Its id is long, and most lines of an incident are of one plan."""
    event = EventWords(
        at="09:00", cluster="cluster-prod", diagnosis="d-1", event="ran", who="dnsbot", plan="p-1", what="Step."
    )

    shown = VIEWS.message("timeline", title="Incident", events=(event, event, replace(event, plan="p-2"), event))

    text = blocks_text(shown.blocks)
    assert (text.count("(plan p-1)"), text.count("(plan p-2)")) == (2, 1)
