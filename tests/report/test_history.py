"""The history in words, and how a terminal lays it out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.approvals import Choice, Decision, Outcome, ProposalState, Result, StepRecord, StepState
from bot.domain.changes import BreakGlass
from bot.domain.findings import Verdict
from bot.domain.history import Entry
from bot.domain.people import Person
from bot.domain.phrases import timestamp
from bot.domain.sought import ALL, Sought
from bot.report.glass_words import glass_json, open_glass
from bot.report.history_words import Ids, page_words
from bot.report.json_history import history_json
from bot.report.terminal import history_text, timeline_text
from bot.report.timeline_words import timeline, timeline_csv
from tests.slack.samples import sample_proposal

NINE = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ANA, BEN = Person(team_id="T01", user_id="U01"), Person(team_id="T01", user_id="U02")
PRESS = Decision(
    proposal_id="p-1", person=ANA, choice=Choice.APPROVE, accepted=False, reason="the requester", decided_at=NINE
)
BLOCKED = "DNS is blocked by a security group"
REPAIRED = Entry(
    diagnosis_id="d-1",
    cluster="cluster-prod",
    asked_by=ANA,
    started_at=NINE,
    verdict=Verdict.PROBLEM,
    root_causes=("dns_blocked_by_security_group",),
    titles={"dns_blocked_by_security_group": BLOCKED},
    proposals=(
        sample_proposal(
            state=ProposalState.DONE, decisions=(PRESS, replace(PRESS, person=BEN, accepted=True, reason=""))
        ),
    ),
    outcomes=(
        Outcome(
            proposal_id="p-1", result=Result.NOT_VERIFIED, summary="lookups still fail", inverse_proposal_id="p-2",
            steps=(StepRecord(proposal_id="p-1", index=0, state=StepState.DONE, effects={}, note="sgr-1", at=NINE),),
        ),
    ),
)  # fmt: skip


def told(*entries: Entry, size: int = 20, cluster: str = "", sought: Sought = ALL) -> str:
    """Return a page of the history as a terminal shows it."""
    return history_text(page_words(entries, Ids(), at=timestamp, size=size, cluster=cluster, sought=sought))


def test_history_tells_who_pressed_what_was_done_and_how_it_ended() -> None:
    """Presses that were not taken with the reason, every step, the outcome, and what takes it back."""
    lines = [line.strip() for line in told(REPAIRED).splitlines()]

    assert lines == [
        f"2026-11-21T09:00:00Z cluster-prod, asked by U01: problem ({BLOCKED})  (diagnosis d-1)",
        "Let members of sg-0abc talk to one another (p-1), medium risk: Done.",
        "Approve pressed by U01 at 2026-11-21T09:00:00Z, not accepted: the requester",
        "Approved by U02 at 2026-11-21T09:00:00Z",
        "2026-11-21T09:00:00Z Step 1, security group sg-0abc (eks-cluster-sg-prod): done (sgr-1)",
        f"{Result.NOT_VERIFIED.value.capitalize()}: lookups still fail",
        "to take it back: plan p-2",
    ]


def test_a_rule_without_a_recorded_title_is_named_by_itself() -> None:
    """Nothing is hidden where its finding cannot be read."""
    assert "problem (dns_blocked_by_security_group)" in told(replace(REPAIRED, titles={}))


def test_history_says_that_no_known_cause_was_found() -> None:
    """A problem without a root cause is no healthy cluster; a healthy one has no cause to name."""
    without = replace(REPAIRED, root_causes=(), proposals=(), outcomes=(), asked_by=None)

    assert "asked from a terminal: problem (no known cause)" in told(without)
    assert "asked from a terminal: healthy  (" in told(replace(without, verdict=Verdict.HEALTHY))
    assert told().startswith("Nothing is recorded yet.")


def test_a_page_says_what_it_leaves_out() -> None:
    """An empty one names the restrictions; one with older diagnoses says how to get them, in text and in JSON."""
    sought = Sought(rule="no_such_rule", user_id="U01", since=NINE, until=NINE, older="d-9")
    pair = (REPAIRED, replace(REPAIRED, diagnosis_id="d-0"))

    assert told(cluster="cluster-prod", sought=sought) == (
        "No recorded diagnosis fits (cluster cluster-prod; rule no_such_rule; with U01 asking or deciding; since "
        "2026-11-21T09:00:00Z; before 2026-11-21T09:00:00Z; older than diagnosis d-9).\n"
    )
    assert told(*pair, size=1).endswith("There are older ones: the same with --older d-1\n")
    assert "older" not in told(*pair)
    assert [history_json(pair, size=size)["older"] for size in (1, 2)] == ["d-1", ""]


def later(minutes: int) -> datetime:
    """Return a time after nine."""
    return NINE + timedelta(minutes=minutes)


UNDO = replace(
    sample_proposal().plan, id="p-2", title="Take back: Let members of sg-0abc talk to one another", undoes="p-1"
)
INCIDENT = (
    replace(
        REPAIRED,
        proposals=(
            sample_proposal(
                state=ProposalState.DONE,
                created_at=later(1),
                decisions=(
                    replace(PRESS, decided_at=later(2)),
                    replace(PRESS, person=BEN, accepted=True, reason="", decided_at=later(3)),
                ),
            ),
        ),
        outcomes=(
            replace(
                REPAIRED.outcomes[0],
                steps=(replace(REPAIRED.outcomes[0].steps[0], at=later(4)),),
                finished_at=later(6),
            ),
        ),
    ),
    replace(
        REPAIRED,
        diagnosis_id="d-2",
        started_at=later(5),
        verifies="p-1",
        proposals=(
            sample_proposal(
                id="p-2",
                plan=UNDO,
                state=ProposalState.DONE,
                created_at=later(6),
                decisions=(replace(PRESS, person=BEN, choice=Choice.REJECT, reason="=1+1", decided_at=later(7)),),
            ),
        ),
        outcomes=(
            Outcome(
                proposal_id="p-2", result=Result.VERIFIED, summary="as before", finished_at=later(9),
                steps=(
                    StepRecord(proposal_id="p-2", index=0, state=StepState.DONE, effects={}, note="", at=later(8)),
                    StepRecord(proposal_id="p-2", index=0, state=StepState.SKIPPED, effects={}, note="", at=later(8)),
                ),
            ),
        ),
    ),
)  # fmt: skip


def test_an_incident_tells_who_did_what_in_the_order_of_time() -> None:
    """Across the diagnosis, its plan, the look that verified it, and the plan that took it back."""
    events = timeline(INCIDENT, Ids(), at=timestamp)

    assert [(event.at[14:16], event.event, event.who, event.plan) for event in events] == [
        ("00", "asked", "U01", ""),
        ("00", "saw", "dnsbot", ""),
        ("01", "proposed", "dnsbot", "p-1"),
        ("02", "not taken", "U01", "p-1"),
        ("03", "approved", "U02", "p-1"),
        ("04", "ran", "dnsbot", "p-1"),
        ("05", "saw", "dnsbot", "p-1"),
        ("06", "not verified", "dnsbot", "p-1"),
        ("06", "proposed", "dnsbot", "p-2"),
        ("07", "not taken", "U02", "p-2"),
        ("08", "undid", "dnsbot", "p-2"),
        ("08", "not run", "dnsbot", "p-2"),
        ("09", "verified", "dnsbot", "p-2"),
    ]
    lines = timeline_text(events).splitlines()
    assert lines[1] == "2026-11-21T09:00:00Z  saw, dnsbot. problem (DNS is blocked by a security group)."
    assert events[2].what.endswith("for: DNS is blocked by a security group; asked by U01.")
    assert lines[4] == "2026-11-21T09:02:00Z  not taken, U01 (plan p-1). the requester"


def test_csv_has_a_row_for_each_event_and_runs_nothing() -> None:
    """What people typed is no formula in a spreadsheet; JSON has the same events with each diagnosis."""
    rows = timeline_csv(timeline(INCIDENT, Ids(), at=timestamp)).splitlines()

    assert rows[0] == "at,cluster,diagnosis,event,who,plan,what"
    assert rows[5] == "2026-11-21T09:03:00Z,cluster-prod,d-1,approved,U02,p-1,"
    assert rows[10] == "2026-11-21T09:07:00Z,cluster-prod,d-2,not taken,U02,p-2,'=1+1"
    documents = [json.dumps(one) for one in history_json(INCIDENT, size=2)["diagnoses"]]  # type: ignore[union-attr]
    assert (
        '{"at": "2026-11-21T09:03:00Z", "event": "approved", "who": "U02", "plan": "p-1", "what": ""}' in documents[0]
    )
    assert '"verifies": "p-1"' in documents[1]


def test_glass_that_nobody_reviewed_comes_first() -> None:
    """Before all diagnoses, and where there is none, too; what was reviewed is not said again."""
    glass = BreakGlass(
        number=7,
        cluster="cluster-prod",
        person=ANA,
        reason="nobody answers",
        opened_at=NINE,
        until=NINE + timedelta(minutes=15),
        is_active=False,
    )
    notes = open_glass([glass, replace(glass, number=8, reviewed_by=BEN)], Ids())
    for entries in ((REPAIRED,), ()):
        page = page_words(entries, Ids(), at=timestamp, size=20, cluster="", sought=ALL, notes=notes)
        assert history_text(page).startswith("! Break-glass 7 of cluster-prod is not reviewed: U01 at")
    assert len(notes) == 1
    assert glass_json(replace(glass, reviewed_by=BEN))["reviewed_by"] == "T01/U02"


def test_history_says_why_a_plan_was_rejected_and_which_diagnosis_was_a_check() -> None:
    """The reason that the form asked for is kept to be read; the check after a repair is nobody's question."""
    rejected = replace(PRESS, person=BEN, accepted=True, choice=Choice.REJECT, reason="change freeze")
    proposal = sample_proposal(state=ProposalState.REJECTED, decisions=(rejected,))
    outcome = replace(REPAIRED.outcomes[0], verification_diagnosis_id="d-2")
    check = replace(REPAIRED, diagnosis_id="d-2", proposals=(), outcomes=())
    page = page_words(
        (replace(REPAIRED, proposals=(proposal,), outcomes=(outcome,)), check),
        Ids(),
        at=timestamp,
        size=9,
        cluster="",
        sought=ALL,
    )

    assert "change freeze" in page.lines[0].plans[0].brief
    assert page.lines[0].heading.endswith("asked by U01:")
    assert page.lines[1].heading.endswith("cluster-prod, the check after plan p-1:")
