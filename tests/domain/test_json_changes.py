from __future__ import annotations

import pytest

from bot.domain.json_changes import changes
from bot.domain.json_values import JsonValue

DNS = {"protocol": "udp", "from_port": 53, "to_port": 53}
WEB = {"protocol": "tcp", "from_port": 443, "to_port": 443}


@pytest.mark.parametrize(
    ("before", "now", "lines"),
    [
        ({"rules": [WEB]}, {"rules": [WEB, DNS]}, ("rules: came: from_port 53, protocol udp, to_port 53",)),
        ({"rules": [WEB, DNS]}, {"rules": [DNS]}, ("rules: is gone: from_port 443, protocol tcp, to_port 443",)),
        ({"rules": [WEB, DNS]}, {"rules": [DNS, WEB]}, ("rules: the same in another order",)),
        ({"replicas": 2}, {"replicas": 3}, ("replicas was 2, and is 3",)),
        ({"a": {"b": ""}}, {"a": {"c": None}}, ("a.b is gone; it was empty", "a.c came: null")),
        ("x", ["x"], ("it was x, and is [x]",)),
        ({"a": 1}, {"a": 1}, ()),
    ],
)
def test_what_differs_is_said_place_by_place(before: JsonValue, now: JsonValue, lines: tuple[str, ...]) -> None:
    """Only what came, went or is something else is said, not both values whole."""
    assert changes(before, now) == lines


def test_many_differences_are_counted() -> None:
    """A dozen lines are read; nobody reads fifty."""
    said = changes({}, {str(number): number for number in range(50)})

    assert len(said) == 13
    assert said[-1] == "38 more differences"
    assert "more characters)" in changes("x" * 900, "y")[0]
