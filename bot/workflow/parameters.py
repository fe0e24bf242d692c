"""Parameters and thresholds: a mapping in a playbook becomes a unit's own frozen dataclass."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from bot.domain.json_values import JsonObject
from bot.domain.phrases import nearest
from bot.workflow.durations import duration_text, parse_duration
from bot.workflow.located_yaml import KeyPath, LocatedYaml


def parse_parameters(parameters: type, written: Mapping[str, Any], document: LocatedYaml, place: KeyPath) -> Any:  # noqa: ANN401  # an instance of `parameters`
    """Return an instance of `parameters`. Raises `PlaybookError` at the key that is wrong."""
    names = {field.name for field in dataclasses.fields(parameters)}
    hints = get_type_hints(parameters)
    values: dict[str, object] = {}
    for key, value in written.items():
        if key not in names:
            raise document.error("is no known parameter.", (*place, key), hint=nearest(key, names, "parameter"))
        try:
            values[key] = parse_duration(value) if hints[key] is timedelta else value
        except ValueError as error:
            raise document.error(f"{error} (got {value!r}).", (*place, key)) from error
    try:
        return _adapter(parameters).validate_python(values)
    except ValidationError as error:
        detail = error.errors()[0]
        raise document.error(f"{detail['msg']} (got {detail['input']!r}).", (*place, *detail["loc"])) from error


@cache
def _adapter(parameters: type) -> TypeAdapter[Any]:
    return TypeAdapter(parameters)


def parameters_document(parameters: object) -> JsonObject:
    """Return the parameters as they would be written in a playbook."""
    if not dataclasses.is_dataclass(parameters):
        return {}
    document: dict[str, Any] = {}
    for field in dataclasses.fields(parameters):
        value = getattr(parameters, field.name)
        document[field.name] = duration_text(value) if isinstance(value, timedelta) else value
    dumped: JsonObject = to_jsonable_python(document)
    return dumped
