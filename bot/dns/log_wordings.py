"""Wordings of log lines that complain: what they mean, what they may be about, and which versions print them.

The tables themselves: `coredns_wordings`, `kube_proxy_wordings`. An error line that stands in none is kept as unknown
and leaves open every rule about what it may concern (`Subject`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Subject(StrEnum):
    """What an error line may be about."""

    API = "Kubernetes API"
    UPSTREAM = "upstream servers"
    CONFIGURATION = "configuration"
    LOOP = "a forwarding loop"
    RULES = "rules on the node"
    """What kube-proxy writes into the kernel."""
    ANY = "anything"
    """The line does not say: it may be about each of the above."""
    NONE = "nothing that lookups need"


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """What an error line is about, without its words: they differ from line to line and are kept as samples."""

    subject: Subject
    meaning: str = ""
    """Of a line whose wording is known; empty: no class knows it."""

    def may_concern(self, subject: Subject) -> bool:
        """Return whether the line may be about this subject."""
        return self.subject in {subject, Subject.ANY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One message of a program, as its source words it."""

    words: str
    """What every line of it begins with, lower case; `*` stands for what differs from line to line."""
    meaning: str
    subject: Subject
    versions: str
    """First and last minor version seen with it: `1.19-1.36`; `1.24-`: still there."""

    @property
    def complaint(self) -> Complaint:
        """Return what a line with this wording is about."""
        return Complaint(subject=self.subject, meaning=self.meaning)

    def begins(self, message: str) -> bool:
        """Return whether the message, lower case, begins with these words."""
        first, *others = self.words.split("*")
        at = len(first) if message.startswith(first) else -1
        for part in others:
            found = message.find(part, at) if at >= 0 else -1
            at = found + len(part) if found >= 0 else -1
        return at >= 0


def known_wording(message: str, table: Iterable[Wording]) -> Wording | None:
    """Return the first wording of the table that the message begins with.

    Words further on are an error's own, or a name's, and say nothing of who speaks. klog's structured messages stand in
    quotation marks: the first is left out.
    """
    lowered = message.lower().removeprefix('"')
    return next((wording for wording in table if wording.begins(lowered)), None)
