from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.dns.corefile.parsing import parse_corefile
from bot.dns.corefile.tree import root_block

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

    assert (parsed.refusal, parsed.unknown) == (None, ())
    root, corp = parsed.blocks
    assert root.keys == (".:53",)
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
    assert [option.words for option in kubernetes.options] == [
        ("pods", "insecure"),
        ("fallthrough", "in-addr.arpa", "ip6.arpa"),
    ]
    assert kubernetes.line == 7
    assert [one.arguments for one in root.plugins if one.name == "forward"] == [(".", "/etc/resolv.conf")]
    assert (corp.keys, corp.serves_root, corp.line) == (("corp.example:53",), False, 18)
    assert [one.arguments for one in corp.plugins if one.name == "forward"] == [(".", "10.64.0.2", "10.64.0.3")]


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        pytest.param(".:53 {\n errors\n", "this block is never closed", 1, id="block left open"),
        pytest.param(".:53 {\n kubernetes a {\n pods\n", "this block is never closed", 2, id="inner left open"),
        pytest.param('.:53 {\n hosts "a\n}\n', "this block is never closed", 1, id="quote left open"),
        pytest.param(
            ".:53 { errors }\n", "Unexpected '}' because no matching opening brace", 1, id="brace behind a plugin"
        ),
        pytest.param("a.example,\n", "Unexpected EOF", 1, id="a comma and nothing behind it"),
        pytest.param("a.example, {\n}\n", "Expected another address but had '{'", 1, id="a comma before the brace"),
        pytest.param("(a) {\n log\n}\n(a) {\n}\n", "redeclaration of previously declared snippet a", 4, id="twice"),
        pytest.param("(a) {\n log\n", "this snippet is never closed", 1, id="snippet left open"),
        pytest.param("(a) {\n import a\n}\n", "a snippet that imports itself", 2, id="a snippet in itself"),
        pytest.param(". {\n import\n}\n", "Wrong argument count", 2, id="import of nothing"),
        pytest.param(". {\n import a b\n}\n", "Import takes only one argument", 2, id="import of two"),
        pytest.param(". {\n import */*\n}\n", "Glob pattern may only contain one wildcard", 2, id="two wildcards"),
    ],
)
def test_what_the_grammar_refuses_is_placed(text: str, message: str, line: int) -> None:
    """The refusal names the line where the block, brace or word stands."""
    refusal = parse_corefile(text).refusal

    assert refusal is not None
    assert refusal.message.startswith(message)
    assert (refusal.line, refusal.file, refusal.plugin) == (line, "/etc/coredns/Corefile", "")


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        pytest.param("a.example, b.example {\n whoami\n}\n", [("a.example", "b.example")], id="list of zones"),
        pytest.param("a.example,\nb.example {\n whoami\n}\n", [("a.example", "b.example")], id="list over two lines"),
        pytest.param(".:53\nforward . 1.1.1.1\ncache\n", [(".:53",)], id="one server without braces"),
        pytest.param("(snip) {\n errors\n}\n. {\n import snip\n}\n", [(".",)], id="a snippet is no server"),
        pytest.param("# nothing\n\n", [], id="only a comment"),
        pytest.param(". {\n}\na. {\n}\n", [(".",), ("a.",)], id="empty blocks"),
        pytest.param(". {\n errors\n} a. {\n errors\n}\n", [(".",), ("a.",)], id="the next block on the same line"),
        pytest.param(". {\n errors\n}\nimport a/*.server\n", [(".",)], id="an import is no server"),
        pytest.param(". {\n errors\n}\n}\n", [(".",), ("}",)], id="a brace too many is a zone of that name"),
        pytest.param(".:53", [(".:53",)], id="keys alone"),
        pytest.param(". {\n kubernetes a {\n pods\n}\n", [(".",)], id="an inner brace at the very end closes both"),
        pytest.param("\ufeff. {\r\n errors\r\n}\r\n", [(".",)], id="byte order mark and carriage returns"),
    ],
)
def test_the_forms_of_server_blocks(text: str, keys: list[tuple[str, ...]]) -> None:
    """Zone lists, the short form, snippets and empty blocks are told apart."""
    parsed = parse_corefile(text)

    assert [block.keys for block in parsed.blocks] == keys
    assert parsed.refusal is None


@pytest.mark.parametrize(
    ("key", "addresses"),
    [
        (".", [(".", 53, "dns")]),
        (":53", [(".", 53, "dns")]),
        (".:1053", [(".", 1053, "dns")]),
        ("dns://Corp.Example.:5353", [("corp.example.", 5353, "dns")]),
        ("tls://.", [(".", 853, "tls")]),
        ("https://.:8443", [(".", 8443, "https")]),
        ("grpc://corp.example", [("corp.example.", 443, "grpc")]),
        ("10.0.0.0/16", [("0.10.in-addr.arpa.", 53, "dns")]),
        ("10.0.0.0/15:54", [("0.10.in-addr.arpa.", 54, "dns"), ("1.10.in-addr.arpa.", 54, "dns")]),
        ("fd00::/16", [("0.0.d.f.ip6.arpa.", 53, "dns")]),
        ("{$ZONE}:53", []),
        ("corp..example", []),
    ],
)
def test_a_key_names_zones_port_and_transport(key: str, addresses: list[tuple[str, int, str]]) -> None:
    """A network becomes its reverse zones, one for each label boundary; a variable names nothing that is known."""
    (block,) = parse_corefile(f"{key} {{\n whoami\n}}\n").blocks

    assert [(one.zone, one.port, one.transport) for one in block.addresses] == addresses


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("tls://.:853 {\n log\n}\n. {\n errors\n}\n", 4, id="tls first"),
        pytest.param(".:5300 {\n log\n}\n.:53 {\n errors\n}\n", 4, id="another port first"),
        pytest.param(":53 {\n errors\n}\n", 1, id="zone omitted"),
        pytest.param("corp.example {\n log\n}\ndns://., corp.test {\n errors\n}\n", 4, id="one of several keys"),
        pytest.param(".:1053 {\n errors\n}\n", 1, id="only on another port"),
        pytest.param("tls://. {\n errors\n}\n", 0, id="none"),
    ],
)
def test_the_root_block_is_what_plain_queries_reach(text: str, line: int) -> None:
    """Not another transport's, nor another port's where port 53 is served."""
    root = root_block(parse_corefile(text).blocks)

    assert (root.line if root else 0) == line


@pytest.mark.parametrize(
    ("text", "plugins"),
    [
        pytest.param(
            '. {\n template IN A {\n  answer "{{ .Name }} 60\n IN A 1.2.3.4"\n }\n log {$FORMAT}\n}\n',
            [("template", 2), ("log", 6)],
            id="braces inside words, a text over two lines",
        ),
        pytest.param(
            ". {\n cache {\n  success 10 }\n errors\n}\n", [("cache", 2), ("errors", 4)], id="brace behind an option"
        ),
        pytest.param(
            ". {\n health { lameduck 5s }\n errors\n}\n", [("health", 2), ("errors", 3)], id="a block on one line"
        ),
        pytest.param(
            ". {\n errors {\n\n }\n log # ready\n}\n", [("errors", 2), ("log", 5)], id="an empty block, a comment"
        ),
        pytest.param(". {\n cache 30#comment errors\n}\n", [("cache", 2)], id="a comment inside a word"),
        pytest.param('. {\n log "a \\"b\\" {"\n errors\n}\n', [("log", 2), ("errors", 3)], id="escaped quotes"),
    ],
)
def test_plugins_are_found_by_words(text: str, plugins: list[tuple[str, int]]) -> None:
    """Lines begin plugins, braces end blocks, wherever they stand."""
    parsed = parse_corefile(text)

    assert [(plugin.name, plugin.line) for plugin in parsed.blocks[0].plugins] == plugins


def test_words_keep_what_quotes_hold() -> None:
    """Only a quote is escaped; a comment inside a word ends with the word."""
    (block,) = parse_corefile('. {\n a "b \\"c\\" \\d" ""e f#g h {}\n}\n').blocks

    assert block.plugins[0].arguments == ('b "c" \\d', "", "e", "f", "h", "{}")


SPLIT = """(common) {
  errors
  log
}
import zones/*.server
. {
  import common
  import override/*.override
  ready
}
"""


def test_imports_stand_in_the_place_of_their_words() -> None:
    """A snippet, files by a pattern, a file's own block: each plugin knows its file and line."""
    folders = {
        "/etc/coredns/zones": {"b.server": "b.example {\n import ../inner.conf\n}\n", "a.server": "a.example {\n}\n"},
        "/etc/coredns/override": {"one.override": "\ncache 30", "two.txt": "loop"},
        "/etc/coredns": {"inner.conf": "whoami\n", "Corefile": SPLIT},
    }

    parsed = parse_corefile(SPLIT, folders=folders)

    assert (parsed.refusal, parsed.unknown, parsed.snippets) == (None, (), ("common",))
    assert [(block.keys, block.file) for block in parsed.blocks] == [
        (("a.example",), "/etc/coredns/zones/a.server"),
        (("b.example",), "/etc/coredns/zones/b.server"),
        ((".",), "/etc/coredns/Corefile"),
    ]
    assert [(plugin.name, plugin.file) for plugin in parsed.blocks[1].plugins] == [
        ("whoami", "/etc/coredns/inner.conf")
    ]
    assert [(plugin.name, plugin.line) for plugin in parsed.blocks[2].plugins] == [
        ("errors", 2),
        ("log", 3),
        ("cache", 2),
        ("ready", 9),
    ]


@pytest.mark.parametrize(
    ("imported", "folders", "has"),
    [
        pytest.param("override/*.override", {}, None, id="folder not read"),
        pytest.param("override/*.override", {"/etc/coredns/override": {}}, False, id="folder read and empty"),
        pytest.param("more", {"/etc/coredns": {"more": "errors"}}, True, id="file read"),
        pytest.param("{$FILE}", {"/etc/coredns": {"more": "errors"}}, None, id="variable"),
    ],
)
def test_what_was_not_read_is_counted(imported: str, folders: dict[str, dict[str, str]], has: object) -> None:
    """A plugin that an unread file may hold is neither there nor missing."""
    parsed = parse_corefile(f".:53 {{\n import {imported}\n ready\n}}\n", folders=folders)

    assert parsed.refusal is None
    assert (parsed.blocks[0].has("errors"), parsed.blocks[0].has("ready")) == (has, True)
    assert len(parsed.unknown) == (has is None)
    assert [one.line for one in parsed.unknown] == [2] * (has is None)


def test_a_file_that_is_not_there_is_refused() -> None:
    """A pattern may match nothing, a name may not."""
    refusal = parse_corefile(". {\n import more\n}\n", folders={"/etc/coredns": {"Corefile": ""}}).refusal

    assert refusal is not None
    assert (refusal.message, refusal.line) == ("File to import not found: more", 2)


def test_files_that_import_one_another_end() -> None:
    """CoreDNS gives up after so many; so does the reader, in bounded time and space."""
    deep = parse_corefile(". {\n import more\n}\n", folders={"/etc/coredns": {"more": "import more\n"}})
    assert deep.refusal is not None
    wide = "a b c d e f g h\n" * 300 + "import more\n" * 2
    parsed = parse_corefile(". {\n import more\n}\n", folders={"/etc/coredns": {"more": wide}})
    assert parsed.unknown[0].reason.startswith("its imports make more than")


@given(st.text(alphabet=st.sampled_from('{}"#\\,. \n\tab:5'), max_size=200))
@example("5\n5# 5")
def test_no_corefile_raises(text: str) -> None:
    """Any text gives a structure, whose lines lie within the text."""
    parsed = parse_corefile(text)

    lines = text.count("\n") + 1
    assert parsed.refusal is None or 0 <= parsed.refusal.line <= lines
    for block in parsed.blocks:
        for plugin in block.plugins:
            assert 1 <= plugin.line <= lines
            word = text[plugin.begin : plugin.end].split(maxsplit=1)[0].partition("#")[0]  # caddy's words end there
            assert plugin.name in ("", word.strip('"')) or '"' in text


@given(st.text(max_size=400))
def test_no_text_raises(text: str) -> None:
    """Any Unicode text gives a structure."""
    parse_corefile(text)


_PLUGINS = st.lists(st.sampled_from(["errors", "ready", "cache 30", "forward . 10.0.0.2 {\n}", "log"]), max_size=6)


@given(_PLUGINS)
def test_plugins_come_back_in_their_order(plugins: list[str]) -> None:
    """What is written into a block is found there."""
    parsed = parse_corefile(".:53 {\n" + "".join(f"  {plugin}\n" for plugin in plugins) + "}\n")

    assert parsed.refusal is None
    assert [plugin.name for plugin in parsed.blocks[0].plugins] == [plugin.split()[0] for plugin in plugins]


_CLUTTER = st.sampled_from(["", "\n", "  # log\n", "\t\r\n", "# }\n", " # \u00e9 {\n"])


@given(_PLUGINS, st.lists(_CLUTTER, min_size=8, max_size=8), st.sampled_from([".:53 {", ".:53, a.example {", ".:53"]))
def test_what_is_spliced_in_is_spliced_out_again(plugins: list[str], clutter: list[str], head: str) -> None:
    """A plugin put behind the opening of the root block is its first; taking its place out gives the same text."""
    close = "}\n" if head.endswith("{") else ""
    body = "".join(f"{noise}  {plugin}\n" for noise, plugin in zip(clutter, plugins, strict=False))
    text = f"{clutter[6]}{head} # keep\n{body}{clutter[7]}{close}" if close or plugins else f"{head}\n"
    root = root_block(parse_corefile(text).blocks)
    assert root is not None
    line = "\n    nsid dns"

    edited = text[: root.opens_at] + line + text[root.opens_at :]

    changed = root_block(parse_corefile(edited).blocks)
    assert changed is not None
    assert [plugin.name for plugin in changed.plugins] == ["nsid", *(plugin.name for plugin in root.plugins)]
    added = changed.plugins[0]
    assert edited[added.begin : added.end] == "nsid dns"
    assert edited[: changed.opens_at] + edited[added.end :] == text
