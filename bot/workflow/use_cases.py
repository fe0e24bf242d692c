"""What people can ask for: the parts that do the work, side by side.

The command line and Slack call these and nothing below them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from bot.domain.approvals import Outcome, Proposal
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.diagnosis import Diagnosis, Progress
from bot.domain.digests import DigestSchedule, Subscriptions
from bot.domain.history import History
from bot.domain.people import Person
from bot.domain.playbooks import Playbook
from bot.errors import HistoryUnavailable, Refused
from bot.workflow.approve import Gate
from bot.workflow.digest import Digester
from bot.workflow.may_ask import Door
from bot.workflow.propose import Proposer
from bot.workflow.run_step import OnStep
from bot.workflow.undo import inverse_plan
from bot.workflow.verify import RunDiagnosis
from bot.workflow.watch import Watcher

log = logging.getLogger(__name__)


class RunsPlans(Protocol):
    """Carries an approved plan on: begins it, or settles what another process left."""

    def run(self, proposal_id: str, told: OnStep) -> Outcome | None:
        """Return how it ended; None where it is not this process's to carry on, or not over yet."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCases:
    """Diagnose, propose, decide, repair, look back. Put together by the composition root alone.

    Everything may raise `HistoryUnavailable`; all but `diagnose` then change nothing.
    """

    targets: Mapping[str, ClusterTarget]
    """The configured clusters by the name people type."""
    playbooks: Mapping[str, Playbook]
    run_diagnosis: RunDiagnosis
    proposer: Proposer
    gate: Gate
    door: Door
    """Who may ask in Slack; whoever can run the command line may."""
    repairer: RunsPlans
    settler: RunsPlans
    ender: RunsPlans
    history: History
    checks: Mapping[str, str] = field(default_factory=dict)
    """What each rule looks at, by the rule's name."""
    digester: Digester | None = None
    """None: no digest can be made here."""
    subscriptions: Subscriptions | None = None
    """None: nobody can subscribe to digests here."""
    watcher: Watcher | None = None
    """None: nothing is watched here."""
    digests: tuple[DigestSchedule, ...] = ()
    """Those of dnsbot.yaml."""

    def schedules(self) -> tuple[DigestSchedule, ...]:
        """Return the digests of dnsbot.yaml, then those that people subscribed to, as far as their clusters are there.

        One of dnsbot.yaml goes before a subscription of the same name.
        """
        found = {one.name: one for one in self.digests}
        for one in self.subscriptions.all() if self.subscriptions is not None else ():
            clusters = tuple(name for name in one.schedule.clusters or sorted(self.targets) if name in self.targets)
            if clusters:
                found.setdefault(one.schedule.name, replace(one.schedule, clusters=clusters))
        return tuple(found.values())

    def homes(self, *clusters: str) -> frozenset[str]:
        """Return the channels that dnsbot.yaml gives to all of these clusters: their own, and those of digests."""
        each = [self._homes_of(cluster) for cluster in clusters]
        return frozenset.intersection(*each) if each else frozenset()

    def _homes_of(self, cluster: str) -> frozenset[str]:
        own = self.targets[cluster].channel if cluster in self.targets else ""
        told = {schedule.channel for schedule in self.digests if cluster in schedule.clusters}
        return frozenset({own, *told} - {""})

    def diagnose(
        self,
        question: Question,
        *,
        asked_by: Person | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> Diagnosis:
        """Run one diagnosis and record it; ends by its deadline. Raises `ConfigurationError` for unknown names.

        When the database is down the diagnosis is answered all the same; `Diagnosis.unrecorded` says so.
        """
        diagnosis = self.run_diagnosis(question, asked_by, progress)
        try:
            self.history.record(diagnosis)
        except HistoryUnavailable as error:
            log.warning("diagnosis is not recorded", extra={"diagnosis": diagnosis.id, "reason": str(error)})
            return replace(diagnosis, unrecorded=str(error))
        return diagnosis

    def propose_undo(self, proposal_id: str, person: Person) -> Proposal:
        """Store the inverse of a plan that has ended as a proposal asked for by this person; or return the pending one.

        Nothing is changed before it is approved. Raises `Refused` where nothing of the plan can be undone.
        """
        story = self.history.story(proposal_id)
        plan, target = story.proposal.plan, self.targets.get(story.proposal.plan.cluster)
        if story.outcome is None:
            raise Refused("This plan has not ended, so there is nothing to undo yet.")
        if target is None:
            raise Refused(f"Cluster {plan.cluster} is no longer configured in dnsbot.yaml.")
        undo = inverse_plan(
            plan,
            self.history.steps(proposal_id),
            self.proposer.fixes,
            plan_id=self.proposer.make_id(),
            diagnosis_id=plan.diagnosis_id,
        )
        if undo is None:
            raise Refused("Nothing of this plan can be undone.")
        return self.proposer.offer((undo,), target, person)
