from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from bot.errors import NotEditable
from bot.kubernetes.addon_configuration import parsed
from bot.kubernetes.addon_members import member, with_member

LEAVES = some.none() | some.booleans() | some.integers(-9, 9) | some.text("ab: #-'\n", max_size=5)
JSON = some.recursive(
    LEAVES,
    lambda inner: some.lists(inner, max_size=2) | some.dictionaries(some.sampled_from("abc"), inner, max_size=2),
    max_leaves=5,
)
CONFIGURATIONS = some.dictionaries(some.sampled_from(["replicaCount", "affinity", "corefile"]), JSON, max_size=3)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("", '{"affinity":{"a":1}}', id="nothing"),
        pytest.param("{}", '{"affinity":{"a": 1}}', id="empty-json"),
        pytest.param('{"b": 2}', '{"affinity":{"a": 1},"b": 2}', id="json"),
        pytest.param('{ "affinity": {},\n "b": 2 }', '{ "affinity": {"a": 1},\n "b": 2 }', id="json-with-it"),
        pytest.param("# ours\nb: 2  # two\n", '# ours\naffinity: {"a": 1}\nb: 2  # two\n', id="yaml"),
        pytest.param("affinity:\n  x: 1\n# b\nb: 2\n", 'affinity: {"a": 1}\n# b\nb: 2\n', id="yaml-with-it"),
        pytest.param("affinity:\n- x\n", 'affinity: {"a": 1}\n', id="yaml-at-the-end"),
        pytest.param("affinity:\nb: 2\n", 'affinity: {"a": 1}\nb: 2\n', id="yaml-empty"),
        pytest.param("affinity: {}\n", 'affinity: {"a": 1}\n', id="yaml-flow"),
    ],
)
def test_only_the_member_is_changed(before: str, after: str) -> None:
    """Comments, order and every other character stay."""
    assert with_member(before, "affinity", {"a": 1}) == after


@given(CONFIGURATIONS, JSON, some.sampled_from(["affinity", "autoScaling"]), some.booleans())
def test_nothing_else_is_said(configuration: dict[str, Any], value: Any, name: str, as_json: bool) -> None:  # noqa: FBT001
    """Whatever stands there, and whatever is set, in either language."""
    text = json.dumps(configuration) if as_json else yaml.safe_dump(configuration)

    edited = with_member(text, name, value)

    assert parsed(edited) == {**configuration, name: value}
    assert member(edited, name) == value


@pytest.mark.parametrize("text", ["- a list", "a: [", "a: &x 1\nb: {<<: *x}\n"])
def test_what_is_no_mapping_is_not_edited(text: str) -> None:
    """It is said, and nothing is sent."""
    with pytest.raises(NotEditable):
        with_member(text, "affinity", {})
