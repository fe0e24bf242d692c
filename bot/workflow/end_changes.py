"""Take back what was approved for a time, when its time is over; by whichever process is there.

The inverse runs as part of what was approved: what the journal says was made, and nothing else. What others have
changed meanwhile is left alone, and said.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.approvals import Ending, Outcome, StepRecord, StepState
from bot.domain.cluster import ClusterTarget
from bot.domain.history import History, Story
from bot.domain.json_values import canonical
from bot.domain.plans import Fix, Step
from bot.domain.redaction import redact
from bot.errors import DnsBotError, RecordUnreadable
from bot.workflow.holding import Holder, Holding
from bot.workflow.run_step import Ended, OnStep, StepRunner, Turn
from bot.workflow.settle import unknown_fixes
from bot.workflow.undo import inverse_of, places_of_ends, with_what_was_made
from bot.workflow.writers import open_reading

log = logging.getLogger(__name__)

NOTHING = "There was nothing to take back."
UNCLEAR = "Taking it back was begun before by a process that ended, and it is not as it was before: look at it."


class NotYet(Exception):  # it is no error
    """A change could not be taken back now, and is to be tried again: after a while where it says why, else at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ender:
    """Ends changes. Made once, by the composition root."""

    history: History
    holder: Holder
    runner: StepRunner
    fixes: Mapping[str, Fix]
    targets: Mapping[str, ClusterTarget]

    def run(self, proposal_id: str, told: OnStep) -> Outcome | None:
        """Take back what is due of this plan. None always: how the plan ended is said already."""
        asked_at = self.holder.clock()
        lease = self.history.begin_ending(proposal_id, self.holder.owner)
        if lease is None:
            return None
        with self.holder.hold(lease, asked_at) as holding:
            late = self._end(holding, told)
            if late:
                log.warning("a change is not taken back yet", extra={"proposal": proposal_id, "reason": late})
                self.history.postpone_ending(lease, note=late)
            self.history.let_go(lease)
        return None

    def _end(self, holding: Holding, told: OnStep) -> str:
        """Take back what is due, the last change first; return why some of it is to be tried again, or nothing."""
        lease = holding.lease
        try:
            story = self.history.story(lease.proposal_id)
        except RecordUnreadable as error:
            return str(error)
        cluster = story.proposal.plan.cluster
        if cluster not in self.targets:
            return f"Cluster {cluster} is no longer configured in dnsbot.yaml. Put it back, or take the change back."
        if unknown := unknown_fixes(story.proposal.plan, self.fixes):
            return unknown
        turn = Turn(holding=holding, target=self.targets[cluster], told=told)
        for ending in reversed(story.endings):
            if not ending.is_due:
                continue
            try:
                self.history.ended(lease, index=ending.index, note=self._take_back(story, ending, turn))
            except NotYet as late:
                return str(late)
        return ""

    def _take_back(self, story: Story, ending: Ending, turn: Turn) -> str:
        """Return why it was not taken back, or an empty text. Raises `NotYet` where it is to be tried again."""
        plan, lines = story.proposal.plan, {line.index: line for line in story.journal}
        step = with_what_was_made(plan, story.journal)[ending.index]
        back = inverse_of(step, lines[ending.index].effects, self.fixes)
        if back is None:
            return NOTHING
        if self._is_as_before(step, turn.target):
            return ""
        for at in places_of_ends(len(plan.steps), ending.index):
            begun = lines.get(at)
            if begun is None:
                return _note(self.runner.run(back, at, turn), turn)
            if begun.state is StepState.SENT:
                return _note(self.runner.wait(back, at, begun.effects, turn), turn)
            if not self._was_not_made(back, begun, turn):
                break
        return UNCLEAR

    def _was_not_made(self, back: Step, begun: StepRecord, turn: Turn) -> bool:
        """Return whether an attempt that a process did not live to see changed nothing: all is as right before it."""
        if begun.state not in {StepState.STARTED, StepState.FAILED} or self.runner.changed(back, turn.target):
            return False
        if begun.state is StepState.STARTED:
            note = "Nobody saw this end; it was not made."
            turn.told(self.history.journal(turn.holding.lease, index=begun.index, state=StepState.FAILED, note=note))
        return True

    def _is_as_before(self, step: Step, target: ClusterTarget) -> bool:
        """Return whether the object is as it was before the plan. Raises `NotYet` where it could not be read."""
        try:
            reading = open_reading(step, target, self.runner.open_sources(target), self.runner.read_seconds)
            return canonical(self.fixes[step.fix].read(step, reading)) == canonical(step.before)
        except DnsBotError as error:
            raise NotYet(f"{step.target} could not be read: {redact(str(error))}") from error


def _note(ended: Ended, turn: Turn) -> str:
    if ended.done:
        return ""
    if ended.unsettled or turn.holding.why_stop():
        raise NotYet  # whichever process is there goes on at once
    return f"It was not taken back. {ended.stopped}"
