"""Run one step: read its state again, journal it as started, send it, journal what it made, wait until it is complete.

STARTED is committed before the effect and SENT right after it, with what the API answered; DONE follows once the fix
says that the change is complete. A SENT step needs nobody's memory: any process can look whether it is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bot.domain.approvals import StepRecord, StepState
from bot.domain.cluster import ClusterTarget
from bot.domain.history import History, until_recorded
from bot.domain.json_changes import changes
from bot.domain.json_values import JsonObject, JsonValue, canonical
from bot.domain.plans import Fix, Step
from bot.domain.ports import Sources, Writers
from bot.domain.redaction import redact, redact_and_cap
from bot.domain.settling import Progressing, Settled, failed_because, waiting_for
from bot.errors import DnsBotError, EvidenceUnavailable, HistoryUnavailable, Refused, WorldChanged, WriteFailed
from bot.workflow.holding import LOST, Holding
from bot.workflow.writers import open_reading, open_writing

OnStep = Callable[[StepRecord], None]
"""Told of every line of the journal. It must not raise: a chat that is down is no reason to stop half-way."""

POLL_SECONDS = 2.0
"""How often it is looked whether a change that was sent is complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Under whose lease and for which plan a step runs."""

    holding: Holding
    target: ClusterTarget
    told: OnStep

    @property
    def plan_id(self) -> str:
        """The plan whose lease is held."""
        return self.holding.lease.proposal_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one step ended."""

    stopped: str = ""
    """Why the plan stops here, or empty."""
    begun: bool = True
    wrote: bool = True
    """It wrote, or may have."""
    done: bool = False
    """It is complete."""
    unsettled: bool = False
    """It was sent and is not complete, and this process may not wait for it: another is to look."""
    effects: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRunner:
    """Runs single steps. Made once, by the composition root."""

    history: History
    fixes: Mapping[str, Fix]
    open_sources: Callable[[ClusterTarget], Sources]
    open_writers: Callable[[ClusterTarget, str], Writers]
    """Takes the plan's id, too: the writer's session bears it, so that the cloud's own log joins ours."""
    sleep: Callable[[float], None]
    clock: Callable[[], float]
    """Seconds that only move forward (`time.monotonic`)."""
    read_seconds: float = 30.0
    """For reading one step's state."""
    write_seconds: float = 120.0
    """For sending one step's change; what it sets in motion is waited for apart."""

    def changed(self, step: Step, target: ClusterTarget) -> str:
        """Return why this step may not be written, or nothing: its state is as it was when planned."""
        try:
            reading = open_reading(step, target, self.open_sources(target), self.read_seconds)
            now = self.fixes[step.fix].read(step, reading)
        except DnsBotError as error:
            return (
                f"The state of {step.target} could not be read again right before the write: {_note(error)} "
                "Nothing further was written."
            )
        if canonical(now) == canonical(step.before):
            return ""
        return (
            f"{step.target} is no longer as it was when the plan was made: {_differences(step.before, now)}. "
            "Nothing further was written. Diagnose again."
        )

    def run(self, step: Step, index: int, turn: Turn) -> Ended:
        """Run a step whose parameters are complete; `index` is its place in the journal."""
        where = f"Step {index + 1} ({step.target})"
        why = self.changed(step, turn.target)
        if why:
            return Ended(stopped=why, begun=False, wrote=False)
        why = turn.holding.why_stop()
        if why:
            return Ended(stopped=f"{where} was not begun. {why}", begun=False, wrote=False)
        try:
            sources, writers = self.open_sources(turn.target), self.open_writers(turn.target, turn.plan_id)
            begun = self.history.journal(turn.holding.lease, index=index, state=StepState.STARTED)
        except DnsBotError as error:
            return Ended(stopped=f"{where} was not begun: {redact(str(error))}", begun=False, wrote=False)
        turn.told(begun)
        if turn.holding.lost:  # frozen since: whoever took over has looked, and has seen that nothing was made
            unkept = self._keep(index, StepState.FAILED, {}, LOST, turn)
            return Ended(stopped=unkept or f"{where} was not made. {LOST}", wrote=False)
        try:
            writing = open_writing(step, turn.plan_id, turn.target, sources, writers, self.write_seconds, begun.at)
            effects = self.fixes[step.fix].apply(step, writing)
            canonical(effects)
        except (DnsBotError, TypeError, ValueError) as error:
            return self._not_sent(error, where, index, turn)
        late = self._keep(index, StepState.SENT, effects, "", turn)
        if turn.holding.lost:
            return Ended(stopped=late, effects=effects)
        ended = self.wait(step, index, effects, turn)
        return replace(ended, stopped=ended.stopped or late)

    def wait(self, step: Step, index: int, effects: JsonObject, turn: Turn) -> Ended:
        """Look until what was sent is complete, has failed, or has taken longer than its plan allows."""
        until = self.clock() + step.settles_within_seconds
        shown = ""
        while True:
            seen = self.look(step, effects, turn.target)
            if seen.progress is Progressing.WAITING:
                shown = self._show(index, seen.text, shown, turn)
                if turn.holding.why_stop():
                    return Ended(stopped=turn.holding.why_stop(), unsettled=True, effects=effects)
                if self.clock() + POLL_SECONDS < until:
                    self.sleep(POLL_SECONDS)
                    continue
                seen = failed_because(f"not complete within {step.settles_within_seconds} s: {seen.text}")
            return self._settled(step, index, effects, seen, turn)

    def look(self, step: Step, effects: JsonObject, target: ClusterTarget) -> Settled:
        """Return how far a sent change has come; a look that fails is one to repeat."""
        try:
            reading = open_reading(step, target, self.open_sources(target), self.read_seconds)
            return self.fixes[step.fix].settled(step, effects, reading)
        except EvidenceUnavailable as error:
            return waiting_for(f"it could not be looked: {_note(error)}")
        except DnsBotError as error:
            return failed_because(_note(error))

    def found(self, step: Step, turn: Turn) -> JsonObject | None:
        """Return the effects of a step that was begun and whose answer nobody saw; None: nothing shows that it has any.

        A look that fails shows nothing, either.
        """
        try:
            reading = open_reading(step, turn.target, self.open_sources(turn.target), self.read_seconds)
            return self.fixes[step.fix].found(step, reading, turn.plan_id)
        except DnsBotError:
            return None

    def _settled(self, step: Step, index: int, effects: JsonObject, seen: Settled, turn: Turn) -> Ended:
        done = seen.progress is Progressing.DONE
        state = StepState.DONE if done else StepState.FAILED
        ends = step.ends_after_seconds if done else 0
        effects = {**effects, **seen.made}
        unkept = self._keep(index, state, effects, "" if done else seen.text, turn, ends_after_seconds=ends)
        stopped = "" if done else f"Step {index + 1} ({step.target}) was sent and failed: {seen.text}"
        return Ended(stopped=stopped or unkept, done=done, effects=effects)

    def _not_sent(self, error: Exception, where: str, index: int, turn: Turn) -> Ended:
        """Journal that the change was not made, or that nobody knows whether it was."""
        refused = isinstance(error, WorldChanged) or (isinstance(error, WriteFailed) and not error.ambiguous)
        state, how = (StepState.FAILED, "failed") if refused else (StepState.UNKNOWN, "may or may not have happened")
        unkept = self._keep(index, state, {}, _note(error), turn)
        return Ended(stopped=unkept or f"{where} {how}: {_note(error)}", wrote=not refused)

    def _show(self, index: int, text: str, shown: str, turn: Turn) -> str:
        """Say what is waited for, in the journal and to whoever is told, when it has changed."""
        if text == shown:
            return shown
        try:
            turn.told(self.history.waits(turn.holding.lease, index=index, note=text))
        except DnsBotError:
            return shown
        return text

    def _keep(
        self,
        index: int,
        state: StepState,
        effects: JsonObject,
        note: str,
        turn: Turn,
        *,
        ends_after_seconds: int = 0,
    ) -> str:
        """Write what became of a step into the journal; return why the plan stops here, or nothing."""

        def write() -> StepRecord:
            return self.history.journal(
                turn.holding.lease,
                index=index,
                state=state,
                effects=effects,
                note=note,
                ends_after_seconds=ends_after_seconds,
            )

        late = ""
        try:
            try:
                line = write()
            except HistoryUnavailable:
                line = until_recorded(write, self.sleep)
                late = f"The history database failed after step {index + 1} had run; nothing further was written."
        except Refused as refusal:
            turn.holding.lose()
            return str(refusal)
        turn.told(line)
        return late


def _note(error: Exception) -> str:
    return redact_and_cap(str(error), 1_000)


def _differences(before: JsonValue, now: JsonValue) -> str:
    return redact_and_cap("; ".join(changes(before, now)), 1_000)
