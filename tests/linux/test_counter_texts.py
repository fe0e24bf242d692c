"""The kernel's count of connections, single entries, and ENA's counters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SourceGarbled
from bot.linux.conntrack import parse_connections, parse_count, parse_count_and_maximum
from bot.linux.interface_statistics import allowances, parse_statistics, show_statistics
from tests.linux.printed_texts import printed


def test_count_and_maximum_are_two_lines() -> None:
    """As `cat` prints the two files."""
    assert parse_count_and_maximum("1\n262144\n") == (1, 262144)
    assert parse_count("1\n") == 1


@pytest.mark.parametrize("text", ["", "1\n", "1\n262144", "1\n2\n3\n", "-1\n2\n", "a\nb\n", "cat: x: No such file\n"])
def test_other_numbers_of_lines_are_refused(text: str) -> None:
    """A count without a maximum is not one of each."""
    with pytest.raises(SourceGarbled):
        parse_count_and_maximum(text)


def test_an_entry_tells_whom_the_kernel_leads_the_client_to() -> None:
    """The second source is where the answer is expected from; three spellings of the same."""
    found = parse_connections(printed("conntrack-pods.txt"))

    assert [(one.client, one.server, one.answers_from, one.unreplied, one.seconds_left) for one in found] == [
        ("10.0.1.20", "172.20.0.10", "10.0.2.33", True, 27),
        ("10.0.1.21", "172.20.0.10", "10.0.2.34", False, 119),
        ("10.0.1.22", "172.20.0.10", "10.0.2.33", True, 25),
    ]
    (real,) = parse_connections(printed("conntrack-dns.txt"))
    assert (real.server, real.unreplied) == ("10.0.1.99", True)


def test_no_entry_is_no_gap() -> None:
    """The sum stands on standard error."""
    assert parse_connections("") == ()


@given(share=st.floats(0.01, 0.99))
def test_entries_that_are_cut_are_no_evidence(share: float) -> None:
    """The last line must end."""
    text = printed("conntrack-pods.txt")

    with pytest.raises(SourceGarbled):
        parse_connections(text[: int(len(text) * share)].rstrip("\n"))


def test_enas_allowances_are_told_from_its_other_counters() -> None:
    """Packets to the VPC resolver beyond 1024 a second are `linklocal_allowance_exceeded` (C13)."""
    counters = parse_statistics(printed("ethtool-ena.txt"))

    assert dict(allowances(counters)) == {
        "bw_in_allowance_exceeded": 0,
        "bw_out_allowance_exceeded": 14368,
        "pps_allowance_exceeded": 0,
        "conntrack_allowance_exceeded": 0,
        "conntrack_allowance_available": 136812,
        "linklocal_allowance_exceeded": 229,
    }
    assert counters["queue_0_tx_cnt"] == 368940


@pytest.mark.parametrize("text", ["", "NIC statistics:\n", "no stats available\n", "     a: 1\n     b: 2"])
def test_counters_that_are_none_or_cut_are_refused(text: str) -> None:
    """An interface without counters, and a text whose last line does not end."""
    with pytest.raises(SourceGarbled):
        parse_statistics(text)


@pytest.mark.parametrize("name", ["", "-S", "eth0 -x", "a" * 16, "eth0;id"])
def test_no_argument_is_made_of_what_is_no_interfaces_name(name: str) -> None:
    """Names come from the node itself, and become arguments all the same."""
    with pytest.raises(ValueError, match="is no name of an interface"):
        show_statistics(name)
