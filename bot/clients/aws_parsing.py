"""Reads EC2's answers: botocore's parser at a fraction of its work, with the same values.

botocore asks each XML element for every member that its shape may have, hundreds of times for an interface's few;
here each element is asked for what it holds. What comes out is an `Answer` already, in which equal texts are one
object. Whatever the short way does not cover (flattened lists, attributes, repeated elements) goes botocore's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias, cast

from botocore.parsers import EC2QueryParser, ResponseParserFactory
from botocore.utils import parse_timestamp

from bot.clients.answers import Answer, answer_class, as_answer, one_at_a_time

_Read: TypeAlias = Callable[[Any, "_Page"], Any]
"""Gives the value of an element."""


class _Page:
    """One answer while it is read."""

    def __init__(self, source: str, fall_back: Callable[[Any, Any], Any]) -> None:
        self.kind = answer_class(source)
        self.fall_back = fall_back
        self.texts: dict[str, str] = {}


def moment(value: object) -> datetime:
    """Return a time as botocore does, without its search for the format where it is AWS's usual one."""
    if isinstance(value, str) and value.endswith("Z") and value[4:5] == "-":
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    found: datetime = parse_timestamp(value)
    return found


class _Ec2Parser(EC2QueryParser):  # type: ignore[misc]  # botocore has no types
    def __init__(self, **defaults: object) -> None:
        super().__init__(**defaults)
        self._structures: dict[str, _Structure] = {}

    def _parse_body_as_xml(self, response: Mapping[str, Any], shape: Any, inject_metadata: bool = True) -> Any:  # noqa: ANN401, FBT001, FBT002  # botocore's signature
        if shape is None or not inject_metadata:
            return super()._parse_body_as_xml(response, shape, inject_metadata)
        source = f"ec2:{shape.name.removesuffix('Result')}"
        with one_at_a_time:
            root = self._parse_xml_string_to_dom(response["body"])
            parsed = self._structure(shape)(root, _Page(source, super()._parse_shape))
            self._inject_response_metadata(root, parsed)
        return parsed

    def _structure(self, shape: Any) -> _Structure:  # noqa: ANN401  # botocore has no types
        """Return what reads a structure; one for each shape, since shapes may hold themselves."""
        found = self._structures.get(shape.name)
        if found is None:
            found = self._structures[shape.name] = _Structure(shape, self)
        return found

    def reader(self, shape: Any) -> _Read:  # noqa: ANN401  # botocore has no types
        """Return what reads an element of this shape."""
        if shape.type_name == "structure":
            return self._structure(shape)
        if shape.type_name == "list":
            read = self.reader(shape.member)
            return lambda element, page: [read(item, page) for item in element]
        return _SCALARS.get(shape.type_name) or (lambda element, page: page.fall_back(shape, element))


class _Structure:
    """Reads elements of one structure."""

    def __init__(self, shape: Any, parser: _Ec2Parser) -> None:  # noqa: ANN401  # botocore has no types
        self._shape, self._parser = shape, parser
        self._readers: dict[str, tuple[str, _Read] | None] = {}
        """By the element's name with its namespace, as they come."""

    def __call__(self, element: Iterable[Any], page: _Page) -> Answer:
        found = page.kind()
        for child in element:
            tag = child.tag
            known = self._readers.get(tag, _UNSEEN)
            if known is _UNSEEN:
                known = self._readers[tag] = self._member(tag.rpartition("}")[2])
            if known is None:
                continue
            name, read = known
            if name in found:
                return cast("Answer", as_answer(page.fall_back(self._shape, element), page.kind.source))
            found[name] = read(child, page)
        return found

    def _member(self, tag: str) -> tuple[str, _Read] | None:
        """Return the member that this element is, and what reads it; None where the model knows of none."""
        for name, shape in self._shape.members.items():
            if self._parser._member_key_name(shape, name) == tag:  # noqa: SLF001  # botocore's own, and so is its subclass
                return name, self._parser.reader(shape)
        return None


_UNSEEN: Any = object()


def _text(element: Any, page: _Page) -> str:  # noqa: ANN401  # ElementTree's C class
    text = element.text or ""
    return page.texts.setdefault(text, text)


_SCALARS: Mapping[str, _Read] = {
    "string": _text,
    "boolean": lambda element, _page: element.text == "true",
    "integer": lambda element, _page: int(element.text or ""),
    "long": lambda element, _page: int(element.text or ""),
    "timestamp": lambda element, _page: moment(element.text or ""),
}


class LeanParsers(ResponseParserFactory):  # type: ignore[misc]  # botocore has no types
    """Hands botocore its parsers; EC2's is ours. One for all requests: it learns its shapes once."""

    def __init__(self) -> None:
        super().__init__()
        self.set_parser_defaults(timestamp_parser=moment)
        self._ec2 = _Ec2Parser(**self._defaults)

    def create_parser(self, protocol_name: str) -> Any:  # noqa: ANN401  # botocore has no types
        """Return the parser of a protocol."""
        return self._ec2 if protocol_name == "ec2" else super().create_parser(protocol_name)
