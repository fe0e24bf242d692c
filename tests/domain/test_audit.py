from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.audit import AuditRow, Head, Seals, Walked, head_from, walk

OLD, NEW = b"o" * 32, b"n" * 32
KEYED = Seals((NEW,))
ROWS = 12


def chain(seals: Seals = KEYED, rows: int = ROWS, after: Sequence[AuditRow] = ()) -> list[AuditRow]:
    """Return a chain of so many rows that goes on from another one."""
    made = list(after)
    for seq in range(len(made) + 1, len(made) + rows + 1):
        row = (seq, "decided", f"p{seq % 3}", f'{{"decision":{seq}}}')
        made.append((*row, seals.seal(made[-1][4] if made else "", row)))
    return made


def heads_of(rows: Sequence[AuditRow]) -> list[Head]:
    """Return the heads of rows."""
    return [Head(seq=row[0], seal=row[4]) for row in rows]


def flipped(text: str, bit: int) -> str:
    """Return a text one bit of which is another one."""
    raw = bytearray(text.encode())
    raw[bit // 8 % len(raw)] ^= 1 << bit % 7
    return raw.decode("utf-8", "replace")


def test_a_chain_is_found_whole() -> None:
    """All rows are counted, none of them is without a key, and the last is the head."""
    rows = chain()
    assert walk(rows, KEYED, heads_of(rows)) == Walked(rows=ROWS, plain=0, head=heads_of(rows)[-1])


@given(st.integers(0, ROWS - 1), st.sampled_from([1, 2, 3, 4]), st.integers(0, 10_000), st.booleans())
def test_a_flipped_bit_is_named(at: int, column: int, bit: int, keyed: bool) -> None:  # noqa: FBT001  # drawn
    """Whatever bit of whichever column it is, the first bad row is that one."""
    seals = KEYED if keyed else Seals()
    rows = chain(seals)
    changed: list[object] = list(rows[at])
    changed[column] = flipped(str(changed[column]), bit)
    assert walk([*rows[:at], changed, *rows[at + 1 :]], seals, []).bad_row == at + 1


@given(st.integers(0, ROWS - 1), st.integers(1, ROWS), st.booleans())
def test_deleted_rows_are_named(at: int, many: int, renumbered: bool) -> None:  # noqa: FBT001  # drawn
    """The first that is gone is the first bad row, whether or not the numbers are closed up; so is a cut end."""
    rows = chain()
    left = [*rows[:at], *rows[at + many :]]
    shown = [(number, *row[1:]) for number, row in enumerate(left, start=1)] if renumbered else left
    assert walk(shown, KEYED, heads_of(rows)).bad_row == at + 1


@given(st.integers(0, ROWS - 1), st.integers(0, ROWS - 1))
def test_an_inserted_row_is_named(at: int, copied: int) -> None:
    """A copy of a row, put in anywhere with all numbers moved up, is the first bad row."""
    rows = chain()
    put = [*rows[:at], rows[copied], *rows[at:]]
    found = walk([(number, *row[1:]) for number, row in enumerate(put, start=1)], KEYED, heads_of(rows))
    assert found.bad_row == at + 1 if copied != at else found.bad_row == at + 2


@given(st.permutations(range(ROWS)))
def test_reordered_rows_are_named(order: Sequence[int]) -> None:
    """Contents that change places are found at the first place that has another one's."""
    rows = chain()
    moved = [(number, *rows[index][1:]) for number, index in enumerate(order, start=1)]
    first = next((place + 1 for place, index in enumerate(order) if place != index), None)
    assert walk(moved, KEYED, heads_of(rows)).bad_row == first


@given(st.integers(0, ROWS - 1))
def test_a_backup_that_was_put_back_is_named_even_where_the_chain_went_on(at: int) -> None:
    """What was there when its head was kept, and is another row now, is the first bad one."""
    rows = chain()
    row = (at + 1, "decided", "p9", '{"decision":0}')
    anew = chain(after=[*rows[:at], (*row, KEYED.seal(rows[at - 1][4] if at else "", row))])
    assert walk(anew, KEYED, []).bad_row is None
    assert walk(anew, KEYED, heads_of(rows)).bad_row == at + 1


def test_a_row_of_somebody_without_the_key_is_named() -> None:
    """A plain seal after keyed ones, and a seal by another key, are bad; a plain beginning is counted."""
    rows = chain()
    plain, foreign = chain(Seals(), 1, rows), chain(Seals((OLD,)), 1, rows)
    assert walk(plain, KEYED, []).bad_row == ROWS + 1
    assert walk(foreign, KEYED, []).bad_row == ROWS + 1
    assert walk(chain(KEYED, 3, chain(Seals(), 2)), KEYED, []) == replace(
        walk(chain(KEYED, 3, chain(Seals(), 2)), KEYED, []), rows=5, plain=2, bad_row=None
    )


def test_a_new_key_goes_on_from_the_old_one_and_never_back() -> None:
    """Both keys named: a chain from the old to the new one is whole, one that turns back to the old is not."""
    both, old = Seals((NEW, OLD)), Seals((OLD,))
    rows = chain(both, 2, chain(old, 2))
    assert walk(rows, both, []).bad_row is None
    assert walk(chain(old, 1, rows), both, []).bad_row == 5
    assert not Seals((NEW,)).vouch("", chain(Seals(), 1)[0])


@pytest.mark.parametrize("text", ["", "41", ":x", "x:y", "-1:z"])
def test_a_text_that_is_no_head_is_refused(text: str) -> None:
    """A head is a number, a colon and a seal."""
    with pytest.raises(ValueError, match="is no head"):
        head_from(text)
    assert head_from("41:hmac-1:ab\n") == Head(seq=41, seal="hmac-1:ab")
