"""What one person sees at a glance: clusters that they may ask about, plans that wait for them, what they asked for.

Whoever may not ask sees nothing of any cluster; a plan waits for those alone whose approval would be taken now.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.approvals import Choice, Outcome, Proposal
from bot.domain.health import LastDiagnosis
from bot.domain.history import Entry
from bot.domain.people import Person
from bot.domain.sought import Sought
from bot.errors import Refused
from bot.workflow.use_cases import UseCases

ASKED, CHANGES, LOOKED_THROUGH, WAITING = 5, 5, 50, 20
"""How many diagnoses and changes are shown, among how many diagnoses, and how many plans are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterGlance:
    """One cluster."""

    cluster: str
    diagnosed: LastDiagnosis | None
    """The newest; None: there is none."""
    open_problems: int
    muted: int
    """Of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """All of it."""

    refused: str = ""
    """Why this person is shown nothing; empty: they are."""
    clusters: tuple[ClusterGlance, ...] = ()
    """Those with open problems first."""
    waiting: tuple[Proposal, ...] = ()
    """The newest first."""
    asked: tuple[Entry, ...] = ()
    changes: tuple[tuple[Proposal, Outcome], ...] = ()


def glance(use: UseCases, person: Person) -> Glance:
    """Return what this person sees now. Raises `HistoryUnavailable`."""
    try:
        use.door.check(person)
    except Refused as refusal:
        return Glance(refused=str(refusal))
    found = [_cluster(use, name) for name in use.targets]
    newest = use.history.recent(limit=LOOKED_THROUGH)
    ended = [
        (proposal, outcome)
        for entry in newest
        for outcome in entry.outcomes
        for proposal in entry.proposals
        if proposal.id == outcome.proposal_id
    ]
    return Glance(
        clusters=tuple(sorted(found, key=lambda one: (one.muted - one.open_problems, one.cluster))),
        waiting=tuple(one for one in use.history.pending()[:WAITING] if _waits_for(use, person, one)),
        asked=use.history.recent(sought=Sought(user_id=person.user_id, team_id=person.team_id), limit=ASKED),
        changes=tuple(ended[:CHANGES]),
    )


def _cluster(use: UseCases, name: str) -> ClusterGlance:
    digester = use.digester
    if digester is None:
        return ClusterGlance(cluster=name, diagnosed=None, open_problems=0, muted=0)
    found, muted = digester.open_and_muted(name)
    diagnosed = digester.store.last_diagnosis(name)
    return ClusterGlance(cluster=name, diagnosed=diagnosed, open_problems=len(found), muted=len(muted))


def _waits_for(use: UseCases, person: Person, proposal: Proposal) -> bool:
    """Return whether this person could approve the plan, and has not."""
    decided = any(one.accepted and one.person == person for one in proposal.decisions)
    if decided or proposal.not_approvable:
        return False
    try:
        use.gate.check_entitled(person, proposal, Choice.APPROVE)
    except Refused:
        return False
    return True
