"""The ports to clusters and clouds. Readers cannot write: their types have no verb for it.

Every call is bounded by the deadline that its reader was made with. Failures are raised as
subclasses of `EvidenceUnavailable` (readers, probers) or `WriteFailed` (writers); vendor errors
never cross this line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

from bot.domain.cluster import PodName
from bot.domain.deadline import Deadline
from bot.domain.json_values import JsonObject, RawObject
from bot.domain.permissions import KubernetesPermission
from bot.domain.places import HOME, FunctionProbe, InstanceProbe, Place, PodProbe
from bot.errors import SourceGarbled

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A Kubernetes resource type: `Resource(group="apps", version="v1", plural="deployments")`."""

    plural: str
    version: str = "v1"
    group: str = ""


OPENAPI = "/openapi/v3/*"
"""The paths at which an API server describes what it takes: a nonResourceURL, whose rule system:discovery has, too."""


class ClusterReader(Protocol):
    """Reads Kubernetes objects. Needs get/list on what it reads."""

    def get(self, resource: Resource, name: str, *, namespace: str = "") -> RawObject:
        """Return one object as the API answered it. Raises `NotFound` when it does not exist."""
        ...

    def list(
        self,
        resource: Resource,
        read: Callable[[RawObject], T],
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
    ) -> Sequence[T]:
        """Return what `read` makes of each item of all pages. `labels` and `fields` are selectors of the server's.

        Items become values as they come: of thousands of objects one at a time is held as the API answered it. What
        `read` raises is raised here, so call it inside `bot.domain.reading.reading`. Collectors that make the same
        call with the same `read` share the values: name a function.
        """
        ...

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
        """Return log lines, each with the API's RFC 3339 timestamp in front.

        A text of `limit_bytes` was cut there: its newest lines are missing.
        """
        ...

    def schemas(self, resource: Resource) -> RawObject:
        """Return the API server's OpenAPI document of the group and version that a resource is of: some megabytes.

        Needs get on the path `OPENAPI`.
        """
        ...

    def pod_page(self, pod: PodName, *, port: int, path: str) -> str:
        """Return what a pod answers to an HTTP GET of `path` (`metrics`) at a port, through the API server.

        Needs get on pods/proxy. The API server reaches for the pod itself: its way is not that of a lookup.
        """
        ...


class AwsReader(Protocol):
    """Calls AWS operations whose name begins with Describe, Get, List or Lookup, and no other."""

    def read(self, service: str, operation: str, **parameters: object) -> RawObject:
        """Call `operation` (as IAM spells it, `DescribeVpcs`) of `service` (`ec2`) once.

        Where the operation pages, all pages are read and the list members joined. Required
        members of the answer are the caller's to index: a missing one is `SourceGarbled`.
        """
        ...

    def list(
        self, service: str, operation: str, member: str, read: Callable[[RawObject], T], /, **parameters: object
    ) -> Sequence[T]:
        """Return what `read` makes of each item of the list `member` in all pages of an operation's answer.

        For answers of thousands of items, like `ClusterReader.list`.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecResult:
    """What a command gave. `exit_code` is the program's own."""

    stdout: bytes
    stderr: bytes
    exit_code: int
    cut: bool
    """More was printed than is kept of a stream: what is here is the beginning."""

    def text(self, *, cut_is_fine: bool = False) -> str:
        """Return standard output as text; what is no UTF-8 becomes U+FFFD.

        Raises `SourceGarbled` for a cut output, unless the caller can do with its beginning: what a
        parser does not find there may stand in the rest.
        """
        if self.cut and not cut_is_fine:
            raise SourceGarbled(
                f"The command printed more than is kept, and the first {len(self.stdout)} bytes of its output are not "
                "judged for the whole."
            )
        return self.stdout.decode("utf-8", errors="replace")

    @property
    def complaint(self) -> str:
        """Standard error as text, as far as it was kept: why a command failed."""
        return self.stderr.decode("utf-8", errors="replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeQuestion:
    """What a function or an instance in another network is asked."""

    name: str
    """Looked up there; a valid host name."""
    addresses: tuple[str, ...] = ()
    """Connected to there, port 443, with `name` as the TLS server name."""
    servers: tuple[str, ...] = ()
    """Asked for the name there, beside the host's own server."""


class PodProber(Protocol):
    """Runs a fixed argument list in a pod: looking names up is evidence too. Own RBAC role.

    Read-only collectors never get one.
    """

    def run(self, pod: PodName, container: str, arguments: Sequence[str]) -> ExecResult:
        """Run `arguments` (no shell) and return the output, at most 64 KiB of each stream."""
        ...


Record: TypeAlias = Callable[[KubernetesPermission], AbstractContextManager[object]]
"""Records a call that needs this right, for as long as the block takes; raises `UnitError` where it is not declared."""


class NodeProber(Protocol):
    """Runs a fixed argument list in a node's network namespace, which is as good as root there. Own RBAC role.

    Only collectors that look through a `NodeView` get one.
    """

    def run(self, node: str, arguments: Sequence[str]) -> ExecResult:
        """Run `arguments` (no shell) on the node of this name and return the output, which may be cut.

        It runs in a pod on the host's network: one that is there anyway and whose image has the program, else one
        that is made for it where `node_probe` is configured. Raises `EvidenceUnavailable` where there is neither.
        """
        ...

    def run_in(self, pod: PodName, container: str, arguments: Sequence[str]) -> ExecResult:
        """Run `arguments` in a pod on a node's network that is there already, and return the output."""
        ...


class NetworkProber(Protocol):
    """Looks up and connects from other networks: peers, and networks on premises. Own roles there."""

    def cluster(self, probe: PodProbe) -> ClusterReader:
        """Return a reader of the cluster whose pods look up."""
        ...

    def pods(self, probe: PodProbe) -> PodProber:
        """Return what runs a fixed argument list in those pods."""
        ...

    def command(self, probe: InstanceProbe, place: Place, question: ProbeQuestion) -> str:
        """Run the document `dnsbot-probe` on an instance by Systems Manager and return what it printed.

        `place` is whose account and region Systems Manager is asked in.
        """
        ...

    def invoke(self, probe: FunctionProbe, place: Place, question: ProbeQuestion) -> str:
        """Invoke the function in the account and region of `place` and return its answer, a JSON text."""
        ...


class NodeRun(Protocol):
    """What nodes are seen through in one diagnosis. Nothing is sent before a node is asked."""

    def prober(self, deadline: Deadline, record: Record) -> NodeProber:
        """Return a prober whose every run ends by `deadline`, and which records each call that it makes."""
        ...

    def close(self) -> None:
        """Remove every pod that was made. Whoever is late gets `EvidenceUnavailable`, and makes no further one."""
        ...


class ClusterWriter(Protocol):
    """Changes Kubernetes objects. Only `apply` holds one."""

    def patch(
        self, resource: Resource, name: str, body: JsonObject, *, namespace: str = "", subresource: str = ""
    ) -> RawObject:
        """Send a strategic-merge patch; put `resourceVersion` or `uid` in `body` as a precondition.

        `subresource` is the part of the object that is changed by a way of its own: `ephemeralcontainers`.
        """
        ...

    def create(self, resource: Resource, body: JsonObject, *, namespace: str = "", dry_run: bool = False) -> RawObject:
        """Create an object and return it as the API keeps it; a field that the API does not know is refused.

        `dry_run`: the API checks, admits and completes it, and keeps nothing.
        """
        ...

    def delete(self, resource: Resource, name: str, *, namespace: str = "", uid: str) -> None:
        """Delete the object with exactly this `uid`."""
        ...


class AwsWriter(Protocol):
    """Calls AWS operations that change something. Only `apply` holds one."""

    def write(self, service: str, operation: str, **parameters: object) -> RawObject:
        """Call `operation` once, with no blind retry.

        Raises `WriteFailed` with the AWS error code at the start of its text (`InvalidPermission.Duplicate: …`).
        """
        ...


class Sources(Protocol):
    """All that a diagnosis may look through, for one cluster."""

    def cluster(self, deadline: Deadline) -> ClusterReader:
        """Return a reader whose every call ends by `deadline`."""
        ...

    def aws(self, deadline: Deadline, place: Place = HOME) -> AwsReader:
        """Return a reader of the place's account and region whose every call ends by `deadline`."""
        ...

    def pods(self, deadline: Deadline) -> PodProber:
        """Return a prober of pods whose every run ends by `deadline`."""
        ...

    def nodes(self) -> NodeRun:
        """Return what nodes are seen through in one diagnosis; whoever asks for it closes it."""
        ...

    def networks(self, deadline: Deadline) -> NetworkProber:
        """Return what looks up from other networks, whose every call ends by `deadline`."""
        ...


class Writers(Protocol):
    """All that an approved plan may be applied through, for one cluster. Other credentials than `Sources`."""

    def cluster(self, deadline: Deadline) -> ClusterWriter:
        """Return a writer whose every call ends by `deadline`."""
        ...

    def probe_pods(self, deadline: Deadline) -> ClusterWriter:
        """Return what makes and removes pods in the namespace of `node_probe`, and changes nothing else.

        With the credential that nodes are seen with: it may make such pods, the writer's may not.
        """
        ...

    def aws(self, deadline: Deadline, place: Place = HOME) -> AwsWriter:
        """Return a writer in the place's account and region whose every call ends by `deadline`.

        Raises `WriteFailed` where none is configured for exactly this place.
        """
        ...


class Traffic(Protocol):
    """Counts what went over the wire, for reports and benchmarks."""

    def totals(self) -> Mapping[str, int]:
        """Return `calls` and `bytes` so far."""
        ...
