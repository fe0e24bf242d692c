import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.approvals import ApprovalPolicy, Choice, MessageRef, Posted, ProposalState
from bot.domain.diagnosis import Diagnosis
from bot.domain.history import Draft, Press, Taken
from bot.domain.people import Person
from bot.errors import Refused
from bot.history import SqlHistory
from bot.history.audit import REFUSALS_READ, vouched

Drafts = Callable[..., Draft]
Presses = Callable[..., Press]


@pytest.fixture
def recorded(history: SqlHistory, diagnosis_of: Callable[..., Diagnosis]) -> SqlHistory:
    """A history that holds the diagnosis `d1`."""
    history.record(diagnosis_of())
    return history


def test_a_proposal_comes_back_as_it_was_stored(recorded: SqlHistory, draft_of: Drafts) -> None:
    """Plan, hash, policy, requester and state survive; it expires by the policy, after it was made."""
    draft = draft_of()
    recorded.propose(draft)
    stored = recorded.proposal("p1")
    assert (stored.plan, stored.plan_hash, stored.policy) == (draft.plan, draft.plan.hash, draft.policy)
    assert (stored.requested_by, stored.state) == (Person(team_id="T01", user_id="U01"), ProposalState.PENDING)
    assert abs(stored.expires_at - stored.created_at - timedelta(minutes=30)) < timedelta(seconds=1)


def test_the_place_of_its_card_is_remembered(recorded: SqlHistory, draft_of: Drafts) -> None:
    """A proposal knows where its message and its report stand, once told."""
    before = recorded.propose(draft_of())
    posted = Posted(message=MessageRef(channel="C1", ts="1.2"), report_url="https://x.slack.com/archives/C1/p12")
    recorded.remember("p1", posted)
    assert before.posted is None
    assert recorded.proposal("p1").posted == posted


def test_an_identical_pending_plan_is_not_stored_twice(recorded: SqlHistory, draft_of: Drafts) -> None:
    """The same plan proposed again gives the pending proposal."""
    recorded.propose(draft_of("p1", fingerprint="same"))
    assert recorded.propose(draft_of("p2", fingerprint="same")).id == "p1"
    with pytest.raises(Refused, match="There is no plan p2"):
        recorded.proposal("p2")


def test_another_plan_for_the_same_finding_ends_the_older_one(recorded: SqlHistory, draft_of: Drafts) -> None:
    """A newer, different plan makes the older pending one expire at once; the sweep reports it."""
    recorded.propose(draft_of("p1", fingerprint="one"))
    recorded.propose(draft_of("p2", fingerprint="two"))
    older, newer = recorded.proposal("p1"), recorded.proposal("p2")
    assert (older.state, newer.state) == (ProposalState.EXPIRED, ProposalState.PENDING)
    assert [proposal.id for proposal in recorded.expire()] == ["p1"]


def test_a_plan_for_another_finding_leaves_the_first_alone(recorded: SqlHistory, draft_of: Drafts) -> None:
    """Two causes have two proposals side by side."""
    recorded.propose(draft_of("p1", fingerprint="one"))
    recorded.propose(draft_of("p2", fingerprint="two", finding="kube_proxy_forbidden"))
    first = recorded.proposal("p1")
    assert first.state is ProposalState.PENDING


def test_a_person_who_asks_does_not_inherit_a_plan_that_nobody_asked_for(
    recorded: SqlHistory, draft_of: Drafts
) -> None:
    """An identical plan without a requester is replaced, or its later requester could approve it."""
    recorded.propose(draft_of("p1", fingerprint="same", requested_by=None))
    assert recorded.propose(draft_of("p2", fingerprint="same")).id == "p2"


def test_an_approval_makes_it_approved(recorded: SqlHistory, draft_of: Drafts, press_of: Presses) -> None:
    """One Approve of one required is enough; it is stored with its time."""
    draft = draft_of()
    recorded.propose(draft)
    assert recorded.take(press_of(draft), required=1) is Taken.TAKEN
    stored = recorded.proposal("p1")
    assert stored.state is ProposalState.APPROVED
    assert [(one.person.user_id, one.choice, one.accepted) for one in stored.decisions] == [
        ("U02", Choice.APPROVE, True)
    ]


def test_two_required_means_two_people(recorded: SqlHistory, draft_of: Drafts, press_of: Presses) -> None:
    """The same person twice is one approval; a second person completes it."""
    draft = draft_of()
    recorded.propose(draft)
    assert recorded.take(press_of(draft, "U02"), required=2) is Taken.TAKEN
    assert recorded.take(press_of(draft, "U02"), required=2) is Taken.REPEATED
    half = recorded.proposal("p1")
    assert recorded.take(press_of(draft, "U03"), required=2) is Taken.TAKEN
    whole = recorded.proposal("p1")
    assert (half.state, whole.state) == (ProposalState.PENDING, ProposalState.APPROVED)


def test_one_reject_ends_it(recorded: SqlHistory, draft_of: Drafts, press_of: Presses) -> None:
    """After one approval of two, one Reject ends the proposal; later presses are not taken."""
    draft = draft_of()
    recorded.propose(draft)
    recorded.take(press_of(draft, "U02"), required=2)
    assert recorded.take(press_of(draft, "U03", Choice.REJECT, "change freeze"), required=2) is Taken.TAKEN
    assert recorded.take(press_of(draft, "U04"), required=2) is Taken.NOT_PENDING
    stored = recorded.proposal("p1")
    assert stored.state is ProposalState.REJECTED
    assert stored.decisions[-1].reason == "change freeze"


def test_another_hash_is_not_taken(recorded: SqlHistory, draft_of: Drafts) -> None:
    """The conditional update asks for the stored hash too."""
    recorded.propose(draft_of())
    press = Press(
        proposal_id="p1", plan_hash="0" * 64, person=Person(team_id="T01", user_id="U02"), choice=Choice.APPROVE
    )
    assert recorded.take(press, required=1) is Taken.NOT_PENDING


def test_refused_presses_are_kept_and_do_not_count(recorded: SqlHistory, draft_of: Drafts, press_of: Presses) -> None:
    """A refused press stands in the history with the reason, as often as it happens; NUL in it does no harm."""
    draft = draft_of()
    recorded.propose(draft)
    recorded.refuse(press_of(draft, "U04"), "not entitled\x00")
    recorded.refuse(press_of(draft, "U04"), "not entitled")
    stored = recorded.proposal("p1")
    assert stored.state is ProposalState.PENDING
    assert [(one.accepted, one.reason) for one in stored.decisions] == [
        (False, "not entitled\ufffd"),
        (False, "not entitled"),
    ]


def test_a_refused_press_is_no_approval(recorded: SqlHistory, draft_of: Drafts, press_of: Presses) -> None:
    """Two are required; an outsider's refused press beside one approval leaves one to go."""
    draft = draft_of()
    recorded.propose(draft)
    recorded.refuse(press_of(draft, "U04"), "not entitled")
    recorded.take(press_of(draft, "U02"), required=2)
    stored = recorded.proposal("p1")
    assert stored.state is ProposalState.PENDING


def test_time_passes_by_the_databases_clock(recorded: SqlHistory, draft_of: Drafts, press_of: Presses) -> None:
    """A proposal past its time reads expired before any sweep, takes no press, and is swept once."""
    draft = draft_of(expires_after=timedelta(milliseconds=30))
    recorded.propose(draft)
    time.sleep(0.06)
    stored = recorded.proposal("p1")
    assert stored.state is ProposalState.EXPIRED
    assert recorded.take(press_of(draft), required=1) is Taken.NOT_PENDING
    assert [proposal.id for proposal in recorded.expire()] == ["p1"]
    assert recorded.expire() == ()


def test_the_sweep_leaves_alone_what_is_in_time(recorded: SqlHistory, draft_of: Drafts) -> None:
    """A pending proposal within its time stays pending."""
    recorded.propose(draft_of())
    assert recorded.expire() == ()


def test_a_policy_survives_with_its_lifetime(recorded: SqlHistory, draft_of: Drafts) -> None:
    """Every field of the policy comes back equal."""
    policy = ApprovalPolicy(
        environment="staging",
        required=2,
        requester_may_approve=True,
        users=("U01", "U02"),
        user_groups=("S01",),
        expires_after=timedelta(hours=2, seconds=1),
    )
    assert recorded.propose(draft_of(policy=policy)).policy == policy


@pytest.mark.parametrize("round_number", range(3))
def test_of_many_clicks_at_once_one_wins(
    recorded: SqlHistory, draft_of: Drafts, press_of: Presses, round_number: int
) -> None:
    """Eight people released by a barrier: one press is taken, seven are told that it is decided."""
    draft = draft_of(f"race-{round_number}", fingerprint=f"race-{round_number}")
    recorded.propose(draft)
    barrier = threading.Barrier(8)

    def click(number: int) -> Taken:
        barrier.wait()
        return recorded.take(press_of(draft, f"U1{number}"), required=1)

    with ThreadPoolExecutor(max_workers=8) as pool:
        taken = list(pool.map(click, range(8)))
    assert sorted(taken) == [Taken.NOT_PENDING] * 7 + [Taken.TAKEN]


def test_one_person_on_eight_screens_counts_once(recorded: SqlHistory, draft_of: Drafts, press_of: Presses) -> None:
    """The same person pressing eight times at once gives one approval of the two required."""
    draft = draft_of()
    recorded.propose(draft)
    barrier = threading.Barrier(8)

    def click(_: int) -> Taken:
        barrier.wait()
        return recorded.take(press_of(draft, "U02"), required=2)

    with ThreadPoolExecutor(max_workers=8) as pool:
        taken = list(pool.map(click, range(8)))
    assert sorted(taken) == [Taken.REPEATED] * 7 + [Taken.TAKEN]


def test_identical_plans_proposed_at_once_become_one(recorded: SqlHistory, draft_of: Drafts) -> None:
    """Six processes that find the same problem at once store one proposal between them."""
    recorded.propose(draft_of("p-before", fingerprint="before", finding="kube_proxy_forbidden"))
    barrier = threading.Barrier(6)

    def propose(number: int) -> str:
        barrier.wait()
        return recorded.propose(draft_of(f"p{number}", fingerprint="same")).id

    with ThreadPoolExecutor(max_workers=6) as pool:
        ids = set(pool.map(propose, range(6)))
    assert len(ids) == 1


def test_of_many_refused_presses_the_newest_are_read(recorded: SqlHistory, draft_of: Drafts, press_of: Presses) -> None:
    """Who presses again and again does not make each press slower; what was taken is read, however old.

    Nor is more of the audit chain read, whose every row has to be sealed anew.
    """
    draft = draft_of()
    recorded.propose(draft)
    recorded.take(press_of(draft, "U02"), required=2)
    for number in range(REFUSALS_READ + 3):
        recorded.refuse(press_of(draft, "U09"), f"refusal {number}")

    found = recorded.proposal(draft.plan.id).decisions
    with recorded.database.reading() as connection:
        chained = vouched(connection, [draft.plan.id], recorded.seals)[draft.plan.id]

    assert (found[0].accepted, len(found)) == (True, REFUSALS_READ + 1)
    assert all(one.vouched for one in found)
    assert (chained.decided[0]["accepted"], len(chained.decided)) == (True, REFUSALS_READ + 1)
    assert [one.reason for one in found[1:]] == [f"refusal {number}" for number in range(3, REFUSALS_READ + 3)]


@pytest.fixture
def choice(draft_of: Drafts) -> Draft:
    """A draft of two plans: the narrow one, and a wider one that may be approved instead."""
    narrow = draft_of()
    wide = replace(narrow.plan, title="Open all ports", speaks_for="No port is forgotten.")
    return replace(narrow, alternatives=(wide,))


def _wide(draft: Draft) -> Draft:
    return replace(draft, plan=draft.alternatives[0])


def test_the_plan_that_was_approved_is_the_plan_from_then_on(
    recorded: SqlHistory, choice: Draft, press_of: Presses
) -> None:
    """Before, the narrowest one stands for all; of the press it is kept which plan it was for."""
    before = recorded.propose(choice)
    recorded.take(press_of(_wide(choice)), required=1)

    after = recorded.proposal("p1")
    assert (before.plan, before.alternatives) == (choice.plan, choice.alternatives)
    assert (after.plan, after.plan_hash) == (choice.alternatives[0], choice.alternatives[0].hash)
    assert (after.alternatives, after.state, after.doubt) == ((choice.plan,), ProposalState.APPROVED, "")
    assert [one.plan_hash for one in after.decisions] == [choice.alternatives[0].hash]


def test_approvals_of_different_plans_do_not_add_up(recorded: SqlHistory, choice: Draft, press_of: Presses) -> None:
    """Of the two who are needed each approves another plan: it waits, until one of them approves the other's, too."""
    recorded.propose(choice)
    recorded.take(press_of(choice, "U02"), required=2)
    recorded.take(press_of(_wide(choice), "U03"), required=2)
    split = recorded.proposal("p1").state
    again = recorded.take(press_of(choice, "U02"), required=2)
    agreed = recorded.take(press_of(_wide(choice), "U02"), required=2)

    assert (split, again, agreed) == (ProposalState.PENDING, Taken.REPEATED, Taken.TAKEN)
    assert recorded.proposal("p1").plan == choice.alternatives[0]


def test_who_approved_one_plan_may_not_reject_them_all(recorded: SqlHistory, choice: Draft, press_of: Presses) -> None:
    """A rejection withdraws all plans; who has approved one is held to that."""
    recorded.propose(choice)
    recorded.take(press_of(_wide(choice)), required=2)
    assert recorded.take(press_of(choice, choice=Choice.REJECT, reason="no"), required=2) is Taken.REPEATED


def test_of_people_who_choose_differently_at_once_one_wins(
    recorded: SqlHistory, choice: Draft, press_of: Presses
) -> None:
    """Eight people released by a barrier, half of them for each plan: one press is taken, and its plan is the plan."""
    recorded.propose(choice)
    barrier = threading.Barrier(8)

    def click(number: int) -> tuple[Taken, str]:
        press = press_of(_wide(choice) if number % 2 else choice, f"U1{number}")
        barrier.wait()
        return recorded.take(press, required=1), press.plan_hash

    with ThreadPoolExecutor(max_workers=8) as pool:
        taken = list(pool.map(click, range(8)))
    winners = [plan_hash for what, plan_hash in taken if what is Taken.TAKEN]
    assert sorted(what for what, _ in taken) == [Taken.NOT_PENDING] * 7 + [Taken.TAKEN]
    assert winners == [recorded.proposal("p1").plan_hash]
