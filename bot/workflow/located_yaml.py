"""YAML with line numbers, for errors that name file, line and key. Safe tags only; no aliases, no duplicate keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from bot.domain.phrases import nearest
from bot.errors import PlaybookError

MAX_BYTES = 256 * 1024
DEEPEST = 40
"""Lists and mappings in one another."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML was built with it: six times faster, and the playbooks are read at every start."""
_NAMING = ("rule", "collector", "fix", "measure")
"""What an entry of a playbook's lists is for."""
_PLAIN_TAGS = {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
KeyPath: TypeAlias = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocatedYaml:
    """A parsed document and the line of each of its keys and items."""

    file: str
    value: Any
    lines: Mapping[KeyPath, int]
    """1-based line of the key or item at each place."""

    def line(self, place: KeyPath) -> int:
        """Return the line of `place`, or of its nearest known parent."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def error(self, message: str, place: KeyPath, *, hint: str = "") -> PlaybookError:
        """Return an error that names this file, the line and the key."""
        return PlaybookError(
            message, file=self.file, line=self.line(place), key=".".join(self._names(place)), hint=hint
        )

    def _names(self, place: KeyPath) -> Iterator[str]:
        """Yield the parts of `place` as people name them: an item of a list by what it is an entry for, if anything."""
        value = self.value
        for part in place:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                value = None
            named = (
                value[key] for key in _NAMING if isinstance(part, int) and isinstance(value, dict) and key in value
            )
            yield str(next(named, part))


def read_yaml(path: Path) -> LocatedYaml:
    """Read one document. Raises `PlaybookError` with file and line for anything that is not plain YAML."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PlaybookError(f"cannot be read: {error.strerror}.", file=str(path), line=1) from error
    return parse_yaml(data, file=str(path))


def parse_yaml(data: bytes, *, file: str) -> LocatedYaml:
    """Parse one document from bytes (at most 256 KiB, UTF-8)."""
    if len(data) > MAX_BYTES:
        raise PlaybookError(f"is {len(data)} bytes; at most {MAX_BYTES} are read.", file=file, line=1)
    try:
        text = data.decode("utf-8")
        _check_depth(text, file)
        node = yaml.compose(text, Loader=_LOADER)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise PlaybookError("is not UTF-8 text.", file=file, line=line) from error
    except yaml.reader.ReaderError as error:
        line = data[: max(error.position, 0)].count(b"\n") + 1
        raise PlaybookError("holds a character that no text holds.", file=file, line=line) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 1
        raise PlaybookError(f"is not YAML: {error.problem}.", file=file, line=line) from error
    except yaml.YAMLError as error:
        raise PlaybookError(f"is not YAML: {error}.", file=file, line=1) from error
    lines: dict[KeyPath, int] = {}
    value = None if node is None else _Builder(file=file, lines=lines).build(node, ())
    return LocatedYaml(file=file, value=value, lines=lines)


def _check_depth(text: str, file: str) -> None:
    """Raise `PlaybookError` for lists and mappings in one another that no person writes: each costs the reader's stack.

    The parser's events are only looked through where a text may be so deep.
    """
    deep = max((len(line) - len(line.lstrip(" -?")) for line in text.splitlines()), default=0)
    if deep + text.count("[") + text.count("{") <= DEEPEST:
        return
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise PlaybookError(f"is nested more than {DEEPEST} deep.", file=file, line=line)


@dataclass(slots=True, kw_only=True)
class _Builder:
    """Makes the values of one document."""

    file: str
    lines: dict[KeyPath, int]
    seen: set[int] = field(default_factory=set)
    """Mappings and lists: one that comes twice is an alias."""
    scalars: yaml.constructor.SafeConstructor = field(default_factory=yaml.constructor.SafeConstructor)

    def build(self, node: yaml.Node, place: KeyPath) -> object:
        line = node.start_mark.line + 1
        self.lines.setdefault(place, line)
        if id(node) in self.seen:
            raise PlaybookError("uses a YAML alias; write the value out.", file=self.file, line=line)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, line)
        self.seen.add(id(node))
        if node.tag not in _PLAIN_TAGS:
            raise PlaybookError(f"has the tag {node.tag}; plain YAML alone is read.", file=self.file, line=line)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*place, index)) for index, item in enumerate(node.value)]
        result: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            key_line = key_node.start_mark.line + 1
            if key in result:
                raise PlaybookError("is there twice.", file=self.file, line=key_line, key=key)
            self.lines[*place, key] = key_line
            result[key] = self.build(value_node, (*place, key))
        return result

    def _scalar(self, node: yaml.ScalarNode, line: int) -> object:
        try:
            return self.scalars.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            raise PlaybookError(
                f"has a value that is no plain YAML: {node.value!r}.", file=self.file, line=line
            ) from error


def validate(document: LocatedYaml, model: type[M]) -> M:
    """Return the document as `model`; the first thing wrong is raised with its line and a hint."""
    if not isinstance(document.value, dict):
        raise document.error("is empty." if document.value is None else "holds no keys with values.", ())
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        raise first_error(document, error, model) from error


def first_error(
    document: LocatedYaml, error: ValidationError, model: type[BaseModel], *, at: KeyPath = ()
) -> PlaybookError:
    """Return what pydantic found first, located in the document below `at`."""
    details = error.errors()
    # A key that is no known one says more than the key it was meant to be, which is then missing.
    detail = next((found for found in details if found["type"] == "extra_forbidden"), details[0])
    place = (*at, *(part for part in detail["loc"] if part != "__root__"))
    if detail["type"] == "extra_forbidden":
        valid = _field_names(model, detail["loc"][:-1])
        return document.error("is no known key.", place, hint=nearest(str(place[-1]), valid, "key"))
    if detail["type"] == "missing":
        return document.error("is missing.", place)
    message = detail["msg"].removeprefix("Value error, ")
    return document.error(f"{message} (got {detail['input']!r}).", place)


def _field_names(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Return the field names of the model that stands at `loc`, as far as the annotations tell."""
    current: type[BaseModel] = model
    for part in loc:
        if not isinstance(part, str) or part not in current.model_fields:
            continue
        inner = _inner_model(current.model_fields[part].annotation)
        if inner is not None:
            current = inner
    return [field.alias or name for name, field in current.model_fields.items()]


def _inner_model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _inner_model(argument)
        if found is not None:
            return found
    return None
