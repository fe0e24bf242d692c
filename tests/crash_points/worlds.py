"""Shipped fixes at work in a running world, in a bot whose every call of the database and of a writer can be broken.

All is real but the people, the pauses and the kill: diagnosis, plan, gate, fix, and both far ends over HTTP.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from bot.domain.approvals import ApprovalPolicy, Choice, Outcome, Proposal, Result, StepState
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.deadline import Deadline
from bot.domain.json_values import JsonObject, RawObject, canonical
from bot.domain.people import Person
from bot.domain.places import Place
from bot.domain.plans import Fix, FixPlan, Step, Writing
from bot.domain.playbooks import FixUse, Playbook
from bot.domain.ports import Resource, Writers
from bot.errors import DnsBotError
from bot.sandbox.world.scenario import ByFix
from bot.sandbox.world.scenario_catalogue import all_scenarios
from bot.sandbox.world.world import CLUSTER
from bot.workflow.diagnose import Diagnoser
from bot.workflow.run_step import OnStep
from bot.workflow.undo import inverse_plan
from bot.workflow.use_cases import UseCases
from tests.workflow_approval.breaking import KilledError, restart
from tests.workflow_approval.conftest import Setting

PAUSE_SECONDS = 0.02
"""How long each pause takes: rollouts of the sandbox take no longer."""


def followers(use: FixUse) -> Iterator[str]:
    """Yield the fixes whose steps stand in the plan of this one, its own first."""
    yield use.fix
    for later in use.then:
        yield from followers(later)


def naming(fix: Fix, playbooks: Mapping[str, Playbook]) -> dict[str, tuple[FixUse, ...]]:
    """Return, by playbook, what may be proposed so that steps of this fix stand in the plan."""
    found = {
        playbook.name: tuple(
            use
            for finding in playbook.findings
            for use in (*finding.fixes, *finding.measures)
            if fix.name in followers(use)
        )
        for playbook in playbooks.values()
    }
    return {name: uses for name, uses in found.items() if uses}


def scenario_of(fix: Fix, playbooks: Mapping[str, Playbook]) -> tuple[str, Question]:
    """Return the scenario in which a plan with steps of this fix is proposed ("": there is none), and what is asked.

    A measure is proposed where nothing is wrong; a fix where it, or one that it follows, heals a scenario.
    """
    uses = naming(fix, playbooks)
    if fix.yields:
        return "healthy", Question(cluster=CLUSTER, playbooks=tuple(uses))
    heads = {
        (finding.rule, use.fix): name
        for name in uses
        for finding in playbooks[name].findings
        for use in finding.fixes
        if fix.name in followers(use)
    }
    for one in all_scenarios():
        if isinstance(one.healed_by, ByFix) and (one.root_cause, one.healed_by.fix) in heads:
            return one.name, Question(cluster=CLUSTER, playbooks=(heads[one.root_cause, one.healed_by.fix],))
    return "", Question(cluster=CLUSTER)


@dataclass(frozen=True, kw_only=True)
class Configured:
    """What a bot has of the configuration of its world."""

    diagnoser: Diagnoser
    open_writers: Callable[[ClusterTarget, str], Writers]
    policies: dict[str, ApprovalPolicy]


@dataclass
class Bot(Setting):
    """The parts of a bot, its writers and fixes watched."""

    configured: Callable[[], Configured] = field(kw_only=True)
    """Reads the configuration again: each world has peers of its own."""
    diagnoser: Diagnoser = field(init=False)
    open_writers: Callable[[ClusterTarget, str], Writers] = field(init=False)
    breaker: Callable[[str, Callable[[], Any]], Any] = field(default=lambda _, act: act(), kw_only=True)
    """Stands around every call of the history and of a writer."""
    running: Step | None = field(default=None, kw_only=True)
    """The step that is read or applied now."""
    sent: list[tuple[str, str]] = field(default_factory=list, kw_only=True)
    """The target of the step and the call, of every write that was carried out."""

    def use(self, **changes: Any) -> UseCases:
        """What people can ask for; a second one is a restarted process."""
        real: dict[str, Any] = {
            "playbooks": self.diagnoser.playbooks,
            "evidence_classes": {one.name: one.evidence for one in self.diagnoser.catalogue.collectors.values()},
            "run_diagnosis": self.diagnoser.run,
            "open_sources": self.diagnoser.open_sources,
            "open_writers": lambda target, plan_id: _Watched(self, self.open_writers(target, plan_id)),
            "read_binding": self.diagnoser.binding,
            "sleep": self._pause,
        }
        return super().use(**{**real, **changes})

    def _pause(self, seconds: float) -> None:
        self.slept.append(seconds)
        time.sleep(PAUSE_SECONDS)

    def configure(self, read: Configured | None = None) -> None:
        """Go by the configuration as it is now; every fix says which step it is at."""
        found = read or self.configured()
        self.diagnoser, self.open_writers, self.policies = found.diagnoser, found.open_writers, found.policies
        self.targets = dict(found.diagnoser.targets)
        self.fixes = {name: self._watched(fix) for name, fix in self.diagnoser.catalogue.fixes.items()}
        self.history.around = self._around

    def _around(self, name: str, call: Callable[[], Any]) -> Any:
        return self.breaker(name, call)

    def _watched(self, fix: Fix) -> Fix:
        def read(step: Step, reading: Any) -> Any:
            self.running = step
            return fix.read(step, reading)

        def apply(step: Step, writing: Writing) -> JsonObject:
            self.running = step
            return fix.apply(step, writing)

        return replace(fix, read=read, apply=apply)

    def write(self, name: str, act: Callable[[], Any]) -> Any:
        """Carry a write out, or break it."""

        def carried_out() -> Any:
            answer = act()
            self.sent.append((self.running.target if self.running else "", name))
            return answer

        return self.breaker(f"effect {name}", carried_out)

    def propose(self, question: Question, fix: str = "") -> Proposal | None:
        """Diagnose and return the plan that holds steps of this fix, if told one, or the first; None: there is none."""
        diagnosis = self.diagnoser.run(question, Person(team_id="T01", user_id="U01"), None)
        found = self.use().proposer.propose(diagnosis).proposals
        return next((one for one in found if not fix or any(step.fix == fix for step in one.plan.steps)), None)

    def repair(self, proposal_id: str, told: OnStep = lambda _: None, **changes: Any) -> Outcome:
        """Approve a plan and run it, undisturbed."""
        self.approve(self.history.proposal(proposal_id))
        return super().repair(proposal_id, told, **changes)

    def approve(self, proposal: Proposal) -> None:
        """Let somebody else approve it."""
        person = Person(team_id="T01", user_id="U02")
        self.decide(proposal_id=proposal.id, plan_hash=proposal.plan_hash, person=person, choice=Choice.APPROVE)


@dataclass(frozen=True)
class _Watched:
    """Writers whose every write can be broken."""

    bot: Bot
    real: Writers

    def aws(self, deadline: Deadline, place: Place) -> _Watched:
        """Return the writer of AWS."""
        return replace(self, real=self.real.aws(deadline, place))  # type: ignore[arg-type]  # a port in its place

    def cluster(self, deadline: Deadline) -> _Watched:
        """Return the writer of Kubernetes."""
        return replace(self, real=self.real.cluster(deadline))  # type: ignore[arg-type]  # a port in its place

    def probe_pods(self, deadline: Deadline) -> _Watched:
        """Return what makes and removes pods of `node_probe`."""
        return replace(self, real=self.real.probe_pods(deadline))  # type: ignore[arg-type]  # a port in its place

    def write(self, service: str, operation: str, **parameters: Any) -> RawObject:
        """Call AWS."""
        name = f"{service}:{operation} {canonical(parameters)}"
        real: Any = self.real
        found: RawObject = self.bot.write(name, lambda: real.write(service, operation, **parameters))
        return found

    def patch(
        self, resource: Resource, name: str, body: JsonObject, *, namespace: str = "", subresource: str = ""
    ) -> RawObject:
        """Patch an object."""
        real: Any = self.real
        what = f"patch {resource.plural} {namespace}/{name}"

        def send() -> RawObject:
            found: RawObject = real.patch(resource, name, body, namespace=namespace, subresource=subresource)
            return found

        found: RawObject = self.bot.write(what, send)
        return found

    def create(self, resource: Resource, body: JsonObject, *, namespace: str = "", dry_run: bool = False) -> RawObject:
        """Create an object; a dry run has no effect that could be made twice."""
        real: Any = self.real
        metadata: Any = body["metadata"]
        what = f"create {resource.plural} {namespace}/{metadata['name']}"

        def send() -> RawObject:
            found: RawObject = real.create(resource, body, namespace=namespace, dry_run=dry_run)
            return found

        return send() if dry_run else self.bot.write(what, send)

    def delete(self, resource: Resource, name: str, *, namespace: str = "", uid: str) -> None:
        """Delete an object."""
        real: Any = self.real
        what = f"delete {resource.plural} {namespace}/{name}"
        self.bot.write(what, lambda: real.delete(resource, name, namespace=namespace, uid=uid))


class _KilledAfterWrite:
    """Kills a process right after its first write of a kind: nothing that it calls later arrives."""

    def __init__(self, write: str) -> None:
        self.write, self.dead = write, False

    def __call__(self, name: str, act: Callable[[], Any]) -> Any:
        """Stand around one call."""
        if self.dead:
            raise KilledError
        answer = act()
        self.dead = name.startswith(self.write)
        if self.dead:
            raise KilledError
        return answer


def killed_after(write: str, bot: Bot, proposal: Proposal) -> Result:
    """Let one process run a plan until it is killed after a write so named, and another settle it."""
    killer = _KilledAfterWrite(write)
    bot.breaker = killer
    try:
        with suppress(DnsBotError, KilledError):
            bot.use().repairer.run(proposal.id, lambda _: None)
    finally:
        bot.breaker = lambda _, act: act()
    assert killer.dead, f"nothing was sent that begins with {write!r}"
    restart(bot)
    outcome: Outcome | None = bot.history.outcome(proposal.id)
    assert outcome is not None, "stuck: no outcome is recorded"
    return outcome.result


def taken_back(bot: Bot, proposal: Proposal) -> Outcome:
    """Approve and run the inverse of a plan that was carried out, wholly or in part."""
    back = inverse_plan(
        proposal.plan,
        bot.history.steps(proposal.id),
        bot.fixes,
        plan_id=f"undo-{proposal.id}",
        diagnosis_id=proposal.plan.diagnosis_id,
    )
    assert back is not None
    return bot.repair(bot.use().proposer.offer((back,), bot.targets[CLUSTER], None).id)


def writes_of(bot: Bot, plan: FixPlan) -> list[tuple[str, int]]:
    """Return, for each step of a plan, its fix and how many writes were carried out for it."""
    made = Counter(target for target, _ in bot.sent)
    return [(step.fix, made[step.target]) for step in plan.steps]


def check(bot: Bot, plan: FixPlan, outcome: Outcome | None, whole: list[tuple[str, int]], best: Result) -> Outcome:
    """Return how a broken repair ended; each write was made at most once, and what is said of it is true.

    `whole` and `best`: the writes of a repair that nothing disturbs (ids and their order differ from world to world),
    and how it ends.
    """
    assert outcome is not None, "stuck: no outcome is recorded"
    made = Counter(bot.sent)
    assert all(number == 1 for number in made.values()), f"sent twice: {made}"
    states = {line.index: line.state for line in outcome.steps}
    over = True
    for index, own in enumerate(writes_of(bot, plan)):
        known = states.get(index)
        over = over and known is StepState.DONE
        if known is StepState.DONE:
            assert own in whole, f"step {index + 1} is called done after {own[1]} writes"
        elif own[1]:
            assert known is StepState.UNKNOWN, f"step {index + 1} wrote {own[1]} times and is called {known}: {outcome}"
    assert not made or "Nothing was written" not in outcome.summary, outcome.summary
    assert as_good(outcome.result, best) if over else "iagnose again" in outcome.summary, outcome
    return outcome


def as_good(result: Result, best: Result) -> bool:
    """Return whether a repair ended as well as the one that nothing disturbed.

    Whether a rule that judges what new pods ask has seen enough of it in time to verify depends on the machine.
    """
    well = {Result.VERIFIED, Result.UNVERIFIABLE}
    return result in {best, Result.VERIFIED} or {result, best} <= well
