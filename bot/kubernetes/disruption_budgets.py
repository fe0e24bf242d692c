"""PodDisruptionBudgets, and how many of a controller's pods its rollout may take down at once.

A rollout asks no budget: who wants to stay within one has to look first. Sources: Kubernetes documentation,
"Specifying a Disruption Budget for your Application", "Deployments" (maxUnavailable is rounded down, maxSurge up),
"Perform a Rolling Update on a DaemonSet", "StatefulSets" (maxUnavailable is rounded up), "Labels and Selectors".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import ceil, floor
from typing import Self

from bot.domain.json_values import RawObject
from bot.kubernetes.members import optional_number, optional_text, optional_texts, part, parts, text, text_map


@dataclass(frozen=True, slots=True, kw_only=True)
class DisruptionBudget:
    """One budget."""

    namespace: str
    name: str
    selector: RawObject | None
    """As the API answered it; None selects no pod, an empty one every pod of the namespace."""
    allowed: int
    """How many of its pods may be taken down now (`status.disruptionsAllowed`)."""

    @classmethod
    def of(cls, answer: RawObject) -> Self:
        """Return the budget."""
        spec, metadata = part(answer, "spec"), answer["metadata"]
        return cls(
            namespace=text(metadata, "namespace"),
            name=text(metadata, "name"),
            selector=part(spec, "selector") if spec.get("selector") is not None else None,
            allowed=optional_number(part(answer, "status"), "disruptionsAllowed"),
        )

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Return whether pods with these labels are of this budget."""
        if self.selector is None:
            return False
        equal = text_map(self.selector, "matchLabels")
        return all(labels.get(name) == value for name, value in equal.items()) and all(
            _holds(one, labels) for one in parts(self.selector, "matchExpressions")
        )


def _holds(requirement: RawObject, labels: Mapping[str, str]) -> bool:
    key, operator, values = (
        text(requirement, "key"),
        text(requirement, "operator"),
        optional_texts(requirement, "values"),
    )
    held = {
        "In": labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }
    return held[operator]


def down_at_once(kind: str, answer: RawObject) -> int:
    """Return how many pods a rollout of this Deployment, StatefulSet or DaemonSet may take down at once."""
    spec, status = part(answer, "spec"), part(answer, "status")
    strategy = part(spec, "strategy" if kind == "Deployment" else "updateStrategy")
    rolling = part(strategy, "rollingUpdate")
    if kind == "Deployment":
        replicas = optional_number(spec, "replicas", 1)
        if optional_text(strategy, "type") == "Recreate":
            return replicas
        surge = _share(rolling.get("maxSurge", "25%"), replicas, ceil)
        return _share(rolling.get("maxUnavailable", "25%"), replicas, floor) or (0 if surge else 1)
    if kind == "DaemonSet":
        scheduled = optional_number(status, "desiredNumberScheduled")
        surges = _share(rolling.get("maxSurge", 0), scheduled, ceil) > 0
        return 0 if surges else _share(rolling.get("maxUnavailable", 1), scheduled, ceil)
    return _share(rolling.get("maxUnavailable", 1), optional_number(spec, "replicas", 1), ceil)


def _share(written: object, of: int, rounded: Callable[[float], int]) -> int:
    """Return a number of pods that stands as a number or as a percentage."""
    if isinstance(written, str):
        return rounded(int(written.removesuffix("%")) * of / 100)
    if isinstance(written, int):
        return written
    raise TypeError(f"{written!r} is neither a number nor a percentage")


def too_tight(
    budgets: Iterable[DisruptionBudget], labels: Mapping[str, str], down: int
) -> tuple[DisruptionBudget, ...]:
    """Return the budgets of pods with these labels that do not allow so many of them to be down now."""
    return tuple(one for one in budgets if one.allowed < down and one.selects(labels))
