"""The configuration of an EKS add-on: one of its own members given a value, everything else as it stands.

Sources: EKS API Reference, UpdateAddon (`configurationValues` is a JSON or YAML text, sent whole); YAML 1.2, 1.3 "JSON"
(what JSON says is YAML too, so a value is written as JSON in either).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import takewhile
from typing import Any

import yaml

from bot.domain.json_values import JsonValue
from bot.errors import NotEditable
from bot.kubernetes.addon_configuration import parsed


def member(text: str, name: str) -> Any:  # noqa: ANN401  # JSON of any shape
    """Return the value of a member; None: there is none. Raises `NotEditable` as `parsed` does."""
    return parsed(text).get(name)


def with_member(text: str, name: str, value: JsonValue) -> str:
    """Return the text with this member set, and not one other character changed where that can be done.

    JSON stays JSON, YAML stays YAML with its comments. Raises `NotEditable` where the result would say more than this.
    """
    wanted = {**parsed(text), name: value}
    for edited in _edits(text, wanted, name, value):
        try:
            if parsed(edited) == wanted:
                return edited
        except NotEditable:
            continue
    raise NotEditable(f"it is written in a way that leaves no place for {name}")


def _edits(text: str, wanted: dict[str, Any], name: str, value: JsonValue) -> Iterator[str]:
    """Yield texts that may be what is wanted, the smallest change first."""
    if not text.strip():
        yield json.dumps(wanted, separators=(",", ":"))
        return
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        root = None
    if isinstance(root, yaml.MappingNode):
        yield _in_place(text, root, name, json.dumps(value))
    if text.lstrip().startswith("{"):
        yield json.dumps(wanted, indent=2 if "\n" in text.strip() else None)


def _in_place(text: str, root: yaml.MappingNode, name: str, value: str) -> str:
    for key, held in root.value:
        if key.value == name:
            former = text[key.end_mark.index : held.end_mark.index]
            return f"{text[: key.end_mark.index]}: {value}{_after(former)}{text[held.end_mark.index :]}"
    if root.flow_style:
        at = root.start_mark.index + 1
        return f"{text[:at]}{json.dumps(name)}:{value}{',' if root.value else ''}{text[at:]}"
    at = root.start_mark.index
    return f"{text[:at]}{name}: {value}\n{' ' * root.start_mark.column}{text[at:]}"


def _after(former: str) -> str:
    """Return what follows a value: a block ends where the next member begins, behind comments that are not its own."""
    lines = former.splitlines(keepends=True)
    kept = list(takewhile(lambda line: not line.strip() or line.lstrip().startswith("#"), reversed(lines)))
    return ("\n" if former.endswith("\n") or kept else "") + "".join(reversed(kept))
