"""The ports to clusters and clouds. Readers cannot write: their types have no verb for it.

Every call is bounded by the deadline that its reader was made with. Failures are raised as
subclasses of `EvidenceUnavailable` (readers, prober) or `WriteFailed` (writers); vendor errors
never cross this line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.cluster import PodName
from bot.domain.deadline import Deadline
from bot.domain.json_values import JsonObject, RawObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A Kubernetes resource type: `Resource(group="apps", version="v1", plural="deployments")`."""

    plural: str
    version: str = "v1"
    group: str = ""


class ClusterReader(Protocol):
    """Reads Kubernetes objects. Needs get/list on what it reads."""

    def get(self, resource: Resource, name: str, *, namespace: str = "") -> RawObject:
        """Return one object as the API answered it. Raises `NotFound` when it does not exist."""
        ...

    def list(self, resource: Resource, *, namespace: str = "", labels: str = "", fields: str = "") -> list[RawObject]:
        """Return all items of all pages. `labels` and `fields` are selectors, applied by the server."""
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
        """Return log lines, each with the API's RFC 3339 timestamp in front."""
        ...


class AwsReader(Protocol):
    """Calls AWS operations whose name begins with Describe, Get or List, and no other."""

    def read(self, service: str, operation: str, **parameters: object) -> RawObject:
        """Call `operation` (as IAM spells it, `DescribeVpcs`) of `service` (`ec2`) once.

        Where the operation pages, all pages are read and the list members joined. Required
        members of the answer are the caller's to index: a missing one is `SourceGarbled`.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecResult:
    """What a command in a pod gave. `exit_code` is the program's own."""

    stdout: str
    stderr: str
    exit_code: int


class Prober(Protocol):
    """Runs a fixed argument list in a pod: looking names up is evidence too. Own RBAC role.

    Read-only collectors never get one.
    """

    def run(self, pod: PodName, container: str, arguments: Sequence[str]) -> ExecResult:
        """Run `arguments` (no shell) and return its output, cut at 64 KiB a stream."""
        ...


class ClusterWriter(Protocol):
    """Changes Kubernetes objects. Only `apply` holds one."""

    def patch(self, resource: Resource, name: str, body: JsonObject, *, namespace: str = "") -> RawObject:
        """Send a strategic-merge patch; put `resourceVersion` or `uid` in `body` as a precondition."""
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

    def aws(self, deadline: Deadline) -> AwsReader:
        """Return a reader whose every call ends by `deadline`."""
        ...

    def prober(self, deadline: Deadline) -> Prober:
        """Return a prober whose every run ends by `deadline`."""
        ...


class Writers(Protocol):
    """All that an approved plan may be applied through, for one cluster. Other credentials than `Sources`."""

    def cluster(self, deadline: Deadline) -> ClusterWriter:
        """Return a writer whose every call ends by `deadline`."""
        ...

    def aws(self, deadline: Deadline) -> AwsWriter:
        """Return a writer whose every call ends by `deadline`."""
        ...


class Traffic(Protocol):
    """Counts what went over the wire, for reports and benchmarks."""

    def totals(self) -> Mapping[str, int]:
        """Return `calls` and `bytes` so far."""
        ...
