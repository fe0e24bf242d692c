"""The look-ups as a small table of text, and where among them the failures lie; no rule itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from bot.domain.findings import Answer, Cell

MAX_ROWS = 25
"""Nodes shown; those with failures come first."""

_MARKS = {
    Answer.ANSWERED: "ok",
    Answer.NXDOMAIN: "nxdomain",
    Answer.SERVFAIL: "servfail",
    Answer.REFUSED: "refused",
    Answer.TIMED_OUT: "timeout",
    Answer.NOT_ASKED: "-",
}
LEGEND = "internal/external name; ok = answered, - = not asked, * = through the service"


def matrix(cells: Sequence[Cell], failing: Iterable[Cell]) -> tuple[str, ...]:
    """Return a legend, a head and one line for each node; columns are server and protocol."""
    columns = list(dict.fromkeys((cell.server, cell.through_service, cell.protocol) for cell in cells))
    columns.sort(key=lambda column: (not column[1], column[0], column[2] == "tcp"))
    bad = {cell.node for cell in failing}
    nodes = sorted({cell.node for cell in cells}, key=lambda node: (node not in bad, node))
    rows = [["from", *(f"{server}{'*' if service else ''} {protocol}" for server, service, protocol in columns)]]
    for node in nodes[:MAX_ROWS]:
        here = [cell for cell in cells if cell.node == node]
        rows.append(
            [node, *(_marks([c for c in here if (c.server, c.through_service, c.protocol) == col]) for col in columns)]
        )
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    more = (f"… and {len(nodes) - MAX_ROWS} more nodes",) if len(nodes) > MAX_ROWS else ()
    return (LEGEND, *lines, *more)


def _marks(cells: Sequence[Cell]) -> str:
    """Return the worst answer for internal names, a slash, and the worst for external ones."""
    return "/".join(_worst([cell for cell in cells if cell.external is external]) for external in (False, True))


def _worst(cells: Sequence[Cell]) -> str:
    order = (Answer.TIMED_OUT, Answer.SERVFAIL, Answer.REFUSED, Answer.NXDOMAIN, Answer.ANSWERED, Answer.NOT_ASKED)
    answers = {cell.answer for cell in cells}
    return next((_MARKS[answer] for answer in order if answer in answers), "-")


def localise(asked: Sequence[Cell], failing: Sequence[Cell]) -> tuple[str, ...]:
    """Return what the failures have in common and the answered look-ups have not: "only over tcp"."""
    found, failed = [], set(failing)
    for tell, value in _DIMENSIONS:
        bad, good = {value(cell) for cell in failing}, {value(cell) for cell in asked if cell not in failed}
        if bad and good - bad:
            found.append(tell(sorted(bad)))
    return tuple(found)


def _from_nodes(nodes: list[str]) -> str:
    shown = ", ".join(nodes[:5]) + (f" and {len(nodes) - 5} more" if len(nodes) > 5 else "")  # noqa: PLR2004  # shown
    return f"only from {shown}"


def _path(cell: Cell) -> str:
    return "through the service" if cell.through_service else "to CoreDNS pods and other servers directly"


_DIMENSIONS: tuple[tuple[Callable[[list[str]], str], Callable[[Cell], str]], ...] = (
    (_from_nodes, lambda cell: cell.node),
    (lambda paths: f"only {' and '.join(paths)}", _path),
    (
        lambda servers: f"only by {', '.join(servers)}",
        lambda cell: f"the service {cell.server}" if cell.through_service else cell.server,
    ),
    (lambda protocols: f"only over {', '.join(protocols)}", lambda cell: cell.protocol.value),
    (lambda kinds: f"only for {', '.join(kinds)} names", lambda cell: "external" if cell.external else "internal"),
)
