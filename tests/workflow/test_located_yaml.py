from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import PlaybookError
from bot.workflow.located_yaml import parse_yaml


def test_places_have_lines() -> None:
    """A key and a list item are found again by their line."""
    document = parse_yaml(b"a: 1\nb:\n  - c: 2\n  - d: 3\n", file="x.yaml")

    assert document.value == {"a": 1, "b": [{"c": 2}, {"d": 3}]}
    assert document.line(("b", 1, "d")) == 4
    assert document.line(("b", 1, "absent")) == 4


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        (b"a: 1\na: 2\n", 2, "twice"),
        (b"a: &x [1]\nb: *x\n", 1, "alias"),
        (b"a: [1\nb: 2\n", 2, "not YAML"),
        (b"a: !!python/object:os.system {}\n", 1, ""),
        (b"\xff\xfe", 1, "UTF-8"),
        (b"a: " + b"x" * 300_000, 1, "bytes"),
    ],
    ids=["duplicate key", "alias", "syntax", "tag", "encoding", "size"],
)
def test_what_is_not_plain_yaml_is_refused_with_its_line(text: bytes, line: int, word: str) -> None:
    """Duplicate keys, aliases, tags and oversize files are errors that name the line."""
    try:
        document = parse_yaml(text, file="x.yaml")
    except PlaybookError as error:
        assert error.line == line
        assert word in str(error)
        assert str(error).startswith(f"x.yaml:{line}: ")
    else:
        assert document.value == {"a": {}}, "a tag is read as plain data at most, never executed"


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_by_name(data: bytes) -> None:
    """No input raises anything but `PlaybookError`."""
    try:
        parse_yaml(data, file="x.yaml")
    except PlaybookError as error:
        assert error.line >= 1
