"""A finished diagnosis: what was asked, gathered, concluded, and what could not be checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.asked import NameAnswer, name_answers
from bot.domain.cluster import ClusterTarget, Question
from bot.domain.evidence import Collected, Gap
from bot.domain.findings import Finding, Kind, TextFile, Verdict
from bot.domain.kept_files import KeptFile
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer, Lookup
from bot.domain.peers import Peers, SeenPlace
from bot.domain.people import Person
from bot.domain.places import HOME

LOOKUPS = "lookups"
"""The collector that asks names, those that a person asked about too."""
PEERS = "peers"
"""The collector that runs wherever a cluster has peers: which of them can be looked at?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Which cluster this really is, as read from AWS and Kubernetes. A plan carries it."""

    account: str
    cluster_arn: str
    kube_system_uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterBinding:
    """Whether the Kubernetes credentials and the EKS name lead to the same cluster, and to which."""

    binding: Binding
    vpc_id: str = ""
    """The VPC that EKS names for the cluster; empty in what was stored before it was kept."""
    matches: bool | None
    """None: it could not be confirmed; nothing may be changed then."""
    why: str
    """What the answer rests on, one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a diagnosis has come; sent whenever a collector starts or ends."""

    cluster: str
    done: tuple[str, ...]
    """Titles of collectors that ended."""
    running: tuple[str, ...]
    waiting: tuple[str, ...]
    elapsed_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownCheck:
    """One check that could not run, or could not decide."""

    rule: str
    check: str
    """What was to be looked at, in words."""
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
    looked_from: str = ""
    """"looked from 3 of 3 nodes", or why nothing was looked up; shown wherever lookups are cited."""
    lookups_all_answer: bool | None = None
    """True: every lookup worked; False: some failed; None: could not look."""
    unrecorded: str = ""
    """Why this diagnosis is not in the history (the database was down), or empty."""
    evidence_deleted_at: datetime | None = None
    """When the history let go of what its collectors had read; a gap stands in the place of each piece then."""

    @property
    def verdict(self) -> Verdict:
        """PROBLEM if a rule found one; HEALTHY only when all checks ran and all are well."""
        verdicts = {finding.verdict for finding in self.findings}
        if Verdict.PROBLEM in verdicts:
            return Verdict.PROBLEM
        if Verdict.UNKNOWN in verdicts or not verdicts or self.binding is None or self.unasked:
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
    def handed(self) -> tuple[TextFile, ...]:
        """What people are handed, such as configuration for their own servers; the same from two rules once."""
        return tuple(dict.fromkeys(file for finding in self.findings for file in finding.judgement.files))

    @property
    def files(self) -> tuple[KeptFile, ...]:
        """What collectors kept as files. One that was read back has none here: the history has them."""
        return tuple(file for collected in self.evidence for file in collected.files)

    @property
    def unexplained(self) -> tuple[Lookup, ...]:
        """The failing lookups that lie within no PROBLEM's reach."""
        problems = [finding for finding in self.findings if finding.verdict is Verdict.PROBLEM]
        reaches = [reach for cause in problems if cause.kind is Kind.CAUSE for reach in cause.judgement.reach]
        failing = dict.fromkeys(lookup for problem in problems for lookup in problem.judgement.failing)
        return tuple(lookup for lookup in failing if not any(reach.covers(lookup) for reach in reaches))

    @property
    def unexplained_pods(self) -> tuple[str, ...]:
        """The pods of the DNS service that do not serve as they should and that no PROBLEM cause names."""
        problems = [finding for finding in self.findings if finding.verdict is Verdict.PROBLEM]
        named = {pod for one in problems if one.kind is Kind.CAUSE for pod in one.judgement.pods}
        ailing = (pod for one in problems if one.kind is Kind.SYMPTOM for pod in one.judgement.pods)
        return tuple(pod for pod in ailing if pod not in named)

    @property
    def matrix(self) -> LookupMatrix | None:
        """The lookups that were made; None: none could be."""
        return next((one.value for one in self.evidence if isinstance(one.value, LookupMatrix)), None)

    @property
    def names(self) -> tuple[NameAnswer, ...]:
        """What was answered about each name that was asked about, by vantage point."""
        return tuple(name_answers(self.question.names, self.matrix, self._not_looked().reason))

    @property
    def asked_pod_gap(self) -> Gap | None:
        """Why the pod that was asked about could not be asked itself; None: it could, or nobody asked about one."""
        if self.question.pod is None:
            return None
        if self.matrix is None:
            return self._not_looked()
        if self.matrix.asked_pod_gap is not None:
            return self.matrix.asked_pod_gap
        pod = str(self.question.pod)
        made = [one for one in self.matrix.lookups if one.client.pod == pod]
        if any(one.answer is not Answer.NOT_ASKED for one in made):
            return None
        why = next((one.detail for one in made if one.detail), "no name was looked up from it")
        return Gap(what=f"lookups from pod {pod}", reason=why)

    @property
    def unasked(self) -> tuple[UnknownCheck, ...]:
        """What was asked about and could not be asked: the pod, and names where nothing was looked up at all."""
        gap = self.asked_pod_gap
        pod = () if gap is None else (_unasked("asked_pod", f"Pod {self.question.pod}", gap),)
        if any(one.collector == LOOKUPS for one in self.evidence):
            return pod
        names = (_unasked("asked_name", f"Name {name}", self._not_looked()) for name in self.question.names)
        return (*pod, *names)

    def _not_looked(self) -> Gap:
        gap = next((one.gap for one in self.evidence if one.collector == LOOKUPS and one.gap is not None), None)
        reason = "none of the playbooks that were run looks names up: name `lookups`, or none"
        return gap or Gap(what="lookups from inside", reason=reason)

    @property
    def only_asked(self) -> tuple[Finding, ...]:
        """The problems that are ones only because they were asked about, where there is no other."""
        problems = tuple(finding for finding in self.findings if finding.verdict is Verdict.PROBLEM)
        return problems if all(finding.judgement.only_asked for finding in problems) else ()

    @property
    def lacking(self) -> tuple[Finding, ...]:
        """The findings for which a measure would get missing evidence, without the problems that a cause explains."""
        return tuple(finding for finding in self.findings if finding.measures and not finding.explained_by)

    @property
    def unknown_checks(self) -> tuple[UnknownCheck, ...]:
        """The checks that could not run, each with its first reason and missing permission."""
        unbound = () if self.binding is not None else (self._unbound(),)
        return (
            self.unasked
            + unbound
            + tuple(
                UnknownCheck(
                    rule=finding.rule,
                    check=finding.heading,
                    reason=finding.judgement.missing[0].reason
                    if finding.judgement.missing
                    else finding.judgement.summary,
                    grant=next((gap.grant for gap in finding.judgement.missing if gap.grant), ""),
                )
                for finding in self.findings
                if finding.verdict is Verdict.UNKNOWN
            )
        )

    @property
    def unchecked(self) -> tuple[UnknownCheck, ...]:
        """The unknown checks but those whose evidence is switched off, as it usually is."""
        off = {finding.rule for finding in self.findings if finding.switched_off}
        return tuple(one for one in self.unknown_checks if one.rule not in off)

    @property
    def unjudged_gaps(self) -> tuple[Gap, ...]:
        """What could not be read although no check misses it: none rests on it, or none needed it this time.

        Whole sources, and parts for which a permission is missing; each permission once. Peers that could not
        be looked at are told by `places`.
        """
        missed = [gap for finding in self.findings for gap in finding.judgement.missing]
        missed += [] if self.binding_gap is None else [self.binding_gap]
        gaps = {
            gap.grant or gap.reason: gap
            for collected in self.evidence
            for gap in collected.gaps
            if collected.collector != PEERS
            and (gap.grant or gap is collected.gap)
            and not any((gap.grant and gap.grant == one.grant) or gap.reason in one.reason for one in missed)
        }
        return tuple(gaps.values())

    @property
    def places(self) -> tuple[SeenPlace, ...]:
        """Where AWS was looked at: the cluster's own place, then its peers."""
        return (self._home(), *self._peers())

    def _home(self) -> SeenPlace:
        seen = next((one.value for one in self.evidence if isinstance(one.value, ClusterBinding)), None)
        account, vpc_id = (seen.binding.account, seen.vpc_id) if seen else ("", "")
        found = replace(HOME, region=self.target.region, account=account, vpc_id=vpc_id)
        return SeenPlace(place=HOME, found=found, gap=None if seen else self.binding_gap)

    def _peers(self) -> tuple[SeenPlace, ...]:
        """Return what was found of each configured peer; where nothing was, every one has the same gap."""
        for collected in self.evidence:
            if isinstance(collected.value, Peers):
                return collected.value.peers
        whole = next((one.gap for one in self.evidence if one.collector == PEERS and one.gap is not None), None)
        why = whole or Gap(what=PEERS, reason="the peers were not looked at")
        places = [peer.place for peer in self.target.peers]
        return tuple(SeenPlace(place=one, found=one, gap=replace(why, what=str(one))) for one in places)

    def _unbound(self) -> UnknownCheck:
        gap = self.binding_gap
        reason = gap.reason if gap is not None else "it was not looked at which cluster this is"
        grant = gap.grant if gap is not None else ""
        return UnknownCheck(rule="cluster_binding", check="Which cluster this is", reason=reason, grant=grant)

    @property
    def checks_total(self) -> int:
        """How many checks there are: the rules, whether this is the cluster that was named, and what was not asked."""
        return len(self.findings) + 1 + len(self.unasked)

    @property
    def checks_ran(self) -> int:
        """How many checks came to a conclusion."""
        return self.checks_total - len(self.unknown_checks)


def _unasked(rule: str, check: str, gap: Gap) -> UnknownCheck:
    return UnknownCheck(rule=rule, check=check, reason=gap.reason, grant=gap.grant)
