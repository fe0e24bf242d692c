"""What a report says, in words, made from a diagnosis. Every teller lays out the same sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain.approvals import Proposal, Proposed
from bot.domain.cluster import Question
from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import Gap
from bot.domain.findings import Finding, Kind, Severity, TextFile, Verdict
from bot.domain.peers import closed_peers, looked_at
from bot.domain.phrases import capital, count, plain_name, with_grant
from bot.report.asked_words import asked_words
from bot.report.lookup_table import lookup_rows, lookup_table
from bot.report.plan_words import TimeForm, missing_evidence, own_title
from bot.report.unchecked import kept, to_let_them_run
from bot.report.who_changed_words import who_changed

UNEXPLAINED_SHOWN = 5
NOTHING_PROPOSED = Proposed(proposals=(), not_offered=())
VERDICTS = {
    Verdict.HEALTHY: "DNS is healthy: all checks ran and found no problem.",
    Verdict.UNKNOWN: "No problem found, but not every check could run: this is not an all-clear.",
}
NOTHING_CHECKED = "No check could run, so nothing is known about DNS in this cluster."
NO_KNOWN_CAUSE = "no check explains why. The causes that were ruled out are listed."
CAUSE_NOT_FOUND = "the cause was not found: {} could not run, and the cause may be there."
ONLY_ASKED = "No other problem was found."
CAPTURE_PACKETS = (
    "Capture packets on udp/53 at a CoreDNS pod while another pod sends a query. A query that never arrives is lost "
    "between the nodes; a query that arrives and gets no answer is a fault of CoreDNS."
)
CUES = {Severity.CRITICAL: "critical", Severity.WARNING: "warning", Severity.NOTE: "note"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultWords:
    """One problem: a root cause, what follows from one, or a symptom."""

    rule: str
    """Its id, for details and JSON alone."""
    title: str
    check: str
    """What was looked at."""
    severity: str
    summary: str
    proof: tuple[str, ...]
    explains: tuple[str, ...]
    explained_by: tuple[str, ...]
    """The titles of what it follows from."""
    lookups: bool
    """Whether it is that lookups fail."""
    last_failure: str
    missing: tuple[str, ...]
    advice: tuple[str, ...]
    offer: str
    """Which fixes the bot can propose for it, for tellers that propose none."""
    changed: tuple[str, ...] = ()
    """Who changed what it is about, and when; or that nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOfferedWords:
    """A fix that cannot be planned here."""

    fix: str
    """What it would have done, in the fix's own words."""
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
    cue: str
    """How bad it is: "critical", "warning", "note", "well" or "unknown"."""
    headline: str
    verdict: str
    """What the verdict means; empty where there is a root cause, which says it."""
    coverage: str
    causes: tuple[FaultWords, ...]
    follows: tuple[FaultWords, ...]
    """Problems that a root cause explains."""
    symptoms: tuple[FaultWords, ...]
    """Explained or not."""
    effect: str
    """What the root causes break; empty where there is none, or nothing is known of it."""
    unexplained: str
    """That lookups fail, or pods are not well, which no root cause explains; empty where none, or no root cause."""
    unexplained_lookups: tuple[str, ...]
    notes: tuple[str, ...]
    """Latent fault, an unconfirmed cluster, a diagnosis that is not recorded, why nothing is proposed."""
    looked_from: str
    lookups: str
    matrix: str
    lookup_rows: tuple[tuple[str, ...], ...]
    """The same as cells under headings."""
    ruled_out: tuple[str, ...]
    """One line a check; checks that found nothing to check, one a reason, come last."""
    ruled_out_total: int
    """How many checks that are."""
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

    def next_steps(self, *, offers: bool = True, measures: bool = True) -> Iterator[str]:
        """Yield what to do; `offers` and `measures` name what the bot can propose, for tellers that propose none."""
        for fault in self.causes:
            yield from fault.advice
            yield from filter(None, (fault.offer if offers else "",))
        yield from self.advice
        yield from self.measures if measures else ()
        yield from filter(None, (self.grants,))


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
        cue=_cue(diagnosis),
        headline=_headline(diagnosis),
        verdict=_verdict(diagnosis),
        coverage=_coverage(diagnosis),
        causes=tuple(_fault(one, diagnosis, at) for one in causes),
        follows=tuple(_fault(one, diagnosis, at) for one in follows),
        symptoms=tuple(_fault(one, diagnosis, at) for one in symptoms),
        effect=_effect(diagnosis) if causes else "",
        unexplained=_unexplained(diagnosis),
        unexplained_lookups=tuple(_unexplained_lookups(diagnosis)) if causes else (),
        notes=(*_notes(diagnosis), *((note,) if note else ())),
        looked_from=diagnosis.looked_from,
        lookups=_lookups(diagnosis),
        matrix=lookup_table(diagnosis.matrix),
        lookup_rows=lookup_rows(diagnosis.matrix),
        ruled_out=tuple(_ruled_out(diagnosis)),
        ruled_out_total=sum(one.verdict is Verdict.HEALTHY for one in diagnosis.findings),
        unknown=tuple(group.line for group in kept(diagnosis.unknown_checks)),
        closed=tuple(map(_gap, closed_peers(diagnosis.places))),
        unread=tuple(map(_gap, diagnosis.unjudged_gaps)),
        fixes=tuple(_proposed(proposal) for proposal in proposed.proposals if proposal.posted is None),
        not_offered=tuple(
            NotOfferedWords(
                fix=item.title or plain_name(item.fix), reason=item.advice.reason, text="\n".join(item.advice.text)
            )
            for item in proposed.not_offered
        ),
        open_cards=open_cards,
        measures=tuple(_measures(diagnosis)),
        advice=tuple(_advice(diagnosis, symptoms)),
        handed=diagnosis.handed,
        grants=_grants(diagnosis) if causes else "",
    )


def _proposed(proposal: Proposal) -> str:
    plan = proposal.plan
    if proposal.alternatives:
        return " or ".join(f"{own_title(one)} ({one.risk} risk)" for one in (plan, *proposal.alternatives))
    gets = missing_evidence(plan)
    measure = f", to read what is missing: {gets}" if gets else ""
    return f"{plan.title} ({plan.risk} risk, {count(len(plan.steps), 'step')}){measure}"


def _cue(diagnosis: Diagnosis) -> str:
    if diagnosis.verdict is Verdict.PROBLEM:
        problems = diagnosis.root_causes or [one for one in diagnosis.findings if one.verdict is Verdict.PROBLEM]
        return CUES[min((one.severity for one in problems), key=lambda severity: severity.rank)]
    return "well" if diagnosis.verdict is Verdict.HEALTHY else "unknown"


def _effect(diagnosis: Diagnosis) -> str:
    """Return what the root causes break: the failing lookups and unready pods that they explain, and what follows."""
    broken = [one for one in diagnosis.findings if one.verdict is Verdict.PROBLEM and one.explained_by]
    seen = [one.judgement.summary for one in broken if one.kind is Kind.SYMPTOM]
    follows = [one.title for one in broken if one.kind is Kind.CAUSE]
    seen += [f"It also causes: {'; '.join(follows)}."] if follows else []
    if not seen and diagnosis.lookups_all_answer:
        return f"None yet: every test lookup is answered ({diagnosis.looked_from})."
    return " ".join(seen)


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
    if not diagnosis.checks_ran:
        return f"{name}: nothing could be checked"
    unchecked = f"{len(diagnosis.unknown_checks)} of {count(diagnosis.checks_total, 'check')}"
    return f"{name}: no problem found, but {unchecked} could not run"


def _seen(diagnosis: Diagnosis) -> str:
    """Say what is wrong where nobody knows why."""
    symptoms = [one for one in diagnosis.findings if one.verdict is Verdict.PROBLEM and one.kind is Kind.SYMPTOM]
    seen = ["lookups fail"] if any(_about_lookups(one) for one in symptoms) else []
    pods = len(diagnosis.unexplained_pods)
    seen += [f"{count(pods, 'CoreDNS pod')} not healthy"] if pods else []
    return " and ".join(seen) or "something is wrong"


def _not_found(diagnosis: Diagnosis) -> str:
    unchecked = f"{len(diagnosis.unchecked)} of {count(diagnosis.checks_total, 'check')}"
    why = CAUSE_NOT_FOUND.format(unchecked) if diagnosis.unchecked else NO_KNOWN_CAUSE
    seen = _seen(diagnosis)
    return f"{capital(seen)}; {why}"


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
    if not diagnosis.checks_ran:
        return NOTHING_CHECKED
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


def _fault(finding: Finding, diagnosis: Diagnosis, at: TimeForm) -> FaultWords:
    judged = finding.judgement
    problems = [one for one in diagnosis.findings if one.verdict is Verdict.PROBLEM]
    return FaultWords(
        rule=finding.rule,
        title=finding.title,
        check=finding.check or finding.title,
        severity=finding.severity.value,
        summary=judged.summary,
        proof=judged.proof,
        explains=tuple(
            f"{other.title}: {other.judgement.summary}" for other in problems if finding.rule in other.explained_by
        ),
        explained_by=tuple(one.title for one in problems if one.rule in finding.explained_by),
        lookups=not judged.pods,
        last_failure=at(judged.last_failure_at) if judged.last_failure_at else "",
        missing=tuple(map(_gap, judged.missing)),
        advice=judged.advice,
        offer=_offer(finding),
        changed=who_changed(diagnosis, finding, at=at),
    )


def _ruled_out(diagnosis: Diagnosis) -> Iterator[str]:
    healthy = [one for one in diagnosis.findings if one.verdict is Verdict.HEALTHY]
    yield from (f"{one.heading}: {one.judgement.summary}" for one in healthy if not one.judgement.nothing_to_check)
    absent: dict[str, list[str]] = {}
    for one in healthy:
        if one.judgement.nothing_to_check:
            absent.setdefault(one.judgement.summary, []).append(one.heading)
    yield from (f"{'; '.join(checks)}: {why}" for why, checks in absent.items())


def _offer(finding: Finding) -> str:
    if not finding.fixes:
        return ""
    names = " or ".join(f"“{offer.name}” ({offer.risk} risk)" for offer in finding.fixes)
    return f"The bot can propose {names}: /dns-diagnose in Slack gives the exact plan."


def _measures(diagnosis: Diagnosis) -> Iterator[str]:
    for finding in diagnosis.findings:
        for offer in finding.measures:
            yield (
                f"{finding.heading} could not be checked without {', '.join(map(plain_name, offer.yields))}. "
                f"The bot can propose “{offer.name}” ({offer.risk} risk) to read it: "
                f"/dns-{diagnosis.question.command} in Slack gives the exact plan."
            )


def _grants(diagnosis: Diagnosis) -> str:
    grants = sorted({check.grant for check in diagnosis.unknown_checks if check.grant})
    return f"Grant the bot's read role: {'; '.join(grants)}. Then diagnose again." if grants else ""


def _gap(gap: Gap) -> str:
    return f"{gap.what}: {with_grant(gap.reason, gap.grant)}"


def _unexplained(diagnosis: Diagnosis) -> str:
    if not diagnosis.root_causes:
        return ""
    lookups, pods = len(diagnosis.unexplained), diagnosis.unexplained_pods
    left = [count(lookups, "failing lookup")] if lookups else []
    left += [f"{count(len(pods), 'CoreDNS pod')} not healthy ({', '.join(pods)})"] if pods else []
    return f"{' and '.join(left)} not explained by the causes above: there may be another cause." if left else ""


def _unexplained_lookups(diagnosis: Diagnosis) -> Iterator[str]:
    for lookup in diagnosis.unexplained[:UNEXPLAINED_SHOWN]:
        asked = f"{lookup.name} over {lookup.transport.value} from {lookup.client.title} to {lookup.server}"
        yield f"{asked}: {lookup.answer.value}"
    if len(diagnosis.unexplained) > UNEXPLAINED_SHOWN:
        yield f"and {len(diagnosis.unexplained) - UNEXPLAINED_SHOWN} more"


def _notes(diagnosis: Diagnosis) -> Iterator[str]:
    if diagnosis.root_causes and diagnosis.lookups_all_answer:
        yield (
            f"Latent fault: every lookup is answered right now ({diagnosis.looked_from}). "
            "The fault is real and will show when pods, nodes or caches change."
        )
    if diagnosis.binding is None and diagnosis.binding_gap is not None:
        why = diagnosis.binding_gap.reason
        yield f"The cluster could not be identified ({why}), so no fix is proposed."
    if diagnosis.unrecorded:
        yield f"This diagnosis is not recorded: {diagnosis.unrecorded}"


def _lookups(diagnosis: Diagnosis) -> str:
    looked = diagnosis.looked_from
    if diagnosis.lookups_all_answer is None:
        return f"No test lookup could be made. {looked}".strip()
    if diagnosis.lookups_all_answer:
        return f"Every test lookup is answered ({looked})."
    return f"Some test lookups fail ({looked})."
