"""A finished diagnosis: what was asked, gathered, concluded, and what could not be checked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.cluster import ClusterTarget, Question
from bot.domain.evidence import Collected, Gap
from bot.domain.findings import Cell, Finding, Kind, Verdict
from bot.domain.people import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Which cluster this really is, as read from AWS and Kubernetes. A plan carries it."""

    account: str
    cluster_arn: str
    kube_system_uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownCheck:
    """One check that could not run, or could not decide."""

    rule: str
    reason: str
    grant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One diagnosis of one cluster."""

    id: str
    question: Question
    target: ClusterTarget
    asked_by: Person | None
    started_at: datetime
    took_ms: int
    evidence: tuple[Collected, ...]
    findings: tuple[Finding, ...]
    """Sorted: root causes, explained problems, unknowns, healthy."""
    binding: Binding | None = None
    """None: which cluster this is could not be confirmed; then nothing is proposed."""
    binding_gap: Gap | None = None
    unexplained: tuple[Cell, ...] = ()
    """Failing look-ups that no PROBLEM's reach covers."""
    looked_from: str = ""
    """"looked from 3 of 3 nodes", or why nothing was looked up; shown wherever look-ups are cited."""
    lookups_all_answer: bool | None = None
    """True: every look-up worked; False: some failed; None: could not look."""
    unrecorded: str = ""
    """Why this diagnosis is not in the history (the database was down), or empty."""

    @property
    def verdict(self) -> Verdict:
        """PROBLEM if a rule found one; HEALTHY only when all checks ran and all are well."""
        verdicts = {finding.verdict for finding in self.findings}
        if Verdict.PROBLEM in verdicts:
            return Verdict.PROBLEM
        if Verdict.UNKNOWN in verdicts or not verdicts or self.binding is None:
            return Verdict.UNKNOWN
        return Verdict.HEALTHY

    @property
    def root_causes(self) -> tuple[Finding, ...]:
        """The PROBLEM causes that no other PROBLEM explains. A symptom is never one."""
        return tuple(
            finding
            for finding in self.findings
            if finding.verdict is Verdict.PROBLEM and finding.kind is Kind.CAUSE and not finding.explained_by
        )

    @property
    def unknown_checks(self) -> tuple[UnknownCheck, ...]:
        """The checks that could not run, each with its first reason and missing permission."""
        unbound = () if self.binding is not None else (self._unbound(),)
        return unbound + tuple(
            UnknownCheck(
                rule=finding.rule,
                reason=finding.judgement.missing[0].reason if finding.judgement.missing else finding.judgement.summary,
                grant=next((gap.grant for gap in finding.judgement.missing if gap.grant), ""),
            )
            for finding in self.findings
            if finding.verdict is Verdict.UNKNOWN
        )

    @property
    def unjudged_gaps(self) -> tuple[Gap, ...]:
        """What could not be read although no check misses it: none rests on it, or none needed it this time.

        Whole sources, and parts for which a permission is missing; each permission once.
        """
        missed = [gap for finding in self.findings for gap in finding.judgement.missing]
        missed += [] if self.binding_gap is None else [self.binding_gap]
        gaps = {
            gap.grant or gap.reason: gap
            for collected in self.evidence
            for gap in collected.gaps
            if (gap.grant or gap is collected.gap)
            and not any((gap.grant and gap.grant == one.grant) or gap.reason in one.reason for one in missed)
        }
        return tuple(gaps.values())

    def _unbound(self) -> UnknownCheck:
        gap = self.binding_gap
        reason = gap.reason if gap is not None else "it was not looked at which cluster this is"
        return UnknownCheck(rule="cluster_binding", reason=reason, grant=gap.grant if gap is not None else "")

    @property
    def checks_total(self) -> int:
        """How many checks there are: the rules, and whether this is the cluster that was named."""
        return len(self.findings) + 1

    @property
    def checks_ran(self) -> int:
        """How many checks came to a conclusion."""
        return self.checks_total - len(self.unknown_checks)
