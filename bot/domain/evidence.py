"""Evidence and the units that gather it.

A collector is a frozen value around one function: it takes a `Look` (readers bound to a deadline,
the evidence it declared to need, its parameters) and gives one frozen evidence value. What could
not be looked at is raised as `EvidenceUnavailable`, or, where the rest is still worth having, kept
in the evidence as a `Gap`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from bot.domain.cluster import ClusterTarget, Question
from bot.domain.permissions import Permission
from bot.domain.ports import AwsReader, ClusterReader, Prober
from bot.errors import EvidenceUnavailable, UnitError

E = TypeVar("E")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A part of some evidence that could not be read, for example one pod's log."""

    what: str
    reason: str
    grant: str = ""

    @classmethod
    def of(cls, what: str, error: EvidenceUnavailable) -> Gap:
        """Return the gap that `error` leaves at `what`."""
        return cls(what=what, reason=error.reason, grant=error.grant)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoParameters:
    """The parameters of a collector, rule or fix that takes none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a collector may look through. It can read; it cannot write, nor run anything in a pod."""

    cluster: ClusterReader
    aws: AwsReader
    target: ClusterTarget
    question: Question
    parameters: Any
    """An instance of the collector's own `parameters` class."""
    started_at: datetime
    """The diagnosis's own time, UTC: collectors ask no other clock."""
    needed: Mapping[type, object] = field(default_factory=dict)

    def need(self, evidence: type[E]) -> E:
        """Return the evidence of this class; the collector must have declared that it needs it."""
        try:
            found = self.needed[evidence]
        except KeyError:
            message = f"{evidence.__name__} was asked for but is not in the collector's `needs`"
            raise UnitError(message) from None
        if not isinstance(found, evidence):
            message = f"{evidence.__name__} was asked for, {type(found).__name__} was gathered"
            raise UnitError(message)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbingLook(Look):
    """A look that may also run fixed argument lists in pods. Only `ProbingCollector`s get one."""

    prober: Prober


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector(Generic[E]):
    """One read-only source of evidence. Exported as `COLLECTOR` by a module of the same name."""

    name: str
    title: str
    """What it observes, in an operator's words."""
    evidence: type[E]
    collect: Callable[[Look], E]
    summarise: Callable[[E], str]
    """One line with numbers: "2 of 2 CoreDNS pods ready"."""
    permissions: tuple[Permission, ...]
    needs: tuple[type, ...] = ()
    """Evidence classes that must be gathered first."""
    parameters: type = NoParameters
    """A frozen keyword-only dataclass, every field with a default; durations are `timedelta`."""
    deadline_seconds: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbingCollector(Generic[E]):
    """A source of evidence that runs look-ups in pods. Same fields as `Collector`."""

    name: str
    title: str
    evidence: type[E]
    collect: Callable[[ProbingLook], E]
    summarise: Callable[[E], str]
    permissions: tuple[Permission, ...]
    needs: tuple[type, ...] = ()
    parameters: type = NoParameters
    deadline_seconds: float = 30.0


AnyCollector = Collector[Any] | ProbingCollector[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCall:
    """One call that a collector made: `ec2:DescribeVpcs`, or `get pods/log in kube-system`."""

    name: str
    took_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What one collector gave, as stored: redacted and capped. Exactly one of value and gap is set."""

    id: str
    """The collector's name; with `#2` … when it ran with further parameters."""
    collector: str
    parameters: Mapping[str, Any]
    value: object | None
    gap: Gap | None
    calls: tuple[SourceCall, ...]
    collected_at: datetime
    took_ms: int
    summary: str

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What could not be read: all of it, or the parts that the evidence itself names."""
        if self.gap is not None:
            return (self.gap,)
        return tuple(gap for gap in getattr(self.value, "gaps", ()) if isinstance(gap, Gap))
