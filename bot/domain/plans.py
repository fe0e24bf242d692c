"""Fixes and plans: what would be changed, from what to what, and how to undo it.

A plan is plain data. Its hash covers everything that a person was shown and everything that will
be sent; what runs is what was stored, and only through an `ApprovedPlan`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from bot.domain.cluster import ClusterTarget
from bot.domain.deadline import Deadline
from bot.domain.diagnosis import Binding
from bot.domain.evidence import Gap, NoParameters
from bot.domain.findings import Finding
from bot.domain.json_values import JsonObject, JsonValue, digest
from bot.domain.people import Person
from bot.domain.permissions import Permission
from bot.domain.ports import AwsReader, AwsWriter, ClusterReader, ClusterWriter
from bot.errors import EvidenceUnavailable, UnitError

E = TypeVar("E")


class WriterKind(StrEnum):
    """Which writer a step needs."""

    AWS = "aws"
    KUBERNETES = "kubernetes"


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
    """All that `apply` needs; nothing is looked up again when it runs."""
    before: JsonValue
    """The state that the plan reads or changes here, as `Fix.read` returned it. Compared before each write."""
    diff: tuple[str, ...]
    """Lines that begin with `+`, `-` or a space."""
    undo: str
    """How to take it back, in one sentence; empty: it cannot be undone."""
    command: str
    """The equivalent aws or kubectl command."""
    writer: WriterKind
    owner: str = ""
    """Who else manages the object: an EKS add-on, Helm, a GitOps tool, CloudFormation."""
    after_lookups_answer: bool = False
    """Run only once look-ups answer again (recreating pods in a broken network helps nobody)."""


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
    """Rules that must be HEALTHY again."""
    undoes: str = ""
    """The id of the plan that this one takes back, or empty."""
    renderer: int = 1
    """Version of the text made from a plan; what people saw is part of what they approved."""

    @property
    def hash(self) -> str:
        """SHA-256 over the canonical JSON of all fields."""
        return digest(plan_document(self))


def plan_document(plan: FixPlan) -> JsonObject:
    """Return the plan as JSON, for storing and hashing."""
    return {
        "id": plan.id,
        "diagnosis_id": plan.diagnosis_id,
        "cluster": plan.cluster,
        "region": plan.region,
        "binding": {
            "account": plan.binding.account,
            "cluster_arn": plan.binding.cluster_arn,
            "kube_system_uid": plan.binding.kube_system_uid,
        },
        "fix": plan.fix,
        "title": plan.title,
        "finding": plan.finding,
        "playbook": plan.playbook,
        "risk": plan.risk,
        "blast_radius": plan.blast_radius,
        "verify_rules": list(plan.verify_rules),
        "undoes": plan.undoes,
        "renderer": plan.renderer,
        "steps": [
            {
                "fix": step.fix,
                "action": step.action,
                "target": step.target,
                "parameters": step.parameters,
                "before": step.before,
                "diff": list(step.diff),
                "undo": step.undo,
                "command": step.command,
                "writer": step.writer.value,
                "owner": step.owner,
                "after_lookups_answer": step.after_lookups_answer,
            }
            for step in plan.steps
        ],
    }


def plan_from_document(document: Mapping[str, Any]) -> FixPlan:
    """Return the plan that `plan_document` wrote."""
    steps = tuple(
        Step(**{**step, "diff": tuple(step["diff"]), "writer": WriterKind(step["writer"])})
        for step in document["steps"]
    )
    return FixPlan(
        **{
            **document,
            "steps": steps,
            "binding": Binding(**document["binding"]),
            "verify_rules": tuple(document["verify_rules"]),
        }
    )


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
    """All evidence of the diagnosis by class: the value, or the `Gap` in its place."""

    def need(self, evidence: type[E]) -> E:
        """Return this evidence, or raise `EvidenceUnavailable`: then the fix is not offered, and why is said."""
        found = self.evidence.get(evidence, Gap(what=evidence.__name__, reason=f"{evidence.__name__} was not gathered"))
        if isinstance(found, Gap):
            raise EvidenceUnavailable(found.reason, grant=found.grant)
        if not isinstance(found, evidence):
            message = f"{evidence.__name__} was asked for, {type(found).__name__} was gathered"
            raise UnitError(message)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a fix proposes: its steps, and what else they touch."""

    steps: tuple[Step, ...]
    blast_radius: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a fix re-reads a step's state through, right before the write."""

    cluster: ClusterReader
    aws: AwsReader
    target: ClusterTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What a fix writes through. Readers included: a write is read again, and rollouts are waited for."""

    cluster: ClusterReader
    aws: AwsReader
    target: ClusterTarget
    cluster_writer: ClusterWriter
    aws_writer: AwsWriter
    deadline: Deadline
    plan_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """One AWS write of a fix, to be sent as a dry run: AWS judges the identity and changes nothing.

    Source: EC2 API Reference, the parameter `DryRun` of the operation.
    """

    operation: str
    """As IAM spells it, of `ec2`."""
    parameters: Mapping[str, Any]
    """Shaped as what `apply` sends; what it would create is for addresses that nobody has."""
    judges: tuple[str, ...]
    """The IAM actions that are needed for it: `ec2:CreateTags` too where it tags what it creates."""
    target: str
    """The object that it is tried on: `security group sg-0abc`."""


def nothing_to_rehearse(_evidence: Mapping[type, object]) -> tuple[Rehearsal, ...]:
    """Stand for a fix that does not write to AWS."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """One kind of repair. Exported as `FIX` by a module of the same name."""

    name: str
    title: str
    plan: Callable[[PlanCase], Planned | Advice]
    """Pure: evidence in, steps out. The same case gives the same steps."""
    read: Callable[[Step, Reading], JsonValue]
    """The state that `step` reads or changes, now; comparable with `step.before`.

    What counts are fields that the plan reads or changes: not status, not resourceVersion.
    """
    apply: Callable[[Step, Writing], JsonObject]
    """Make the change and return its effects (ids created, generation reached), for the journal and `inverse`."""
    inverse: Callable[[Step, JsonObject], Step | None]
    """The step that takes back exactly what `apply` reported, with its own `before`; None: nothing to undo."""
    permissions: tuple[Permission, ...]
    """Every write, and every read that `read` and `apply` make."""
    parameters: type = NoParameters
    """A frozen keyword-only dataclass, every field with a default."""
    rule_parameters: tuple[str, ...] = ()
    """Keys of the finding's `details` that it reads, for the docs."""
    rehearse: Callable[[Mapping[type, object]], tuple[Rehearsal, ...]] = nothing_to_rehearse
    """Its AWS writes, each on some object that this evidence (by class) knows; none where it knows none."""
