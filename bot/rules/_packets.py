"""Where packets of lookups were lost, by captures at a client and at CoreDNS pods (C14); no rule itself.

A socket's query is the same on both sides: kube-proxy's rules change the server's address, and leave the client's
address, its port and the name. A query that was not seen at a CoreDNS pod tells nothing where it may have been led to
one that was not captured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.collectors.packet_captures import PacketCaptures, PodCapture
from bot.dns.lookup_tools import WAITS_SECONDS
from bot.dns.packet_capture import Exchange
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer, Lookup, Transport
from bot.domain.phrases import count


class Fate(StrEnum):
    """What became of the packets of one socket, where that can be told."""

    ANSWERED = "answered"
    LOST_ON_THE_WAY = "the network between the nodes lost the query"
    NOT_ANSWERED = "CoreDNS got it and did not answer"
    ANSWERED_LATE = "CoreDNS answered later than clients wait"
    LOST_ON_THE_WAY_BACK = "the answer was lost on the way back"
    OPEN = "it may have been led to a pod that was not captured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """One socket's queries, as far as they could be followed."""

    fate: Fate
    exchange: Exchange
    """As it was seen at the client."""
    client: PodCapture
    server: PodCapture | None
    """The CoreDNS pod that it was seen at, or was sent to; None: not known."""

    @property
    def place(self) -> str:
        """Where it was lost, in the words of a report."""
        here = self.client.point
        there = self.server.point if self.server else None
        at = f"{there.pod} on node {there.node}" if there else "CoreDNS"
        if self.fate is Fate.NOT_ANSWERED:
            return f"{at} got it and did not answer"
        if self.fate is Fate.ANSWERED_LATE:
            return f"{at} got it and answered later than {WAITS_SECONDS} s, which is as long as a lookup waits here"
        between = _between(here.node, there.node if there else "")
        if self.fate is Fate.LOST_ON_THE_WAY_BACK:
            return f"the answer of {at} was lost on the way back to {here.pod} on node {here.node}"
        return f"lost in {between}: it left {here.pod} and did not arrive at {at}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What captures show of the lookups of one diagnosis."""

    traced: tuple[Traced, ...]
    lookups: tuple[Lookup, ...]
    """Those of the captured clients that timed out and whose loss was seen."""
    unseen: tuple[Lookup, ...]
    """Those of them that timed out and of which no packet came out of the client's pod."""
    client: str
    """The client's interface, as a person finds it: `eni123 of node-a`."""

    def of(self, fate: Fate) -> tuple[Traced, ...]:
        """Return what fared so."""
        return tuple(one for one in self.traced if one.fate is fate)

    @property
    def lost(self) -> tuple[Traced, ...]:
        """What was seen to be lost, in the order of `Fate`."""
        return tuple(one for fate in LOST for one in self.of(fate))

    @property
    def conclusion(self) -> str:
        """Say where queries were lost, the most frequent place first; empty: nowhere."""
        places = Counter(one.place for one in self.lost).most_common(3)
        said = [f"{count(number, 'query', 'queries')}: {place}" for place, number in places]
        if self.unseen:
            said.append(
                f"of {count(len(self.unseen), 'lookup')} no packet was seen at {self.client}: none left the pod"
            )
        return "; ".join(said)

    @property
    def proof(self) -> tuple[str, ...]:
        """Say what was counted at each place."""
        captures = {one.client.point.pod: one.client for one in self.traced}
        captures |= {one.server.point.pod: one.server for one in self.traced if one.server}
        lines = [_line(one) for one in captures.values()]
        return (*lines, *(_quoted(one) for one in self.lost[:5]))


LOST = (Fate.LOST_ON_THE_WAY, Fate.NOT_ANSWERED, Fate.ANSWERED_LATE, Fate.LOST_ON_THE_WAY_BACK)


def trace(found: PacketCaptures, matrix: LookupMatrix) -> Trace:
    """Follow each query of the captured clients as far as it was seen."""
    clients = [one for one in found.captures if not one.point.of_dns]
    servers = [one for one in found.captures if one.point.of_dns]
    service = {one.server for one in matrix.lookups if one.through_service}
    all_captured = matrix.coredns_known <= len(servers)
    traced = tuple(
        _follow(exchange, client, servers, led=exchange.server in service, all_captured=all_captured)
        for client in clients
        for exchange in client.exchanges
        if exchange.sent
        and (exchange.server in service or any(one.point.address == exchange.server for one in servers))
    )
    return Trace(
        traced=traced,
        lookups=tuple(_lookups(traced, matrix)),
        unseen=tuple(_unseen(clients, matrix)),
        client=", ".join(f"{one.point.interface} of node {one.point.node}" for one in clients),
    )


def _follow(
    exchange: Exchange, client: PodCapture, servers: Sequence[PodCapture], *, led: bool, all_captured: bool
) -> Traced:
    asked = next((one for one in servers if one.point.address == exchange.server), None)
    seen = [(one, other) for one in servers for other in one.exchanges if _same(exchange, other)]

    def made(fate: Fate, server: PodCapture | None = asked) -> Traced:
        return Traced(fate=fate, exchange=exchange, client=client, server=server)

    if exchange.answer:
        late = exchange.waited_ms >= WAITS_SECONDS * 1000
        return made(Fate.ANSWERED_LATE if late else Fate.ANSWERED, seen[0][0] if seen else asked)
    if not seen:
        blind = any(one.ended for one in (servers if led else [asked]) if one)
        return made(Fate.OPEN if blind or (led and not all_captured) else Fate.LOST_ON_THE_WAY)
    at, there = seen[0]
    if client.ended or at.ended:
        return made(Fate.OPEN, at)
    if there.answer or there.back:
        return made(Fate.LOST_ON_THE_WAY_BACK, at)
    return made(Fate.NOT_ANSWERED, at)


def _same(one: Exchange, other: Exchange) -> bool:
    same = (one.client, one.port, one.transport) == (other.client, other.port, other.transport)
    return same and (one.transport is Transport.TCP or one.name == other.name)


def _lookups(traced: Iterable[Traced], matrix: LookupMatrix) -> Iterator[Lookup]:
    """Yield the lookups that timed out of which a query was seen to be lost."""
    lost = [one for one in traced if one.fate in LOST]
    for lookup in matrix.lookups:
        if lookup.answer is Answer.TIMED_OUT and any(_is_of(one.exchange, one.client, lookup) for one in lost):
            yield lookup


def _unseen(clients: Sequence[PodCapture], matrix: LookupMatrix) -> Iterator[Lookup]:
    """Yield the lookups that timed out of which nothing was captured at their client."""
    whole = {one.point.pod: one for one in clients if not one.ended}
    for lookup in matrix.lookups:
        client = whole.get(lookup.client.pod)
        if client is None or lookup.answer is not Answer.TIMED_OUT:
            continue
        if not any(_is_of(exchange, client, lookup) for exchange in client.exchanges):
            yield lookup


def _is_of(exchange: Exchange, client: PodCapture, lookup: Lookup) -> bool:
    """Return whether a socket may be that of a lookup; one over TCP may have had no time to name it."""
    same = (client.point.pod, exchange.server, exchange.transport) == (
        lookup.client.pod,
        lookup.server,
        lookup.transport,
    )
    return same and exchange.name in {"", lookup.name.lower().rstrip(".")}


def _between(here: str, there: str) -> str:
    if not there:
        return f"the network of node {here} and of CoreDNS's nodes"
    return f"node {here} itself" if here == there else f"the network between node {here} and node {there}"


def _line(capture: PodCapture) -> str:
    point = capture.point
    asked = sum(one.sent > 0 for one in capture.exchanges)
    answered = sum(bool(one.answer) for one in capture.exchanges)
    seen = [
        f"{asked} asked, {answered} answered",
        f"{count(capture.others, 'packet')} of other clients or names" if capture.others else "",
        f"{count(capture.unread, 'packet')} not understood" if capture.unread else "",
        "had ended when it was read, what came later is not in it" if capture.ended else "",
    ]
    kind = "CoreDNS" if point.of_dns else "client"
    return f"{kind} {point.pod}, {point.interface} of {point.node}: {'; '.join(filter(None, seen))}"


def _quoted(one: Traced) -> str:
    asked = one.exchange
    name = asked.name or "a connection"
    return f"{asked.client}:{asked.port} → {asked.server}:53 over {asked.transport}, {name}: {one.fate}"
