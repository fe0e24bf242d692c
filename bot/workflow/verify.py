"""Verify: collect everything anew and look names up until they answer. Success is claimed for nothing less."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from bot.domain.approvals import Result
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.diagnosis import Diagnosis
from bot.domain.findings import Verdict
from bot.domain.people import Person
from bot.domain.plans import FixPlan
from bot.domain.playbooks import Playbook
from bot.domain.redaction import redact
from bot.errors import DnsBotError
from bot.workflow.desk import Progress

LOOKUPS_RULE = "dns_lookups_fail"


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
    """VERIFIED, NOT_VERIFIED or UNVERIFIABLE."""
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
    """How long look-ups are repeated until they answer."""
    pause_seconds: float = 3.0

    def lookups_answer(self, asked: Question, target: ClusterTarget, asked_by: Person | None) -> bool | None:
        """Return whether look-ups answer, repeated until they do or the limit passes; None: could not look."""
        question = self._question(asked, {LOOKUPS_RULE})
        until = self.clock() + self.limit_seconds
        while True:
            try:
                answer = self.run_diagnosis(question, asked_by, None).lookups_all_answer
            except DnsBotError:
                answer = None
            blind = answer is None and not target.workload_selector
            if answer or blind or self._is_over(until):
                return answer
            self.sleep(self.pause_seconds)

    def verify(self, plan: FixPlan, asked: Question, target: ClusterTarget, asked_by: Person | None) -> Verification:
        """Collect anew and judge again, repeated until all is well or the limit passes."""
        question = self._question(asked, {LOOKUPS_RULE, *plan.verify_rules}, plan.playbook)
        until = self.clock() + self.limit_seconds
        while True:
            seen = self._look(plan, question, asked_by)
            blind = seen.result is Result.UNVERIFIABLE and not target.workload_selector
            if seen.result is Result.VERIFIED or blind or self._is_over(until):
                return seen
            self.sleep(self.pause_seconds)

    def _is_over(self, until: float) -> bool:
        return self.clock() + self.pause_seconds >= until

    def _question(self, asked: Question, rules: set[str], *names: str) -> Question:
        """Return the same question, restricted to the playbooks that hold these rules."""
        holding = [
            playbook.name for playbook in self.playbooks.values() if rules & {use.rule for use in playbook.findings}
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
    """Return the result: a PROBLEM outweighs what could not be seen, and only full sight verifies."""
    verdicts = {finding.rule: finding.verdict for finding in diagnosis.findings}
    bad = [rule for rule in plan.verify_rules if verdicts.get(rule) is Verdict.PROBLEM]
    unseen = [rule for rule in plan.verify_rules if verdicts.get(rule, Verdict.UNKNOWN) is Verdict.UNKNOWN]
    looked = f" ({diagnosis.looked_from})" if diagnosis.looked_from else ""
    if diagnosis.binding is not None and diagnosis.binding != plan.binding:
        return Result.UNVERIFIABLE, "Applied, not verified: what was looked at afterwards is another cluster."
    if bad:
        return Result.NOT_VERIFIED, f"Applied, but {', '.join(bad)} still finds the problem."
    if diagnosis.lookups_all_answer is False:
        return Result.NOT_VERIFIED, f"Applied, but look-ups still fail{looked}."
    if unseen or diagnosis.binding is None:
        return Result.UNVERIFIABLE, f"Applied, not verified: {', '.join(unseen) or 'the cluster'} could not be checked."
    if diagnosis.lookups_all_answer is None:
        return Result.UNVERIFIABLE, f"Applied, not verified: it could not be seen whether look-ups answer{looked}."
    return Result.VERIFIED, f"Verified: {', '.join(plan.verify_rules)} healthy and every look-up answered{looked}."
