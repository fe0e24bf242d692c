"""The port to a program that is CoreDNS itself: would it start with this Corefile?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class CorefileAnswer:
    """What CoreDNS said."""

    coredns: str
    """Its version, `1.15.0`."""
    error: str
    """As it would print it before it ends; empty: it takes the Corefile."""


class CorefileProgram(Protocol):
    """Asks CoreDNS. Nothing is started, nothing listens."""

    def __call__(self, text: str, file: str, folders: Mapping[str, Mapping[str, str]]) -> CorefileAnswer:
        """Return what CoreDNS says to the Corefile at `file`, whose imports find the files of `folders`.

        Raises `EvidenceUnavailable` where the program gives no answer.
        """
        ...
