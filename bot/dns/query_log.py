"""CoreDNS's query log (plugin/log): one line for each query (C12), counted as fast as it comes and in flat memory.

    [INFO] 192.168.3.71:33238 - 36534 "A IN amazon.com. udp 54 false 512" NXDOMAIN qr,aa,rd 147 0.000473434s

Formats `{common}` and `{combined}` of CoreDNS 1.2 to 1.15, as text or with `-log-format json` (1.15: the same line is
the record's `msg`), whatever stands before `[INFO]` (the API's timestamp, one of CoreDNS's own, `kubectl --prefix`).
Two readers over bytes: `count_rcodes` and `count_names`. A line that is no query is counted, too: other lines of
CoreDNS stand between. Faster patterns are tried where lines may be queries alone: each match takes the end of a line
at least, so that as many matches as lines are a match a line, and none has taken two for one.
"""

from __future__ import annotations

import json
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, Self

from bot.dns.timestamped import LONGEST_SAMPLE, quoted
from bot.domain.moments import leading_time

PIECE = 1 << 18
"""Bytes that are read at once."""
BLOCK = 1 << 14
"""Of them, those that are looked at together: they stay in the nearest cache, and most hold queries alone."""
RUN = 24
"""Usual queries that one match takes: more cost less each, and are lost together where another line stands."""
LEFT_OUT = 1 << 10
"""Bytes that are left out from a line that is not usual; twice as many where no run came between, up to a block."""
LONGEST_LINE = 1 << 20
"""Bytes after which a line that has not ended is cut: CoreDNS writes none so long."""
MOST_QUESTIONS = 50_000
"""Different questions of different clients that are kept apart; beyond, the rare half is kept by client and rcode."""
SAMPLES = 3
"""Newest lines kept of each rcode that is an error."""
_SAMPLE_BYTES = 4 * (LONGEST_SAMPLE + 1)
"""So many bytes hold more characters than a sample has."""
NO_ERROR, NO_NAME = "NOERROR", "NXDOMAIN"
ANSWERS = frozenset({NO_ERROR, NO_NAME})
"""Rcodes of a server that does its work; all others are errors."""

_WORD = rb"[\x00-\x09\x0b-\x1f!-\xff]++"
"""Neither a blank nor the end of a line. Sets of three ranges are one table to the matcher, and four times as fast."""
_PLAIN = rb"[\x00-\x09\x0b-\x1f!-9;-\xff]*+"
_ADDRESS = rb"(?:\[[\x00-\x09\x0b-\x1f!-\\^-\xff]++\]|[\x00-\x09\x0b-\x1f!-9;-Z\\-\xff]" + _PLAIN + rb")"
"""Before the port's colon; an IPv6 one stands in brackets."""
_QUOTED = rb"[\x00-\x09\x0b-!#-\[\]-\xff]*+(?:\\[^\n][\x00-\x09\x0b-!#-\[\]-\xff]*+)*+"
"""Neither a quotation mark nor the end of a line, but behind a backslash: so names are written that hold one."""
_HEAD = rb"\[INFO\] (%s):" + _WORD + rb" - " + _WORD
_QUERIES = re.compile((_HEAD % _ADDRESS) + rb' "(' + _QUOTED + rb'" ' + _WORD + rb") [^\n]++")
"""A query anywhere in a line: its client, and what stands between the quotation marks with the answer's rcode."""
_RCODES = re.compile((_HEAD % (b"?:" + _ADDRESS)) + rb' "' + _QUOTED + rb'" (' + _WORD + rb") [^\n]++")
_RCODES_FAST = re.compile((_HEAD % (b"?:" + _ADDRESS)) + rb' "[^"]*+" ([^ ]++) [^\n]++\n')
"""The same, fast: it may take two lines for one, and knows nothing of backslashes."""
_FROM_IPV4 = rb'[^\[]*+\[INFO\] %s:[^ ]++ - [^ ]++ "'
"""The same from the start of a line, faster: sets that exclude one byte, or hold few, are read as fast as it goes."""
_USUAL = _FROM_IPV4 % b"[.-9]++" + rb'[^"]*+" N(?:XDOMAIN |OERROR() )(?s:.){18}+[^\n]*+\n'
"""A query that was answered with NOERROR or NXDOMAIN: a group tells which."""
_USUAL_ONE, _USUAL_RUN = re.compile(_USUAL), re.compile(_USUAL * RUN)
_QUERIES_FAST = re.compile(rb"(?m:^)" + _FROM_IPV4 % b"([.-9]++)" + rb'([^"]*+" [^ ]++) [^\n]++\n')
_WELL = tuple(one.encode() for one in sorted(ANSWERS))
_RECORD = re.compile(rb'\{"time":"[^"\n]*+","level":"([A-Z]++)","msg":("(?:[^"\\\n]|\\[^\n])*+")[^\n]*+')
_ASKED = re.compile(rb"(\S+) (\S+) ((?:[^ \\]|\\.)+) (\S+) (\d+) (\S+) (\d+)")
"""Type, class, name, protocol, size, DO bit, the client's buffer size (EDNS)."""
_WORDS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryLine:
    """One query and its answer."""

    client: str
    """IP address without port."""
    rcode: str
    """As CoreDNS writes it: NOERROR; `-` where it gave no answer."""
    question: Question | None
    """None: what stands between the quotation marks is of another format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked."""

    type: str
    """A, AAAA; TYPE65 for one that has no name."""
    qclass: str
    """IN, CH; CLASS1232 for one that has no name."""
    name: str
    """Lower case, with its last dot, escaped as CoreDNS writes it."""
    protocol: str
    size: int
    do: bool
    """The client wants DNSSEC."""
    buffer_size: int

    @classmethod
    def of(cls, text: bytes) -> Self | None:
        """Return what stands between the quotation marks as a question; None: it is none."""
        found = _ASKED.fullmatch(text)
        if found is None:
            return None
        kind, qclass, name, protocol, size, do, buffer_size = found.groups()
        return cls(
            type=_text(kind),
            qclass=_text(qclass),
            name=_text(name),
            protocol=_text(protocol),
            size=int(size[:9]),
            do=do == b"true",
            buffer_size=int(buffer_size[:9]),
        )


def query_line(text: str) -> QueryLine | None:
    """Return what one line says, with or without what may stand before `[INFO]`; None: it is no query."""
    found = _QUERIES.search(_as_text(text.partition("\n")[0].encode("utf-8", "surrogatepass")))
    if found is None:
        return None
    client, (question, _, rcode) = found[1], found[2].rpartition(b'" ')
    return QueryLine(client=_text(_address(client)), rcode=_text(rcode), question=Question.of(question))


@dataclass(slots=True, kw_only=True)
class RcodesCounted:
    """Queries by what became of them."""

    lines: int = 0
    rcodes: Counter[str] = field(default_factory=Counter)
    samples: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By rcode that is an error: the newest lines, newest first, each shortened."""

    @property
    def queries(self) -> int:
        """Return how many lines are queries."""
        return self.rcodes.total()

    @property
    def others(self) -> int:
        """Return how many lines are none."""
        return self.lines - self.queries


def count_rcodes(stream: BinaryIO) -> RcodesCounted:
    """Count a log's queries by rcode, and keep the newest of each error."""
    counting = _Counting()
    for piece, begin, end in _blocks(stream, PIECE):
        for left_out in counting.take_usual(piece, begin, end):
            for block in _parted(piece, *left_out, BLOCK):
                counting.take(piece, *block)
    return counting.told()


@dataclass(slots=True)
class _Counting:
    """Queries that were counted so far."""

    lines: int = 0
    counted: Counter[bytes] = field(default_factory=Counter)
    samples: dict[bytes, deque[bytes]] = field(default_factory=dict)
    """The newest lines of each error, oldest first."""
    pure: bool = True
    """Whether every line of the last block was a query."""

    def take_usual(self, text: bytes, begin: int, end: int) -> list[tuple[int, int]]:
        """Count usual queries, most of them in runs; return where lines stand that were left out.

        A match may have gone on over the end of a line, between quotation marks for one. Then there are more ends of
        lines than queries, and all are left out.
        """
        if not _is_plain(text, begin, end):
            return [(begin, end)]
        usual = no_names = 0
        left_out, step, at = [], LEFT_OUT, begin
        while at < end:
            while run := _USUAL_RUN.match(text, at, end):
                usual, no_names = usual + RUN, no_names + run.groups().count(None)
                at, step = run.end(), LEFT_OUT
            while one := _USUAL_ONE.match(text, at, end):
                usual, no_names = usual + 1, no_names + (one[1] is None)
                at = one.end()
            if at < end:
                stop = text.find(b"\n", min(at + step, end - 1)) + 1
                left_out.append((at, stop))
                at, step = stop, min(2 * step, BLOCK)
        if usual + sum(text.count(b"\n", *part) for part in left_out) != _ends(text, begin, end):
            return [(begin, end)]
        self.lines += usual
        self.counted[b"NXDOMAIN"] += no_names
        self.counted[b"NOERROR"] += usual - no_names
        return left_out

    def take(self, text: bytes, begin: int, end: int) -> None:
        """Count all queries of a block."""
        ends = text.count(b"\n", begin, end)
        self.lines += ends
        plain = self.pure and _is_plain(text, begin, end)
        found = _RCODES_FAST.findall(text, begin, end) if plain else []
        if len(found) != ends:
            text, begin, end = _block_as_text(text, begin, end)
            found = _RCODES.findall(text, begin, end)
        self.pure = len(found) == ends
        well = {rcode: found.count(rcode) for rcode in _WELL}
        self.counted.update(well)
        if sum(well.values()) < len(found):
            errors = Counter(rcode for rcode in found if rcode not in _WELL)
            self.counted.update(errors)
            for rcode in errors:
                kept = self.samples.setdefault(rcode, deque(maxlen=SAMPLES))
                _keep_samples(text, begin, end, rcode, kept)

    def told(self) -> RcodesCounted:
        """Return what was counted as text."""
        return RcodesCounted(
            lines=self.lines,
            rcodes=_by_text(+self.counted),
            samples={
                _text(rcode): tuple(quoted(_text(line[:_SAMPLE_BYTES])) for line in reversed(kept))
                for rcode, kept in self.samples.items()
            },
        )


def _is_plain(text: bytes, begin: int, end: int) -> bool:
    """Return whether nothing here may be escaped, or be a record of `-log-format json`: fast patterns know neither."""
    return text.find(b"\\", begin, end) < 0 and text.find(b"{", begin, end) < 0


def _ends(text: bytes, begin: int, end: int) -> int:
    """Return how many lines end here. `count` of CPython 3.11 takes twice as long over all, if not over a few."""
    beside = text.count(b"\n", 0, begin) + text.count(b"\n", end)
    return len(text) - len(text.replace(b"\n", b"")) - beside


def _keep_samples(block: bytes, begin: int, end: int, rcode: bytes, kept: deque[bytes]) -> None:
    """Add a block's newest queries of this rcode, oldest first."""
    found: list[bytes] = []
    token = b'" ' + rcode + b" "
    while len(found) < SAMPLES and (at := block.rfind(token, begin, end)) >= 0:
        begins, ends = block.rfind(b"\n", 0, at) + 1, block.find(b"\n", at)
        line = block[begins:ends]
        query = _RCODES.search(line)
        if query is not None and query[1] == rcode:
            found.append(line)
        end = begins
    kept.extend(reversed(found))


@dataclass(slots=True, kw_only=True)
class ClientQueries:
    """What one client asked."""

    names: dict[str, Counter[str]] = field(default_factory=dict)
    """By name: how often it was answered with each rcode, whatever the type asked for."""
    rest: Counter[str] = field(default_factory=Counter)
    """By rcode: queries whose names are not kept, or are of another format."""

    @property
    def rcodes(self) -> Counter[str]:
        """Return all its queries by rcode."""
        return sum(self.names.values(), start=Counter(self.rest))


@dataclass(slots=True, kw_only=True)
class NamesCounted:
    """Queries by client, name and rcode."""

    lines: int = 0
    queries: int = 0
    clients: dict[str, ClientQueries] = field(default_factory=dict)
    """By address."""

    @property
    def others(self) -> int:
        """Return how many lines are no queries."""
        return self.lines - self.queries


def count_names(streams: Iterable[BinaryIO], most_questions: int = MOST_QUESTIONS) -> NamesCounted:
    """Count the queries of several pods' logs by client, name and rcode: a client's are spread over all of them.

    Of more than `most_questions` the rare ones lose their names.
    """
    asked: Counter[bytes] = Counter()
    nameless: Counter[tuple[bytes, bytes]] = Counter()
    lines, pure = 0, True
    for block, begin, end in (block for stream in streams for block in _blocks(stream, BLOCK)):
        ends = block.count(b"\n", begin, end)
        lines += ends
        plain = pure and _is_plain(block, begin, end)
        found = _QUERIES_FAST.findall(block, begin, end) if plain else []
        if len(found) != ends:
            found = _QUERIES.findall(*_block_as_text(block, begin, end))
        pure = len(found) == ends
        asked.update(map(b" ".join, found))
        if len(asked) > most_questions:
            asked = _pruned(asked, nameless, most_questions // 2)
    return _told(asked, nameless, lines)


def _pruned(asked: Counter[bytes], nameless: Counter[tuple[bytes, bytes]], most: int) -> Counter[bytes]:
    """Return the most frequent questions; the others are kept by client and rcode alone."""
    kept = Counter(dict(asked.most_common(most)))
    for query, times in (asked - kept).items():
        client, _, question = query.partition(b" ")
        nameless[_address(client), question.rpartition(b'" ')[2]] += times
    return kept


def _told(asked: Mapping[bytes, int], nameless: Mapping[tuple[bytes, bytes], int], lines: int) -> NamesCounted:
    """Return what was asked, by client; before the first blank of each query stands its client."""
    told = NamesCounted(lines=lines)
    for query, times in asked.items():
        client, _, text = query.partition(b" ")
        queries = told.clients.setdefault(_text(_address(client)), ClientQueries())
        question, _, rcode = text.rpartition(b'" ')
        name = _name(question)
        counted = queries.names.setdefault(name, Counter()) if name else queries.rest
        counted[_text(rcode)] += times
    for (client, rcode), times in nameless.items():
        told.clients.setdefault(_text(client), ClientQueries()).rest[_text(rcode)] += times
    told.queries = sum(asked.values()) + sum(nameless.values())
    return told


def _name(question: bytes) -> str:
    """Return the name of a question, the usual one without taking it apart; empty: it is of another format."""
    words = question.split()
    usual = len(words) == _WORDS and words[4].isdigit() and words[6].isdigit() and b"\\" not in question
    if usual and b" ".join(words) == question:
        return _text(words[2])
    read = Question.of(question)
    return read.name if read else ""


def _address(client: bytes) -> bytes:
    return client.removeprefix(b"[").removesuffix(b"]")


def _text(found: bytes) -> str:
    return found.decode("utf-8", "replace")


def _by_text(counted: Mapping[bytes, int]) -> Counter[str]:
    told: Counter[str] = Counter()
    for one, times in counted.items():
        told[_text(one)] += times
    return told


def _blocks(stream: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Return the log in blocks of whole lines: where each begins and ends in what was read, which is not copied.

    The last line is ended where it is not.
    """
    rest = b""
    while piece := stream.read(PIECE):
        begin = piece.find(b"\n") + 1
        if not begin:
            rest = (rest + piece)[:LONGEST_LINE]
            continue
        first = rest + piece[:begin]
        yield first, 0, len(first)
        end = piece.rfind(b"\n") + 1
        for block in _parted(piece, begin, end, size):
            yield piece, *block
        rest = piece[end:]
    if rest:
        yield rest + b"\n", 0, len(rest) + 1


def _parted(text: bytes, begin: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    """Return where blocks of whole lines begin and end: as large as `size`, or a longer line."""
    while begin < end:
        stop = text.rfind(b"\n", begin, min(begin + size, end)) + 1 or text.find(b"\n", begin) + 1
        yield begin, stop
        begin = stop


def _block_as_text(block: bytes, begin: int, end: int) -> tuple[bytes, int, int]:
    """Return a block without what `-log-format json` puts around its lines, and where it begins and ends."""
    if block.find(b'{"time":"', begin, end) < 0:
        return block, begin, end
    text = _as_text(block[begin:end])
    return text, 0, len(text)


def _as_text(log: bytes) -> bytes:
    """Return records of `-log-format json` in the shape of any other line: `[INFO] MESSAGE`."""
    return _RECORD.sub(_record_as_line, log)


def _record_as_line(record: re.Match[bytes]) -> bytes:
    try:
        message = str(json.loads(record[2])).replace("\n", " ")
    except ValueError:
        return record[0]
    return b"[" + record[1] + b"] " + message.encode("utf-8", "replace")


def first_and_last(log: bytes) -> tuple[datetime | None, datetime | None]:
    """Return when the first and the last query were logged, by the API's timestamps before them."""
    log = _block_as_text(log, 0, len(log))[0]
    first = _RCODES.search(log)
    begins = log.rfind(b"\n", 0, first.start()) + 1 if first else 0
    last = begins
    end = len(log)
    while first and end > 0:
        last = log.rfind(b"\n", 0, end - 1) + 1
        if _RCODES.search(log, last, end):
            break
        end = last
    return (_time(log, begins), _time(log, last)) if first else (None, None)


def _time(log: bytes, begins: int) -> datetime | None:
    return leading_time(_text(log[begins : begins + 64]))[0]
