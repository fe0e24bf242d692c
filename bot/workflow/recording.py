"""Readers and probers that record each call in the collector's log, and share what was read already.

Only `workflow/views.py` makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from bot.domain.cluster import ClusterTarget, PodName
from bot.domain.deadline import Deadline
from bot.domain.json_values import RawObject
from bot.domain.permissions import KubernetesPermission
from bot.domain.places import HOME, FunctionProbe, InstanceProbe, Place, PodProbe
from bot.domain.ports import (
    OPENAPI,
    AwsReader,
    ClusterReader,
    ExecResult,
    NetworkProber,
    PodProber,
    ProbeQuestion,
    Resource,
)
from bot.workflow.call_log import Call, CallLog
from bot.workflow.recent_lists import RecentLists
from bot.workflow.shared_reads import SharedReads

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asking:
    """How one collector asks."""

    log: CallLog
    reads: SharedReads
    deadline: Deadline
    """The one that its readers are bound to."""
    target: ClusterTarget | None = None
    recent: RecentLists | None = None
    """What other diagnoses were answered lately; None: this one shares with no other."""

    def read(self, call: Call, ask: Callable[[], T], form: Hashable = None) -> T:
        """Return the answer to a read, which another collector may have been given before in the same form."""
        with self.log.record(call) as entry:

            def send() -> T:
                entry.sent = True
                return ask()

            def ask_or_share() -> T:
                if self.recent is None or self.target is None:
                    return send()
                answer, entry.age_seconds = self.recent.answer(call, self.target, send, self.deadline, form)
                return answer

            return self.reads.answer(call, ask_or_share, self.deadline, form)

    def run(self, call: Call, act: Callable[[], T]) -> T:
        """Return what a command gave. It is run each time: running it is the observation."""
        with self.sent(call):
            return act()

    def by_right(self, right: KubernetesPermission) -> AbstractContextManager[object]:
        """Record a call of a client that makes its own, as `ports.Record`."""
        return self.sent(Call(right=right))

    @contextmanager
    def sent(self, call: Call) -> Iterator[None]:
        """Record a call that is sent in the block."""
        with self.log.record(call) as entry:
            entry.sent = True
            yield


@dataclass(frozen=True, slots=True)
class RecordingClusterReader:
    """A `ClusterReader` that records."""

    inner: ClusterReader
    asking: Asking
    probe_cluster: str = ""
    """Which cluster of another network `inner` reads; empty: the one that is diagnosed."""

    def get(self, resource: Resource, name: str, *, namespace: str = "") -> RawObject:
        call = self._call("get", resource.plural, resource.group, namespace, version=resource.version, name=name)
        return self.asking.read(call, partial(self.inner.get, resource, name, namespace=namespace))

    def list(
        self,
        resource: Resource,
        read: Callable[[RawObject], T],
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
    ) -> Sequence[T]:
        call = self._call(
            "list", resource.plural, resource.group, namespace, version=resource.version, labels=labels, fields=fields
        )
        ask = partial(self.inner.list, resource, read, namespace=namespace, labels=labels, fields=fields)
        return self.asking.read(call, ask, form=read)

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
        ask = partial(
            self.inner.logs,
            pod,
            container=container,
            previous=previous,
            since_seconds=since_seconds,
            tail_lines=tail_lines,
            limit_bytes=limit_bytes,
        )
        call = self._call("get", "pods/log", "", pod.namespace, name=pod.name, **ask.keywords)
        return self.asking.read(call, ask)

    def schemas(self, resource: Resource) -> RawObject:
        call = self._call("get", OPENAPI, "", "", of=resource.group, version=resource.version)
        return self.asking.read(call, partial(self.inner.schemas, resource))

    def pod_page(self, pod: PodName, *, port: int, path: str) -> str:
        """Return the page as it is now: it counts, so nobody shares another's."""
        call = self._call("get", "pods/proxy", "", pod.namespace, name=pod.name, port=port, path=path)
        return self.asking.run(call, partial(self.inner.pod_page, pod, port=port, path=path))

    def _call(self, verb: str, resource: str, group: str, namespace: str, **details: object) -> Call:
        return Call.kubernetes(verb, resource, group, namespace, probe_cluster=self.probe_cluster, **details)


@dataclass(frozen=True, slots=True)
class RecordingAwsReader:
    """An `AwsReader` that records."""

    inner: AwsReader
    asking: Asking
    place: Place = HOME
    """Where `inner` asks."""

    def read(self, service: str, operation: str, **parameters: object) -> RawObject:
        call = Call.aws(f"{service}:{operation}", self.place, **parameters)
        return self.asking.read(call, partial(self.inner.read, service, operation, **parameters))

    def list(
        self, service: str, operation: str, member: str, read: Callable[[RawObject], T], /, **parameters: object
    ) -> Sequence[T]:
        call = Call.aws(f"{service}:{operation}", self.place, **parameters)
        ask = partial(self.inner.list, service, operation, member, read, **parameters)
        return self.asking.read(call, ask, form=(member, read))


@dataclass(frozen=True, slots=True)
class RecordingPodProber:
    """A `PodProber` that records."""

    inner: PodProber
    asking: Asking
    probe_cluster: str = ""
    """As of the reader."""

    def run(self, pod: PodName, container: str, arguments: Sequence[str]) -> ExecResult:
        call = Call.kubernetes("create", "pods/exec", "", pod.namespace, probe_cluster=self.probe_cluster)
        return self.asking.run(call, partial(self.inner.run, pod, container, arguments))


@dataclass(frozen=True, slots=True)
class RecordingNetworkProber:
    """A `NetworkProber` that records, at each kind of probe what that kind calls."""

    inner: NetworkProber
    asking: Asking

    def cluster(self, probe: PodProbe) -> ClusterReader:
        return RecordingClusterReader(self.inner.cluster(probe), self.asking, _cluster_of(probe))

    def pods(self, probe: PodProbe) -> PodProber:
        return RecordingPodProber(self.inner.pods(probe), self.asking, _cluster_of(probe))

    def command(self, probe: InstanceProbe, place: Place, question: ProbeQuestion) -> str:
        """Record both calls that Systems Manager takes; how often it is asked for the output is not counted."""
        read = Call.aws("ssm:GetCommandInvocation", place)
        with self.asking.sent(Call.aws("ssm:SendCommand", place)), self.asking.sent(read):
            return self.inner.command(probe, place, question)

    def invoke(self, probe: FunctionProbe, place: Place, question: ProbeQuestion) -> str:
        with self.asking.sent(Call.aws("lambda:InvokeFunction", place)):
            return self.inner.invoke(probe, place, question)


def _cluster_of(probe: PodProbe) -> str:
    return f"{probe.kubeconfig}#{probe.context}"
