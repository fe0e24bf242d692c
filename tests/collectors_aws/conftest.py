"""Small far ends for collectors, passed as arguments: canned answers, and a look that records what was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from bot.domain.cluster import PodName
from bot.domain.evidence import Collector
from bot.domain.json_values import RawObject
from bot.domain.ports import Resource
from bot.errors import EvidenceUnavailable
from tests.looking import Ends, ListsWhatItReads, collect_through

T = TypeVar("T")


@dataclass
class CannedAws(ListsWhatItReads):
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
        self,
        resource: Resource,
        read: Callable[[RawObject], T],
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
    ) -> Sequence[T]:
        """Answer a list as written down; no selector is expected here."""
        assert (labels, fields) == ("", "")
        return [read(one) for one in self._answer(resource.plural, namespace)]

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
        collector: Collector[Any, Any],
        *,
        aws: Mapping[str, Any] | None = None,
        kubernetes: Mapping[str, Any] | None = None,
        needed: tuple[object, ...] = (),
        **parameters: Any,
    ) -> Looked:
        canned = CannedAws(aws or {})
        ends = Ends(reader=CannedCluster(kubernetes or {}), aws_reader=canned)
        held = {type(item): item for item in needed}
        evidence, calls = collect_through(collector, ends, needed=held, parameters=parameters)
        return Looked(evidence=evidence, calls=list(calls), asked=canned.asked)

    return run
