from __future__ import annotations

import pytest

from tests.foreign_text.fuzz import broken, lost
from tests.foreign_text.parsers import parsers
from tests.foreign_text.texts import texts

INPUTS = 50_000
PARSERS = sorted(parsers().items())


@pytest.mark.slow
def test_no_text_breaks_a_parser_and_no_error_is_counted_nowhere() -> None:
    """50,000 inputs, one text in one parser each, from a fixed seed; `make fuzz` feeds a million from another."""
    said = [what for text in texts(11, INPUTS // len(PARSERS) + 1) for what in broken(text, PARSERS)]

    assert said == []


def test_the_parsers_are_found_by_walking() -> None:
    """Both logs, the Corefile, the query tools' neighbours: nobody lists them."""
    names = {name.rpartition(".")[2] for name, _ in PARSERS}

    assert {"coredns_line", "kube_proxy_line", "api_failure", "klog_line", "timed_lines", "redact"} <= names


def test_what_breaks_is_told() -> None:
    """A parser that raises what it does not promise, named with the text."""

    def careless(text: str) -> object:
        return dict[str, str]()[text]

    assert broken("x", [("careless", careless)]) == ["careless: KeyError on 'x'"]
    assert lost("[ERROR] words") == []
