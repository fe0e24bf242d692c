"""Small far ends for collectors, passed as arguments: canned answers, and a look that records what was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain.cluster import ClusterTarget, PodName, Question
from bot.domain.evidence import AnyCollector, Look, NoParameters
from bot.domain.ports import Resource
from bot.errors import EvidenceUnavailable
from bot.workflow.recording import CallLog, RecordingAwsReader, RecordingClusterReader


@dataclass
class CannedAws:
    """Answers by `service:Operation`: a value, an error to raise, or a function of the parameters."""

    answers: Mapping[str, Any]
    asked: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def read(self, service: str, operation: str, **parameters: object) -> dict[str, Any]:
        """Answer as written down."""
        call = f"{service}:{operation}"
        self.asked.append((call, parameters))
        answer = self.answers[call]
        if callable(answer):
            answer = answer(**parameters)
        if isinstance(answer, EvidenceUnavailable):
            raise answer
        result: dict[str, Any] = answer
        return result


@dataclass
class CannedCluster:
    """Answers lists by plural and gets by `plural/name`."""

    answers: Mapping[str, Any]

    def get(self, resource: Resource, name: str, *, namespace: str = "") -> dict[str, Any]:
        """Answer one object as written down."""
        return self._answer(f"{resource.plural}/{name}", namespace)  # type: ignore[no-any-return]

    def list(
        self, resource: Resource, *, namespace: str = "", labels: str = "", fields: str = ""
    ) -> list[dict[str, Any]]:
        """Answer a list as written down; no selector is expected here."""
        assert (labels, fields) == ("", "")
        return self._answer(resource.plural, namespace)  # type: ignore[no-any-return]

    def logs(self, pod: PodName, **options: object) -> str:
        """Fail: none of these collectors reads logs."""
        raise AssertionError((pod, options))

    def _answer(self, key: str, namespace: str) -> Any:
        assert namespace == ""
        answer = self.answers[key]
        if isinstance(answer, EvidenceUnavailable):
            raise answer
        return answer


@dataclass
class Looked:
    """What a collector gave, and which calls it made."""

    evidence: Any
    calls: list[str]
    asked: list[tuple[str, dict[str, object]]]


LookThrough = Callable[..., Looked]


@pytest.fixture
def look_through() -> LookThrough:
    """Run a collector against canned answers; an undeclared call raises `UnitError`."""

    def run(
        collector: AnyCollector,
        *,
        aws: Mapping[str, Any] | None = None,
        kubernetes: Mapping[str, Any] | None = None,
        needed: tuple[object, ...] = (),
    ) -> Looked:
        log = CallLog(unit=collector.name, declared=collector.permissions)
        canned = CannedAws(aws or {})
        look = Look(
            cluster=RecordingClusterReader(inner=CannedCluster(kubernetes or {}), log=log),
            aws=RecordingAwsReader(inner=canned, log=log),
            target=ClusterTarget(name="cluster-prod", eks_name="cluster-prod", region="eu-west-1"),
            question=Question(cluster="cluster-prod"),
            parameters=NoParameters(),
            started_at=datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
            needed={type(item): item for item in needed},
        )
        evidence = collector.collect(look)  # type: ignore[arg-type]
        return Looked(evidence=evidence, calls=[call.name for call in log.calls()], asked=canned.asked)

    return run
