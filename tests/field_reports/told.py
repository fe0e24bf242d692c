"""Far ends whose answers differ from the world's where a report says so: the rest is the world's, over HTTP."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from bot.domain.cluster import PodName
from bot.domain.deadline import Deadline
from bot.domain.json_values import RawObject
from bot.domain.places import HOME, Place
from bot.domain.ports import AwsReader, ClusterReader, ExecResult, NetworkProber, NodeRun, PodProber, Resource, Sources
from bot.errors import NotFound
from tests.looking import ListsWhatItReads

T = TypeVar("T")

Json = dict[str, Any]


def moment(ago: float) -> str:
    """Return the time of so many seconds ago as the API writes it."""
    return (datetime.now(UTC) - timedelta(seconds=ago)).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One lookup as a pod makes it."""

    node: str
    pod: str
    """namespace/name"""
    server: str
    name: str
    """With its trailing dot."""
    tcp: bool


Answering = Callable[[Question], str | None]
"""Gives an address, NXDOMAIN, SERVFAIL, REFUSED, `timed out` or `refused`; None: what the world answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldLine:
    """A line of a log, so many seconds before it is read."""

    ago: float
    text: str


@dataclass(slots=True, kw_only=True)
class Told:
    """What the report says besides."""

    changes: list[tuple[str, Callable[[Json], Json | None]]] = field(default_factory=list)
    """By plural: what becomes of each object; None: it is not there."""
    objects: dict[str, list[Json]] = field(default_factory=dict)
    """By plural: objects that stand beside the world's."""
    logs: dict[tuple[str, bool], tuple[ToldLine, ...]] = field(default_factory=dict)
    """By pod and whether it is the previous container's."""
    answering: list[Answering] = field(default_factory=list)
    aws: dict[str, Callable[[Json], Json]] = field(default_factory=dict)
    """By operation: what becomes of its answer."""

    def of(self, plural: str, found: Sequence[RawObject]) -> list[Json]:
        """Return the objects as the report has them."""
        return [seen for one in found if (seen := self.one(plural, one)) is not None]

    def one(self, plural: str, found: RawObject) -> Json | None:
        """Return the object as the report has it, or None."""
        seen: Json | None = copy.deepcopy(dict(found))
        for kind, change in self.changes:
            seen = change(seen) if seen is not None and kind == plural else seen
        return seen


@dataclass(frozen=True, slots=True)
class ToldReader:
    """A cluster reader."""

    world: ClusterReader
    told: Told

    def get(self, resource: Resource, name: str, *, namespace: str = "") -> RawObject:
        """See `ClusterReader.get`."""
        for one in self.told.objects.get(resource.plural, []):
            if (one["metadata"]["name"], one["metadata"].get("namespace", "")) == (name, namespace):
                return one
        found = self.told.one(resource.plural, self.world.get(resource, name, namespace=namespace))
        if found is None:
            raise NotFound(f"{resource.plural} {namespace}/{name} does not exist")
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
        """See `ClusterReader.list`."""
        found = self.told.of(
            resource.plural, self.world.list(resource, dict, namespace=namespace, labels=labels, fields=fields)
        )
        more = self.told.objects.get(resource.plural, [])
        mine = (one for one in more if _selected(one, namespace=namespace, labels=labels, fields=fields))
        return [read(one) for one in (*found, *mine)]

    def schemas(self, resource: Resource) -> RawObject:
        """See `ClusterReader.schemas`."""
        return self.world.schemas(resource)

    def pod_page(self, pod: PodName, *, port: int, path: str) -> str:
        """See `ClusterReader.pod_page`: no report tells what a pod counts."""
        raise NotFound(f"{pod}:{port}/{path} is not told.")

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
        lines = self.told.logs.get((pod.name, previous))
        if lines is None and (pod.name, not previous) in self.told.logs:
            raise NotFound(f"previous terminated container {container} in pod {pod.name} not found")
        if lines is None:
            return self.world.logs(
                pod,
                container=container,
                previous=previous,
                since_seconds=since_seconds,
                tail_lines=tail_lines,
                limit_bytes=limit_bytes,
            )
        said = [f"{moment(line.ago)} {line.text}\n" for line in lines if line.ago <= since_seconds]
        return "".join(said[-tail_lines:])[-limit_bytes:]


@dataclass(frozen=True, slots=True)
class ToldProber:
    """A pod prober whose lookups may be answered otherwise."""

    world: PodProber
    told: Told
    nodes: Mapping[str, str]
    """By pod, namespace/name: its node."""

    def run(self, pod: PodName, container: str, arguments: Sequence[str]) -> ExecResult:
        """See `PodProber.run`."""
        asked = _question(f"{pod.namespace}/{pod.name}", self.nodes, arguments)
        for answering in self.told.answering:
            answer = answering(asked) if asked is not None else None
            if asked is not None and answer is not None:
                return _dig(asked, answer) if arguments[0] == "dig" else _nslookup(asked, answer)
        return self.world.run(pod, container, arguments)


@dataclass(frozen=True, slots=True)
class ToldAws(ListsWhatItReads):
    """An AWS reader."""

    world: AwsReader
    told: Told

    def read(self, service: str, operation: str, **parameters: object) -> RawObject:
        """See `AwsReader.read`."""
        found = self.world.read(service, operation, **parameters)
        return self.told.aws[operation](copy.deepcopy(dict(found))) if operation in self.told.aws else found


@dataclass(frozen=True, slots=True)
class ToldSources:
    """All that a diagnosis looks through."""

    world: Sources
    told: Told
    places: Callable[[], Mapping[str, str]]

    def cluster(self, deadline: Deadline) -> ClusterReader:
        """See `Sources.cluster`."""
        return ToldReader(self.world.cluster(deadline), self.told)

    def aws(self, deadline: Deadline, place: Place = HOME) -> AwsReader:
        """See `Sources.aws`."""
        return ToldAws(self.world.aws(deadline, place), self.told)

    def pods(self, deadline: Deadline) -> PodProber:
        """See `Sources.pods`."""
        return ToldProber(self.world.pods(deadline), self.told, self.places())

    def nodes(self) -> NodeRun:
        """See `Sources.nodes`."""
        return self.world.nodes()

    def networks(self, deadline: Deadline) -> NetworkProber:
        """See `Sources.networks`."""
        return self.world.networks(deadline)


def _selected(one: Json, *, namespace: str, labels: str, fields: str) -> bool:
    own = one["metadata"].get("labels") or {}
    in_place = namespace in ("", one["metadata"].get("namespace", ""))
    return (
        in_place
        and all(own.get(key) == value for key, value in _terms(labels))
        and all(_member(one, path) == value for path, value in _terms(fields))
    )


def _terms(selector: str) -> list[tuple[str, str]]:
    return [(key.rstrip("="), value) for key, _, value in (term.partition("=") for term in selector.split(",") if term)]


def _member(one: Json, path: str) -> str:
    found: Any = one
    for step in path.split("."):
        found = (found or {}).get(step)
    return str(found or "")


def _question(pod: str, nodes: Mapping[str, str], arguments: Sequence[str]) -> Question | None:
    node = nodes.get(pod, "")
    if arguments[0] == "dig" and len(arguments) > 2:
        server = next(word[1:] for word in arguments if word.startswith("@"))
        return Question(node=node, pod=pod, server=server, name=arguments[-2], tcp="+tcp" in arguments)
    if arguments[0] == "nslookup":
        return Question(node=node, pod=pod, server=arguments[2], name=arguments[1], tcp=False)
    return None


def _dig(asked: Question, answer: str) -> ExecResult:
    if answer in ("timed out", "refused"):
        said = "timed out" if answer == "timed out" else "connection refused"
        return _result(f";; communications error to {asked.server}#53: {said}\n\n;; no servers could be reached\n", 9)
    status = answer if answer.isupper() else "NOERROR"
    head = f";; ->>HEADER<<- opcode: QUERY, status: {status}, id: 4711\n"
    return _result(head + (f"{asked.name}\t30\tIN\tA\t{answer}\n" if status == "NOERROR" else ""))


def _nslookup(asked: Question, answer: str) -> ExecResult:
    if answer in ("timed out", "refused"):
        said = "timed out" if answer == "timed out" else "connection refused"
        return _result(f";; connection {said}; no servers could be reached\n", 1)
    head = f"Server:\t{asked.server}\nAddress:\t{asked.server}:53\n\n"
    if answer.isupper():
        return _result(f"{head}** server can't find {asked.name}: {answer}\n", 1)
    return _result(f"{head}Name:\t{asked.name}\nAddress: {answer}\n")


def _result(text: str, exit_code: int = 0) -> ExecResult:
    return ExecResult(stdout=text.encode(), stderr=b"", exit_code=exit_code, cut=False)
