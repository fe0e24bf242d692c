"""Why what lookups suggest could not be judged on some nodes: they were not looked at. No rule itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Protocol

from bot.domain.evidence import Gap
from bot.domain.phrases import few


class _OfNodes(Protocol):
    """Evidence of some nodes."""

    @property
    def gaps(self) -> tuple[Gap, ...]: ...


def unseen(
    found: _OfNodes | Gap, concerned: Iterable[str], seen: Collection[str], *, what: str, why: str
) -> Iterator[Gap]:
    """Yield why nodes on which something fails were not judged: that none could be seen, or that these were not.

    `what` was to be read there (`routing rules`); `why` says what fails on them (`nothing answers pods`).
    """
    left = sorted(set(concerned) - set(seen))
    if not left:
        return
    if isinstance(found, Gap):
        yield found
        return
    yield Gap(what=f"{what} of nodes", reason=f"{why} on {few(left, 3)}, and the {what} there were not seen")
    yield from found.gaps
