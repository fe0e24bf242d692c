from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pytest

from bot.domain.cluster import PodName
from bot.domain.json_values import RawObject
from bot.domain.ports import Resource
from bot.errors import (
    AccessDenied,
    EvidenceUnavailable,
    NotFound,
    SourceGarbled,
    SourceTimeout,
    SourceUnreachable,
    Unauthenticated,
)
from lab.observing import log_lines

T = TypeVar("T")

POD = PodName(namespace="kube-system", name="coredns-1")


@dataclass(frozen=True)
class Runs:
    """A cluster that has these logs of one pod, or these reasons not to show them."""

    current: str | EvidenceUnavailable
    previous: str | EvidenceUnavailable

    def get(self, resource: Resource, name: str, *, namespace: str = "") -> RawObject:
        """Hold no objects."""
        raise NotFound(f"{resource} {namespace}/{name}")

    def list(
        self,
        resource: Resource,
        read: Callable[[RawObject], T],
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
    ) -> Sequence[T]:
        """Hold no objects."""
        raise NotFound(f"{resource} {read} {namespace} {labels} {fields}")

    def schemas(self, resource: Resource) -> RawObject:
        """Hold no schemas."""
        raise NotFound(f"{resource}")

    def pod_page(self, pod: PodName, *, port: int, path: str) -> str:
        """Hold no page."""
        raise NotFound(f"{pod} {port} {path}")

    def logs(
        self,
        pod: PodName,
        *,
        container: str = "",
        previous: bool = False,
        since_seconds: int = 900,
        tail_lines: int = 2000,
        limit_bytes: int = 1_000_000,
    ) -> str:
        """Return the log, or raise."""
        assert (pod, container) == (POD, "")
        assert since_seconds * tail_lines * limit_bytes > 0
        found = self.previous if previous else self.current
        if isinstance(found, EvidenceUnavailable):
            raise found
        return found


def test_run_that_there_was_not_has_no_lines() -> None:
    """A container that was never restarted has its current log alone, and one that waits has the one before."""
    none = NotFound("There is no such log.")

    assert list(log_lines(Runs(current="a\nb\n", previous=none), POD)) == ["a", "b"]
    assert list(log_lines(Runs(current=none, previous="c\n"), POD)) == ["c"]


@pytest.mark.parametrize(
    "error", [AccessDenied, Unauthenticated, SourceTimeout, SourceUnreachable, SourceGarbled, EvidenceUnavailable]
)
@pytest.mark.parametrize("run", ["current", "previous"])
def test_log_that_could_not_be_read_is_not_an_empty_one(error: type[EvidenceUnavailable], run: str) -> None:
    """Whatever the reason is, and whichever run it was, the reason is raised."""
    logs: dict[str, str | EvidenceUnavailable] = {"current": "a\n", "previous": "b\n", run: error("no")}

    with pytest.raises(error):
        list(log_lines(Runs(**logs), POD))
