"""Rules and what they conclude.

A rule judges evidence and nothing else: no client, no clock, no I/O. The same evidence gives the
same verdict, so a diagnosis can be replayed from history.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from bot.domain.cluster import ClusterTarget
from bot.domain.evidence import Gap, NoParameters
from bot.domain.json_values import JsonObject
from bot.errors import EvidenceUnavailable, UnitError

E = TypeVar("E")


class Verdict(StrEnum):
    """What a rule says. There is no default; UNKNOWN never looks like HEALTHY."""

    PROBLEM = "problem"
    HEALTHY = "healthy"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """How bad a PROBLEM is."""

    CRITICAL = "critical"
    """Names do not resolve for somebody, or will not after the next restart."""
    WARNING = "warning"
    NOTE = "note"


class Kind(StrEnum):
    """A symptom is never a root cause."""

    CAUSE = "cause"
    SYMPTOM = "symptom"


class Protocol(StrEnum):
    """The transport of a look-up."""

    UDP = "udp"
    TCP = "tcp"


class Answer(StrEnum):
    """What came back from one look-up."""

    ANSWERED = "answered"
    """NOERROR with an address."""
    NXDOMAIN = "nxdomain"
    SERVFAIL = "servfail"
    REFUSED = "refused"
    """The server answered REFUSED, or the connection was refused."""
    TIMED_OUT = "timed out"
    NOT_ASKED = "not asked"
    """No tool in the pod, or the exec itself failed: says nothing about DNS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of the look-up matrix: from this node, this server, this protocol, this name."""

    node: str
    pod: str
    server: str
    """IP address asked: the service's ClusterIP or a CoreDNS pod's."""
    through_service: bool
    protocol: Protocol
    external: bool
    name: str
    answer: Answer
    detail: str = ""
    """What the tool printed, shortened; or why it was not asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Which failing cells a cause accounts for. Empty sets mean all.

    A cell that goes through the service is covered when the node matches, whatever the server,
    unless `service_path` is false: the service may have handed the query to any backend.
    """

    nodes: frozenset[str] = frozenset()
    servers: frozenset[str] = frozenset()
    protocols: frozenset[Protocol] = frozenset()
    external_only: bool = False
    service_path: bool = True
    service_only: bool = False
    """Only the path through the ClusterIP is affected (kube-proxy faults)."""

    def covers(self, cell: Cell) -> bool:
        """Return whether this cause accounts for a failure in `cell`."""
        if self.nodes and cell.node not in self.nodes:
            return False
        if self.protocols and cell.protocol not in self.protocols:
            return False
        if self.external_only and not cell.external:
            return False
        if cell.through_service:
            return self.service_path
        return not self.service_only and (not self.servers or cell.server in self.servers)


EVERYTHING = Reach()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a rule concludes from a case."""

    verdict: Verdict
    summary: str
    """Observed, expected, consequence; facts with numbers; one or two sentences."""
    proof: tuple[str, ...] = ()
    """Lines the conclusion rests on, each a fact a person can check (rule id, log line, address)."""
    details: JsonObject = field(default_factory=dict)
    """Machine-readable facts (ids, shares, addresses); fixes read these."""
    missing: tuple[Gap, ...] = ()
    """What could not be read. UNKNOWN needs at least one; a PROBLEM may carry some."""
    last_failure_at: datetime | None = None
    """Time of the newest failure seen in logs, UTC."""
    reach: tuple[Reach, ...] = ()
    """For a PROBLEM that makes look-ups fail: which ones. Empty: it accounts for no failing look-up."""
    cells: tuple[Cell, ...] = ()
    """For the symptom `dns_lookups_fail`: the cells that failed."""
    advice: tuple[str, ...] = ()
    """What a person can do where no fix is offered; plain sentences or commands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a rule may judge: evidence as it is stored, its thresholds, and when it was collected."""

    target: ClusterTarget
    collected_at: datetime
    """When the diagnosis began, UTC; log windows count back from here."""
    thresholds: Any
    """An instance of the rule's own `thresholds` class, from the playbook."""
    evidence: Mapping[type, object] = field(default_factory=dict)
    """By class: the value, or the `Gap` that stands in its place."""

    def need(self, evidence: type[E]) -> E:
        """Return this evidence, or raise `EvidenceUnavailable`, which makes the rule UNKNOWN."""
        found = self.look_for(evidence)
        if isinstance(found, Gap):
            raise EvidenceUnavailable(found.reason, grant=found.grant)
        return found

    def look_for(self, evidence: type[E]) -> E | Gap:
        """Return this evidence or the gap in its place, for rules that can decide without it."""
        try:
            found = self.evidence[evidence]
        except KeyError:
            message = f"{evidence.__name__} was asked for but is not in the rule's `needs`"
            raise UnitError(message) from None
        if not isinstance(found, evidence | Gap):
            message = f"{evidence.__name__} was asked for, {type(found).__name__} was gathered"
            raise UnitError(message)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One conclusion. Exported as `RULE` by a module of the same name."""

    name: str
    title: str
    """The fault in plain words: "DNS is blocked by a security group"."""
    kind: Kind
    judge: Callable[[Case], Judgement]
    needs: tuple[type, ...]
    """Evidence classes it may look at; `playbooks check` refuses a playbook that does not gather them."""
    thresholds: type = NoParameters
    """A frozen keyword-only dataclass, every field with a default; durations are `timedelta`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixOffer:
    """A fix that the playbook allows for this finding."""

    fix: str
    parameters: JsonObject
    risk: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule's judgement within a diagnosis, placed in the causal graph."""

    rule: str
    title: str
    kind: Kind
    playbook: str
    severity: Severity
    judgement: Judgement
    explains: tuple[str, ...] = ()
    explained_by: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    """Ids of the `Collected` it was judged from."""
    fixes: tuple[FixOffer, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The judgement's verdict."""
        return self.judgement.verdict


def unknown(summary: str, *missing: Gap, proof: tuple[str, ...] = ()) -> Judgement:
    """Return an UNKNOWN judgement that names what could not be read."""
    return Judgement(verdict=Verdict.UNKNOWN, summary=summary, missing=missing, proof=proof)


def healthy(summary: str, *proof: str) -> Judgement:
    """Return a HEALTHY judgement with the facts it rests on."""
    return Judgement(verdict=Verdict.HEALTHY, summary=summary, proof=proof)
