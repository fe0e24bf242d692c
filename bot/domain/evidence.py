"""Evidence and the units that gather it.

A collector is a frozen value around one function: it takes a view (readers bound to a deadline,
the evidence it declared to need, its parameters) and gives one frozen evidence value. What could
not be looked at is raised as `EvidenceUnavailable`, or, where the rest is still worth having, kept
in the evidence as a `Gap`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from bot.domain.json_values import JsonObject
from bot.domain.kept_files import KeptFile
from bot.domain.permissions import Permission
from bot.domain.places import HOME
from bot.domain.views import View
from bot.errors import EvidenceUnavailable, SourceFailing, UnitError

NEEDS = "needs "
"""Begins the reason of a gap that another collector's gap left."""
E = TypeVar("E")
V = TypeVar("V", bound=View)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A part of some evidence that could not be read, for example one pod's log."""

    what: str
    reason: str
    grant: str = ""
    setting: str = ""
    """The key of dnsbot.yaml that is missing for it; looking again is in vain until somebody sets it."""
    failing: bool = False
    """The far end answered, and with an error of its own (5xx, 429): it is not the way to it that is at fault."""
    off: bool = False
    """What would tell it is switched off, as it usually is: a measure switches it on for a while. A rule that lacks
    nothing else is left out of a diagnosis that names no playbook."""

    @classmethod
    def of(cls, what: str, error: EvidenceUnavailable) -> Gap:
        """Return the gap that `error` leaves at `what`."""
        failing = isinstance(error, SourceFailing)
        return cls(what=what, reason=error.reason, grant=error.grant, setting=error.setting, failing=failing)

    @property
    def error(self) -> EvidenceUnavailable:
        """The error that says the same."""
        return EvidenceUnavailable(self.reason, grant=self.grant, setting=self.setting, what=self.what)


def failing_reads(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    """Return those of reads that the far end answered with an error of its own.

    A collector that was not run for want of another's evidence has read nothing, so its gap is none of them.
    """
    return tuple(dict.fromkeys(gap for gap in gaps if gap.failing and not gap.reason.startswith(NEEDS)))


def asked_for(evidence: Mapping[type, object], kind: type[E], unit: str) -> E | Gap:
    """Return the evidence of this class, or the gap in its place.

    Raises `UnitError` for evidence that the unit (`rule` or `fix`) did not declare that it needs.
    """
    if kind not in evidence:
        raise UnitError(f"{kind.__name__} was asked for but is not in the {unit}'s `needs`")
    found = evidence[kind]
    if not isinstance(found, kind | Gap):
        raise UnitError(f"{kind.__name__} was asked for, {type(found).__name__} was gathered")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class NoParameters:
    """The parameters of a collector, rule or fix that takes none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector(Generic[E, V]):
    """One read-only source of evidence. Exported as `COLLECTOR` by a module of the same name."""

    name: str
    title: str
    """What it observes, in an operator's words."""
    evidence: type[E]
    view: type[V]
    """What it looks through: `View` where reading is enough."""
    collect: Callable[[V], E]
    summarise: Callable[[E], str]
    """One line with numbers: "2 of 2 CoreDNS pods ready"."""
    permissions: tuple[Permission, ...]
    """Every call that it makes. What is no read is granted by the role of its view's use."""
    needs: tuple[type, ...] = ()
    """Evidence classes that must be gathered first; without one of them it is not run."""
    wants: tuple[type, ...] = ()
    """Evidence classes that are gathered first where they can be; it decides what it does without them."""
    parameters: type = NoParameters
    """A frozen keyword-only dataclass, every field with a default; durations are `timedelta`."""
    deadline_seconds: float = 20.0

    @property
    def inputs(self) -> tuple[type, ...]:
        """Evidence classes that are handed to it."""
        return (*self.needs, *self.wants)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCall:
    """One call that a collector made: `ec2:DescribeVpcs`, or `get pods/log in kube-system`."""

    name: str
    took_ms: int = 0
    shared: bool = False
    """It was not sent: another collector, or another diagnosis, had made the same call, or was making it."""
    age_seconds: float = 0.0
    """How long before this diagnosis asked another one was given the answer."""
    place: str = HOME.name
    """The name of the place where AWS was asked."""

    @property
    def text(self) -> str:
        """The call as reports show it: `ec2:DescribeVpcs`, or `ec2:DescribeVpcs at shared`."""
        return self.name if self.place == HOME.name else f"{self.name} at {self.place}"

    @property
    def aged_text(self) -> str:
        """The same, with how old its answer is: `route53resolver:ListResolverRules (answered 40 s before)`."""
        return f"{self.text} (answered {self.age_seconds:.0f} s before)" if self.age_seconds else self.text


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
    document: JsonObject | None = field(default=None, compare=False, repr=False)
    """The value as JSON, from which it was read: what the history keeps. None: whoever made this kept none."""
    files: tuple[KeptFile, ...] = field(default=(), compare=False, repr=False)
    """What its collector kept beside the value. A diagnosis that is read back has none: the history has them."""

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What could not be read: all of it, or the parts that the evidence itself names."""
        if self.gap is not None:
            return (self.gap,)
        return tuple(gap for gap in getattr(self.value, "gaps", ()) if isinstance(gap, Gap))
