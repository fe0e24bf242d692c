"""The lookups as a small table of text, and where among them the failures lie; no rule itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from bot.domain.lookup_matrix import rows
from bot.domain.lookups import Answer, Lookup, Transport, worst
from bot.domain.phrases import and_more

MAX_ROWS = 25
"""Rows shown; those with failures come first."""

_MARKS = {
    Answer.ANSWERED: "ok",
    Answer.NXDOMAIN: "nxdomain",
    Answer.SERVFAIL: "servfail",
    Answer.REFUSED: "refused",
    Answer.TIMED_OUT: "timeout",
    Answer.NOT_ASKED: "-",
}
LEGEND = "internal/external name; ok = answered, - = not asked, * = through the service"


def matrix(lookups: Sequence[Lookup], failing: Iterable[Lookup]) -> tuple[str, ...]:
    """Return a legend, a head and one line for each group of clients; columns are server and transport."""
    columns = list(dict.fromkeys(map(_column, lookups)))
    columns.sort(key=lambda column: (not column[1], column[0], column[2] is Transport.TCP))
    failed = set(failing)
    grouped = sorted(rows(lookups), key=lambda row: failed.isdisjoint(row.lookups))
    table = [["from", *(f"{server}{'*' if service else ''} {transport}" for server, service, transport in columns)]]
    table += [
        [row.title, *(_marks([one for one in row.lookups if _column(one) == column]) for column in columns)]
        for row in grouped[:MAX_ROWS]
    ]
    widths = [max(len(line[at]) for line in table) for at in range(len(table[0]))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in table]
    more = (f"… and {len(grouped) - MAX_ROWS} more lines",) if len(grouped) > MAX_ROWS else ()
    return (LEGEND, *lines, *more)


def _column(lookup: Lookup) -> tuple[str, bool, Transport]:
    return lookup.server, lookup.through_service, lookup.transport


def _marks(lookups: Sequence[Lookup]) -> str:
    """Return the worst answer for internal names, a slash, and the worst for external ones."""
    found = (worst(one.answer for one in lookups if one.external is external) for external in (False, True))
    return "/".join(_MARKS[answer or Answer.NOT_ASKED] for answer in found)


def localise(asked: Sequence[Lookup], failing: Sequence[Lookup]) -> tuple[str, ...]:
    """Return what the failures have in common and the answered lookups have not: "only over tcp"."""
    found, failed = [], set(failing)
    for tell, value in _DIMENSIONS:
        bad, good = {value(one) for one in failing}, {value(one) for one in asked if one not in failed}
        if bad and good - bad:
            found.append(tell(sorted(bad)))
    return tuple(found)


def _from_nodes(nodes: list[str]) -> str:
    return f"only from {and_more(nodes, 5)}"


def _path(lookup: Lookup) -> str:
    return "through the service" if lookup.through_service else "to CoreDNS pods and other servers directly"


_DIMENSIONS: tuple[tuple[Callable[[list[str]], str], Callable[[Lookup], str]], ...] = (
    (_from_nodes, lambda one: one.client.node or one.client.place),
    (lambda clients: f"only from {' and '.join(clients)}", lambda one: one.client.kind.plural),
    (lambda paths: f"only {' and '.join(paths)}", _path),
    (
        lambda servers: f"only by {', '.join(servers)}",
        lambda one: f"the service {one.server}" if one.through_service else one.server,
    ),
    (lambda transports: f"only over {', '.join(transports)}", lambda one: one.transport.value),
    (lambda kinds: f"only for {', '.join(kinds)} names", lambda one: "external" if one.external else "internal"),
)
