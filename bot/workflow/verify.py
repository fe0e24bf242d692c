"""Verify: collect everything anew and look names up until they answer. Success is claimed for nothing less."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from bot.domain.approvals import Result
from bot.domain.cluster import Question
from bot.domain.diagnosis import Diagnosis, Progress
from bot.domain.findings import Finding, Verdict
from bot.domain.people import Person
from bot.domain.phrases import plain_name
from bot.domain.plans import FixPlan
from bot.domain.playbooks import Playbook
from bot.domain.redaction import redact
from bot.errors import DnsBotError
from bot.workflow.measures import judge_measure

Seen = TypeVar("Seen")


class RunDiagnosis(Protocol):
    """Runs one diagnosis, unrecorded."""

    def __call__(
        self, question: Question, asked_by: Person | None, progress: Callable[[Progress], None] | None, /
    ) -> Diagnosis:
        """Return the diagnosis; ends by its deadline."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was seen after a plan was applied."""

    result: Result
    """VERIFIED, WAITS, NOT_VERIFIED or UNVERIFIABLE."""
    summary: str
    diagnosis: Diagnosis | None
    """None: not even a diagnosis could be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """Looks again after a repair. Made once, by the composition root."""

    run_diagnosis: RunDiagnosis
    playbooks: Mapping[str, Playbook]
    sleep: Callable[[float], None]
    clock: Callable[[], float]
    """Seconds that only move forward (`time.monotonic`)."""
    limit_seconds: float = 60.0
    """How long lookups are repeated until they answer."""
    pause_seconds: float = 3.0

    def lookups_answer(self, plan: FixPlan, asked: Question, asked_by: Person | None) -> bool | None:
        """Return whether the lookups of the plan's symptoms answer, repeated until they do or the limit passes.

        None: it could not be looked, or the plan names no symptom.
        """
        question = self._question(asked, plan.symptoms)

        def look() -> tuple[bool | None, bool]:
            try:
                diagnosis = self.run_diagnosis(question, asked_by, None)
            except DnsBotError:
                return None, False
            answer = _answer(plan.symptoms, diagnosis)
            return answer, answer is True or (answer is None and _in_vain(plan.symptoms, diagnosis))

        return self._repeat(look) if plan.symptoms else None

    def verify(self, plan: FixPlan, asked: Question, asked_by: Person | None) -> Verification:
        """Collect anew and judge again, repeated until all is well or the limit passes."""
        rules = (*plan.symptoms, *plan.verify_rules)
        question = self._question(asked, rules, plan.playbook)

        def look() -> tuple[Verification, bool]:
            seen = self._look(plan, question, asked_by)
            in_vain = seen.result is Result.UNVERIFIABLE and _in_vain(rules, seen.diagnosis)
            return seen, seen.result in {Result.VERIFIED, Result.WAITS} or in_vain

        return self._repeat(look)

    def _repeat(self, look: Callable[[], tuple[Seen, bool]]) -> Seen:
        """Look until `look` says that looking again is of no use, or the limit passes; return what was seen last."""
        until = self.clock() + self.limit_seconds
        while True:
            seen, ended = look()
            if ended or self.clock() + self.pause_seconds >= until:
                return seen
            self.sleep(self.pause_seconds)

    def _question(self, asked: Question, rules: Collection[str], *names: str) -> Question:
        """Return the same question, restricted to the playbooks that hold these rules."""
        holding = [
            playbook.name for playbook in self.playbooks.values() if any(use.rule in rules for use in playbook.findings)
        ]
        chosen = tuple(dict.fromkeys([*names, *holding]))
        return Question(cluster=asked.cluster, playbooks=chosen, pod=asked.pod, names=asked.names)

    def _look(self, plan: FixPlan, question: Question, asked_by: Person | None) -> Verification:
        try:
            diagnosis = self.run_diagnosis(question, asked_by, None)
        except DnsBotError as error:
            summary = f"Applied, not verified: it could not be looked again: {redact(str(error))}"
            return Verification(result=Result.UNVERIFIABLE, summary=summary, diagnosis=None)
        result, summary = _judge(plan, diagnosis)
        return Verification(result=result, summary=summary, diagnosis=diagnosis)


def _judge(plan: FixPlan, diagnosis: Diagnosis) -> tuple[Result, str]:
    """Return the result: a PROBLEM outweighs what could not be seen, and only full sight verifies.

    A rule that waits for people alone, and lookups that fail for nothing else, are no failure of the plan.
    """
    waiting = {finding.rule: finding for finding in diagnosis.findings if finding.judgement.waits_for}
    verdicts = {finding.rule: finding.verdict for finding in diagnosis.findings}
    checks = {finding.rule: finding.check or plain_name(finding.rule) for finding in diagnosis.findings}
    named = {rule: checks.get(rule, plain_name(rule)) for rule in plan.verify_rules}
    judged = [rule for rule in plan.verify_rules if rule not in waiting]
    bad = [named[rule] for rule in judged if verdicts.get(rule) is Verdict.PROBLEM]
    unseen = [named[rule] for rule in judged if verdicts.get(rule, Verdict.UNKNOWN) is Verdict.UNKNOWN]
    waits = [waiting[rule] for rule in plan.verify_rules if rule in waiting]
    looked = f" ({diagnosis.looked_from})" if diagnosis.looked_from else ""
    answer = _answer(_not_waiting(plan.symptoms, diagnosis, waiting), diagnosis)
    if diagnosis.binding is not None and diagnosis.binding != plan.binding:
        return Result.UNVERIFIABLE, "Applied, not verified: what was looked at afterwards is another cluster."
    if plan.yields:
        return judge_measure(plan, diagnosis)
    if bad:
        return Result.NOT_VERIFIED, f"Applied, but the problem is still there: {', '.join(bad)}."
    if answer is False:
        return Result.NOT_VERIFIED, f"Applied, but lookups still fail{looked}."
    if unseen or diagnosis.binding is None:
        return Result.UNVERIFIABLE, f"Applied, not verified: {', '.join(unseen) or 'the cluster'} could not be checked."
    if waits:
        return Result.WAITS, f"Applied; waits for {waits[0].judgement.waits_for}: {_left(waits[0])}"
    if answer is None:
        return Result.UNVERIFIABLE, f"Applied, not verified: no lookup could be made{looked}."
    lookups = f"every lookup answered{looked}; " if plan.symptoms else ""
    return Result.VERIFIED, f"Verified: {lookups}healthy again: {', '.join(named.values())}."


def _not_waiting(symptoms: Collection[str], diagnosis: Diagnosis, waiting: Collection[str]) -> tuple[str, ...]:
    """Return the symptoms without those that fail, and for nothing but what waits for people."""
    explained = {
        finding.rule
        for finding in diagnosis.findings
        if finding.verdict is Verdict.PROBLEM and finding.explained_by and set(finding.explained_by) <= set(waiting)
    }
    return tuple(rule for rule in symptoms if rule not in explained)


def _left(finding: Finding) -> str:
    """Return the last thing that the rule says, which is what is left."""
    proof = finding.judgement.proof
    return proof[-1] if proof else finding.judgement.summary


def _answer(symptoms: Collection[str], diagnosis: Diagnosis) -> bool | None:
    """Return whether the lookups of all these symptoms answer; None: it was not seen of all, and none failed."""
    verdicts = {finding.rule: finding.verdict for finding in diagnosis.findings}
    seen = {verdicts.get(rule, Verdict.UNKNOWN) for rule in symptoms}
    if Verdict.PROBLEM in seen:
        return False
    return None if Verdict.UNKNOWN in seen else True


def _in_vain(rules: Collection[str], diagnosis: Diagnosis | None) -> bool:
    """Return whether some of these rules cannot be seen until somebody sets what is not configured."""
    found = () if diagnosis is None else diagnosis.findings
    unseen = [finding for finding in found if finding.rule in rules and finding.verdict is Verdict.UNKNOWN]
    return any(gap.setting for finding in unseen for gap in finding.judgement.missing)
