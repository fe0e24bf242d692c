"""What runs while a context lasts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Started(ABC):
    """Is started when the context begins and stopped when it ends, also when the start fails half-way."""

    @abstractmethod
    def start(self) -> object:
        """Start everything and wait until it serves."""

    @abstractmethod
    def stop(self) -> object:
        """End what has been started; a second call does nothing."""

    def __enter__(self) -> Self:
        """Start."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()
