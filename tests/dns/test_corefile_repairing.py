"""The smallest edit with which a Corefile loads."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.dns.corefile.checking import check_reading
from bot.dns.corefile.parsing import COREFILE
from bot.dns.corefile.reading import read_corefile
from bot.dns.corefile.repairing import KEPT, Mended, mended
from bot.dns.corefile.tree import CorefileRefusal

GOOD = """.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 # as always
    loop
    reload
    loadbalance
}
"""


def judge(text: str) -> CorefileRefusal | None:
    """Ask our own grammar."""
    return check_reading(read_corefile(text, file=COREFILE, folders={}))[0]


def repaired(text: str) -> Mended | None:
    """Return what becomes of a text that is refused."""
    refusal = judge(text)
    assert refusal is not None
    return mended(text, refusal, judge, file=COREFILE)


@pytest.mark.parametrize(
    ("right", "wrong", "does"),
    [
        ("    loadbalance", "    loadbalence", "line 19: `loadbalence` becomes `loadbalance`"),
        ("forward . /etc", "proxy . /etc", "line 13: `proxy` becomes `forward`"),
        ("kubernetes cluster", "kubernets cluster", "line 7: `kubernets` becomes `kubernetes`"),
        ("       fallthrough", "       upstream\n       fallthrough", "line 9: `upstream` of kubernetes goes"),
        ("    ready\n", "    ready\n    ready\n", "line 7: `ready` goes"),
        ("    ready\n", "    ready\n    zzzz 1 # tried\n", "line 7: `zzzz 1` goes"),
        ("       ttl 30\n    }\n", "       ttl 30\n", "a `}` closes the block of line 7 before line 11"),
        ("    loadbalance\n}\n", "    loadbalance\n", "a `}` closes the last block at the end"),
        ("    ready\n", "    ready }\n", "line 6: a `}` too many goes"),
    ],
)
def test_one_word_or_line_is_changed_and_all_else_is_as_it_was(right: str, wrong: str, does: str) -> None:
    """A slip, a plugin or option that an upgrade removed, a second one, a brace: the good text comes back whole."""
    found = repaired(GOOD.replace(right, wrong, 1))

    assert found is not None
    assert (found.text, [edit.does for edit in found.edits], [edit.loses for edit in found.edits]) == (
        GOOD,
        [does],
        [""],
    )


@pytest.mark.parametrize(
    ("right", "wrong", "loses"),
    [
        ("pods insecure", "pods insecur", "the option pods of kubernetes"),
        ("    cache 30", "    cache 30 {\n      success many\n    }", "the option success of cache"),
        ("prometheus :9153", "prometheus 9153", "what `prometheus` was to do"),
        ("    loop\n", "    corp.example:53 {\n      bufsize 1232\n    }\n", "what `corp.example:53` was to do"),
    ],
)
def test_what_goes_with_an_edit_is_said(right: str, wrong: str, loses: str) -> None:
    """It loads, and does less than somebody meant it to."""
    found = repaired(GOOD.replace(right, wrong, 1))

    assert found is not None
    assert judge(found.text) is None
    assert [edit.loses for edit in found.edits] == [loses]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("forward . /etc/resolv.conf {\n       max_concurrent 1000\n    }", "forward ."),
        (
            "kubernetes cluster.local in-addr.arpa ip6.arpa {",
            "kubernetes cluster.local {\n       namespaces a\n       namespace_labels b",
        ),
        ("    loadbalance\n}\n", "    loadbalance\n}\n.:53 {\n    errors\n}\n"),
    ],
)
def test_what_makes_it_answer_is_never_taken_away(right: str, wrong: str) -> None:
    """Without `kubernetes` or `forward` it would load and answer nothing; nor is one of two blocks chosen."""
    assert repaired(GOOD.replace(right, wrong, 1)) is None


def test_several_faults_are_mended_one_after_the_other() -> None:
    """Each edit is where CoreDNS stops next."""
    found = repaired(GOOD.replace("    loop\n", "    lop\n    zzzz 1\n").replace("       ttl 30\n", "       tll 30\n"))

    assert found is not None
    assert [edit.does for edit in found.edits] == [
        "line 17: `lop` becomes `loop`",
        "line 18: `zzzz 1` goes",
        "line 10: `tll 30` of kubernetes goes",
    ]


def test_a_file_that_is_imported_is_left_alone() -> None:
    """Its lines are not the Corefile's."""
    refusal = CorefileRefusal(file="/etc/coredns/custom/a.override", line=2, message="Unknown directive 'prxy'")

    assert mended(GOOD, refusal, lambda _: None, file=COREFILE) is None


@given(
    line=st.integers(1, 19),
    broken=st.sampled_from(["}", "{", "zzzz", "upstream", "  proxy . 10.0.0.2", '"', "import nowhere", ""]),
    instead=st.booleans(),
)
@settings(max_examples=60)
def test_whatever_is_accepted_still_answers(line: int, broken: str, instead: bool) -> None:  # noqa: FBT001  # drawn
    """A line too many, or another in its place: what is mended loads, and keeps both plugins where they stood."""
    lines = GOOD.splitlines()
    lines[line : line + instead] = [broken]
    text = "\n".join(lines)
    refusal = judge(text)
    found = mended(text, refusal, judge, file=COREFILE) if refusal else None
    if found:
        assert judge(found.text) is None
        assert all((name in found.text) == (name in text) for name in KEPT)
