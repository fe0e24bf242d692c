from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dns.corefile import parse_corefile

EKS = """.:53 {
    errors
    health {
        lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
    }
    prometheus :9153
    forward . /etc/resolv.conf   # the VPC resolver
    cache 30
    loop
    reload
    loadbalance
}
corp.example:53 {
    errors
    forward . 10.64.0.2 10.64.0.3
}
"""


def test_an_eks_corefile_is_taken_apart() -> None:
    """Blocks, zones, plugins, arguments, options and lines come out as they are written."""
    parsed = parse_corefile(EKS)

    assert (parsed.problem, parsed.problem_line) == ("", 0)
    root, corp = parsed.blocks
    assert root.zones == (".:53",)
    assert root.serves_root
    assert [plugin.name for plugin in root.plugins] == [
        "errors",
        "health",
        "ready",
        "kubernetes",
        "prometheus",
        "forward",
        "cache",
        "loop",
        "reload",
        "loadbalance",
    ]
    kubernetes = root.plugin("kubernetes")
    assert kubernetes is not None
    assert kubernetes.arguments == ("cluster.local", "in-addr.arpa", "ip6.arpa")
    assert kubernetes.options == ("pods insecure", "fallthrough in-addr.arpa ip6.arpa")
    assert kubernetes.line == 7
    assert root.forward_targets == ("/etc/resolv.conf",)
    assert (corp.zones, corp.serves_root, corp.line) == (("corp.example:53",), False, 18)
    assert corp.forward_targets == ("10.64.0.2", "10.64.0.3")


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        pytest.param(".:53 {\n errors\n", "this block is never closed", 1, id="block left open"),
        pytest.param(".:53 {\n kubernetes a {\n pods\n}\n", "this block is never closed", 1, id="outer left open"),
        pytest.param(".:53 {\n errors\n}\n}\n", "a closing brace without an opening one", 4, id="one too many"),
        pytest.param('.:53 {\n hosts "a\n}\n', "this quote is never closed", 2, id="quote left open"),
    ],
)
def test_an_unbalanced_corefile_is_placed(text: str, problem: str, line: int) -> None:
    """The problem names the line where the block, brace or quote stands."""
    parsed = parse_corefile(text)

    assert (parsed.problem, parsed.problem_line) == (problem, line)


@pytest.mark.parametrize(
    ("text", "zones"),
    [
        pytest.param("a.example, b.example {\n whoami\n}\n", [("a.example", "b.example")], id="list of zones"),
        pytest.param("a.example,\nb.example {\n whoami\n}\n", [("a.example", "b.example")], id="list over two lines"),
        pytest.param(".:53\nforward . 1.1.1.1\ncache\n", [(".:53",)], id="one server without braces"),
        pytest.param("(snip) {\n errors\n}\n. {\n import snip\n}\n", [(".",)], id="a snippet is no server"),
        pytest.param("# nothing\n\n", [], id="only a comment"),
        pytest.param(". {\n}\na. {\n}\n", [(".",), ("a.",)], id="empty blocks"),
    ],
)
def test_the_forms_of_server_blocks(text: str, zones: list[tuple[str, ...]]) -> None:
    """Zone lists, the short form, snippets and empty blocks are told apart."""
    parsed = parse_corefile(text)

    assert [block.zones for block in parsed.blocks] == zones
    assert parsed.problem == ""


def test_braces_inside_words_and_quotes_do_not_count() -> None:
    """A template's braces and a quoted text over two lines leave the structure alone."""
    parsed = parse_corefile('. {\n template IN A {\n  answer "{{ .Name }} 60\n IN A 1.2.3.4"\n }\n log {$FORMAT}\n}\n')

    assert parsed.problem == ""
    assert [plugin.name for plugin in parsed.blocks[0].plugins] == ["template", "log"]
    assert parsed.blocks[0].plugins[1].line == 6


@given(st.text(alphabet=st.sampled_from('{}"#\\,. \n\tab:5'), max_size=200))
def test_no_corefile_raises(text: str) -> None:
    """Any text gives a structure, whose lines lie within the text."""
    parsed = parse_corefile(text)

    lines = text.count("\n") + 1
    assert 0 <= parsed.problem_line <= lines
    assert all(1 <= plugin.line <= lines for block in parsed.blocks for plugin in block.plugins)


@given(st.text(max_size=400))
def test_no_text_raises(text: str) -> None:
    """Any Unicode text gives a structure."""
    parse_corefile(text)


@given(st.lists(st.sampled_from(["errors", "ready", "cache 30", "forward . 10.0.0.2"]), max_size=6))
def test_balanced_blocks_have_no_problem(plugins: list[str]) -> None:
    """Plugins written into a block come back in their order, without a problem."""
    parsed = parse_corefile(".:53 {\n" + "".join(f"  {plugin}\n" for plugin in plugins) + "}\n")

    assert parsed.problem == ""
    assert [plugin.name for plugin in parsed.blocks[0].plugins] == [plugin.split()[0] for plugin in plugins]
