"""Diagnose: collect, judge, and name the root cause with what could not be checked."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from bot.dns.coredns_growth import DnsHealth
from bot.domain.cluster import DIAGNOSE, ClusterTarget, Question
from bot.domain.corefile_program import CorefileProgram
from bot.domain.deadline import Deadline
from bot.domain.diagnosis import PEERS, Binding, ClusterBinding, Diagnosis, Progress
from bot.domain.evidence import NEEDS, Collected, Gap, failing_reads
from bot.domain.findings import Case, Finding, FixOffer, Judgement, Kind, Rule, Verdict, unknown
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.network_lookups import EndpointLookups
from bot.domain.people import Person
from bot.domain.phrases import nearest
from bot.domain.playbooks import FindingUse, Playbook
from bot.domain.ports import Sources
from bot.domain.redaction import redact, redact_and_cap, redact_value
from bot.domain.remembered import Remembered, nothing_remembered
from bot.errors import ClusterMismatch, ConfigurationError, EvidenceUnavailable, UnitError
from bot.workflow.catalogue import Catalogue
from bot.workflow.causes import explain
from bot.workflow.gather import Gathering, Tasks, plan_tasks
from bot.workflow.measures import offered
from bot.workflow.recent_lists import RecentLists
from bot.workflow.who_changed import SECONDS, tracing_tasks

log = logging.getLogger(__name__)

BINDING = "cluster_binding"
"""The collector that runs in every diagnosis: is this the cluster that was named?"""
HEALTH = "dns_health"
"""The collector that every light round runs."""
COUNTERS = "coredns_metrics"
"""What it rests on, and reads once here: the round before is the other reading."""
ADDONS = "eks_addons"
"""Of which a light round asks about CoreDNS alone."""
CACHES = "node_local_metrics"
LIGHT_CACHES = 4
"""Pods of NodeLocal DNSCache that a light round reads: there is one on each node, and they are alike."""
LIGHT_SECONDS = 10.0
"""For one cluster in a light round."""
_LEAST_SECONDS = 0.1
"""For who changed what is at fault, where a diagnosis has used up its time: the gap says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnoser:
    """Runs diagnoses. Made once, by the composition root."""

    catalogue: Catalogue
    playbooks: Mapping[str, Playbook]
    targets: Mapping[str, ClusterTarget]
    open_sources: Callable[[ClusterTarget], Sources]
    deadline_seconds: float = 60.0
    corefile_program: CorefileProgram | None = None
    """CoreDNS itself, to be asked about a Corefile."""
    remembered: Remembered = nothing_remembered
    """What earlier diagnoses found."""
    recent: RecentLists | None = None
    """What other diagnoses of this process were answered lately; None: nothing is shared with them."""
    traces: bool = True
    """Whether it asks who changed what is at fault."""

    def run(
        self, question: Question, asked_by: Person | None = None, progress: Callable[[Progress], None] | None = None
    ) -> Diagnosis:
        """Return the diagnosis; ends within the deadline with what it has.

        Raises `ConfigurationError` for an unknown cluster or playbook and for a command that no playbook
        names, `ClusterMismatch` when the Kubernetes credentials lead to another cluster.
        """
        target = self._target(question.cluster)
        tasks = self.tasks(question, target)
        started = time.monotonic()
        gathering = self._gathering(tasks, question, target, progress)
        evidence = gathering.run()
        diagnosis = self.conclude(question, target, tasks, evidence, gathering.started_at)
        if self.traces:
            diagnosis = self._traced(diagnosis, gathering.deadline)
        return replace(diagnosis, asked_by=asked_by, took_ms=round((time.monotonic() - started) * 1000))

    def tasks(self, question: Question, target: ClusterTarget) -> Tasks:
        """Return what is gathered for a question. Raises `ConfigurationError` for an unknown playbook or command."""
        always = (BINDING, PEERS) if target.peers else (BINDING,)
        return plan_tasks(self._chosen(question), self.catalogue, always=always)

    def conclude(
        self,
        question: Question,
        target: ClusterTarget,
        tasks: Tasks,
        evidence: Mapping[str, Collected],
        started_at: datetime,
    ) -> Diagnosis:
        """Return what this evidence says, as a new diagnosis. Raises `ClusterMismatch`."""
        binding, binding_gap = read_binding(evidence[BINDING], target)
        judged = judge(self._chosen(question), tasks, evidence, self.catalogue, target, started_at)
        findings = kept(judged, question)
        return Diagnosis(
            id=uuid4().hex,
            question=question,
            target=target,
            asked_by=None,
            started_at=started_at,
            took_ms=0,
            evidence=tuple(evidence.values()),
            findings=findings,
            binding=binding,
            binding_gap=binding_gap,
            looked_from=_looked_from(evidence, tasks),
            lookups_all_answer=_lookups_all_answer(findings, self.catalogue),
        )

    def _traced(self, diagnosis: Diagnosis, until: Deadline) -> Diagnosis:
        """Add who changed what is at fault, as far as that is told within some seconds; nothing is judged by it."""
        tasks = tracing_tasks(diagnosis.findings, self.catalogue)
        if not tasks.by_id:
            return diagnosis
        seconds = min(SECONDS, max(until.remaining(), _LEAST_SECONDS))
        found = self._gathering(tasks, diagnosis.question, diagnosis.target, None, seconds=seconds).run()
        return replace(diagnosis, evidence=(*diagnosis.evidence, *found.values()))

    def binding(self, target: ClusterTarget) -> Binding:
        """Return which cluster this is now. Raises `EvidenceUnavailable` or `ClusterMismatch`."""
        tasks = plan_tasks((), self.catalogue, always=(BINDING,))
        evidence = self._gathering(tasks, Question(cluster=target.name), target, None).run()
        binding, gap = read_binding(evidence[BINDING], target)
        if binding is None:
            reason = gap.reason if gap else "it could not be told which cluster this is"
            raise EvidenceUnavailable(reason, grant=gap.grant if gap else "")
        return binding

    def health(self, target: ClusterTarget) -> DnsHealth:
        """Return how DNS of this cluster is by a light look, which judges nothing and looks no name up.

        Ends within `LIGHT_SECONDS`. Raises `EvidenceUnavailable` where CoreDNS's pods cannot be seen, and
        `ClusterMismatch`.
        """
        collectors = self.catalogue.collectors
        tasks = plan_tasks(
            (),
            self.catalogue,
            always=(BINDING, HEALTH),
            parameters={
                COUNTERS: collectors[COUNTERS].parameters(between=timedelta(0)),
                ADDONS: collectors[ADDONS].parameters(only="coredns"),
                CACHES: collectors[CACHES].parameters(max_pods=LIGHT_CACHES),
            },
            leave_out=frozenset({LookupMatrix}),
        )
        question = Question(cluster=target.name)
        evidence = self._gathering(tasks, question, target, None, seconds=LIGHT_SECONDS).run()
        seen = evidence[HEALTH]
        if seen.gap is not None:
            why = seen.gap.reason  # `needs coredns_pods: kube_dns: no answer within 10 s`
            raise replace(seen.gap, reason=why.partition(": ")[2] if why.startswith(NEEDS) else why).error
        if not isinstance(seen.value, DnsHealth):
            raise UnitError(f"{HEALTH} gave {type(seen.value).__name__}, not {DnsHealth.__name__}.")
        _, unbound = read_binding(evidence[BINDING], target)
        return seen.value if unbound is None else replace(seen.value, gaps=(*seen.value.gaps, unbound))

    def _gathering(
        self,
        tasks: Tasks,
        question: Question,
        target: ClusterTarget,
        progress: Callable[[Progress], None] | None,
        *,
        seconds: float = 0.0,
    ) -> Gathering:
        return Gathering(
            tasks=tasks.by_id,
            target=target,
            question=question,
            sources=self.open_sources(target),
            deadline=Deadline.after(seconds or self.deadline_seconds),
            started_at=datetime.now(UTC),
            told=_teller(target.name, time.monotonic(), progress),
            corefile_program=self.corefile_program,
            remembered=self.remembered,
            recent=self.recent,
        )

    def asking_anew(self) -> Diagnoser:
        """Return the same for whoever must see what holds now: after a change, and before one; not how it came so."""
        return replace(self, recent=self.recent.asking_anew() if self.recent else None, traces=False)

    def _target(self, name: str) -> ClusterTarget:
        if name not in self.targets:
            raise ConfigurationError(f"No cluster {name!r} is configured. {nearest(name, self.targets, 'cluster')}")
        return self.targets[name]

    def _chosen(self, question: Question) -> list[Playbook]:
        for name in question.playbooks:
            if name not in self.playbooks:
                raise ConfigurationError(f"There is no playbook {name!r}. {nearest(name, self.playbooks, 'playbook')}")
        if question.playbooks:
            return [self.playbooks[name] for name in dict.fromkeys(question.playbooks)]
        chosen = [playbook for playbook in self.playbooks.values() if question.command in playbook.commands]
        if not chosen:
            known = ", ".join(self.playbooks)
            raise ConfigurationError(f"No playbook belongs to the command {question.command!r}. Name one: {known}.")
        return chosen


def kept(judged: Sequence[Finding], question: Question) -> tuple[Finding, ...]:
    """Return the findings explained, without those whose evidence is switched off.

    Those stay where they were asked for, by playbook or by command, and where lookups fail and nobody knows why.
    """
    found = explain([finding for finding in judged if not finding.switched_off])
    problems = [finding for finding in found if finding.verdict is Verdict.PROBLEM]
    unknown_cause = not any(one.kind is Kind.CAUSE for one in problems) and any(
        one.judgement.failing and not one.judgement.only_asked for one in problems
    )
    asked = question.playbooks or question.command != DIAGNOSE
    return explain(judged) if asked or unknown_cause else found


def judge(
    playbooks: Sequence[Playbook],
    tasks: Tasks,
    evidence: Mapping[str, Collected],
    catalogue: Catalogue,
    target: ClusterTarget,
    started_at: datetime,
) -> list[Finding]:
    """Return every rule's finding. Pure but for the log: the same evidence gives the same findings."""
    failing = failing_reads(gap for one in evidence.values() for gap in one.gaps)
    return [
        _finding(playbook, use, tasks.of_playbook[playbook.name], evidence, catalogue, target, started_at, failing)
        for playbook in playbooks
        for use in playbook.findings
    ]


def _finding(
    playbook: Playbook,
    use: FindingUse,
    task_of: Mapping[type, str],
    evidence: Mapping[str, Collected],
    catalogue: Catalogue,
    target: ClusterTarget,
    started_at: datetime,
    failing: tuple[Gap, ...],
) -> Finding:
    rule = catalogue.rules[use.rule]
    seen = {needed: evidence[task_of[needed]] for needed in rule.inputs}
    case = Case(
        target=target,
        collected_at=started_at,
        thresholds=use.thresholds,
        evidence={needed: _value_or_gap(collected) for needed, collected in seen.items()},
        failing_reads=failing,
    )
    judgement = _judged(rule, case)
    problem = judgement.verdict is Verdict.PROBLEM
    return Finding(
        rule=use.rule,
        title=rule.title,
        check=rule.check,
        kind=rule.kind,
        playbook=playbook.name,
        severity=use.severity,
        judgement=_shown(judgement),
        explains=use.explains,
        evidence=tuple(task_of[needed] for needed in rule.inputs),
        fixes=tuple(
            FixOffer(
                fix=fix.fix,
                parameters=fix.parameters_document,
                risk=fix.risk,
                title=fix.title or catalogue.fixes[fix.fix].title,
            )
            for entry in use.fixes
            for fix in entry.choices
            if problem
        ),
        measures=tuple(offered(use.measures, judgement, seen, catalogue)),
    )


def _judged(rule: Rule, case: Case) -> Judgement:
    """Return what the rule concludes; UNKNOWN where it lacks evidence, and where it fails itself."""
    try:
        return rule.judge(case)
    except EvidenceUnavailable as error:
        gap = Gap.of(error.what or rule.name, error)
        return unknown(f"Could not be checked: {error.reason}", gap)
    except Exception as error:
        log.exception("rule failed", extra={"rule": rule.name})
        reason = f"the rule itself failed ({type(error).__name__}: {redact_and_cap(str(error), 300)})"
        return unknown(f"Could not be checked: {reason}", Gap(what=rule.name, reason=reason))


def _shown(judgement: Judgement) -> Judgement:
    """Texts that a rule composed are redacted once more: two harmless pieces may make a secret."""
    details = redact_value(judgement.details)
    return replace(
        judgement,
        summary=redact(judgement.summary),
        proof=tuple(redact(line) for line in judgement.proof),
        details=details if isinstance(details, Mapping) else {},
    )


def _value_or_gap(collected: Collected) -> object:
    return collected.gap if collected.gap is not None else collected.value


def read_binding(collected: Collected, target: ClusterTarget) -> tuple[Binding | None, Gap | None]:
    """Return which cluster this really is, or why that is not known. Raises `ClusterMismatch`."""
    found = collected.value
    if collected.gap is not None:
        return None, collected.gap
    if not isinstance(found, ClusterBinding):
        raise UnitError(f"{BINDING} gave {type(found).__name__}, not {ClusterBinding.__name__}.")
    if found.matches is False:
        raise ClusterMismatch(
            f"The Kubernetes credentials configured for {target.name} lead to another cluster than the EKS cluster "
            f"{target.eks_name}: {found.why}. Nothing was diagnosed. Check `kubeconfig`, `context` and `eks_name` in "
            "dnsbot.yaml."
        )
    if found.matches is None:
        return None, Gap(what=BINDING, reason=found.why or "it could not be told which cluster this is")
    return found.binding, None


def _looked_from(evidence: Mapping[str, Collected], tasks: Tasks) -> str:
    """Say from how many nodes and other networks lookups were made, or why none were."""
    parts = []
    for task_id, collected in evidence.items():
        if isinstance(collected.value, LookupMatrix | EndpointLookups):
            parts.append(collected.value.looked_from)
        elif collected.gap is not None and tasks.by_id[task_id].collector.evidence is LookupMatrix:
            parts.append(f"no lookup was made: {collected.gap.reason}")
    return "; ".join(filter(None, parts))


def _lookups_all_answer(findings: Sequence[Finding], catalogue: Catalogue) -> bool | None:
    judging = (one for one in findings if one.kind is Kind.SYMPTOM and catalogue.rules[one.rule].judges_lookups)
    verdicts = {finding.verdict for finding in judging}
    if Verdict.PROBLEM in verdicts:
        return False
    return True if verdicts == {Verdict.HEALTHY} else None


def _teller(
    cluster: str, started: float, progress: Callable[[Progress], None] | None
) -> Callable[[Sequence[str], Sequence[str], Sequence[str]], None]:
    def tell(done: Sequence[str], running: Sequence[str], waiting: Sequence[str]) -> None:
        if progress is not None:
            elapsed_ms = round((time.monotonic() - started) * 1000)
            progress(
                Progress(
                    cluster=cluster,
                    done=tuple(done),
                    running=tuple(running),
                    waiting=tuple(waiting),
                    elapsed_ms=elapsed_ms,
                )
            )

    return tell
