"""Diagnose: collect, judge, and name the root cause with what could not be checked."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

from bot.domain.cluster import ClusterTarget, Question
from bot.domain.deadline import Deadline
from bot.domain.diagnosis import Binding, Diagnosis
from bot.domain.evidence import Collected, Gap
from bot.domain.findings import Case, Finding, FixOffer, Judgement, Kind, Verdict, unknown
from bot.domain.people import Person
from bot.domain.playbooks import FindingUse, Playbook
from bot.domain.ports import Sources
from bot.domain.redaction import redact, redact_value
from bot.errors import ClusterMismatch, ConfigurationError, EvidenceUnavailable
from bot.workflow.catalogue import Catalogue
from bot.workflow.causes import explain, unexplained
from bot.workflow.desk import Progress
from bot.workflow.gather import Gathering, Tasks, plan_tasks
from bot.workflow.located_yaml import nearest

log = logging.getLogger(__name__)

BINDING = "cluster_binding"
"""The collector that runs in every diagnosis: is this the cluster that was named?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnoser:
    """Runs diagnoses. Made once, by the composition root."""

    catalogue: Catalogue
    playbooks: Mapping[str, Playbook]
    targets: Mapping[str, ClusterTarget]
    open_sources: Callable[[ClusterTarget], Sources]
    deadline_seconds: float = 60.0

    def run(
        self, question: Question, asked_by: Person | None = None, progress: Callable[[Progress], None] | None = None
    ) -> Diagnosis:
        """Return the diagnosis; ends within the deadline with what it has.

        Raises `ConfigurationError` for an unknown cluster or playbook, `ClusterMismatch` when the
        Kubernetes credentials lead to another cluster.
        """
        target = self._target(question.cluster)
        playbooks = self._chosen(question.playbooks)
        started = time.monotonic()
        tasks = plan_tasks(playbooks, self.catalogue, always=(BINDING,))
        gathering = self._gathering(tasks, question, target, progress)
        started_at = gathering.started_at
        evidence = gathering.run()
        binding, binding_gap = read_binding(evidence[BINDING], target)
        findings = explain(judge(playbooks, tasks, evidence, self.catalogue, target, started_at))
        return Diagnosis(
            id=uuid4().hex,
            question=question,
            target=target,
            asked_by=asked_by,
            started_at=started_at,
            took_ms=round((time.monotonic() - started) * 1000),
            evidence=tuple(evidence.values()),
            findings=findings,
            binding=binding,
            binding_gap=binding_gap,
            unexplained=unexplained(findings),
            looked_from=_looked_from(evidence),
            lookups_all_answer=_lookups_all_answer(findings),
        )

    def binding(self, target: ClusterTarget) -> Binding:
        """Return which cluster this is now. Raises `EvidenceUnavailable` or `ClusterMismatch`."""
        tasks = plan_tasks((), self.catalogue, always=(BINDING,))
        evidence = self._gathering(tasks, Question(cluster=target.name), target, None).run()
        binding, gap = read_binding(evidence[BINDING], target)
        if binding is None:
            reason = gap.reason if gap else "it could not be told which cluster this is"
            raise EvidenceUnavailable(reason, grant=gap.grant if gap else "")
        return binding

    def _gathering(
        self,
        tasks: Tasks,
        question: Question,
        target: ClusterTarget,
        progress: Callable[[Progress], None] | None,
    ) -> Gathering:
        return Gathering(
            tasks=tasks.by_id,
            target=target,
            question=question,
            sources=self.open_sources(target),
            deadline=Deadline.after(self.deadline_seconds),
            started_at=datetime.now(UTC),
            told=_teller(target.name, time.monotonic(), progress),
        )

    def _target(self, name: str) -> ClusterTarget:
        if name not in self.targets:
            raise ConfigurationError(f"No cluster {name!r} is configured. {nearest(name, self.targets)}")
        return self.targets[name]

    def _chosen(self, names: Sequence[str]) -> list[Playbook]:
        for name in names:
            if name not in self.playbooks:
                raise ConfigurationError(f"There is no playbook {name!r}. {nearest(name, self.playbooks)}")
        if names:
            return [self.playbooks[name] for name in dict.fromkeys(names)]
        return [playbook for playbook in self.playbooks.values() if "diagnose" in playbook.commands]


def judge(
    playbooks: Sequence[Playbook],
    tasks: Tasks,
    evidence: Mapping[str, Collected],
    catalogue: Catalogue,
    target: ClusterTarget,
    started_at: datetime,
) -> list[Finding]:
    """Return every rule's finding. Pure but for the log: the same evidence gives the same findings."""
    return [
        _finding(playbook, use, tasks.of_playbook[playbook.name], evidence, catalogue, target, started_at)
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
) -> Finding:
    rule = catalogue.rules[use.rule]
    case = Case(
        target=target,
        collected_at=started_at,
        thresholds=use.thresholds,
        evidence={needed: _value_or_gap(evidence[task_of[needed]]) for needed in rule.needs},
    )
    try:
        judgement = rule.judge(case)
    except EvidenceUnavailable as error:
        gap = Gap(what=use.rule, reason=error.reason, grant=error.grant)
        judgement = unknown(f"Could not be checked: {error.reason}", gap)
    except Exception as error:
        log.exception("rule failed", extra={"rule": use.rule})
        reason = f"the rule itself failed ({type(error).__name__}: {redact(str(error))[:300]})"
        judgement = unknown(f"Could not be checked: {reason}", Gap(what=use.rule, reason=reason))
    problem = judgement.verdict is Verdict.PROBLEM
    return Finding(
        rule=use.rule,
        title=rule.title,
        kind=rule.kind,
        playbook=playbook.name,
        severity=use.severity,
        judgement=_shown(judgement),
        explains=use.explains,
        evidence=tuple(task_of[needed] for needed in rule.needs),
        fixes=tuple(
            FixOffer(fix=fix.fix, parameters=fix.parameters_document, risk=fix.risk) for fix in use.fixes if problem
        ),
    )


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
    if collected.gap is not None:
        return None, collected.gap
    found = collected.value
    why = str(getattr(found, "why", ""))
    matches = getattr(found, "matches", None)
    if matches is False:
        raise ClusterMismatch(
            f"The Kubernetes credentials configured for {target.name} lead to another cluster than the EKS cluster "
            f"{target.eks_name}: {why}. Nothing was diagnosed. Check `kubeconfig`, `context` and `eks_name` in "
            "dnsbot.yaml."
        )
    if matches is None:
        return None, Gap(what=BINDING, reason=why or "it could not be told which cluster this is")
    return Binding(
        account=str(getattr(found, "account", "")),
        cluster_arn=str(getattr(found, "cluster_arn", "")),
        kube_system_uid=str(getattr(found, "kube_system_uid", "")),
    ), None


def _looked_from(evidence: Mapping[str, Collected]) -> str:
    """Say from how many nodes look-ups were made, or why none were."""
    for collected in evidence.values():
        if collected.collector == "lookups":
            if collected.gap is not None:
                return f"no look-up was made: {collected.gap.reason}"
            return str(getattr(collected.value, "looked_from", ""))
    return ""


def _lookups_all_answer(findings: Sequence[Finding]) -> bool | None:
    verdicts = {finding.verdict for finding in findings if finding.kind is Kind.SYMPTOM}
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
