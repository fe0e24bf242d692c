from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.dns.timestamped import LONGEST_SAMPLE, MOST_CLASSES, TimedLine, quoted, seen_lines, timed_lines

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def test_lines_carry_the_api_time_in_utc() -> None:
    """Nanoseconds are cut, offsets converted, and a line without a time takes that of the line before."""
    lines = timed_lines(
        "2026-11-21T09:00:00.123456789Z one\n2026-11-21T10:00:01+01:00 two\n\tat three\r\n\n2026-11-21T09:00:02Z\n"
    )

    assert [(line.at, line.text) for line in lines] == [
        (datetime(2026, 11, 21, 9, 0, 0, 123456, tzinfo=UTC), "one"),
        (datetime(2026, 11, 21, 9, 0, 1, tzinfo=UTC), "two"),
        (datetime(2026, 11, 21, 9, 0, 1, tzinfo=UTC), "\tat three"),
        (datetime(2026, 11, 21, 9, 0, 2, tzinfo=UTC), ""),
    ]


def test_seen_lines_count_all_and_those_inside_the_window() -> None:
    """A class knows its first and last time, how many lines are recent, and keeps the newest three as samples."""
    lines = timed_lines("".join(f"2026-11-21T09:0{minute}:00Z line {minute}\n" for minute in range(5)))

    (seen,) = seen_lines((("k", line) for line in lines), since=datetime(2026, 11, 21, 9, 3, tzinfo=UTC), kind=str)

    assert (seen.line, seen.count, seen.recent) == ("k", 5, 2)
    assert seen.samples == ("line 4", "line 3", "line 2")
    assert seen.last_at - seen.first_at == timedelta(minutes=4)


def test_of_very_many_classes_the_newest_are_kept() -> None:
    """An endless variety of lines does not make endless evidence; the newest class comes first."""
    lines = timed_lines("".join(f"2026-11-21T09:{minute:02}:00Z line {minute}\n" for minute in range(60)))

    seen = seen_lines(((line.text, line) for line in lines), since=START, kind=lambda _: "one kind")

    assert [one.line for one in seen] == [f"line {minute}" for minute in range(59, 9, -1)]


def test_frequent_kind_does_not_push_a_rare_one_out() -> None:
    """300 classes of one kind come after the only one of another: it is kept, and there are no more in all."""
    many = "".join(f"2026-11-21T09:01:00.{at:06}Z query {at}\n" for at in range(300))
    lines = timed_lines(f"2026-11-21T09:00:00Z loop detected\n{many}")

    seen = seen_lines(((line.text, line) for line in lines), since=START, kind=lambda text: text.split()[0])

    assert len(seen) == MOST_CLASSES
    assert [one.line for one in seen[-2:]] == ["query 251", "loop detected"]


def test_line_that_stands_for_several_counts_as_so_many() -> None:
    """All its number, and once among the samples."""
    lines = [("k", TimedLine(at=START, text="12 of them", times=12)), ("k", TimedLine(at=START, text="one"))]

    (seen,) = seen_lines(lines, since=START, kind=str)

    assert (seen.count, seen.recent, len(seen.samples)) == (13, 13, 2)


def test_a_line_that_was_cut_bears_a_mark() -> None:
    """Nobody takes the beginning of a line for the whole of it; a line that fits is quoted as it is."""
    whole, long = "x" * LONGEST_SAMPLE, "x" * (LONGEST_SAMPLE + 1)

    assert quoted(whole) == whole
    assert quoted(long).endswith("x …")
    assert len(quoted(long)) == LONGEST_SAMPLE
