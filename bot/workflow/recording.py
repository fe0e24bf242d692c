"""Readers that record each call and hold a unit to what it declared.

A call that the unit did not declare raises `UnitError`: the README's permission table, the IAM and
RBAC files and `doctor` are made from the declarations, so they must be true.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from bot.domain.cluster import PodName
from bot.domain.evidence import SourceCall
from bot.domain.json_values import RawObject
from bot.domain.permissions import AwsPermission, KubernetesPermission, Permission
from bot.domain.ports import AwsReader, ClusterReader, ExecResult, Prober, Resource
from bot.errors import UnitError


@dataclass(slots=True)
class CallLog:
    """The calls of one unit, in the order in which they ended."""

    unit: str
    declared: tuple[Permission, ...]
    _calls: list[SourceCall] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def calls(self) -> tuple[SourceCall, ...]:
        """Return the calls so far."""
        with self._lock:
            return tuple(self._calls)

    @contextmanager
    def aws(self, action: str) -> Iterator[None]:
        """Record one AWS call; refuse it when the unit did not declare it."""
        if not any(isinstance(known, AwsPermission) and known.action == action for known in self.declared):
            raise UnitError(f"{self.unit} calls {action} without declaring it in its `permissions`.")
        with self._timed(action):
            yield

    @contextmanager
    def kubernetes(self, verb: str, resource: str, group: str, namespace: str) -> Iterator[None]:
        """Record one Kubernetes call; refuse it when the unit did not declare it."""
        if not any(_covers(known, verb, resource, group, namespace) for known in self.declared):
            wanted = KubernetesPermission(verb=verb, resource=resource, group=group, namespace=namespace)
            raise UnitError(f"{self.unit} needs {wanted.text} without declaring it in its `permissions`.")
        with self._timed(f"{verb} {resource}" + (f" in {namespace}" if namespace else "")):
            yield

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            call = SourceCall(name=name, took_ms=round((time.monotonic() - started) * 1000))
            with self._lock:
                self._calls.append(call)


def _covers(known: Permission, verb: str, resource: str, group: str, namespace: str) -> bool:
    return (
        isinstance(known, KubernetesPermission)
        and (known.verb, known.resource, known.group) == (verb, resource, group)
        and known.namespace in {"", namespace}
    )


@dataclass(frozen=True, slots=True)
class RecordingClusterReader:
    """A `ClusterReader` that records."""

    inner: ClusterReader
    log: CallLog

    def get(self, resource: Resource, name: str, *, namespace: str = "") -> RawObject:
        """See `ClusterReader.get`."""
        with self.log.kubernetes("get", resource.plural, resource.group, namespace):
            return self.inner.get(resource, name, namespace=namespace)

    def list(self, resource: Resource, *, namespace: str = "", labels: str = "", fields: str = "") -> list[RawObject]:
        """See `ClusterReader.list`."""
        with self.log.kubernetes("list", resource.plural, resource.group, namespace):
            return self.inner.list(resource, namespace=namespace, labels=labels, fields=fields)

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
        """See `ClusterReader.logs`."""
        with self.log.kubernetes("get", "pods/log", "", pod.namespace):
            return self.inner.logs(
                pod,
                container=container,
                previous=previous,
                since_seconds=since_seconds,
                tail_lines=tail_lines,
                limit_bytes=limit_bytes,
            )


@dataclass(frozen=True, slots=True)
class RecordingAwsReader:
    """An `AwsReader` that records."""

    inner: AwsReader
    log: CallLog

    def read(self, service: str, operation: str, **parameters: object) -> RawObject:
        """See `AwsReader.read`."""
        with self.log.aws(f"{service}:{operation}"):
            return self.inner.read(service, operation, **parameters)


@dataclass(frozen=True, slots=True)
class RecordingProber:
    """A `Prober` that records."""

    inner: Prober
    log: CallLog

    def run(self, pod: PodName, container: str, arguments: Sequence[str]) -> ExecResult:
        """See `Prober.run`."""
        with self.log.kubernetes("create", "pods/exec", "", pod.namespace):
            return self.inner.run(pod, container, arguments)
