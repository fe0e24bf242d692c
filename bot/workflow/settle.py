"""Settle a repair whose process ended, was frozen or lost its database: look at what was sent, and say how it stands.

Nothing is resumed. A change that was SENT is looked at until it is complete or has failed; one that was only STARTED
was made if something bears its mark (`Fix.found`), was not made if its object is as it was before, and otherwise nobody
knows. A plan whose every step is done is verified.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bot.domain.approvals import Outcome, ProposalState, Result, StepRecord, StepState
from bot.domain.cluster import ClusterTarget
from bot.domain.history import History, Story
from bot.domain.plans import FixPlan
from bot.errors import DnsBotError, HistoryUnavailable, RecordUnreadable
from bot.workflow.apply import STOPPED
from bot.workflow.approve import Gate
from bot.workflow.conclude import Concluder
from bot.workflow.holding import Holder, Holding
from bot.workflow.run_step import OnStep, StepRunner, Turn
from bot.workflow.undo import with_what_was_made

log = logging.getLogger(__name__)

LEASE_RAN_OUT = "the process that ran this repair ended, was frozen, or did not reach the database."
DATABASE_AWAY = "the history database did not answer in the middle of this repair."
OWN_FAULT = "a fault of the bot's own ended this repair; its log has the details."
"""What is known of an interruption: who took over cannot tell these of the first apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settler:
    """Takes over what nobody runs any more. Made once, by the composition root."""

    history: History
    holder: Holder
    gate: Gate
    runner: StepRunner
    concluder: Concluder
    targets: Mapping[str, ClusterTarget]

    def run(self, proposal_id: str, told: OnStep) -> Outcome | None:
        """Take a repair over whose lease ran out, and settle it. None: somebody else did, or is to go on."""
        asked_at = self.holder.clock()
        lease = self.history.take_over(proposal_id, self.holder.owner)
        if lease is None:
            return None
        log.warning("repair taken over", extra={"proposal": proposal_id})
        with self.holder.hold(lease, asked_at) as holding:
            return self.settle(holding, told)

    def settle_in_the_way(self, proposal_id: str) -> bool:
        """Settle what holds this plan's cluster though its lease ran out; False where nothing does."""
        late = self.history.in_the_way(proposal_id)
        if late:
            self.run(late, lambda _: None)
        return bool(late)

    def settle(self, holding: Holding, told: OnStep, why: str = LEASE_RAN_OUT) -> Outcome | None:
        """Look at what the journal leaves open, and end the repair; `why`: what is known of its interruption."""
        try:
            story = self.history.story(holding.lease.proposal_id)
        except RecordUnreadable as error:
            return self._left_aside(holding, error)
        plan = story.proposal.plan
        target = self.targets.get(plan.cluster)
        if target is None:
            gone = f"Cluster {plan.cluster} is no longer configured in dnsbot.yaml."
            return self._interrupted(holding, story, why, gone)
        if unknown := unknown_fixes(plan, self.runner.fixes):
            return self._interrupted(holding, story, why, unknown)
        turn = Turn(holding=holding, target=target, told=told)
        for line in story.journal:
            if not self._look(line, plan, story.journal, turn):
                holding.end()
                self.history.release(holding.lease)
                return None
        story = self.history.story(plan.id)
        if _ran_to_its_end(story):
            return self._verified(holding, story, target, why)
        return self._interrupted(holding, story, why)

    def _look(self, line: StepRecord, plan: FixPlan, journal: tuple[StepRecord, ...], turn: Turn) -> bool:
        """Close one open line of the journal; False when this process may not wait for it."""
        step = with_what_was_made(plan, journal)[line.index]
        if line.state is StepState.SENT:
            return not self.runner.wait(step, line.index, line.effects, turn).unsettled
        if line.state is StepState.STARTED:
            made = self.runner.found(step, turn)
            if made is not None:
                sent = self.history.journal(turn.holding.lease, index=line.index, state=StepState.SENT, effects=made)
                turn.told(sent)
                return not self.runner.wait(step, line.index, made, turn).unsettled
            changed = self.runner.changed(step, turn.target)
            state = StepState.UNKNOWN if changed else StepState.FAILED
            note = (
                "Nobody saw this step end: it may or may not have happened."
                if changed
                else f"Nobody saw this step end; it was not made: {step.target} is as it was before."
            )
            turn.told(self.history.journal(turn.holding.lease, index=line.index, state=state, note=note))
        return True

    def _verified(self, holding: Holding, story: Story, target: ClusterTarget, why: str) -> Outcome | None:
        """Verify a repair whose every step is over."""
        try:
            approved = self.gate.approved_plan(story.proposal)
        except HistoryUnavailable:
            raise
        except DnsBotError as error:
            return self._interrupted(holding, story, why, str(error))
        return self.concluder.verified(holding.lease, approved, target)

    def _left_aside(self, holding: Holding, error: RecordUnreadable) -> Outcome | None:
        """End a repair whose plan or journal cannot be read: the cluster must not wait for it for ever."""
        text = f"{error} Nobody knows what of it was done: look at the objects that it names, and diagnose again."
        return self.concluder.finish(holding.lease, Result.STOPPED, text, state=ProposalState.INTERRUPTED)

    def _interrupted(self, holding: Holding, story: Story, *why: str) -> Outcome | None:
        wrote = any(line.state in {StepState.DONE, StepState.UNKNOWN} or line.effects for line in story.journal)
        return self.concluder.finish(
            holding.lease,
            Result.STOPPED if wrote else Result.REFUSED,
            _summary(story, *why),
            state=ProposalState.INTERRUPTED,
        )


def unknown_fixes(plan: FixPlan, fixes: Collection[str]) -> str:
    """Return which fixes of a plan this process does not have, in a sentence, or nothing."""
    missing = sorted({step.fix for step in plan.steps} - set(fixes))
    return f"This dnsbot has no fix {', '.join(missing)}: another version made the plan." if missing else ""


def _ran_to_its_end(story: Story) -> bool:
    """Return whether every step is done, or was left out because the plan says so: not because the plan stopped."""
    over = [
        line.state is StepState.DONE or (line.state is StepState.SKIPPED and line.note != STOPPED)
        for line in story.journal
    ]
    return len(over) == len(story.proposal.plan.steps) and all(over)


def _summary(story: Story, *why: str) -> str:
    total = len(story.proposal.plan.steps)
    done = _numbers(story, StepState.DONE)
    unknown = _numbers(story, StepState.UNKNOWN, StepState.STARTED)
    failed = _numbers(story, StepState.FAILED)
    parts = ["Interrupted:", *why]
    if done:
        parts.append(f"Done: step {', '.join(done)} of {total}.")
    if failed:
        parts.append(f"Not made, or failed: step {', '.join(failed)}.")
    if unknown:
        parts.append(f"Step {', '.join(unknown)} was begun; nobody knows whether it happened.")
    if not done and not unknown and not failed:
        parts.append("Nothing was written.")
    parts.append("Nothing is resumed; diagnose again.")
    return " ".join(part for part in parts if part)


def _numbers(story: Story, *states: StepState) -> list[str]:
    return [str(line.index + 1) for line in story.journal if line.state in states]
