"""Fixes and plans: what would be changed, from what to what, and how to undo it.

A plan is plain data. Its hash covers everything that a person was shown and everything that will
be sent; what runs is what was stored, and only through an `ApprovedPlan`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from bot.domain.cluster import ClusterTarget
from bot.domain.deadline import Deadline
from bot.domain.diagnosis import Binding
from bot.domain.encoding import decode, encode_object
from bot.domain.evidence import Gap, NoParameters, asked_for
from bot.domain.findings import Finding
from bot.domain.json_values import JsonObject, JsonValue, digest
from bot.domain.made import filled, refers
from bot.domain.people import Person
from bot.domain.permissions import Permission
from bot.domain.places import HOME, Place
from bot.domain.ports import AwsReader, AwsWriter, ClusterReader, ClusterWriter
from bot.domain.settling import COMPLETE, Settled
from bot.errors import UnitError

E = TypeVar("E")


RESTART = "+ the time of the restart"
"""The line by which the difference of a step tells that it restarts pods and changes nothing else."""


THEN = ", then "
"""Between the parts of a plan's title: the fix, and those that follow it."""


class WriterKind(StrEnum):
    """Which kind of writer a step needs; its place says whose."""

    AWS = "aws"
    KUBERNETES = "kubernetes"
    PROBE_PODS = "probe pods"
    """Makes and removes pods in the namespace of `node_probe`, with the credential that nodes are seen with."""


class When(StrEnum):
    """When a step may run. The playbook decides."""

    AT_ONCE = "at_once"
    """As soon as the steps before it are done."""
    LOOKUPS_ANSWER = "lookups_answer"
    """Only once the lookups of the plan's symptoms answer: recreating pods in a broken network helps nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One change to one object."""

    fix: str
    """The fix whose `read`, `apply` and `inverse` handle this step."""
    action: str
    """What the fix is to do; a fix may know several (authorize, revoke)."""
    target: str
    """The object, as a person names it: `security group sg-0abc (eks-cluster-sg-…)`."""
    parameters: JsonObject
    """All that `apply` needs; nothing is looked up again when it runs, but what an earlier step made (`Made`)."""
    before: JsonValue
    """The state that the plan reads or changes here, as `Fix.read` returned it. Compared before each write."""
    diff: tuple[str, ...]
    """Lines that begin with `+`, `-` or a space."""
    undo: str
    """How to take it back, in one sentence; empty: it cannot be undone."""
    command: str
    """The equivalent aws or kubectl command."""
    writer: WriterKind
    place: Place = HOME
    """Whose AWS account and region the step reads and changes; whole, so that no later configuration moves it."""
    owner: str = ""
    """Who else manages the object: an EKS add-on, Helm, a GitOps tool, CloudFormation."""
    when: When = When.AT_ONCE
    settles_within_seconds: int = 300
    """How long the change may take until it is complete (`Fix.settled`); then the step has failed."""

    ends_after_seconds: int = 0
    """So long after it is done the change is taken back, as part of what was approved; 0: it stays."""

    def __post_init__(self) -> None:
        """Refuse a change of Kubernetes elsewhere: only the cluster itself has a writer for it."""
        if self.writer is not WriterKind.AWS and self.place != HOME:
            raise UnitError(f"Fix {self.fix} would change Kubernetes at {self.place}; only {HOME} has one to change.")

    def with_made(self, effects: Mapping[int, JsonObject]) -> Step:
        """Return the step with what earlier steps made in its parameters. Raises `WorldChanged` where it is missing."""
        return replace(self, parameters=filled(self.parameters, effects))

    @property
    def refers(self) -> bool:
        """Whether its parameters name something that an earlier step makes."""
        return refers(self.parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class FixPlan:
    """An exact plan. `hash` covers every other field."""

    id: str
    diagnosis_id: str
    cluster: str
    region: str
    binding: Binding
    fix: str
    title: str
    finding: str
    """The rule that found the problem."""
    playbook: str
    risk: str
    blast_radius: str
    """What else the change touches, in one or two sentences with numbers."""
    steps: tuple[Step, ...]
    verify_rules: tuple[str, ...]
    """Rules that must be HEALTHY again; after a measure, rules that must no longer lack its evidence."""
    symptoms: tuple[str, ...] = ()
    """Rules whose lookups must answer again: the symptoms that the finding explained or, where it explained
    none, those that were not failing, so that the change is seen to break nothing. A measure has none."""
    yields: tuple[str, ...] = ()
    """The collectors whose evidence this measure makes readable; empty: it is a fix, or the undo of either."""
    undoes: str = ""
    """The id of the plan that this one takes back, or empty."""
    speaks_for: str = ""
    """What speaks for it among several plans for one finding, a sentence; empty: it is the only one."""
    renderer: int = 1
    """Version of the text made from a plan; what people saw is part of what they approved."""

    @property
    def hash(self) -> str:
        """SHA-256 over the canonical JSON of all fields."""
        return digest(plan_document(self))


def plan_document(plan: FixPlan) -> JsonObject:
    """Return the plan as JSON, for storing and hashing: every field of it and of its steps.

    What is said of it among several is left out where it is the only one, so that older hashes stay good.
    """
    document = encode_object(plan)
    return document if plan.speaks_for else {key: value for key, value in document.items() if key != "speaks_for"}


def plan_from_document(document: JsonObject) -> FixPlan:
    """Return the plan that `plan_document` wrote. Raises pydantic's `ValidationError`."""
    return decode(FixPlan, document)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedPlan:
    """A plan with a stored decision. Made by `workflow/approve.py` alone; `apply` takes nothing else."""

    plan: FixPlan
    proposal_id: str
    approved_by: tuple[Person, ...]
    requested_by: Person | None
    approved_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """No plan can be made; what a person can do instead."""

    reason: str
    text: tuple[str, ...] = ()
    """Sentences or commands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCase:
    """What a fix plans from: the finding and the evidence it was judged from. Nothing is looked up."""

    plan_id: str
    """Known beforehand, so that what is created can be tagged with it."""
    target: ClusterTarget
    finding: Finding
    parameters: Any
    """An instance of the fix's own `parameters` class, from the playbook."""
    evidence: Mapping[type, object] = field(default_factory=dict)
    """What the fix needs, by class: the value, or the `Gap` in its place."""
    earlier: tuple[Step, ...] = ()
    """The steps before its own in the same plan, of the fixes that it follows: it may name what they make."""
    lasting_seconds: int = 0
    """How long the change is to last where whoever asked said so; 0: as the playbook has it."""

    def need(self, evidence: type[E]) -> E:
        """Return this evidence, or raise `EvidenceUnavailable`: then the fix is not offered, and why is said."""
        found = self.look_for(evidence)
        if isinstance(found, Gap):
            raise found.error
        return found

    def after(self, *steps: Step) -> PlanCase:
        """Return the case with these steps before what is planned next."""
        return replace(self, earlier=(*self.earlier, *steps))

    def look_for(self, evidence: type[E]) -> E | Gap:
        """Return this evidence or the gap in its place, for what a plan can be made without."""
        return asked_for(self.evidence, evidence, "fix")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a fix proposes: its steps, and what else they touch."""

    steps: tuple[Step, ...]
    blast_radius: str
    only_followed: bool = False
    """It finds its change made already, and what follows it in the playbook is to be done all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a fix re-reads a step's state through, right before the write."""

    cluster: ClusterReader
    aws: AwsReader
    """Reads at the step's place."""
    target: ClusterTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What a fix writes through. Readers included: a write is read again, and rollouts are waited for."""

    cluster: ClusterReader
    aws: AwsReader
    """Reads at the step's place."""
    target: ClusterTarget
    cluster_writer: ClusterWriter
    aws_writer: AwsWriter
    """Changes at the step's place."""
    deadline: Deadline
    plan_id: str
    begun_at: datetime
    """When the step was begun, by the database's clock, UTC: a fix asks no other clock."""


def nobody_can_tell(_step: Step, _reading: Reading, _plan_id: str) -> None:
    """Stand for a change by which nobody could tell whose it is."""


def nothing_to_undo(_step: Step, _effects: JsonObject) -> None:
    """Stand for a change that cannot be taken back: a restart, a deletion, what stays until its pod is replaced."""


def at_once(_step: Step, _effects: JsonObject, _reading: Reading) -> Settled:
    """Stand for a change that is complete when the API has answered."""
    return COMPLETE


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """One AWS write of a fix on something that is there, to be sent as a dry run: AWS judges, and changes nothing.

    Source: EC2 API Reference, the parameter `DryRun` of the operation.
    """

    operation: str
    """As IAM spells it; what can be judged beforehand is of `ec2`."""
    parameters: Mapping[str, Any]
    """Shaped as what `apply` sends; what it would create is for addresses that nobody has."""
    judges: tuple[str, ...]
    """The IAM actions that are needed for it: `ec2:CreateTags` too where it tags what it creates."""
    target: str
    """The object that it is tried on: `security group sg-0abc`."""
    no_dry_run: str = ""
    """Why AWS cannot judge it beforehand, where it cannot: `ModifyVpcAttribute takes no DryRun`. Never sent then."""
    place: Place = HOME

    @classmethod
    def without_dry_run(cls, action: str, *besides: str, target: str, place: Place) -> Rehearsal:
        """Return a write that AWS judges only when it is made; `besides`: IAM actions that it needs beside its own."""
        operation = action.partition(":")[2]
        return cls(
            operation=operation,
            parameters={},
            judges=(action, *besides),
            target=target,
            no_dry_run=f"{operation} takes no DryRun",
            place=place,
        )


def nothing_to_rehearse(_evidence: Mapping[type, object]) -> tuple[Rehearsal, ...]:
    """Stand for a fix that does not write to AWS."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """One kind of repair, or, where it `yields` evidence, a measure. Exported as `FIX` by a module of the same name."""

    name: str
    title: str
    does: str
    """What its steps change, and whether that can be undone, in plain words for people who never read the code."""
    plan: Callable[[PlanCase], Planned | Advice]
    """Pure: evidence in, steps out. The same case gives the same steps."""
    read: Callable[[Step, Reading], JsonValue]
    """The state that `step` reads or changes, now; comparable with `step.before`.

    What counts are fields that the plan reads or changes: not status, not resourceVersion.
    """
    apply: Callable[[Step, Writing], JsonObject]
    """Send the change and return at once, with its effects (ids created, generation reached).

    They go to the journal, to `settled`, to `inverse` and to later steps that refer to them.
    """
    inverse: Callable[[Step, JsonObject], Step | None]
    """The step that takes back exactly what `apply` reported, with its own `before`; None: nothing to undo."""
    permissions: tuple[Permission, ...]
    """Every write, and every read that `read`, `apply` and `settled` make."""
    settled: Callable[[Step, JsonObject, Reading], Settled] = at_once
    """Whether what was sent is complete; reads only, pure of clocks. Asked again until it is, after a crash, too."""
    found: Callable[[Step, Reading, str], JsonObject | None] = nobody_can_tell
    """The effects of a step of this plan (its id) that was begun and of which no answer came, by the mark that it left.

    None: nothing bears the mark. Then whoever settles the repair compares the state with `before`.
    """
    needs: tuple[type, ...] = ()
    """Evidence classes that it plans from; every playbook that names it gathers them."""
    parameters: type = NoParameters
    """A frozen keyword-only dataclass, every field with a default."""
    rule_parameters: tuple[str, ...] = ()
    """Keys of the finding's `details` that it reads, for the docs."""
    yields: tuple[type, ...] = ()
    """The evidence classes that it makes readable: it is a measure, for rules that lack them. Empty: a fix."""
    rehearse: Callable[[Mapping[type, object]], tuple[Rehearsal, ...]] = nothing_to_rehearse
    """Its AWS writes, each on some object that this evidence (by class) knows; none where it knows none."""
