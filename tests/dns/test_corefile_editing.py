from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dns.corefile.editing import log_of, with_log, without_log
from bot.dns.corefile.parsing import COREFILE, parse_corefile
from bot.dns.corefile.tree import root_block
from bot.errors import NotEditable

CASES = Path(__file__).parents[1] / "cases" / "corefiles"


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        pytest.param(
            ".:53 {\n    # first\n    errors # all\n}\n",
            ".:53 {\n    # first\n    log\n    errors # all\n}\n",
            id="usual",
        ),
        pytest.param(". {\n\terrors\n}\n", ". {\n\tlog\n\terrors\n}\n", id="tabs"),
        pytest.param(". {\r\n  errors\r\n}\r\n", ". {\r\n  log\r\n  errors\r\n}\r\n", id="crlf"),
        pytest.param(".:53 { errors\n  cache\n}\n", ".:53 { log\nerrors\n  cache\n}\n", id="on the line of the brace"),
        pytest.param(". {\n}\n", ". {\nlog\n}\n", id="an empty block"),
        pytest.param(".:53\nerrors\n", ".:53\nlog\nerrors\n", id="no braces"),
        pytest.param(
            "corp.:53 {\n  log\n}\na.example:53, .:53 {\n  errors\n}\n",
            "corp.:53 {\n  log\n}\na.example:53, .:53 {\n  log\n  errors\n}\n",
            id="only the root block of two, with several keys",
        ),
        pytest.param(
            ".:5353 {\n  errors\n}\n.:53 {\n  ready\n}\n",
            ".:5353 {\n  errors\n}\n.:53 {\n  log\n  ready\n}\n",
            id="the root block of port 53",
        ),
        pytest.param(
            "(both) {\n  errors\n}\n. {\n  import both\n}\n",
            "(both) {\n  errors\n}\n. {\n  log\n  import both\n}\n",
            id="a snippet first",
        ),
        pytest.param(
            ". {\n  import custom/*.override\n  errors\n}\nimport custom/*.server\n",
            ". {\n  log\n  import custom/*.override\n  errors\n}\nimport custom/*.server\n",
            id="files that were not read",
        ),
    ],
)
def test_log_is_put_into_the_root_block_and_taken_out_again(text: str, edited: str) -> None:
    """One line is added before the block's first word; comments, line ends and other blocks stay; the undo is exact."""
    assert with_log(text) == edited
    assert (log_of(text), log_of(edited)) == ("", "log")
    assert without_log(edited) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(". {\n  log\n}\n", "has the plugin log already", id="log already"),
        pytest.param(". {\n  log . {combined}\n}\n", "has the plugin log already", id="its custom form"),
        pytest.param("(a) {\n  log\n}\n. {\n  import a\n}\n", "has the plugin log already", id="log in a snippet"),
        pytest.param("corp.:53 {\n  errors\n}\n", "no server block takes every name", id="no root block"),
        pytest.param("tls://.:853 {\n  errors\n}\n", "no server block takes every name", id="root by TLS alone"),
        pytest.param(". {\n  errors\n", "cannot be read: this block is never closed", id="not a Corefile"),
        pytest.param(".", "nothing that a line could be put in front of", id="keys alone"),
        pytest.param(
            "(a) {\n  . {\n    errors\n  }\n}\nimport a\n", "it would change more", id="a root block made by a snippet"
        ),
    ],
)
def test_what_has_no_place_for_log_is_said(text: str, reason: str) -> None:
    """Nothing is guessed: where one line in one block would not do, the reason says why."""
    with pytest.raises(NotEditable, match=reason):
        with_log(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(". {\n  errors\n}\n", "has no plugin log", id="none"),
        pytest.param(". {\n  log . {combined}\n}\n", "has `log . {combined}`, not just log", id="custom"),
        pytest.param(". {\n  log {\n    class error\n  }\n}\n", "has `log { class error }`, not just", id="classes"),
        pytest.param(". {\n  log\n  log a.example\n}\n", "has `log; log a.example`, not just log", id="two"),
        pytest.param("(a) {\n  log\n}\n. {\n  import a\n}\n", "it would change more", id="a snippet's"),
    ],
)
def test_only_a_plain_log_is_taken_out(text: str, reason: str) -> None:
    """What somebody else wrote is not taken back in their name."""
    with pytest.raises(NotEditable, match=reason):
        without_log(text)


@pytest.mark.parametrize(
    ("drifted", "left"),
    [
        pytest.param(".:53 {\n    ready\n    log\n}\n", ".:53 {\n    ready\n}\n", id="moved to the end"),
        pytest.param(".:53 {\n    log # mine\n    ready\n}\n", ".:53 {\n     # mine\n    ready\n}\n", id="a comment"),
        pytest.param(".:53 {\n    log\n\n    ready\n}\n", ".:53 {\n\n    ready\n}\n", id="an empty line"),
        pytest.param(".:53 {\n    log\n    ready\n}\na. {\n}\n", ".:53 {\n    ready\n}\na. {\n}\n", id="a new block"),
    ],
)
def test_what_others_wrote_meanwhile_stays(drifted: str, left: str) -> None:
    """Only log goes, from what stands there now."""
    assert without_log(drifted) == left


_PLUGINS = st.sampled_from(
    ["errors", "ready", "forward . 10.0.0.2 {\n  max_concurrent 9\n}", "import one", "cache 30 # log", '"loop"', "{$X}"]
)
_SPACE = st.sampled_from(["", " ", "\t", "    ", "\v", " \n ", "\r\n", " # }\r\n\t", "\n#log\n"])


@given(
    st.lists(st.tuples(_SPACE, _PLUGINS), max_size=5),
    st.sampled_from([".:53", ".", "a.example, .", "a.example\n", ".:53 # {\n", "(one) {\n errors\n}\n."]),
    st.sampled_from([" {", "\t{ ", " {\r\n", " { # all\n", "\n"]),
    _SPACE,
)
def test_whatever_takes_log_gives_it_back(plugins: list[tuple[str, str]], keys: str, opening: str, last: str) -> None:
    """Where an edit is made at all it reads back as the same blocks and one more line, and its undo is byte-equal."""
    body = "".join(f"{space}{plugin}\n" for space, plugin in plugins)
    text = f"{keys}{opening}{body}{last}" + ("" if opening == "\n" else "}\n")
    try:
        edited = with_log(text)
    except NotEditable:
        return

    assert without_log(edited) == text
    before, after = root_block(parse_corefile(text).blocks), root_block(parse_corefile(edited).blocks)
    assert before is not None
    assert after is not None
    assert after.keys == before.keys
    assert sorted(plugin.name for plugin in after.plugins) == sorted(["log", *(one.name for one in before.plugins)])


@given(st.text(alphabet='. {}\n\r\t#log,aé"\\', max_size=60))
def test_any_text_is_edited_back_or_refused(text: str) -> None:
    """Nothing but `NotEditable` is raised, and no edit loses a byte."""
    for edit, undo in ((with_log, without_log), (without_log, with_log)):
        try:
            edited = edit(text)
        except NotEditable:
            continue
        if edit is with_log:
            assert undo(edited) == text


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_corefiles_of_the_field_take_it(case: str) -> None:
    """Real Corefiles are edited and come back byte for byte, or have no root block, or log already."""
    text = (CASES / case).read_text()
    try:
        edited = with_log(text, file=COREFILE)
    except NotEditable as error:
        assert "log already" in str(error) or "no server block" in str(error) or "cannot be read" in str(error)
        return

    assert without_log(edited) == text
