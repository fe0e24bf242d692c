from __future__ import annotations

import pytest

from bot.sandbox.kubernetes.corefile import CorefileError, parse

HEAD = ".:53 {\n    errors\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            HEAD + "    proxy . 1.1.1.1\n}\n",
            "/etc/coredns/Corefile:3 - Error during parsing: Unknown directive 'proxy'",
        ),
        (HEAD + "    .\n}\n", "/etc/coredns/Corefile:3 - Error during parsing: Unknown directive '.'"),
        (
            HEAD + "    kubernetes cluster.local {\n       upstream\n    }\n}\n",
            "plugin/kubernetes: /etc/coredns/Corefile:4 - Error during parsing: unknown property 'upstream'",
        ),
        (HEAD + "    cache 30\n", "/etc/coredns/Corefile:1 - Error during parsing: Unexpected EOF"),
    ],
    ids=["directive", "dot", "property", "open"],
)
def test_a_bad_corefile_gives_the_line_that_coredns_prints(text: str, line: str) -> None:
    """The wording is that of real incidents."""
    with pytest.raises(CorefileError) as caught:
        parse(text)
    assert str(caught.value) == line


def test_blocks_zones_and_nested_properties_are_read() -> None:
    """Comments are skipped, the best zone wins."""
    corp_block = "# head\ncorp.example:53 {\n    forward . 10.1.1.1\n}\n"
    text = corp_block + ".:53 {\n    log # all\n    health {\n        lameduck 5s\n    }\n}\n"
    corp, root = parse(text)
    assert (corp.serves("a.corp.example."), root.serves("a.corp.example."), corp.serves("b.example.")) == (2, 0, -1)
    assert [directive.name for directive in root.directives] == ["log", "health"]
