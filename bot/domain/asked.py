"""What became of the names that a person asked about, by vantage point: who asked whom, and what came back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer, Client, Lookup, Transport, worst


@dataclass(frozen=True, slots=True, kw_only=True)
class NameAnswer:
    """What one server told one client about a name, over every transport that it was asked over."""

    name: str
    """As it was asked for."""
    client: Client | None
    """None: the name was asked from nowhere."""
    server: str
    answer: Answer
    """The worst of its transports, those left out that it could not be asked over."""
    addresses: tuple[str, ...] = ()
    empty: bool = False
    """The name exists, and has no IPv4 address."""
    over: Mapping[Transport, Answer] = field(default_factory=dict)
    """Its answers by transport."""
    detail: str = ""
    """Why it was not asked."""

    @property
    def told(self) -> frozenset[Answer]:
        """The different answers, over whatever it was asked."""
        return frozenset(self.over.values()) - {Answer.NOT_ASKED}

    @property
    def seen_from(self) -> str:
        """The vantage point, for people: `shop/web-1 on node-a`; empty where there is none."""
        return self.client.title if self.client else ""


def absolute(name: str, domain: str = "") -> str:
    """Return a name as it is asked for: whole, so that no search domain is tried.

    `orders.shop.svc` is the short form of a Service's name, and pods find it by their search list: where the cluster's
    `domain` is given it is asked for in full.
    """
    is_short = domain and name.lower().endswith(".svc")
    return f"{name}.{domain}." if is_short else f"{name.rstrip('.')}."


def name_answers(names: Iterable[str], found: LookupMatrix | None, why: str) -> Iterator[NameAnswer]:
    """Yield the answers about each name; one without a client, with `why`, where a name was asked nowhere."""
    for name in names:
        asked = absolute(name, found.cluster_domain if found else "").lower()
        made = [one for one in found.lookups if one.name.lower() == asked] if found else []
        grouped: dict[tuple[Client, str], list[Lookup]] = {}
        for one in made:
            grouped.setdefault((one.client, one.server), []).append(one)
        yield from (_answer(name, client, server, asked) for (client, server), asked in grouped.items())
        if not made:
            yield NameAnswer(name=name, client=None, server="", answer=Answer.NOT_ASKED, detail=why)


def _answer(name: str, client: Client, server: str, asked: list[Lookup]) -> NameAnswer:
    told = [one for one in asked if one.answer is not Answer.NOT_ASKED]
    return NameAnswer(
        name=name,
        client=client,
        server=server,
        answer=worst(one.answer for one in told) or Answer.NOT_ASKED,
        addresses=tuple(dict.fromkeys(address for one in told for address in one.addresses)),
        empty=any(one.empty for one in told),
        over={one.transport: one.answer for one in asked},
        detail="" if told else next((one.detail for one in asked if one.detail), ""),
    )
