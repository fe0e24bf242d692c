"""What a report says, in words, made from a diagnosis. Every teller lays out the same sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain.approvals import Proposed
from bot.domain.cluster import Question
from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import Gap
from bot.domain.findings import Finding, Kind, TextFile, Verdict
from bot.domain.peers import closed_peers, looked_at
from bot.domain.phrases import count, with_grant
from bot.domain.plans import FixPlan
from bot.report.asked_words import asked_words
from bot.report.lookup_table import lookup_table
from bot.report.plan_words import TimeForm, missing_evidence
from bot.report.unchecked import kept, to_let_them_run

UNEXPLAINED_SHOWN = 5
NOTHING_PROPOSED = Proposed(proposals=(), not_offered=())
VERDICTS = {
    Verdict.HEALTHY: "DNS is healthy: all checks ran and all are well.",
    Verdict.UNKNOWN: "No problem found, but not every check could run: this is not an all-clear.",
}
NO_KNOWN_CAUSE = "no rule explains why. What was ruled out stands below."
CAUSE_NOT_FOUND = "the cause is not found: {} could not run, and it may be among what was not looked at."
ONLY_ASKED = "No other problem was found."
CAPTURE_PACKETS = (
    "Capture packets on udp/53 at a CoreDNS pod while asking from another pod: queries that never arrive are lost "
    "between the nodes; queries that arrive unanswered are CoreDNS's."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultWords:
    """One problem: a root cause, what follows from one, or a symptom."""

    rule: str
    title: str
    severity: str
    summary: str
    proof: tuple[str, ...]
    explains: tuple[str, ...]
    explained_by: tuple[str, ...]
    """Rules."""
    lookups: bool
    """Whether it is that lookups fail."""
    last_failure: str
    missing: tuple[str, ...]
    advice: tuple[str, ...]
    offer: str
    """Which fixes the bot can propose for it, for tellers that propose none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOfferedWords:
    """A fix that cannot be planned here."""

    fix: str
    reason: str
    text: str
    """Lines: what a person can do instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCard:
    """The card of a plan that waits for a decision already: asking again posts no other."""

    title: str
    asked_by: str
    url: str
    """Link to the card, or empty where Slack gave none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisWords:
    """All sentences of one report."""

    cluster: str
    where: str
    """The cluster's ARN, or its region where it could not be confirmed which cluster this is."""
    diagnosis_id: str
    started_at: str
    took: str
    asked: tuple[str, ...]
    """By whom, and about what: playbooks, pod, names."""
    looked_at: str
    """The places; empty where there is nothing but the cluster's own."""
    answers: tuple[str, ...]
    """What became of the names and the pod that were asked about; stands before everything else."""
    all_well: bool
    headline: str
    verdict: str
    """What the verdict means; empty where there is a root cause, which says it."""
    coverage: str
    causes: tuple[FaultWords, ...]
    follows: tuple[FaultWords, ...]
    """Problems that a root cause explains."""
    symptoms: tuple[FaultWords, ...]
    """Explained or not."""
    unexplained: str
    """That lookups fail, or pods are not well, which no root cause explains; empty where none, or no root cause."""
    unexplained_lookups: tuple[str, ...]
    notes: tuple[str, ...]
    """Latent fault, an unconfirmed cluster, a diagnosis that is not recorded, why nothing is proposed."""
    looked_from: str
    lookups: str
    matrix: str
    ruled_out: tuple[str, ...]
    unknown: tuple[str, ...]
    """Checks that could not run, or could not decide: one line a reason."""
    closed: tuple[str, ...]
    """Peers that could not be looked at."""
    unread: tuple[str, ...]
    """What could not be read though no check misses it."""
    fixes: tuple[str, ...]
    not_offered: tuple[NotOfferedWords, ...]
    open_cards: tuple[OpenCard, ...]
    measures: tuple[str, ...]
    """Which measures the bot can propose, for tellers that propose none."""
    advice: tuple[str, ...]
    """What a person can do where no known cause was found: what would let checks run that could not, first."""
    grants: str
    """Which permissions the unknown checks lack; empty where none, and where `advice` names them."""
    handed: tuple[TextFile, ...] = ()
    """Texts for people's own servers."""

    @property
    def context(self) -> tuple[str, ...]:
        """Who asked, when, about what, and where was looked."""
        asked_by, *about = self.asked or ("",)
        parts = (asked_by, self.started_at, f"took {self.took}", *about, self.looked_at)
        return tuple(part for part in parts if part)


def diagnosis_words(
    diagnosis: Diagnosis,
    proposed: Proposed = NOTHING_PROPOSED,
    *,
    at: TimeForm,
    asked_by: str = "",
    note: str = "",
    open_cards: tuple[OpenCard, ...] = (),
) -> DiagnosisWords:
    """Return what the report says. `note` is a further sentence, for example why nothing was proposed."""
    problems = [finding for finding in diagnosis.findings if finding.verdict is Verdict.PROBLEM]
    follows = [one for one in problems if one.kind is Kind.CAUSE and one.explained_by]
    symptoms = [one for one in problems if one.kind is Kind.SYMPTOM]
    causes = diagnosis.root_causes
    return DiagnosisWords(
        cluster=diagnosis.target.name,
        where=diagnosis.binding.cluster_arn if diagnosis.binding else f"{diagnosis.target.region}, not confirmed",
        diagnosis_id=diagnosis.id,
        started_at=at(diagnosis.started_at),
        took=f"{diagnosis.took_ms / 1000:.1f} s",
        asked=_asked(diagnosis.question, asked_by),
        looked_at=looked_at(diagnosis.places),
        answers=tuple(asked_words(diagnosis)),
        all_well=diagnosis.verdict is Verdict.HEALTHY,
        headline=_headline(diagnosis),
        verdict=_verdict(diagnosis),
        coverage=_coverage(diagnosis),
        causes=tuple(_fault(one, problems, at) for one in causes),
        follows=tuple(_fault(one, problems, at) for one in follows),
        symptoms=tuple(_fault(one, problems, at) for one in symptoms),
        unexplained=_unexplained(diagnosis),
        unexplained_lookups=tuple(_unexplained_lookups(diagnosis)) if causes else (),
        notes=(*_notes(diagnosis), *((note,) if note else ())),
        looked_from=diagnosis.looked_from,
        lookups=_lookups(diagnosis),
        matrix=lookup_table(diagnosis.matrix),
        ruled_out=tuple(
            f"{one.heading}: {one.judgement.summary}" for one in diagnosis.findings if one.verdict is Verdict.HEALTHY
        ),
        unknown=tuple(group.line for group in kept(diagnosis.unknown_checks)),
        closed=tuple(map(_gap, closed_peers(diagnosis.places))),
        unread=tuple(map(_gap, diagnosis.unjudged_gaps)),
        fixes=tuple(_proposed(proposal.plan) for proposal in proposed.proposals if proposal.posted is None),
        not_offered=tuple(
            NotOfferedWords(fix=item.fix, reason=item.advice.reason, text="\n".join(item.advice.text))
            for item in proposed.not_offered
        ),
        open_cards=open_cards,
        measures=tuple(_measures(diagnosis)),
        advice=tuple(_advice(diagnosis, symptoms)),
        handed=diagnosis.handed,
        grants=_grants(diagnosis) if causes else "",
    )


def _proposed(plan: FixPlan) -> str:
    gets = missing_evidence(plan)
    measure = f": a measure that gets missing evidence: {gets}" if gets else ""
    return f"{plan.title} (risk {plan.risk}, {count(len(plan.steps), 'step')}){measure}"


def _headline(diagnosis: Diagnosis) -> str:
    roots = diagnosis.root_causes
    name = diagnosis.target.name
    if roots:
        more = f" (and {count(len(roots) - 1, 'further cause')})" if len(roots) > 1 else ""
        return f"{name}: {roots[0].title}{more}"
    if diagnosis.only_asked:
        return f"{name}: {', '.join(one.title[0].lower() + one.title[1:] for one in diagnosis.only_asked)}"
    if diagnosis.verdict is Verdict.PROBLEM:
        unchecked = count(len(diagnosis.unchecked), "check")
        found = f"cause not found: {unchecked} could not run" if diagnosis.unchecked else "no known cause found"
        return f"{name}: {_seen(diagnosis)}, {found}"
    if diagnosis.verdict is Verdict.HEALTHY:
        return f"{name}: no DNS problem found"
    return f"{name}: no problem found, but not everything could be checked"


def _seen(diagnosis: Diagnosis) -> str:
    """Say what is wrong where nobody knows why."""
    symptoms = [one for one in diagnosis.findings if one.verdict is Verdict.PROBLEM and one.kind is Kind.SYMPTOM]
    seen = ["lookups fail"] if any(_about_lookups(one) for one in symptoms) else []
    pods = len(diagnosis.unexplained_pods)
    seen += [f"{count(pods, 'CoreDNS pod')} not well"] if pods else []
    return " and ".join(seen) or "something is wrong"


def _not_found(diagnosis: Diagnosis) -> str:
    unchecked = f"{len(diagnosis.unchecked)} of {count(diagnosis.checks_total, 'check')}"
    why = CAUSE_NOT_FOUND.format(unchecked) if diagnosis.unchecked else NO_KNOWN_CAUSE
    seen = _seen(diagnosis)
    return f"{seen[0].upper()}{seen[1:]}; {why}"


def _advice(diagnosis: Diagnosis, symptoms: list[Finding]) -> Iterator[str]:
    """Yield what a person can do where no known cause was found, what would show it first; and about what was asked."""
    if diagnosis.root_causes:
        yield from (line for one in symptoms if one.judgement.only_asked for line in one.judgement.advice)
        return
    yield from to_let_them_run(diagnosis)
    yield from (line for one in symptoms for line in one.judgement.advice)
    if any(_about_lookups(one) for one in symptoms):
        yield CAPTURE_PACKETS


def _about_lookups(symptom: Finding) -> bool:
    return not symptom.judgement.pods and not symptom.judgement.only_asked


def _verdict(diagnosis: Diagnosis) -> str:
    if diagnosis.root_causes:
        return ""
    if diagnosis.only_asked:
        return ONLY_ASKED if diagnosis.unknown_checks else f"{ONLY_ASKED} All checks ran."
    return VERDICTS.get(diagnosis.verdict) or _not_found(diagnosis)


def _coverage(diagnosis: Diagnosis) -> str:
    ran, total = diagnosis.checks_ran, diagnosis.checks_total
    left = f"; {total - ran} could not" if total > ran else ""
    return f"{ran} of {count(total, 'check')} ran{left}."


def _asked(question: Question, asked_by: str) -> tuple[str, ...]:
    return (
        f"Asked by {asked_by}" if asked_by else "",
        f"playbooks {', '.join(question.playbooks)}" if question.playbooks else "",
        f"pod {question.pod}" if question.pod else "",
        f"names {', '.join(question.names)}" if question.names else "",
    )


def _fault(finding: Finding, problems: list[Finding], at: TimeForm) -> FaultWords:
    judged = finding.judgement
    return FaultWords(
        rule=finding.rule,
        title=finding.title,
        severity=finding.severity.value,
        summary=judged.summary,
        proof=judged.proof,
        explains=tuple(
            f"{other.title}: {other.judgement.summary}" for other in problems if finding.rule in other.explained_by
        ),
        explained_by=finding.explained_by,
        lookups=not judged.pods,
        last_failure=at(judged.last_failure_at) if judged.last_failure_at else "",
        missing=tuple(map(_gap, judged.missing)),
        advice=judged.advice,
        offer=_offer(finding),
    )


def _offer(finding: Finding) -> str:
    if not finding.fixes:
        return ""
    names = " or ".join(f"{offer.fix} ({offer.risk} risk)" for offer in finding.fixes)
    return f"For {finding.rule} the bot can propose {names}: ask in Slack with /dns-diagnose to get the exact plan."


def _measures(diagnosis: Diagnosis) -> Iterator[str]:
    for finding in diagnosis.findings:
        for offer in finding.measures:
            yield (
                f"To decide {finding.rule} the bot can propose the measure {offer.fix} ({offer.risk} risk), which gets "
                f"missing evidence: {', '.join(offer.yields)}. Ask in Slack with /dns-{diagnosis.question.command} to "
                "get the exact plan."
            )


def _grants(diagnosis: Diagnosis) -> str:
    grants = sorted({check.grant for check in diagnosis.unknown_checks if check.grant})
    return f"Grant to the reading identity: {'; '.join(grants)}. Then diagnose again." if grants else ""


def _gap(gap: Gap) -> str:
    return f"{gap.what}: {with_grant(gap.reason, gap.grant)}"


def _unexplained(diagnosis: Diagnosis) -> str:
    if not diagnosis.root_causes:
        return ""
    lookups, pods = len(diagnosis.unexplained), diagnosis.unexplained_pods
    left = [count(lookups, "failing lookup")] if lookups else []
    left += [f"{count(len(pods), 'CoreDNS pod')} not well ({', '.join(pods)})"] if pods else []
    return f"{' and '.join(left)} explained by none of the causes above: there may be another one." if left else ""


def _unexplained_lookups(diagnosis: Diagnosis) -> Iterator[str]:
    for lookup in diagnosis.unexplained[:UNEXPLAINED_SHOWN]:
        asked = f"{lookup.name} {lookup.transport.value} from {lookup.client.title} at {lookup.server}"
        yield f"{asked}: {lookup.answer.value}"
    if len(diagnosis.unexplained) > UNEXPLAINED_SHOWN:
        yield f"and {len(diagnosis.unexplained) - UNEXPLAINED_SHOWN} more"


def _notes(diagnosis: Diagnosis) -> Iterator[str]:
    if diagnosis.root_causes and diagnosis.lookups_all_answer:
        yield (
            f"Latent fault: every lookup answers right now ({diagnosis.looked_from}). "
            "The fault above is real all the same and shows when pods, nodes or caches change."
        )
    if diagnosis.binding is None and diagnosis.binding_gap is not None:
        why = diagnosis.binding_gap.reason
        yield f"Which cluster this is could not be confirmed ({why}); so nothing is proposed."
    if diagnosis.unrecorded:
        yield f"This diagnosis is not recorded: {diagnosis.unrecorded}"


def _lookups(diagnosis: Diagnosis) -> str:
    looked = diagnosis.looked_from
    if diagnosis.lookups_all_answer is None:
        return f"Lookups from inside: could not look. {looked}".strip()
    if diagnosis.lookups_all_answer:
        return f"Lookups from inside: every one answers ({looked})."
    return f"Lookups from inside: some fail ({looked})."
