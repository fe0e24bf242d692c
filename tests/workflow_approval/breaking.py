"""Breaks one process's repair at its nth call of the database or effect, before or after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from bot.domain.approvals import Choice, Outcome, Proposal, Result, StepState
from bot.domain.findings import Verdict
from bot.domain.json_values import JsonObject
from bot.domain.people import Person
from bot.domain.plans import Step, Writing
from bot.errors import DnsBotError, HistoryUnavailable

DOORS = ("front", "back")
NOT_COUNTED = {"renew"}
"""Called by a clock, from a thread of its own."""


class KilledError(BaseException):
    """Stands for the end of the process: nothing of ours catches it, and nothing of ours runs after it."""


@dataclass(frozen=True, kw_only=True)
class Break:
    """What goes wrong, and where."""

    at: int
    """The number of the call or effect, from 0."""
    after: bool = False
    """It is carried out, and its answer is lost."""
    error: type[BaseException] = HistoryUnavailable
    for_good: bool = False
    """Everything after it fails, too, as long as this process runs."""


@dataclass
class Breaker:
    """Stands around every call and effect of one process."""

    wanted: tuple[Break, ...] = ()
    effects: bool = False
    """Whether effects are counted beside calls of the database."""
    seen: list[str] = field(default_factory=list)
    mark: Callable[[], object] = lambda: None
    marks: list[Any] = field(default_factory=list)
    """What `mark` said at each of those seen."""

    def __call__(self, name: str, act: Callable[[], Any]) -> Any:
        """Carry something out, or break it."""
        if name in NOT_COUNTED or (name.startswith("effect ") and not self.effects):
            return act()
        number = len(self.seen)
        self.seen.append(name)
        self.marks.append(self.mark())
        for one in self.wanted:
            if number == one.at or (one.for_good and number > one.at):
                if one.after and number == one.at:
                    act()
                raise one.error("The history database did not do what was asked: connection reset by peer.")
        return act()

    def where(self) -> str:
        """Return what broke, in words."""
        reached = [one for one in self.wanted if one.at < len(self.seen)]
        places = [
            f"{one.error.__name__} {'after' if one.after else 'before'} {one.at} {self.seen[one.at]}" for one in reached
        ]
        return " and ".join(places) or "nothing"


def propose_both_doors(setting: Any, kit: Any) -> Proposal:
    """Shut both doors and return a plan to open them, one step each."""
    setting.world.doors = dict.fromkeys(DOORS, False)
    setting.world.writes.clear()
    evidence = kit.collected("doors", kit.doors(open=tuple((door, False) for door in DOORS)))
    diagnosis = kit.diagnosis_with([kit.finding_for("door_shut", Verdict.PROBLEM)], evidence=(evidence,))
    proposal: Proposal = setting.use().proposer.propose(diagnosis).proposals[0]
    return proposal


def approve_both_doors(setting: Any, kit: Any) -> Proposal:
    """Shut both doors and return an approved plan to open them."""
    proposal = propose_both_doors(setting, kit)
    person = Person(team_id="T01", user_id="U02")
    setting.decide(proposal_id=proposal.id, plan_hash=proposal.plan_hash, person=person, choice=Choice.APPROVE)
    return proposal


def run_broken(setting: Any, breaker: Breaker, act: Callable[[], object]) -> None:
    """Let one process do something while the breaker stands around all of it; then it is gone."""

    def apply(step: Step, writing: Writing) -> JsonObject:
        effects: JsonObject = breaker(f"effect {step.target}", lambda: setting.world.apply(step, writing))
        return effects

    whole = setting.fixes["open_door"]
    setting.fixes["open_door"] = replace(whole, apply=apply)
    setting.history.around = breaker
    try:
        with suppress(DnsBotError, KilledError):
            act()
    finally:
        setting.history.around = lambda _, call: call()
        setting.fixes["open_door"] = whole


def restart(setting: Any) -> None:
    """Let another process do all that is due, once the leases of the first one have run out."""
    setting.settle()
    for job in setting.history.due():
        if job.kind == "repair":
            setting.use(holder=setting.holder("another")).repairer.run(job.ids["proposal_id"], lambda _: None)


def check_ended(setting: Any, proposal: Proposal) -> Outcome:
    """Return how the repair ended; each effect is there at most once, and what is said of it is true."""
    outcome: Outcome | None = setting.history.outcome(proposal.id)
    assert outcome is not None, "stuck: no outcome is recorded"
    writes = Counter(setting.world.writes)
    assert all(count == 1 for count in writes.values()), writes
    states = {index: line.state for index, line in enumerate(outcome.steps)}
    for index, door in enumerate(DOORS):
        known = states.get(index)
        if writes[f"open {door}"]:
            assert known in {StepState.DONE, StepState.UNKNOWN}, f"{door} was opened, and is called {known}: {outcome}"
        else:
            assert known in {None, StepState.FAILED, StepState.SKIPPED, StepState.UNKNOWN}, f"{door}: {outcome}"
    unsure = any(words in outcome.summary for words in ("Interrupted", "may or may not have happened"))
    whole = len(writes) == len(DOORS) and not unsure
    assert (outcome.result is Result.VERIFIED) is whole, outcome
    assert writes or outcome.result is Result.REFUSED, f"nothing was written: {outcome}"
    assert not writes or "Nothing was written" not in outcome.summary, f"{writes}: {outcome}"
    return outcome


def play(
    setting: Any, kit: Any, *wanted: Break, settling: tuple[Break, ...] = (), effects: bool = False
) -> tuple[str, str]:
    """Break a repair, then its settling; return what broke and how it ended, and what is wrong with that."""
    proposal = approve_both_doors(setting, kit)
    broken, settled = [Breaker(wanted=breaks, effects=effects) for breaks in (wanted, settling)]
    run_broken(setting, broken, lambda: setting.use().repairer.run(proposal.id, lambda _: None))
    if settling:
        run_broken(setting, settled, setting.settle)
    restart(setting)
    where = broken.where() + (f", then {settled.where()}" if settling else "")
    try:
        outcome = check_ended(setting, proposal)
    except AssertionError as error:
        return where, f"{where}: {error}"
    finally:
        check_next(setting, kit)
    return f"{where}: {outcome.result.value}. {outcome.summary}", ""


def count(setting: Any, kit: Any, *, effects: bool = False) -> int:
    """Return how many calls of the database, and effects if told so, a repair makes that nothing disturbs."""
    calls = Breaker(effects=effects)
    proposal = approve_both_doors(setting, kit)
    run_broken(setting, calls, lambda: setting.use().repairer.run(proposal.id, lambda _: None))
    assert len(calls.seen) > 10, "the calls of a repair were not counted"
    return len(calls.seen)


def report(played: list[tuple[str, str]]) -> None:
    """Print every point and how it ended; fail with all that is wrong."""
    print("", *(line for line, _ in played), sep="\n")  # noqa: T201  # points and results are the test's output
    faults = [fault for _, fault in played if fault]
    assert not faults, "\n".join(faults)


def check_next(setting: Any, kit: Any) -> None:
    """The next repair of the cluster begins and is verified."""
    following = approve_both_doors(setting, kit)
    assert setting.repair(following.id).result is Result.VERIFIED
    assert [job for job in setting.history.due() if job.kind != "send"] == []
