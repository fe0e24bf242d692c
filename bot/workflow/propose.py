"""Propose: from root causes, and from rules that lack evidence, to exact plans. Nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol
from uuid import uuid4

from bot.domain.approvals import ApprovalPolicy, NotOffered, Proposal, ProposalState, Proposed
from bot.domain.cluster import ClusterTarget
from bot.domain.diagnosis import Binding, Diagnosis
from bot.domain.evidence import Gap
from bot.domain.findings import Finding, Kind, Verdict
from bot.domain.history import Draft
from bot.domain.json_values import JsonObject, JsonValue, digest
from bot.domain.people import Person
from bot.domain.plans import THEN, Advice, Fix, FixPlan, PlanCase, Planned, Step, plan_document
from bot.domain.playbooks import FixUse, Playbook
from bot.errors import EvidenceUnavailable
from bot.workflow.policy import nobody_may, not_approvable_because, policy_for

_RISKS = ("low", "medium", "high")
_NOTHING_LEFT = Advice(reason="There is nothing left for it to change.")
_OWN = frozenset({"id", "diagnosis_id", "blast_radius"})
"""What two plans that do the same may differ in."""


def new_id() -> str:
    """Return an id for a plan; its proposal has the same."""
    return uuid4().hex


class TakesPlans(Protocol):
    """What becomes of a plan once it is made: the history stores it."""

    def record(self, diagnosis: Diagnosis) -> None:
        """Store the diagnosis that plans are made for."""
        ...

    def propose(self, draft: Draft) -> Proposal:
        """Store a plan as a proposal, or return the pending one that is the same."""
        ...


@dataclass(frozen=True, slots=True)
class NothingKept:
    """Takes plans to be shown alone: nothing is stored, posted, or there to be approved."""

    def record(self, diagnosis: Diagnosis) -> None:
        """Keep nothing."""

    def propose(self, draft: Draft) -> Proposal:
        """Return what the history would have stored."""
        now = datetime.now(UTC)
        return Proposal(
            id=draft.plan.id,
            plan=draft.plan,
            plan_hash=draft.plan.hash,
            alternatives=draft.alternatives,
            policy=draft.policy,
            requested_by=draft.requested_by,
            state=ProposalState.PENDING,
            created_at=now,
            expires_at=now + draft.policy.expires_after,
            not_approvable=draft.not_approvable,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposer:
    """Plans fixes and measures, and stores the plans. Made once, by the composition root."""

    history: TakesPlans
    playbooks: Mapping[str, Playbook]
    fixes: Mapping[str, Fix]
    evidence_classes: Mapping[str, type]
    """The evidence class of each collector, by the collector's name."""
    policies: Mapping[str, ApprovalPolicy]
    symptoms: Collection[str]
    """The rules of all playbooks that judge lookups."""
    make_id: Callable[[], str] = new_id

    def propose(self, diagnosis: Diagnosis, *, after: str = "") -> Proposed:
        """Store one proposal for each root cause that a fix, and each lack that a measure can be planned for.

        `after` is the key of the note with the report, which the cards follow. Says why for the others. The identical
        plan that is still pending is returned instead of a second one.
        """
        proposals: list[Proposal] = []
        not_offered: list[NotOffered] = []
        for finding in (*diagnosis.root_causes, *diagnosis.lacking):
            if any(finding.rule in proposal.plan.verify_rules for proposal in proposals if proposal.plan.yields):
                continue  # a measure that is proposed already gets what this rule lacks, too
            plans = self._plans(diagnosis, finding, not_offered)
            if plans:
                self.history.record(diagnosis)
                proposals.append(self.offer(plans, diagnosis.target, diagnosis.asked_by, after=after))
        return Proposed(proposals=tuple(proposals), not_offered=tuple(not_offered))

    def offer(
        self, plans: Sequence[FixPlan], target: ClusterTarget, requested_by: Person | None, *, after: str = ""
    ) -> Proposal:
        """Store a plan, or several of which one may be approved, as a proposal under the policy of now.

        Where one of them cannot be approved here, that is said, and none of them can.
        """
        policy = policy_for(target, self.policies) or nobody_may(target)
        reasons = (not_approvable_because(one, target, self.policies) for one in plans)
        not_approvable = next(filter(None, reasons), "")
        draft = Draft(
            plan=plans[0],
            alternatives=tuple(plans[1:]),
            policy=policy,
            requested_by=requested_by,
            not_approvable=not_approvable,
            fingerprint=fingerprint(plans, policy, not_approvable),
            channel=target.channel,
            after=after,
        )
        return self.history.propose(draft)

    def _plans(self, diagnosis: Diagnosis, finding: Finding, not_offered: list[NotOffered]) -> tuple[FixPlan, ...]:
        """Return the plans of the first fix or measure that can be planned, with its alternatives: one id for all.

        Those that cannot be planned are added to `not_offered`.
        """
        for use in self._uses(finding):
            plan_id = self.make_id()
            plans = [self._plan(choice, diagnosis, finding, plan_id, not_offered) for choice in use.choices]
            planned = [plan for plan in plans if plan is not None]
            if len(planned) == 1:
                return (replace(planned[0], speaks_for=""),)
            if planned:
                return tuple(planned)
        return ()

    def _plan(
        self, use: FixUse, diagnosis: Diagnosis, finding: Finding, plan_id: str, not_offered: list[NotOffered]
    ) -> FixPlan | None:
        """Return the plan of a fix or measure; where there can be none, None, and why is added to `not_offered`."""
        if diagnosis.binding is None:
            not_offered.append(self._not_offered(finding, use, _unbound(diagnosis.binding_gap)))
            return None
        planned = self._ask(use, diagnosis, finding, plan_id)
        if isinstance(planned, Advice):
            not_offered.append(self._not_offered(finding, use, planned))
            return None
        parts = [(use, planned)]
        self._follow(use, diagnosis, finding, plan_id, parts, not_offered)
        if not any(part.steps for _, part in parts):
            not_offered.append(self._not_offered(finding, use, _NOTHING_LEFT))
            return None
        return self._made(diagnosis, diagnosis.binding, finding, plan_id, parts)

    def _made(
        self,
        diagnosis: Diagnosis,
        binding: Binding,
        finding: Finding,
        plan_id: str,
        parts: Sequence[tuple[FixUse, Planned]],
    ) -> FixPlan:
        """Return the plan of a fix with those that follow, or of a measure for all rules that lack its evidence."""
        fix = parts[0][0].fix
        lacking = {one.rule: offer for one in diagnosis.lacking for offer in one.measures if offer.fix == fix}
        return FixPlan(
            id=plan_id,
            diagnosis_id=diagnosis.id,
            cluster=diagnosis.target.name,
            region=diagnosis.target.region,
            binding=binding,
            fix=fix,
            title=_joined([self._title(part) for part, planned in parts if planned.steps]),
            finding=finding.rule,
            playbook=finding.playbook,
            risk=max((part.risk for part, _ in parts), key=_RISKS.index),
            blast_radius=" ".join(one.blast_radius for _, one in parts if one.blast_radius),
            steps=tuple(step for _, one in parts for step in one.steps),
            verify_rules=tuple(dict.fromkeys([*(rule for part, _ in parts for rule in part.verify_rules), *lacking])),
            symptoms=() if lacking else symptoms_of(finding, diagnosis, self.symptoms),
            yields=tuple(dict.fromkeys(name for offer in lacking.values() for name in offer.yields)),
            speaks_for=parts[0][0].speaks_for,
        )

    def _title(self, use: FixUse) -> str:
        return use.title or self.fixes[use.fix].title

    def _not_offered(self, finding: Finding, use: FixUse, advice: Advice) -> NotOffered:
        return NotOffered(finding=finding.rule, fix=use.fix, title=self._title(use), advice=advice)

    def _uses(self, finding: Finding) -> tuple[FixUse, ...]:
        """Return the fixes that the playbook allows for a PROBLEM, or the measures that are offered for an UNKNOWN."""
        playbook = self.playbooks.get(finding.playbook)
        uses = playbook.findings if playbook else ()
        use = next((use for use in uses if use.rule == finding.rule), None)
        if use is None:
            return ()
        offered = {offer.fix for offer in finding.measures}
        return tuple(measure for measure in use.measures if measure.fix in offered) if offered else use.fixes

    def _follow(
        self,
        use: FixUse,
        diagnosis: Diagnosis,
        finding: Finding,
        plan_id: str,
        parts: list[tuple[FixUse, Planned]],
        not_offered: list[NotOffered],
    ) -> None:
        """Add the fixes that follow in the same plan to its parts, their steps marked with when they may run."""
        for later in use.then:
            earlier = tuple(step for _, part in parts for step in part.steps)
            planned = self._ask(later, diagnosis, finding, plan_id, earlier)
            if isinstance(planned, Advice):
                not_offered.append(self._not_offered(finding, later, planned))
                continue
            steps = tuple(replace(step, when=later.when) for step in planned.steps)
            parts.append((later, replace(planned, steps=steps)))
            self._follow(later, diagnosis, finding, plan_id, parts, not_offered)

    def _ask(
        self, use: FixUse, diagnosis: Diagnosis, finding: Finding, plan_id: str, earlier: tuple[Step, ...] = ()
    ) -> Planned | Advice:
        fix = self.fixes[use.fix]
        case = PlanCase(
            plan_id=plan_id,
            target=diagnosis.target,
            finding=finding,
            parameters=use.parameters,
            evidence=evidence_for(fix, diagnosis, finding, self.evidence_classes),
            earlier=earlier,
            lasting_seconds=diagnosis.question.lasting_seconds,
        )
        try:
            planned = fix.plan(case)
        except EvidenceUnavailable as error:
            text = (f"Grant {error.grant} and diagnose again.",) if error.grant else ()
            return Advice(reason=f"It cannot be planned: {error.reason}", text=text)
        nothing = isinstance(planned, Planned) and not planned.steps and not planned.only_followed
        return _NOTHING_LEFT if nothing else planned


def _joined(titles: Sequence[str]) -> str:
    """Return `Open the group, then restart the pods`."""
    return THEN.join([*titles[:1], *(title[:1].lower() + title[1:] for title in titles[1:])])


def symptoms_of(finding: Finding, diagnosis: Diagnosis, known: Collection[str]) -> tuple[str, ...]:
    """Return the lookup symptoms that the finding explains; where it explains none, the known ones not failing."""
    symptoms = [one for one in diagnosis.findings if one.kind is Kind.SYMPTOM and one.verdict is Verdict.PROBLEM]
    failing = [one.rule for one in symptoms if not one.judgement.pods]
    explained = tuple(rule for rule in failing if rule in finding.explains)
    return explained or tuple(sorted(set(known) - set(failing)))


def evidence_for(
    fix: Fix, diagnosis: Diagnosis, finding: Finding, classes: Mapping[str, type]
) -> Mapping[type, object]:
    """Return what a fix needs, by class: what the finding was judged from first, values before gaps."""
    found: dict[type | None, object] = {}
    for collected in sorted(diagnosis.evidence, key=lambda one: one.id not in finding.evidence):
        if collected.value is not None:
            kind = type(collected.value)
            if isinstance(found.get(kind), Gap | None):
                found[kind] = collected.value
        elif collected.gap is not None:
            found.setdefault(classes.get(collected.collector), collected.gap)
    return {
        kind: found.get(kind, Gap(what=kind.__name__, reason=f"{kind.__name__} was not gathered")) for kind in fix.needs
    }


def fingerprint(plans: Sequence[FixPlan], policy: ApprovalPolicy, not_approvable: str) -> str:
    """Return the same text for plans that would do the same under the same policy; ids aside."""
    documents = [{name: value for name, value in plan_document(plan).items() if name not in _OWN} for plan in plans]
    subject: JsonObject = {"plans": documents, "policy": repr(policy), "not_approvable": not_approvable}
    return digest(_without(subject, plans[0].id))


def _without(value: JsonValue, plan_id: str) -> JsonValue:
    """Return JSON with the plan's own id (it stands in tags and commands) taken out of every text."""
    if isinstance(value, str):
        return value.replace(plan_id, "PLAN")
    if isinstance(value, Mapping):
        return {key: _without(item, plan_id) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_without(item, plan_id) for item in value]
    return value


def _unbound(gap: Gap | None) -> Advice:
    why = gap.reason if gap else "no evidence says which cluster this is"
    text = (f"Grant {gap.grant} and diagnose again.",) if gap and gap.grant else ()
    return Advice(reason=f"The cluster could not be identified, so nothing may be changed: {why}", text=text)
