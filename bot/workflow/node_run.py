"""The one way to nodes of a diagnosis: opened when the first collector asks for it, closed at the end."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from bot.domain.ports import NodeRun, Sources


@dataclass(slots=True)
class OneNodeRun:
    """Opens it once. Safe among threads."""

    sources: Sources
    _opened: NodeRun | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> NodeRun:
        """Return what all collectors see nodes through."""
        with self._lock:
            if self._opened is None:
                self._opened = self.sources.nodes()
            return self._opened

    def close(self) -> None:
        """Remove what was made on nodes; nothing where nobody asked for one."""
        with self._lock:
            opened = self._opened
        if opened is not None:
            opened.close()
