"""Rules and what they conclude.

A rule judges evidence and nothing else: no client, no clock, no I/O. The same evidence gives the
same verdict, so a diagnosis can be replayed from history.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from bot.domain.api_calls import ApiCall, CallReach
from bot.domain.cluster import ClusterTarget
from bot.domain.evidence import Gap, NoParameters, asked_for
from bot.domain.faulty_objects import FaultyObject
from bot.domain.json_values import JsonObject
from bot.domain.lookups import Lookup, Reach
from bot.domain.phrases import plain_name
from bot.errors import UnitError

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

    @property
    def rank(self) -> int:
        """The place in the one order of severity: 0 is the worst."""
        return tuple(Severity).index(self)


class Kind(StrEnum):
    """A symptom is never a root cause."""

    CAUSE = "cause"
    SYMPTOM = "symptom"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFile:
    """A text that is handed to a person as a file."""

    name: str
    """`bind.conf`; unique within a finding."""
    title: str
    """What it is, for people: "BIND"."""
    text: str


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
    """What could not be read. UNKNOWN needs at least one; a PROBLEM may carry some.

    A gap that the evidence itself names is handed on as it is: by it a measure is found that gets the evidence.
    """
    last_failure_at: datetime | None = None
    """Time of the newest failure seen in logs, UTC."""
    reach: tuple[Reach, ...] = ()
    """For a PROBLEM that makes lookups fail: which ones. Empty: it accounts for no failing lookup."""
    nothing_to_check: bool = False
    """For a HEALTHY: there is nothing here that could have the fault."""
    failing: tuple[Lookup, ...] = ()
    """For a symptom that is a PROBLEM: the lookups that failed."""
    only_asked: bool = False
    """For a symptom: a PROBLEM only because somebody asked. Alone it is no sign of a cause that nobody knows."""
    call_reach: tuple[CallReach, ...] = ()
    """For a PROBLEM that keeps programs of the cluster from the Kubernetes API: whose calls it accounts for."""
    failing_calls: tuple[ApiCall, ...] = ()
    """For a PROBLEM that consists in calls to the API: those that fail. What cuts all of them off explains it."""
    closed_ways: frozenset[str] = frozenset()
    """For a PROBLEM that consists in closed ways through the VPC: their keys. Another is the same fault only where it
    names all of them, too."""
    objects: tuple[FaultyObject, ...] = ()
    """For a PROBLEM: the objects whose state is the fault, the most to blame first: who changed them is asked."""
    pods: tuple[str, ...] = ()
    """For a PROBLEM: the pods of the DNS service that it is about, by name. A cause explains a symptom that names one
    of its pods, and what both name is explained; the rest of the symptom's is not."""
    advice: tuple[str, ...] = ()
    """What a person can do where no fix is offered; plain sentences or commands."""
    waits_for: str = ""
    """All that is left to do is done by people where the bot changes nothing: what it waits for ("your forwarder").
    A plan that did its part ends so; empty: it waits for nobody, or for more than that."""
    files: tuple[TextFile, ...] = ()
    """What a person is handed to do it: configuration for their own servers."""


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
    failing_reads: tuple[Gap, ...] = ()
    """What any collector of the diagnosis asked of the API server that answered with an error of its own."""

    def need(self, evidence: type[E]) -> E:
        """Return this evidence, or raise `EvidenceUnavailable`, which makes the rule UNKNOWN."""
        found = self.look_for(evidence)
        if isinstance(found, Gap):
            raise found.error
        return found

    def find(self, evidence: type[E]) -> E | None:
        """Return this evidence, which the rule wants, or None where it could not be gathered."""
        found = self.evidence.get(evidence)
        return found if isinstance(found, evidence) else None

    def look_for(self, evidence: type[E]) -> E | Gap:
        """Return this evidence or the gap in its place, for rules that can decide without it."""
        return asked_for(self.evidence, evidence, "rule")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One conclusion. Exported as `RULE` by a module of the same name."""

    name: str
    title: str
    """The fault in plain words: "DNS is blocked by a security group"."""
    check: str
    """What is looked at: "Security groups"; names the rule where it is ruled out, healthy or UNKNOWN."""
    kind: Kind
    judge: Callable[[Case], Judgement]
    needs: tuple[type, ...]
    """Evidence classes it judges; every playbook that names the rule gathers them. Without one it is UNKNOWN."""
    wants: tuple[type, ...] = ()
    """Evidence classes that may refute what it would say, or say more of it; without one it judges all the same, and is
    HEALTHY only where that evidence could not contradict it."""
    problem_refuted_by: tuple[tuple[type, str], ...] = ()
    """What would contradict its PROBLEM, by the evidence that shows it; the rule asks it before it says PROBLEM."""
    healthy_refuted_by: tuple[tuple[type, str], ...] = ()
    """What would contradict its HEALTHY, by the evidence that shows it; the rule asks it before it says HEALTHY."""
    refuted_with_more: tuple[type, ...] = ()
    """Of both, what turns no verdict alone: only where something else is so, too, or nothing else shows the fault."""
    decides_without: tuple[type, ...] = ()
    """Of that, what it does not lack where it was not read: something else stands for it, and the summary says so."""
    judges_lookups: bool = True
    """For a symptom: whether it says how lookups fare, so that a plan is verified by it. False: it is about pods, about
    a name that was asked about, or says more of lookups that another symptom has."""
    looks_from_elsewhere: bool = False
    """For a symptom: its lookups are made in other networks, so that only what it follows from is verified by it."""
    thresholds: type = NoParameters
    """A frozen keyword-only dataclass, every field with a default; durations are `timedelta`."""
    incidents: tuple[str, ...] = ()
    """Ids of known incidents (`tests/cases/cases.jsonl`) that it names by their log lines; it names no others there."""

    @property
    def inputs(self) -> tuple[type, ...]:
        """Evidence classes that it may look at."""
        return (*self.needs, *self.wants)

    @property
    def rests_on(self) -> frozenset[type]:
        """Evidence classes without which it is not HEALTHY: those it needs, and those that would contradict it."""
        contradict = frozenset(kind for kind, _ in self.healthy_refuted_by)
        return frozenset(self.needs) | (contradict - frozenset(self.decides_without))


@dataclass(frozen=True, slots=True, kw_only=True)
class FixOffer:
    """A fix or a measure that the playbook allows for this finding."""

    fix: str
    parameters: JsonObject
    risk: str
    yields: tuple[str, ...] = ()
    """The collectors whose evidence a measure makes readable, as far as the rule looks at it; a fix has none."""
    title: str = ""
    """As the fix names itself to people; empty in what was stored before it was kept."""

    @property
    def name(self) -> str:
        """What people read."""
        return self.title or plain_name(self.fix)


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
    """Rules: the causes that its playbook names and, in a diagnosis, the causes and symptoms that follow from it."""
    explained_by: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    """Ids of the `Collected` it was judged from."""
    check: str = ""
    """As the rule names it; empty in what was stored before it was kept."""
    fixes: tuple[FixOffer, ...] = ()
    """For a PROBLEM."""
    measures: tuple[FixOffer, ...] = ()
    """For an UNKNOWN: what would get the evidence that it could not decide without."""

    @property
    def verdict(self) -> Verdict:
        """The judgement's verdict."""
        return self.judgement.verdict

    @property
    def switched_off(self) -> bool:
        """Whether it is UNKNOWN only because what it judges is switched off, as it usually is: a measure helps."""
        missing = self.judgement.missing
        return self.verdict is Verdict.UNKNOWN and bool(missing) and all(gap.off for gap in missing)

    @property
    def heading(self) -> str:
        """The fault where there is one, else what was looked at: "healthy: Network ACLs"."""
        return self.title if self.verdict is Verdict.PROBLEM else self.check or self.title

    def rows(self, key: str) -> list[JsonObject]:
        """Return the objects that the rule lists in its details. Raises `UnitError` where it lists none."""
        listed = self.judgement.details.get(key)
        if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
            raise UnitError(f"the details of {self.rule} hold no list `{key}`, which is planned from")
        return [one for one in listed if isinstance(one, Mapping)]


def unknown(summary: str, *missing: Gap, proof: tuple[str, ...] = ()) -> Judgement:
    """Return an UNKNOWN judgement that names what could not be read."""
    return Judgement(verdict=Verdict.UNKNOWN, summary=summary, missing=missing, proof=proof)


def not_known(question: str, first: Gap, *others: Gap, proof: tuple[str, ...] = ()) -> Judgement:
    """Return UNKNOWN about a question, such as `whether every CoreDNS pod is ready`, for want of at least one thing.

    The reason of the first is told.
    """
    return unknown(f"Not known {question}: {first.reason}.", first, *others, proof=proof)


def nothing_to_check(why: str) -> Judgement:
    """Return a HEALTHY judgement where there is nothing that could have the fault; `why` ends without a full stop."""
    return Judgement(verdict=Verdict.HEALTHY, summary=f"Nothing to check: {why}.", nothing_to_check=True)


def healthy(summary: str, *proof: str) -> Judgement:
    """Return a HEALTHY judgement with the facts it rests on."""
    return Judgement(verdict=Verdict.HEALTHY, summary=summary, proof=proof)
