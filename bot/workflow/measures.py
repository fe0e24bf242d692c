"""Measures: fixes that make missing evidence readable, for rules that cannot decide without it.

A rule that is UNKNOWN for want of evidence names the gap that stood in its place. Where a measure of
the playbook yields that evidence it is offered; where a rule says PROBLEM, only for what is usually switched off and
would say more of it, and only as long as no cause explains it. A gap that names a grant or a setting waits for a
person, and no measure gives either. A measure is verified when its evidence is there and those rules
no longer lack it; what they find is another matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bot.domain.approvals import Result
from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import Collected
from bot.domain.findings import FixOffer, Judgement, Verdict
from bot.domain.phrases import plain_name
from bot.domain.plans import FixPlan
from bot.domain.playbooks import FixUse
from bot.workflow.catalogue import Catalogue


def offered(
    measures: Iterable[FixUse], judgement: Judgement, seen: Mapping[type, Collected], catalogue: Catalogue
) -> Iterator[FixOffer]:
    """Yield the measures that get what this rule could not decide without, or what would say more of its PROBLEM.

    `seen` is what it was judged from.
    """
    if judgement.verdict is Verdict.HEALTHY:
        return
    wanted = {gap for gap in judgement.missing if not (gap.grant or gap.setting)}
    if judgement.verdict is Verdict.PROBLEM:
        wanted = {gap for gap in wanted if gap.off}
    for use in measures:
        yields = [kind for kind in catalogue.fixes[use.fix].yields if kind in seen]
        if any(gap in wanted for kind in yields for gap in seen[kind].gaps):
            yield FixOffer(
                fix=use.fix,
                parameters=use.parameters_document,
                risk=use.risk,
                yields=tuple(catalogue.collector_of(kind).name for kind in yields),
                title=catalogue.fixes[use.fix].title,
            )


def judge_measure(plan: FixPlan, diagnosis: Diagnosis) -> tuple[Result, str]:
    """Return whether the evidence that a measure was to get is there now, as the diagnosis after it saw it."""
    judged = {finding.rule: finding for finding in diagnosis.findings if finding.rule in plan.verify_rules}
    said = {rule: f"{one.heading}: {one.judgement.summary}" for rule, one in judged.items()}
    lacking = [said[rule] for rule, one in judged.items() if plan.fix in {offer.fix for offer in one.measures}]
    if lacking:
        return Result.NOT_VERIFIED, f"Applied, but the evidence is still missing. {' '.join(lacking)}"
    blind = [
        f"{plain_name(one.collector)}: {one.summary}"
        for one in diagnosis.evidence
        if one.gap and one.collector in plan.yields
    ]
    blind += [f"{plain_name(rule)}: was not checked" for rule in plan.verify_rules if rule not in judged]
    blind += [] if diagnosis.binding else ["which cluster this is could not be confirmed"]
    if blind:
        return Result.UNVERIFIABLE, f"Applied, not verified: {'; '.join(blind)}"
    names = ", ".join(map(plain_name, plan.yields))
    return Result.VERIFIED, f"Verified: {names} can be read now. {' '.join(said.values())}"
