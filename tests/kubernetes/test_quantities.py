from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.utils.quantity import parse_quantity

from bot.kubernetes.quantities import in_bytes, same_amount

_SUFFIXES = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "k", "M", "G", "T", "P", "E", "m", "e3", "e-2"]


@given(
    number=st.one_of(
        st.integers(0, 10**6).map(str), st.decimals(0, 10**4, places=3, allow_nan=False).map(lambda one: f"{one:f}")
    ),
    suffix=st.sampled_from(_SUFFIXES),
)
def test_quantities_are_read_as_the_client_library_reads_them(number: str, suffix: str) -> None:
    """Rounded up to whole bytes; a number that is written with an exponent is no other amount."""
    exact = parse_quantity(f"{number}{suffix}")  # type: ignore[no-untyped-call]  # it has no types

    assert 0 <= in_bytes(f"{number}{suffix}") - exact < 1


@pytest.mark.parametrize("text", ["", "Mi", "1 Mi", "1Xi", "-1", "٣Mi", "1e9999"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    """Nothing is guessed of it."""
    with pytest.raises(ValueError, match="is no quantity of memory"):
        in_bytes(text)


def test_amounts_are_the_same_however_they_are_written() -> None:
    """What cannot be read is itself alone."""
    assert same_amount("1Gi", "1024Mi")
    assert not same_amount("1G", "1Gi")
    assert same_amount("lots", "lots")
    assert not same_amount("lots", "1Gi")
