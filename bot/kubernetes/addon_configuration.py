"""The configuration of an EKS add-on: one variable or text of it changed, everything else as it stands, JSON or YAML.

Sources: EKS API Reference, UpdateAddon (`configurationValues` is a JSON or YAML text, sent whole) and
DescribeAddonConfiguration (`configurationSchema` is a JSON Schema); EKS User Guide, "Determine fields you can customize
for Amazon EKS add-ons". Values of variables are strings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import yaml

from bot.errors import NotEditable

VARIABLES = "env"
"""The member under which add-ons take variables."""
_MOST_REFUSALS = 3


def parsed(text: str) -> dict[str, Any]:
    """Return the configuration; an empty text is an empty one. Raises `NotEditable` where it is no mapping."""
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
    except (json.JSONDecodeError, yaml.YAMLError):
        found = _flow_mapping(text)
    if found is None:
        return {}
    if not isinstance(found, dict) or not isinstance(found.get(VARIABLES) or {}, dict):
        raise NotEditable(f"it is no mapping with a mapping `{VARIABLES}`")
    return found


def _flow_mapping(text: str) -> object:
    """Return what a text that begins like JSON and is none says as YAML."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise NotEditable(f"it is neither JSON nor YAML: {error}") from error


def variable(text: str, name: str) -> str | None:
    """Return the value of a variable; None: it is not set there. Raises `NotEditable` as `parsed` does."""
    found = (parsed(text).get(VARIABLES) or {}).get(name)
    return None if found is None else str(found)


def with_variable(text: str, name: str, value: str) -> str:
    """Return the text with this variable set, and not one other character changed where that can be done.

    JSON stays JSON (formatted anew only where nothing else is possible), YAML stays YAML with its comments. Raises
    `NotEditable` where the result would say more than this.
    """
    before = parsed(text)
    wanted = {**before, VARIABLES: {**(before.get(VARIABLES) or {}), name: value}}
    for edited in _edits(text, wanted, name, value):
        try:
            if parsed(edited) == wanted:
                return edited
        except NotEditable:
            continue
    raise NotEditable(f"`{VARIABLES}` is written in a way that leaves no place for {name}")


def held_text(text: str, name: str) -> str | None:
    """Return the text that the configuration has as this member; None: none. Raises `NotEditable` as `parsed` does."""
    found = parsed(text).get(name)
    return found if isinstance(found, str) else None


def with_text(text: str, name: str, value: str) -> str:
    """Return the configuration with another text as this member, which it has: `corefile` of the add-on coredns.

    Of a YAML block (`corefile: |`) only the lines that differ are changed, of any other form the one value. Raises
    `NotEditable` where it has no such member, and where the result would say more than this.
    """
    wanted = {**parsed(text), name: value}
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        root = None
    held = _member(root, name) if isinstance(root, yaml.MappingNode) else None
    if not isinstance(held, yaml.ScalarNode):
        raise NotEditable(f"it holds no text `{name}` that could be changed in place")
    block = [_in_block(text, held, value)] if held.style == "|" else []
    for by in (*block, *(_replaced(text, held, json.dumps(value, ensure_ascii=ascii_)) for ascii_ in (False, True))):
        try:
            if parsed(by) == wanted:
                return by
        except NotEditable:
            continue
    raise NotEditable(f"`{name}` is written in a way that cannot be changed in place")


def _in_block(text: str, node: yaml.ScalarNode, value: str) -> str:
    """Change the lines of a literal block that differ; each line of its value is one line of the text."""
    begins = text.index("\n", node.start_mark.index) + 1
    lines = text[begins : node.end_mark.index].splitlines(keepends=True)
    former, wanted = node.value.split("\n"), value.split("\n")
    pad = next((line[: len(line) - len(line.lstrip(" "))] for line in lines if line.strip()), "")
    same = next((at for at, (one, other) in enumerate(zip(former, wanted, strict=False)) if one != other), None)
    first = min(len(former), len(wanted)) if same is None else same
    last = 0
    while last < min(len(former), len(wanted)) - first and former[-1 - last] == wanted[-1 - last]:
        last += 1
    new = [f"{pad}{line}\n" if line else "\n" for line in wanted[first : len(wanted) - last]]
    return text[:begins] + "".join([*lines[:first], *new, *lines[len(former) - last :]]) + text[node.end_mark.index :]


def refusals(text: str, schema: str) -> tuple[str, ...]:
    """Return what a JSON Schema has against the configuration, three at most; nothing is fetched for it.

    Raises `ValueError` for a schema that is none.
    """
    import jsonschema  # noqa: PLC0415  # slow to import, and needed where an add-on is changed alone
    import referencing  # noqa: PLC0415  # the same

    asked = json.loads(schema)
    try:
        kind = jsonschema.validators.validator_for(asked)
        checker = kind(asked, registry=referencing.Registry())
        found = list(islice(checker.iter_errors(parsed(text)), _MOST_REFUSALS))
    except (jsonschema.SchemaError, referencing.exceptions.Unresolvable, TypeError, AttributeError) as error:
        raise ValueError(f"the schema is not readable: {error}") from error
    return tuple(f"{one.json_path}: {one.message}" for one in found)


def _edits(text: str, wanted: dict[str, Any], name: str, value: str) -> Iterator[str]:
    """Yield texts that may be what is wanted, the smallest change first."""
    if not text.strip():
        yield json.dumps(wanted, separators=(",", ":"))
        return
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        root = None
    if isinstance(root, yaml.MappingNode):
        yield _in_place(text, root, name, value)
    if text.lstrip().startswith("{"):
        yield json.dumps(wanted, indent=2 if "\n" in text.strip() else None)


def _in_place(text: str, root: yaml.MappingNode, name: str, value: str) -> str:
    held = _member(root, VARIABLES)
    if held is None:
        return _inserted(text, root, VARIABLES, json.dumps({name: value}), f"\n{_pad(root)}  {name}: {value}")
    if not isinstance(held, yaml.MappingNode):
        return _replaced(text, held, f" {json.dumps({name: value})}" if held.value == "" else json.dumps({name: value}))
    own = _member(held, name)
    if own is None:
        return _inserted(text, held, name, json.dumps(value), f" {value}")
    quote = own.style if isinstance(own, yaml.ScalarNode) and own.style in {'"', "'"} else ""
    return _replaced(text, own, f"{quote}{value}{quote}")


def _member(node: yaml.MappingNode, key: str) -> yaml.Node | None:
    return next((value for name, value in node.value if name.value == key), None)


def _inserted(text: str, node: yaml.MappingNode, key: str, flow: str, block: str) -> str:
    """Put a member in front of a mapping's others."""
    if node.flow_style:
        at = node.start_mark.index + 1
        return f"{text[:at]}{json.dumps(key)}:{flow}{',' if node.value else ''}{text[at:]}"
    at = node.start_mark.index
    return f"{text[:at]}{key}:{block}\n{_pad(node)}{text[at:]}"


def _pad(node: yaml.Node) -> str:
    return " " * node.start_mark.column


def _replaced(text: str, node: yaml.Node, by: str) -> str:
    return f"{text[: node.start_mark.index]}{by}{text[node.end_mark.index :]}"
