"""Where among the lookups the failures lie; no rule itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.domain.lookups import Lookup
from bot.domain.phrases import and_more


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
