"""What an earlier step of a plan makes, where a later step's parameters name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from bot.domain.encoding import decode
from bot.domain.json_values import JsonObject, JsonValue
from bot.errors import WorldChanged


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What an earlier step of the same plan makes: the id of a rule, of an endpoint. In a step's parameters.

    A plan carries it as `document` writes it; `Step.with_made` puts the value in its place right before the step runs.
    """

    made_by_step: int
    """0-based position of the earlier step."""
    member: str
    """The member of that step's effects."""

    def __str__(self) -> str:
        """Return it as people read it: "the id of step 1"."""
        return f"the {self.member.replace('_', ' ')} of step {self.made_by_step + 1}"

    def as_json(self) -> JsonObject:
        """Return it as it stands in a step's parameters."""
        return {"made_by_step": self.made_by_step, "member": self.member}


def filled(value: JsonValue, effects: Mapping[int, JsonObject]) -> Any:  # noqa: ANN401  # any JSON
    """Return parameters with what earlier steps made in its place. Raises `WorldChanged` where it is missing."""
    if _is_made(value):
        made = decode(Made, value)
        found = effects.get(made.made_by_step, {}).get(made.member)
        if found is None:
            raise WorldChanged(f"Step {made.made_by_step + 1} did not make {made.member}, which this step needs.")
        return found
    if isinstance(value, Mapping):
        return {key: filled(item, effects) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [filled(item, effects) for item in value]
    return value


def refers(value: JsonValue) -> bool:
    """Return whether anything in these parameters is made by an earlier step."""
    if _is_made(value):
        return True
    if isinstance(value, Mapping):
        return any(refers(item) for item in value.values())
    return isinstance(value, Sequence) and not isinstance(value, str) and any(refers(item) for item in value)


def _is_made(value: JsonValue) -> TypeGuard[JsonObject]:
    return isinstance(value, Mapping) and value.keys() == {"made_by_step", "member"}
