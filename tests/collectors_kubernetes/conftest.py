"""A small cluster reader made of literal answers, and the look that collectors get."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from bot.domain.cluster import PodName
from bot.domain.evidence import Collector
from bot.domain.json_values import RawObject
from bot.domain.ports import Resource
from bot.errors import EvidenceUnavailable, NotFound
from tests.looking import Ends, as_stored, collect_through

T = TypeVar("T")

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
Answer = list[RawObject] | RawObject | EvidenceUnavailable
LogAnswer = str | EvidenceUnavailable


@dataclass(slots=True)
class FakeCluster:
    """Answers lists and gets by plural (`plural/name`), logs by pod (`pod` or `pod/previous`)."""

    objects: Mapping[str, Answer] = field(default_factory=dict)
    texts: Mapping[str, LogAnswer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, resource: Resource, name: str, *, namespace: str = "") -> RawObject:
        """Return the object under `plural/name`."""
        found = self._answer(f"{resource.plural}/{name}", namespace)
        assert isinstance(found, dict)
        return found

    def list(
        self,
        resource: Resource,
        read: Callable[[RawObject], T],
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
    ) -> Sequence[T]:
        """Read the items under `plural`, or under `plural?selector` where that is given."""
        exact = f"{resource.plural}?{labels or fields}"
        found = self._answer(exact if exact in self.objects else resource.plural, namespace)
        assert isinstance(found, list)
        return [read(one) for one in found]

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
        """Return the newest `tail_lines` of what stands under the pod's name."""
        key = pod.name + ("/previous" if previous else "")
        with self.lock:
            self.asked.append(f"logs {key} -c {container} since={since_seconds} tail={tail_lines}")
        found = self.texts.get(key, NotFound(f"no log of {key}"))
        if isinstance(found, EvidenceUnavailable):
            raise found
        return "".join(found.splitlines(keepends=True)[-tail_lines:])[:limit_bytes]

    def _answer(self, key: str, namespace: str) -> Answer:
        with self.lock:
            self.asked.append(f"{key} in {namespace}")
        found = self.objects.get(key, [] if "/" not in key else NotFound(f"{key} does not exist"))
        if isinstance(found, EvidenceUnavailable):
            raise found
        return found


class NoAws:
    """These collectors ask AWS nothing."""

    def read(self, service: str, operation: str, **parameters: object) -> RawObject:
        """Fail: no call is expected."""
        raise AssertionError((service, operation, parameters))


Collect = Callable[..., Any]


@pytest.fixture
def collect() -> Collect:
    """Run a collector through the recording readers; check that what it gives survives storing unchanged."""

    def run(
        unit: Collector[Any, Any],
        cluster: FakeCluster,
        *,
        needed: Mapping[type, object] | None = None,
        **parameters: Any,
    ) -> Any:
        ends = Ends(reader=cluster, aws_reader=NoAws())
        found, _ = collect_through(unit, ends, needed=needed, parameters=parameters)
        assert isinstance(found, unit.evidence)
        assert as_stored(found) == found
        assert unit.summarise(found)
        return found

    return run


@pytest.fixture
def cluster() -> type[FakeCluster]:
    """Make a cluster reader from literal answers: `cluster(objects={…}, texts={…})`."""
    return FakeCluster


@pytest.fixture
def pod() -> Callable[..., RawObject]:
    """Make a pod as the API answers it."""
    return a_pod


def a_pod(name: str, **changes: Any) -> RawObject:
    """Return a running, ready pod as the API answers it."""
    container = changes.pop("container", "coredns")
    state = changes.pop("state", {"running": {"startedAt": "2026-11-20T09:00:00Z"}})
    last_state = changes.pop("last_state", {})
    restarts = changes.pop("restarts", 0)
    ready = changes.pop("ready", True)
    node = changes.pop("node", "node-1")
    probe = changes.pop("probe", {"httpGet": {"path": "/ready", "port": 8181}})
    conditions = changes.pop("conditions", [])
    phase = changes.pop("phase", "Running")
    statuses = [{"name": container, "ready": ready, "restartCount": restarts, "state": state, "lastState": last_state}]
    return {
        "metadata": {"namespace": "kube-system", "name": name, "creationTimestamp": "2026-11-20T08:59:00Z", **changes},
        "spec": {
            "nodeName": node,
            "serviceAccountName": "coredns",
            "containers": [
                {
                    "name": container,
                    "image": "registry/eks/coredns:v1.11.4",
                    "resources": {"limits": {"memory": "170Mi"}},
                    "readinessProbe": probe,
                }
            ],
        },
        "status": {
            "phase": phase,
            "podIP": f"10.0.1.{len(name)}",
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True" if ready else "False",
                    "lastTransitionTime": "2026-11-20T09:00:10Z",
                },
                *conditions,
            ],
            "containerStatuses": statuses if state or restarts else [],
        },
    }
