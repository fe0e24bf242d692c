"""What is counted, for Prometheus: a registry of its own, read at `/metrics` of the health port."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bot.domain.approvals import Decided, ProposalState, Result
from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import NEEDS, Collected
from bot.domain.lookup_matrix import LookupMatrix

log = logging.getLogger(__name__)

SECONDS = (1, 2, 5, 10, 20, 30, 45, 60, 90, 120)
"""Of a diagnosis, whose deadline is a minute by default."""

Gauges = Callable[[], dict[str, float]]


class Metrics:
    """Counters of this process. Safe among threads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._diagnoses = Counter("dnsbot_diagnoses", "Diagnoses", ["verdict"], registry=self.registry)
        self._causes = Counter("dnsbot_causes", "Root causes that were named", ["cause"], registry=self.registry)
        self._seconds = Histogram(
            "dnsbot_diagnosis_seconds", "How long a diagnosis took", buckets=SECONDS, registry=self.registry
        )
        self._gaps = Counter(
            "dnsbot_gaps",
            "Evidence that could not be read from AWS or Kubernetes",
            ["collector"],
            registry=self.registry,
        )
        self._errors = Counter(
            "dnsbot_source_errors",
            "Reads that AWS or Kubernetes did not answer as they should",
            ["source"],
            registry=self.registry,
        )
        self._lookups = Counter(
            "dnsbot_lookups", "DNS lookups of diagnoses by what came back", ["answer"], registry=self.registry
        )
        self._decisions = Counter("dnsbot_decisions", "Presses that were taken", ["choice"], registry=self.registry)
        self._ends = Counter("dnsbot_proposals", "Proposals by how they ended", ["end"], registry=self.registry)
        self._alerts = Counter("dnsbot_alerts", "Alerts by what became of them", ["result"], registry=self.registry)
        self._slack = Counter(
            "dnsbot_slack_refusals", "Messages that Slack did not take at once", ["code"], registry=self.registry
        )

    def diagnosed(self, diagnosis: Diagnosis) -> None:
        """Count a diagnosis, and write its line."""
        causes = [finding.rule for finding in diagnosis.root_causes]
        seconds = diagnosis.took_ms / 1000
        self._diagnoses.labels(diagnosis.verdict.value).inc()
        self._seconds.observe(seconds)
        for cause in causes:
            self._causes.labels(cause).inc()
        for collected in diagnosis.evidence:
            if collected.gap is not None:
                self._gaps.labels(collected.collector).inc()
            self._count_errors(collected)
            if isinstance(collected.value, LookupMatrix):
                for lookup in collected.value.lookups:
                    self._lookups.labels(lookup.answer.value).inc()
        said = {"diagnosis": diagnosis.id, "cluster": diagnosis.target.name, "verdict": diagnosis.verdict.value}
        log.info("diagnosis ends", extra={**said, "causes": ",".join(causes), "seconds": round(seconds, 1)})

    def _count_errors(self, collected: Collected) -> None:
        """Count what a collector could not read, by whom it asked; what no call was made for is no error of theirs."""
        asked = {"aws" if ":" in call.name else "kubernetes" for call in collected.calls}
        missed = sum(not (gap.off or gap.setting or gap.reason.startswith(NEEDS)) for gap in collected.gaps)
        for source in asked if missed else ():
            self._errors.labels(source).inc(missed)

    def decided(self, decided: Decided) -> None:
        """Count a press that was taken, and write its line."""
        choice = decided.decision.choice.value
        self._decisions.labels(choice).inc()
        if decided.proposal.state is ProposalState.REJECTED:
            self.ended(ProposalState.REJECTED)
        said = {"proposal": decided.proposal.id, "cluster": decided.proposal.plan.cluster, "choice": choice}
        log.info("decided", extra={**said, "person": str(decided.decision.person), "needed": decided.still_needed})

    def ended(self, end: Result | ProposalState) -> None:
        """Count how a proposal ended: with the result of its plan, or rejected, or expired."""
        self._ends.labels(end.value).inc()

    def alerted(self, result: str, number: int = 1) -> None:
        """Count alerts, or requests that hold none that can be read, by what became of them."""
        self._alerts.labels(result).inc(number)

    def refused(self, code: str) -> None:
        """Count a message that Slack did not take."""
        self._slack.labels(code[:60]).inc()

    def page(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)

    def show(self, gauges: Gauges) -> None:
        """Let what `gauges` gives, by name, be read with each page."""
        self.registry.register(_Gauges(gauges))


class _Gauges(Collector):
    """What is asked for when the page is read."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Say nothing before the first page: whoever registers is not to ask the database."""
        yield from ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges."""
        for name, value in self._gauges().items():
            yield GaugeMetricFamily(f"dnsbot_{name}", name.replace("_", " ").capitalize(), value=value)
