from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dns.corefile.checking import GRAMMARS, check_reading
from bot.dns.corefile.parsing import parse_corefile
from bot.dns.corefile.reading import read_corefile
from bot.dns.corefile.tree import CorefileRefusal, root_block
from bot.dns.corefile.versions import Version, removal, version_of

CASES = Path(__file__).parents[1] / "cases" / "corefiles"
FILE = "/etc/coredns/Corefile"


def verdict(text: str, version: Version | None = None) -> tuple[str, CorefileRefusal | None]:
    """Return accepted, refused or open, and the refusal."""
    refusal, unknown = check_reading(read_corefile(text, file=FILE, folders={}), version)
    return ("refused" if refusal else "open" if unknown else "accepted"), refusal


def block(*plugins: str) -> str:
    """Return a Corefile of one server block."""
    return ".:53 {\n" + "".join(f" {plugin}\n" for plugin in plugins) + "}\n"


@pytest.mark.parametrize(
    ("case", "keys", "root_plugins", "targets", "said", "line"),
    [
        pytest.param(
            "kops-external-corefile",
            [("amazonaws.com:53",), (".:53",)],
            ["errors", "health", "log", "autopath", "kubernetes", "prometheus", "proxy", "cache"],
            ("169.254.169.253",),
            *("refused", 25),
            id="kops: two blocks, log with options, proxy",
        ),
        pytest.param(
            "camunda-multi-region",
            [(".:53",), ("camunda-paris.svc.cluster.local:53",)],
            [
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
            ],
            ("/etc/resolv.conf",),
            *("accepted", 0),
            id="Camunda: a stub domain inside svc.cluster.local",
        ),
        pytest.param(
            "several-forwards",
            [(".:53",)],
            ["errors", "health", "kubernetes", "rewrite", "forward", "forward"],
            ("192.168.1.1", "1.1.1.1", "[2606:4700:4700::1111]:53"),
            *("open", 0),
            id="a top-level import, several forwards, IPv6 with a port",
        ),
        pytest.param(
            "route53-before-the-root",
            [("example.com",), (".:53",)],
            ["errors", "ready", "kubernetes", "forward"],
            ("/etc/resolv.conf",),
            *("open", 0),
            id="a block without port before the root",
        ),
        pytest.param(
            "template-and-comments",
            [(".:53",)],
            ["errors", "template", "kubernetes", "forward", "cache", "loop"],
            ("/etc/resolv.conf",),
            *("accepted", 0),
            id="template, comments, cache with success and denial",
        ),
        pytest.param(
            "stub-domain-with-health-check",
            [(".:53",), ("consul.example:53",)],
            ["errors", "kubernetes", "forward"],
            ("/etc/resolv.conf",),
            *("accepted", 0),
            id="policy and health_check",
        ),
        pytest.param(
            "node-local-dns",
            [("__PILLAR__DNS__DOMAIN__:53",), (".:53",)],
            ["errors", "cache", "reload", "loop", "bind", "forward", "prometheus"],
            ("__PILLAR__UPSTREAM__SERVERS__",),
            *("refused", 9),
            id="placeholders, which node-cache replaces before CoreDNS reads them",
        ),
        pytest.param(
            "braces-at-another-indent",
            [("cluster.local:53",), (".:53",)],
            ["errors", "forward"],
            ("10.0.0.2",),
            *("accepted", 0),
            id="closing braces at another indent",
        ),
        pytest.param(
            "errors-over-two-lines",
            [(".:53",)],
            ["errors", "health", "kubernetes", "forward", "cache"],
            ("10.0.0.2",),
            *("accepted", 0),
            id="an empty block, except, a comment behind a brace",
        ),
        pytest.param(
            "zone-without-a-port",
            [(".:53",), ("consul",)],
            ["errors", "kubernetes", "forward"],
            ("/etc/resolv.conf",),
            *("accepted", 0),
            id="a brace followed by a space",
        ),
        pytest.param(
            "guide-to-the-corefile",
            [("tls://.:853",), ("a.example", "b.example:53"), (".:53",)],
            ["errors", "log", "cache", "forward"],
            ("10.0.0.2",),
            *("open", 0),
            id="snippet, variable, zones that share a block, another transport",
        ),
        pytest.param(
            "brace-behind-an-option",
            [(".:53",), ("a.example:53",)],
            ["errors", "forward"],
            ("10.0.0.2",),
            *("accepted", 0),
            id="a closing brace behind an option, the next block on the same line",
        ),
        pytest.param(
            "one-line-block", [(".:53",)], ["health", "errors"], (), "refused", 2, id="a block on one line: health"
        ),
        pytest.param(
            "brace-as-an-argument", [(".:53",)], ["cache"], (), "refused", 3, id="a brace that cache takes for a number"
        ),
        pytest.param(
            "zone-omitted", [(":53",)], ["errors", "forward"], ("10.0.0.2",), "refused", 1, id="a port without a zone"
        ),
    ],
)
def test_corefiles_of_the_field_are_read(
    case: str,
    keys: list[tuple[str, ...]],
    root_plugins: list[str],
    targets: tuple[str, ...],
    said: str,
    line: int,
) -> None:
    """Blocks, the root's plugins and servers; what CoreDNS 1.15 says to it, as far as the words tell."""
    text = (CASES / case).read_text()

    parsed = parse_corefile(text)
    found, refusal = verdict(text)

    assert [one.keys for one in parsed.blocks] == keys
    root = root_block(parsed.blocks)
    assert root is not None
    assert [plugin.name for plugin in root.plugins] == root_plugins
    forwards = [plugin for plugin in root.plugins if plugin.name in {"forward", "proxy"}]
    assert tuple(target for plugin in forwards for target in plugin.arguments[1:]) == targets
    assert (found, refusal.line if refusal else 0) == (said, line)


def test_every_corefile_of_the_field_is_looked_at() -> None:
    """No file stands there without a row above."""
    marks = test_corefiles_of_the_field_are_read.pytestmark  # type: ignore[attr-defined]  # pytest's own
    assert {row.values[0] for row in marks[0].args[1]} == {path.name for path in CASES.iterdir()}


@pytest.mark.parametrize(
    ("plugin", "message"),
    [
        ("proxy . 10.0.0.2", "Unknown directive 'proxy'"),
        (".", "Unknown directive '.'"),
        ("cache 0", "0 is out of range"),
        ("cache {\n  success 10 x\n }", "parsing 'x': invalid syntax"),
        ("cache 30\n cache 30", "this plugin can only be used once per Server Block"),
        ("kubernetes in-addr.example {\n  upstream\n }", "unknown property 'upstream'"),
        ("kubernetes 10.in-addr.arpa", "non-reverse zone name must be used"),
        ("kubernetes cluster.local {\n  pods yes\n }", "unknown value 'yes'"),
        ("kubernetes cluster.local {\n  ttl 3601\n }", "3601 is out of range"),
        ("forward .", "Wrong argument count or unexpected line ending after '.'"),
        ("forward . grpc://10.0.0.2", "'grpc' is not supported as a destination protocol in forward"),
        ("forward . 10.0.0.2 {\n  policy fastest\n }", "unknown value 'fastest'"),
        ("forward . 10.0.0.2 {\n  max_fails -1\n }", "parsing '-1': invalid syntax"),
        ("health 8080", "address 8080: missing port in address"),
        ("health {\n  lameduck 5\n }", "time: invalid duration '5'"),
        ("reload 1s", "duration 1s is out of range"),
        ("loadbalance least_conn", "unknown policy: least_conn"),
        ("log . {\n  class some\n }", "unknown value 'some'"),
        ("prometheus 0.0.0.0", "address 0.0.0.0: missing port in address"),
        ("template IN A {\n  match (\n }", "error parsing regexp"),
        ("hosts {\n  fallthrough\n  10.0.0.1 a.example\n }", "unknown property '10.0.0.1'"),
        ("loop 5s", "Wrong argument count or unexpected line ending after '5s'"),
        ("errors {\n  consolidate 5m\n }", "Wrong argument count or unexpected line ending after '5m'"),
    ],
)
def test_what_a_plugin_refuses_is_named(plugin: str, message: str) -> None:
    """By the word and the line, in CoreDNS's words where they tell it."""
    said, refusal = verdict(block("errors" if not plugin.startswith("errors") else "ready", plugin))

    assert refusal is not None
    assert refusal.message.startswith(message)
    assert (said, refusal.plugin) == ("refused", "" if "directive" in message else plugin.split(maxsplit=1)[0])
    assert refusal.line >= 3


@pytest.mark.parametrize(
    ("plugin", "reason", "by_words"),
    [
        ("k8s_gateway example.org", "whether this CoreDNS was built with the plugin k8s_gateway", False),
        ("route53 example.org.:Z1", "what plugin route53 takes", False),
        ("forward . dns.corp.example", "plugin forward: which addresses dns.corp.example stands for", False),
        ("cache {$TTL}", "plugin cache: {$TTL} of plugin cache is not known", False),
        ("bind eth0", "plugin bind: whether the pod has an interface eth0", False),
        ("file db.example", "plugin file: what the zone file holds", False),
        ("errors {\n  consolidate 5m ^a(?:b)+$\n }", "plugin errors: whether ^a(?:b)+$ is a pattern", True),
        ("import more", "`import more`: /etc/coredns/more was not read", False),
    ],
)
def test_what_the_words_do_not_tell_is_open(plugin: str, reason: str, *, by_words: bool) -> None:
    """Files, names, variables and other builds are counted, not guessed; a rare pattern CoreDNS itself would judge."""
    refusal, unknown = check_reading(read_corefile(block("ready", plugin), file=FILE, folders={}))

    assert refusal is None
    assert unknown[0].reason.startswith(reason)
    assert (len(unknown), unknown[0].by_words) == (1, by_words)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (".:53 {\n log\n}\n.:53 {\n errors\n}\n", "refused"),
        (".:53 {\n log\n}\ntls://.:53 {\n errors\n}\n", "accepted"),
        (".:53 {\n bind 10.0.0.1\n}\n.:53 {\n bind 10.0.0.2\n}\n", "accepted"),
        (".:53 {\n bind 10.0.0.1\n}\n.:53 {\n errors\n}\n", "refused"),
        ("a.example {\n log\n}\nA.example. {\n log\n}\n", "refused"),
        ("a.example, a.example {\n log\n}\n", "refused"),
        (".:70000 {\n log\n}\n", "refused"),
        ("a..example {\n log\n}\n", "refused"),
    ],
)
def test_one_zone_is_served_once_at_an_address(texts: str, said: str) -> None:
    """Two blocks for one zone, port and transport need addresses of their own."""
    assert verdict(texts)[0] == said


@pytest.mark.parametrize(
    ("plugin", "version", "said"),
    [
        ("kubernetes a {\n  upstream\n }", (1, 6, 6), "accepted"),
        ("kubernetes a {\n  upstream\n }", (1, 7, 0), "refused"),
        ("federation a", (1, 6, 6), "open"),
        ("federation a", (1, 8, 7), "refused"),
        ("proxy . 10.0.0.2", (1, 4, 0), "open"),
        ("proxy . 10.0.0.2", (1, 6, 6), "refused"),
        ("kubernetes a {\n  zonal\n }", (1, 11, 4), "refused"),
        ("kubernetes a {\n  zonal\n }", (1, 15, 0), "accepted"),
        ("multisocket", (1, 11, 4), "refused"),
        ("multisocket", (1, 12, 0), "accepted"),
        ("forward . 10.0.0.2 {\n  next NXDOMAIN\n }", (1, 11, 3), "refused"),
        ("cache {\n  keepttl\n }", (1, 10, 1), "accepted"),
        ("kubernetes a {\n  startup_timeout 5s\n }", (1, 12, 3), "open"),
        ("forward . 10.0.0.2\n forward a.example 10.0.0.3", (1, 9, 3), "refused"),
        ("forward . 10.0.0.2\n forward a.example 10.0.0.3", (1, 10, 0), "accepted"),
    ],
)
def test_each_release_knows_its_own_words(plugin: str, version: Version, said: str) -> None:
    """What was removed is refused from then on, what came later before; between two releases that were read: open."""
    assert verdict(block(plugin), version)[0] == said


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("v1.11.4-eksbuild.2", (1, 11, 4)),
        ("1.9.3", (1, 9, 3)),
        ("latest", None),
        ("1.36.3@sha256:0", (1, 36, 3)),
        ("v2.0.1", None),
    ],
)
def test_a_tag_names_a_version(tag: str, version: Version | None) -> None:
    """EKS's builds add their own number."""
    assert version_of(tag) == version


@pytest.mark.parametrize("plugin", ["file {\n  reload 5s }", "auto {\n  directory {\n }"])
def test_a_brace_may_be_an_argument(plugin: str) -> None:
    """Plugins that take one word after the other take a brace for a file's name (found against CoreDNS itself)."""
    assert verdict(block(plugin) + "}\n")[0] != "refused"


def test_what_was_removed_is_told_with_what_to_do() -> None:
    """The word alone is enough to say it."""
    assert removal("upstream") == "CoreDNS 1.7.0 removed `upstream`: delete the line"
    assert removal("errors") == ""


_WORDS = st.sampled_from(
    [*sorted(GRAMMARS), "{", "}", "\n", "5s", ".", "10.0.0.1", '"', "{$A}", "10", "*", "class", "import"]
)


@given(st.lists(_WORDS, max_size=30).map(" ".join))
def test_no_words_raise(text: str) -> None:
    """Any words give an answer."""
    verdict(f".:53 {{\n {text}\n}}\n")


@given(st.sampled_from(sorted(GRAMMARS)), st.text(max_size=60))
def test_no_arguments_raise(plugin: str, text: str) -> None:
    """Any text behind a plugin's name gives an answer."""
    verdict(f".:53 {{\n {plugin} {text}\n}}\n")
