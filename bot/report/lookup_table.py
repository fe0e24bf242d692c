"""The lookups of a diagnosis as a small table, the worst first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bot.domain.lookup_matrix import LookupMatrix, Row, rows
from bot.domain.lookups import Answer, Lookup, Transport, badness, worst
from bot.domain.phrases import count

MATRIX_ROWS = 12
HEADINGS = ("From", "Server", "Internal, UDP", "Internal, TCP", "External, UDP", "External, TCP")


def lookup_table(found: LookupMatrix | None) -> str:
    """Return the lookups as a small table: a line for each group of clients and server, the worst first."""
    lines = _sorted(found)
    if not lines:
        return ""
    table = [("from", "asked", "internal udp", "tcp", "external udp", "tcp"), *lines]
    shown = table[: MATRIX_ROWS + 1]
    widths = [max(len(line[column]) for line in shown) for column in range(6)]
    texts = ["  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in shown]
    if len(lines) > MATRIX_ROWS:
        texts.append(f"({count(len(lines) - MATRIX_ROWS, 'more line')})")
    return "\n".join(texts)


def lookup_rows(found: LookupMatrix | None) -> tuple[tuple[str, ...], ...]:
    """Return the same as rows of cells under headings, for tellers with tables; empty where nothing was looked up."""
    lines = _sorted(found)
    marked = [(*line[:2], *map(_marked, line[2:])) for line in lines]
    return (HEADINGS, *marked) if marked else ()


def _marked(word: str) -> str:
    """Return an answer with a mark beside the word."""
    return word if word == "-" else f"{'✓' if word == 'ok' else '✗'} {word}"


def _sorted(found: LookupMatrix | None) -> list[tuple[str, ...]]:
    """Return a line for each group of clients and server, the worst first."""
    lines = [] if found is None else [line for row in rows(found.lookups) for line in _lines(row)]
    return [words for _, words in sorted(lines, key=lambda line: badness(line[0]))]


def _lines(row: Row) -> Iterator[tuple[Answer, tuple[str, ...]]]:
    """Yield a line for each server, after its worst answer."""
    title = replace(row, node=row.node.split(".")[0]).title
    by_server: dict[str, list[Lookup]] = {}
    for one in row.lookups:
        by_server.setdefault(("service " if one.through_service else "pod ") + one.server, []).append(one)
    for server, asked in sorted(by_server.items()):
        answers = [
            worst(one.answer for one in asked if (one.external, one.transport) == (external, transport))
            for external in (False, True)
            for transport in Transport
        ]
        yield min(filter(None, answers), key=badness), (title, server, *map(_word, answers))


def _word(answer: Answer | None) -> str:
    if answer is None:
        return "-"
    return "ok" if answer is Answer.ANSWERED else answer.value
