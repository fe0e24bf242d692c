from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from bot.errors import NotEditable
from bot.kubernetes.addon_configuration import parsed, refusals, variable, with_variable

MODE = "POD_SECURITY_GROUP_ENFORCING_MODE"
SCHEMA = json.dumps(
    {
        "$schema": "http://json-schema.org/draft-06/schema#",
        "$ref": "#/definitions/VpcCni",
        "definitions": {
            "VpcCni": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"env": {"$ref": "#/definitions/Env"}, "replicas": {"type": "integer"}},
            },
            "Env": {"type": "object", "additionalProperties": False, "properties": {MODE: {"type": "string"}}},
        },
    }
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("", f'{{"env":{{"{MODE}":"standard"}}}}', id="nothing"),
        pytest.param("{}", f'{{"env":{{"{MODE}": "standard"}}}}', id="empty-json"),
        pytest.param(
            '{"env":{"ENABLE_POD_ENI":"true"}}',
            f'{{"env":{{"{MODE}":"standard","ENABLE_POD_ENI":"true"}}}}',
            id="json",
        ),
        pytest.param(
            f'{{ "env": {{ "{MODE}": "strict" }},\n  "tolerations": [] }}',
            f'{{ "env": {{ "{MODE}": "standard" }},\n  "tolerations": [] }}',
            id="json-with-the-variable",
        ),
        pytest.param(
            '{\n\t"env": {\n\t\t"A": "b"\n\t}\n}',
            f'{{\n  "env": {{\n    "A": "b",\n    "{MODE}": "standard"\n  }}\n}}',
            id="json-with-tabs-is-formatted-anew",
        ),
        pytest.param(
            "# ours\nenv:\n  ENABLE_POD_ENI: 'true'  # since May\nresources: {}\n",
            f"# ours\nenv:\n  {MODE}: standard\n  ENABLE_POD_ENI: 'true'  # since May\nresources: {{}}\n",
            id="yaml",
        ),
        pytest.param(f"env:\n  {MODE}: 'strict'\n", f"env:\n  {MODE}: 'standard'\n", id="yaml-with-the-variable"),
        pytest.param("tolerations: []\n", f"env:\n  {MODE}: standard\ntolerations: []\n", id="yaml-without-variables"),
        pytest.param("env:\na: 1\n", f'env: {{"{MODE}": "standard"}}\na: 1\n', id="yaml-with-empty-variables"),
        pytest.param("env: {}\n", f'env: {{"{MODE}":"standard"}}\n', id="yaml-flow"),
    ],
)
def test_one_variable_is_set_and_nothing_else_changed(before: str, after: str) -> None:
    """What people wrote stays: order, comments, quotes, JSON or YAML."""
    edited = with_variable(before, MODE, "standard")

    assert json_alike(edited) == json_alike(after)
    assert variable(edited, MODE) == "standard"


def json_alike(text: str) -> str:
    """Return a text without the spaces that JSON may have behind a colon."""
    return text.replace('": ', '":')


WORDS = some.text(alphabet="abcXYZ_09 :#'\"-é", min_size=1, max_size=8)
CONFIGURATIONS = some.fixed_dictionaries(
    {},
    optional={
        "env": some.dictionaries(WORDS, WORDS, max_size=3),
        "tolerations": some.lists(WORDS, max_size=2),
        "nodeAgent": some.dictionaries(WORDS, some.booleans(), max_size=2),
    },
)


@given(CONFIGURATIONS, some.sampled_from(["json", "indented", "yaml", "flow"]))
def test_any_configuration_says_the_same_besides(configuration: dict[str, Any], form: str) -> None:
    """In JSON and in YAML, whatever else stands there."""
    text = {
        "json": lambda: json.dumps(configuration),
        "indented": lambda: json.dumps(configuration, indent=4),
        "yaml": lambda: yaml.safe_dump(configuration),
        "flow": lambda: yaml.safe_dump(configuration, default_flow_style=True),
    }[form]()

    edited = with_variable(text, MODE, "standard")

    assert parsed(edited) == {**configuration, "env": {**configuration.get("env", {}), MODE: "standard"}}


@pytest.mark.parametrize(
    "text", ["- a\n- b\n", "env: [1]\n", '{"env": "x"}', "{[", "a: b: c", "env: &e {A: b}\nc: *e\n"]
)
def test_what_leaves_no_place_for_it_is_refused(text: str) -> None:
    """A list, a text, what is no YAML, and variables that stand in two places are left to people."""
    with pytest.raises(NotEditable):
        with_variable(text, MODE, "standard")


def test_a_schema_names_what_it_refuses() -> None:
    """A variable that this version does not know, or a value of another type; what it takes is not named."""
    assert refusals(f'{{"env":{{"{MODE}":"standard"}}}}', SCHEMA) == ()
    assert refusals('{"env":{"OTHER":"x"},"replicas":"2"}', SCHEMA) == (
        "$.env: Additional properties are not allowed ('OTHER' was unexpected)",
        "$.replicas: '2' is not of type 'integer'",
    )


@pytest.mark.parametrize("schema", ["{", "[]", '{"type": 7}', '{"$ref": "https://example.com/schema.json"}'])
def test_a_schema_that_is_none_refuses_nothing_and_is_no_leave(schema: str) -> None:
    """It is said that it cannot be read; nothing is fetched from anywhere."""
    with pytest.raises(ValueError, match=r"schema|Expecting"):
        refusals("{}", schema)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_nothing_is_fetched_for_a_schema(tmp_path: Path) -> None:
    """What it refers to elsewhere stays unread, even where it could be read."""
    elsewhere = tmp_path / "schema.json"
    elsewhere.write_text('{"type": "object"}')

    with pytest.raises(ValueError, match="schema is not readable"):
        refusals("{}", json.dumps({"$ref": elsewhere.as_uri()}))
