"""The audit chain: rows that only grow, each sealed over itself and the seal before it, so that no change goes unseen.

A seal is `LABEL:HEX`. With keys it is an HMAC-SHA256, and the label names the key without giving it away: who may write
to the database and does not know the key can forge no row. Without a key it is a plain SHA-256 (`plain`), which shows
mistakes and clumsy hands, and not somebody who computes the chain anew. A chain may go from plain to keyed and from an
older key to a newer one, and never back. That the end was cut off, or a backup put back, is seen by heads that are kept
elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

PLAIN = "plain"
FIRST_SEQ = 1
LEAST_KEY_CHARACTERS = 32

AuditRow = tuple[int, str, str, str, str]
"""`seq`, `kind`, `proposal_id`, `entry` and `seal`, as they were read: whatever stands there."""


class Begun(Protocol):
    """A hash of nothing yet, with or without a key; rows are added to copies of it."""

    def copy(self) -> Self:
        """Return one that goes on by itself."""

    def update(self, content: bytes, /) -> None:
        """Add bytes."""

    def hexdigest(self) -> str:
        """Return what it is of all that was added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A row of the chain, by its number and its seal; everything before it is bound by the seal."""

    seq: int
    seal: str

    @property
    def text(self) -> str:
        """As people copy it: `41:hmac-1a2b3c4d:…`."""
        return f"{self.seq}:{self.seal}"


def head_from(text: str) -> Head:
    """Return the head of a text. Raises `ValueError` where it is none."""
    seq, _, seal = text.strip().partition(":")
    if not seq.isascii() or not seq.isdigit() or ":" not in seal:
        raise ValueError(f"{text.strip()[:80]!r} is no head of an audit chain, such as 41:hmac-1a2b3c4d:9f86d0…")
    return Head(seq=int(seq), seal=seal)


@dataclass(frozen=True, slots=True)
class Seals:
    """Makes and checks seals. `keys`: the newest, which seals, comes first; empty: plain hashes."""

    keys: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def label(self) -> str:
        """Which seals this makes."""
        return _label(self.keys[0]) if self.keys else PLAIN

    def seal(self, before: str, row: tuple[int, str, str, str]) -> str:
        """Return the seal of a new row (`seq`, `kind`, `proposal_id`, `entry`) that comes after the seal `before`."""
        begun = _begun(self.keys[0]) if self.keys else hashlib.sha256()
        return f"{self.label}:{_digest(begun, _bytes(before, *row))}"

    def ranks(self) -> Mapping[str, tuple[int, Begun]]:
        """Return, for each label that can be checked, how new it is, and a hash of nothing with its key."""
        found: dict[str, tuple[int, Begun]] = {PLAIN: (0, hashlib.sha256())}
        for rank, key in enumerate(reversed(self.keys), start=1):
            found[_label(key)] = (rank, _begun(key))
        return found

    def vouch(self, before: str, row: AuditRow) -> bool:
        """Return whether one row is what was sealed; with keys, a plain seal vouches for nothing."""
        label, _, value = str(row[4]).partition(":")
        known = self.ranks().get(label)
        if known is None or (self.keys and label == PLAIN):
            return False
        return hmac.compare_digest(_digest(known[1], _bytes(before, *row[:4])), value)


def _label(key: bytes) -> str:
    return "hmac-" + hashlib.sha256(b"dnsbot audit key " + key).hexdigest()[:8]


def _begun(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod="sha256")


def _digest(begun: Begun, content: bytes) -> str:
    whole = begun.copy()  # the key is taken in once for all rows
    whole.update(content)
    return whole.hexdigest()


def _bytes(before: str, seq: object, kind: str, proposal_id: str, entry: str) -> bytes:
    # lengths first: no two rows run together to the same bytes
    return f"{before}\n{seq}\n{len(kind)} {len(proposal_id)}\n{kind}{proposal_id}{entry}".encode(
        "utf-8", "surrogatepass"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """What a walk over the chain saw."""

    rows: int
    """How many rows are as they were sealed, counted from the first."""
    plain: int
    """How many of them have no key: who can write to the database could have made them anew."""
    head: Head | None
    bad_row: int | None = None
    """The first row that is not as it was sealed, or that is missing."""
    why: str = ""


class BadRow(Exception):  # what is wrong with one row, on its way out of the walk
    """A row that is not as it was sealed, or not there."""


def walk(rows: Iterable[Sequence[object]], seals: Seals, heads: Iterable[Head]) -> Walked:
    """Go through the rows in the order of their numbers, and compare them with the heads that were kept elsewhere."""
    kept = {head.seq: head.seal for head in heads}
    ranks, rank = seals.ranks(), 0
    before, count, plain, why = "", 0, 0, ""
    try:
        for row in rows:
            rank = _judge(row, count + FIRST_SEQ, before, rank, ranks)
            _compare(row, kept)
            before, count, plain = str(row[4]), count + 1, plain + (not rank)
        _check_end(count, kept)
    except BadRow as bad:
        why = str(bad)
    return Walked(
        rows=count,
        plain=plain,
        head=Head(seq=count, seal=before) if before else None,
        bad_row=count + FIRST_SEQ if why else None,
        why=why,
    )


def _compare(row: Sequence[object], kept: Mapping[int, str]) -> None:
    seq, seal = row[0], row[4]
    if kept and kept.get(seq, seal) != seal:  # type: ignore[call-overload]  # `_judge` saw that these are number and text
        raise BadRow("another row stood here when its head was kept elsewhere: the chain was made anew")


def _check_end(count: int, kept: Mapping[int, str]) -> None:
    last = max(kept, default=0)
    if last > count:
        raise BadRow(
            f"the chain ends before it, and row {last} was there when its head was kept elsewhere: the end was cut "
            "off, or a backup was put back"
        )


def _judge(
    row: Sequence[object], expected: int, before: str, highest: int, ranks: Mapping[str, tuple[int, Begun]]
) -> int:
    """Return how new the key of a row's seal is. Raises `BadRow` where the row is not what was sealed in this place."""
    seq, kind, proposal_id, entry, seal = row
    if seq != expected:
        raise BadRow(f"it is missing: the next one in the table is {seq}")
    if not (type(kind) is type(proposal_id) is type(entry) is type(seal) is str):
        raise BadRow("it holds something else than text")
    label, _, value = seal.partition(":")
    rank, begun = ranks.get(label, (-1, None))
    if begun is None:
        raise BadRow(f"it is sealed with {label[:20]!r}, of which AUDIT_KEY holds no key")
    if rank < highest:
        raise BadRow("its seal is of an older key, or of none, although rows before it have a newer one")
    if value != _digest(begun, _bytes(before, seq, kind, proposal_id, entry)):
        raise BadRow("it is not what was sealed, or not in its place")
    return rank


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCheck:
    """What `dnsbot audit verify` found."""

    walked: Walked
    strays: tuple[str, ...]
    """Decisions that stand in the database and not in the chain, or the other way round; a sentence each."""
    heads: int
    """How many heads that were kept elsewhere were compared."""

    @property
    def well(self) -> bool:
        """Nothing was changed, as far as can be seen."""
        return self.walked.bad_row is None and not self.strays
