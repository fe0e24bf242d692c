"""The lookups of a diagnosis as a small table, the worst first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bot.domain.lookup_matrix import LookupMatrix, Row, rows
from bot.domain.lookups import Answer, Lookup, Transport, badness, worst
from bot.domain.phrases import count

MATRIX_ROWS = 12


def lookup_table(found: LookupMatrix | None) -> str:
    """Return the lookups as a small table: a line for each group of clients and server, the worst first."""
    lines = [] if found is None else [line for row in rows(found.lookups) for line in _lines(row)]
    if not lines:
        return ""
    lines.sort(key=lambda line: badness(line[0]))
    table = [("from", "asked", "internal udp", "tcp", "external udp", "tcp"), *(words for _, words in lines)]
    shown = table[: MATRIX_ROWS + 1]
    widths = [max(len(line[column]) for line in shown) for column in range(6)]
    texts = ["  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in shown]
    if len(lines) > MATRIX_ROWS:
        texts.append(f"({count(len(lines) - MATRIX_ROWS, 'more line')})")
    return "\n".join(texts)


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
