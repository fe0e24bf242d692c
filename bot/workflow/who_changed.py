"""Who changed what is at fault: once rules have named the objects, CloudTrail and managedFields are asked."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.findings import Finding, Verdict
from bot.workflow.catalogue import Catalogue
from bot.workflow.gather import Tasks, plan_tasks

CLOUD_TRAIL = "cloud_trail"
"""The collector that asks about objects at AWS."""
MANAGERS = "object_managers"
"""The collector that asks about objects in Kubernetes."""
SECONDS = 5.0
"""What a diagnosis takes longer at most for it; CloudTrail's pace is two calls a second."""


def tracing_tasks(findings: Iterable[Finding], catalogue: Catalogue) -> Tasks:
    """Return what is gathered about the objects that these findings' problems name; none where they name none."""
    problems = (one for one in findings if one.verdict is Verdict.PROBLEM)
    named = tuple(dict.fromkeys(one for finding in problems for one in finding.judgement.objects))
    kept_by = {
        CLOUD_TRAIL: tuple(one for one in named if not one.kind.in_kubernetes),
        MANAGERS: tuple(one for one in named if one.kind.in_kubernetes),
    }
    parameters = {
        name: catalogue.collectors[name].parameters(objects=objects) for name, objects in kept_by.items() if objects
    }
    return plan_tasks((), catalogue, always=tuple(parameters), parameters=parameters)
