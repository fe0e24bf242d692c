from __future__ import annotations

from bot.domain.audit import AuditCheck, Head, Walked
from bot.report.audit_words import audit_json, audit_text

GOOD = AuditCheck(walked=Walked(rows=41, plain=0, head=Head(seq=41, seal="hmac-1:ab")), strays=(), heads=40)
BAD = AuditCheck(
    walked=Walked(rows=2, plain=2, head=Head(seq=2, seal="plain:cd"), bad_row=3, why="it is missing"),
    strays=("Decision 7 is not in the chain.",),
    heads=0,
)


def test_a_whole_chain_is_said_with_what_it_was_compared_with() -> None:
    """How many rows, how many heads, and the last row to copy."""
    said = audit_text(GOOD)
    assert "41 rows of the audit chain are as they were written." in said
    assert "40 heads that were kept elsewhere agree." in said
    assert "41:hmac-1:ab" in said
    assert audit_json(GOOD)["well"] is True


def test_the_first_bad_row_comes_first_and_weaknesses_are_said() -> None:
    """The row and why, decisions that are not in the chain, rows without a key, and that nothing was compared."""
    said = audit_text(BAD)
    assert said.startswith("ROW 3 IS THE FIRST BAD ONE: it is missing.")
    for words in ("Decision 7", "sealed without a key", "No head was kept elsewhere"):
        assert words in said
    assert (audit_json(BAD)["first_bad_row"], audit_json(BAD)["well"]) == (3, False)
