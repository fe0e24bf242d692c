from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from bot.dns.corefile.checking import check_reading
from bot.dns.corefile.editing import with_log, without_log
from bot.dns.corefile.reading import read_corefile
from bot.dns.corefile.repairing import mended
from bot.dns.corefile.tree import CorefileRefusal
from bot.errors import NotEditable
from lab.corefile_check import RealParser, real_parser
from lab.corefiles_at_random import corefile
from lab.programs import built_programs
from lab.tests.tables import Tell

_EXAMPLES, _EACH = 250, 20
_PATH = "/nonexistent/corefiles/Corefile"
_CASES = Path(__file__).parents[2] / "tests" / "cases" / "corefiles"


@pytest.fixture(scope="module")
def parser() -> Iterator[RealParser]:
    """CoreDNS's own."""
    with real_parser(built_programs()) as running:
        yield running


def accepted(parser: RealParser, text: str) -> bool:
    """Return whether CoreDNS would start with it."""
    return parser.ask(text, _PATH).accepted


def test_corefiles_with_log_are_taken_whenever_they_were_without(parser: RealParser, tell: Tell) -> None:
    """Of random Corefiles none is refused for the edit, none is taken for it, and each undo is byte-equal."""
    counted: Counter[str] = Counter()

    @seed(20261130)
    @settings(max_examples=_EXAMPLES, database=None, deadline=None, phases=[Phase.explicit, Phase.generate])
    @given(st.randoms(use_true_random=True))
    def edit(random: object) -> None:
        for _ in range(_EACH):
            text = corefile(random)  # type: ignore[arg-type]  # hypothesis' Random
            try:
                edited = with_log(text, file=_PATH)
            except NotEditable:
                counted["no place for it"] += 1
                continue
            assert without_log(edited, file=_PATH) == text
            before, after = accepted(parser, text), accepted(parser, edited)
            counted["taken" if after else "refused"] += 1
            assert before == after, f"before {before}, after {after}:\n{edited}"

    edit()

    tell(
        "Random Corefiles with log put in and taken out again (taken before and after, refused both times, no place)",
        *(counted["taken"], counted["refused"], counted["no place for it"]),
    )
    assert sum(counted.values()) == _EXAMPLES * _EACH
    assert counted["taken"] > _EXAMPLES


@pytest.mark.parametrize("case", sorted(path.name for path in _CASES.iterdir()))
def test_corefiles_of_the_field_are_taken_with_log(parser: RealParser, case: str) -> None:
    """People's own Corefiles are, if they were before."""
    text = (_CASES / case).read_text()
    try:
        edited = with_log(text, file=_PATH)
    except NotEditable as error:
        pytest.skip(str(error))

    assert accepted(parser, edited) == accepted(parser, text)


def refused(text: str) -> CorefileRefusal | None:
    """Return what our own grammar has against it."""
    return check_reading(read_corefile(text, file=_PATH, folders={}))[0]


def test_corefiles_of_the_field_that_somebody_broke_are_taken_once_they_are_mended(
    parser: RealParser, tell: Tell
) -> None:
    """A line too many or a slip in each line in turn: what our grammar mends CoreDNS takes, too."""
    counted: Counter[str] = Counter()
    for case in sorted(_CASES.iterdir()):
        lines = case.read_text().splitlines()
        if not accepted(parser, "\n".join(lines)):
            continue
        for at, line in enumerate(lines):
            for wrong in (
                [line, "    zzzz 1"],
                [line, "       upstream"],
                [line.replace("e", "ee", 1)],
                [line, "}"],
                [],
            ):
                text = "\n".join([*lines[:at], *wrong, *lines[at + 1 :]])
                refusal = refused(text)
                found = mended(text, refusal, refused, file=_PATH) if refusal else None
                counted["mended" if found else "left" if refusal else "not broken"] += 1
                assert found is None or accepted(parser, found.text), f"{found.edits}:\n{found.text}"

    tell("Corefiles broken in a line (mended and taken by CoreDNS, left)", counted["mended"], counted["left"])
    assert counted["mended"] > counted["left"]
