"""CoreDNS's query log: its grammar, and two fast readers against one that takes line by line."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle, pairwise
from typing import BinaryIO

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.dns.query_log import (
    ANSWERS,
    LONGEST_LINE,
    PIECE,
    RUN,
    SAMPLES,
    Question,
    count_names,
    count_rcodes,
    first_and_last,
    query_line,
)
from bot.dns.timestamped import quoted

C12 = (
    '[INFO] 192.168.3.71:33238 - 36534 "A IN amazon.com.default.svc.cluster.local. udp 54 false 512" '
    "NXDOMAIN qr,aa,rd 147 0.000473434s"
)
STAMP = "2026-11-21T08:59:00.123456789Z "
ERROR_LINE = "[ERROR] plugin/errors: 2 amazon.com. A: read udp 10.0.1.7:5353->10.0.0.2:53: i/o timeout"


def question(name: str = "amazon.com.", **changes: object) -> Question:
    """Return a usual question for a name."""
    usual = {"type": "A", "qclass": "IN", "protocol": "udp", "size": 54, "do": False, "buffer_size": 512}
    return Question(name=name, **(usual | changes))  # type: ignore[arg-type]  # a table's values


LINES = [
    ("C12", C12, "192.168.3.71", "NXDOMAIN", question("amazon.com.default.svc.cluster.local.")),
    ("stamped by the API", STAMP + C12, "192.168.3.71", "NXDOMAIN", question("amazon.com.default.svc.cluster.local.")),
    (
        "IPv6, with EDNS and DNSSEC",
        '[INFO] [::1]:53 - 1 "AAAA IN amazon.com. tcp 40 true 4096" NOERROR qr,rd,ra 300 0.1s',
        "::1",
        "NOERROR",
        question(type="AAAA", protocol="tcp", size=40, do=True, buffer_size=4096),
    ),
    (
        "a type and a class without names",
        '[INFO] 10.0.1.9:5000 - 7 "TYPE65 CLASS1232 amazon.com. udp 54 false 512" NOTIMP qr 12 0.1s',
        "10.0.1.9",
        "NOTIMP",
        question(type="TYPE65", qclass="CLASS1232"),
    ),
    (
        "no answer",
        '[INFO] 10.0.1.9:5000 - 7 "A IN amazon.com. udp 54 false 512" NOERROR - 0 6.003s',
        "10.0.1.9",
        "NOERROR",
        question(),
    ),
    (
        "combined",
        '[INFO] 10.0.1.9:5000 - 7 "A IN amazon.com. udp 54 false 512" REFUSED qr 54 0.1s "0"',
        "10.0.1.9",
        "REFUSED",
        question(),
    ),
    (
        "a record of -log-format json",
        STAMP
        + '{"time":"2026-11-21T08:59:00.1Z","level":"INFO","msg":"[::1]:53 - 1 \\"AAAA IN a\\\\034b.com. tcp 40 true '
        '4096\\" NOERROR qr,rd,ra 300 0.1s","client_ip":"::1","rcode":"NOERROR","duration_seconds":0.1}',
        "::1",
        "NOERROR",
        question("a\\034b.com.", type="AAAA", protocol="tcp", size=40, do=True, buffer_size=4096),
    ),
    (
        "of 1.2, with a time of its own",
        '2018/10/23 03:00:01 [INFO] 10.0.1.9:5000 - 7 "A IN amazon.com. udp 54 false 512" NOERROR qr 54 0.1s',
        "10.0.1.9",
        "NOERROR",
        question(),
    ),
    (
        "a name with blanks and quotation marks",
        '[INFO] 10.0.1.9:5000 - 7 "A IN a\\"\\ NOERROR\\ b. udp 54 false 512" SERVFAIL qr 54 0.1s',
        "10.0.1.9",
        "SERVFAIL",
        question('a\\"\\ NOERROR\\ b.'),
    ),
    (
        "a question that holds what looks like an answer",
        '[INFO] 10.0.1.9:5000 - 7 "A IN a\\" NOERROR b. udp 54 false 512" SERVFAIL qr 54 0.1s',
        "10.0.1.9",
        "SERVFAIL",
        None,
    ),
    ("a question of another format", '[INFO] 10.0.1.9:5 - 7 "A amazon.com." NOERROR qr', "10.0.1.9", "NOERROR", None),
]
RECORD = '{"time":"2026-11-21T08:59:00Z","level":"INFO","msg":"plugin/reload: as before"}'
OTHERS = [
    "",
    ERROR_LINE,
    STAMP + ERROR_LINE,
    "[INFO] plugin/reload: Running configuration SHA512 = 4711",
    "[INFO] 10.0.1.9:5000 A amazon.com. NOERROR",
    C12[:90],
    C12.replace("[INFO]", "[WARNING]"),
    '{"time":"2026-11-21T08:59:00Z","level":"INFO","msg":"10.0.1.9:5000 - 7"}',
    '[INFO] a b:1 - 2 "A IN x. udp 1 false 1" NOERROR qr 1 1s',
]


@pytest.mark.parametrize(
    ("line", "client", "rcode", "asked"), [row[1:] for row in LINES], ids=[row[0] for row in LINES]
)
def test_a_query_line_is_read(line: str, client: str, rcode: str, asked: Question | None) -> None:
    """Client, question and answer, whatever stands before the level."""
    found = query_line(line)

    assert found is not None
    assert (found.client, found.rcode, found.question) == (client, rcode, asked)
    assert count_rcodes(io.BytesIO(line.encode())).rcodes == {rcode: 1}


@pytest.mark.parametrize("line", OTHERS)
def test_another_line_is_no_query(line: str) -> None:
    """Errors, other plugins' lines, other formats, and a line that was cut."""
    assert query_line(line) is None


@dataclass(frozen=True)
class ByLines:
    """What a reader that takes line by line counts."""

    lines: int
    rcodes: Counter[str]
    names: Counter[tuple[str, str, str]]
    """By client, name and rcode."""
    samples: dict[str, tuple[str, ...]]


def by_lines(text: bytes) -> ByLines:
    """Count line by line."""
    lines = text.removesuffix(b"\n").split(b"\n") if text else []
    read = [(line, query_line(line.decode("utf-8", "surrogateescape"))) for line in lines]
    found = [one for _, one in read if one]
    samples: dict[str, tuple[str, ...]] = {}
    for line, one in reversed(read):
        if one and one.rcode not in ANSWERS and len(samples.get(one.rcode, ())) < SAMPLES:
            sample = quoted(line.decode("utf-8", "replace"))
            samples[one.rcode] = (*samples.get(one.rcode, ()), sample)
    return ByLines(
        lines=len(lines),
        rcodes=Counter(one.rcode for one in found),
        names=Counter((one.client, one.question.name if one.question else "", one.rcode) for one in found),
        samples=samples,
    )


class Dribbling(io.BytesIO):
    """Gives a few bytes at a time, as a connection does."""

    def __init__(self, text: bytes, sizes: list[int]) -> None:
        super().__init__(text)
        self._sizes = cycle(sizes)

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes, at most so many as are wanted."""
        return super().read(min(next(self._sizes), size) if size and size > 0 else size)


def names_of(log: BinaryIO) -> tuple[int, int, Counter[tuple[str, str, str]]]:
    """Return what the reader of names counts: lines, queries, and queries by client, name and rcode."""
    found = count_names([log])
    told = Counter(
        {
            (address, name, rcode): times
            for address, asked in found.clients.items()
            for name, rcodes in (*asked.names.items(), ("", asked.rest))
            for rcode, times in rcodes.items()
        }
    )
    return found.lines, found.queries, told


WORDS = st.sampled_from(
    ['"', "\\", " ", "[INFO] ", "10.0.1.9:5 - 7 ", "[::1]:5 - 7 ", ":", '" NOERROR ', "x", "é", "[", "]"]
)
FOREIGN = st.one_of(
    st.sampled_from(OTHERS),
    st.lists(WORDS, max_size=8).map("".join),
    st.sampled_from(LINES).flatmap(lambda row: st.integers(0, len(row[1])).map(lambda at: row[1][:at])),
)
QUERIES = st.sampled_from([row[1] for row in LINES])
USUAL = st.sampled_from([C12, STAMP + C12, C12.replace("NXDOMAIN", "NOERROR")])
GLUED = st.tuples(st.one_of(QUERIES, FOREIGN), QUERIES).map(" ".join).filter(lambda line: "{" not in line)
"""Where the end of a line was lost; of a record of JSON the sample would be another text."""
TIMES = st.sampled_from([1, 1, 1, 2, RUN - 1, RUN, 2 * RUN])
LOGS = st.lists(st.tuples(st.one_of(USUAL, QUERIES, FOREIGN, GLUED), TIMES), max_size=8).map(
    lambda drawn: [line for line, times in drawn for _ in range(times)]
)
READS = st.lists(st.sampled_from([1, 7, 200, 5_000, PIECE]), min_size=1, max_size=3)


@settings(max_examples=300, deadline=None)
@given(lines=LOGS, ended=st.booleans(), reads=READS)
@example(lines=[C12, C12.replace("NXDOMAIN", "NOERROR"), C12] * RUN, ended=True, reads=[PIECE])  # the usual ones alone
@example(lines=[C12, LINES[4][1], C12] * RUN, ended=True, reads=[PIECE])  # a pattern takes two lines for one
@example(lines=[C12, C12.replace("NXDOMAIN", "NXRRSET"), C12] * RUN, ended=False, reads=[PIECE])
@example(lines=[C12, f"{LINES[2][1]} {C12}"] * RUN, ended=True, reads=[PIECE])  # the first one of a line is it
@example(lines=[".:53", f"{C12} {C12}"] * RUN, ended=True, reads=[PIECE])  # as many queries as lines
@example(lines=[f"{RECORD} {C12}"] * RUN, ended=True, reads=[PIECE])  # the record is the line
def test_both_readers_count_what_a_reader_of_lines_counts(lines: list[str], ended: bool, reads: list[int]) -> None:  # noqa: FBT001
    """On mixes of good, foreign, cut and made-up lines, read in any pieces: each line is counted, with its samples."""
    text = ("\n".join(lines) + "\n" * (ended and bool(lines))).encode()
    expected = by_lines(text)

    counted = count_rcodes(Dribbling(text, reads))
    assert (counted.lines, counted.rcodes) == (expected.lines, expected.rcodes)
    assert counted.samples == expected.samples
    assert counted.queries + counted.others == expected.lines
    assert names_of(Dribbling(text, reads)) == (expected.lines, expected.rcodes.total(), expected.names)


def test_blocks_end_where_lines_end() -> None:
    """A log of many blocks, with a line that is longer than any and one without an end, is counted line by line."""
    text = "\n".join([*([C12, STAMP + C12] * (PIECE // len(C12))), "x" * (LONGEST_LINE + PIECE), C12, C12])

    counted = count_rcodes(io.BytesIO(text.encode()))

    assert (counted.lines, counted.queries, counted.others) == (text.count("\n") + 1, text.count("\n"), 1)
    assert names_of(io.BytesIO(text.encode()))[:2] == (counted.lines, counted.queries)


def test_the_newest_errors_are_kept() -> None:
    """Three of each rcode that is an error, newest first; usual answers are counted alone."""
    lines = [
        C12,
        *(C12.replace("NXDOMAIN", "SERVFAIL").replace("36534", str(number)) for number in range(5)),
        ERROR_LINE,
    ]

    counted = count_rcodes(io.BytesIO("\n".join(lines).encode()))

    assert counted.rcodes == {"NXDOMAIN": 1, "SERVFAIL": 5}
    assert [line.split()[3] for line in counted.samples["SERVFAIL"]] == ["4", "3", "2"]
    assert set(counted.samples) == {"SERVFAIL"}


def test_pods_logs_are_counted_together_and_rare_names_lose_their_names_alone() -> None:
    """A client asks every pod; of more names than are kept apart the frequent ones stay, and no query is lost."""
    rare = [C12.replace("amazon.com.default", f"n{number}") for number in range(500)]
    first, second = "\n".join([C12] * 50 + rare).encode(), "\n".join([*rare, *[C12] * 50]).encode()

    found = count_names([io.BytesIO(first), io.BytesIO(second)], 100)

    asked = found.clients["192.168.3.71"]
    assert (found.lines, found.queries, asked.rcodes.total()) == (1100, 1100, 1100)
    assert asked.names["amazon.com.default.svc.cluster.local."]["NXDOMAIN"] == 100
    assert asked.rest["NXDOMAIN"] > 0


def test_a_log_tells_from_when_to_when_queries_were_logged() -> None:
    """By the API's times of the first and the last query, not of other lines; None without such times."""
    times = [f"2026-11-21T08:5{minute}:00.5Z " for minute in range(5)]
    lines = [f"{times[0]}{ERROR_LINE}", f"{times[1]}{C12}", f"{times[2]}{C12}", f"{times[3]}{C12}", f"{times[4]}.:53"]

    assert first_and_last("\n".join(lines).encode()) == (
        datetime(2026, 11, 21, 8, 51, 0, 500_000, UTC),
        datetime(2026, 11, 21, 8, 53, 0, 500_000, UTC),
    )
    assert first_and_last(C12.encode()) == (None, None)
    assert all(first_and_last(text.encode()) == (None, None) for text in ("", ERROR_LINE))
    assert all(one < other for one, other in pairwise(times))
