"""Files that are kept with a diagnosis as they are, beside its evidence: packet captures."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile:
    """One file. What it holds is kept as long as evidence is (`retention`), and no rule judges it."""

    name: str
    """`client-shop-web-1.pcap`; unique within a diagnosis."""
    title: str
    """What it is, for people."""
    content: bytes = field(repr=False)


def not_kept(_file: KeptFile) -> None:
    """Stand for keeping where nothing is kept."""
