"""Lookups of the endpoint's name from other networks, and connections to its addresses from there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.evidence import Gap
from bot.domain.lookups import Answer, Client, Lookup


class Contact(StrEnum):
    """What came of a connection to port 443."""

    REACHED = "reached"
    """TLS was agreed; whatever HTTP status follows, 401 too, comes from the API."""
    TIMED_OUT = "timed out"
    REFUSED = "refused"
    FAILED = "failed"
    """Something else was said: no route, no TLS."""
    NOT_TRIED = "not tried"
    """No tool, or no time: says nothing about the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One connection from another network to port 443 of an address."""

    client: Client
    address: str
    contact: Contact
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkLooked:
    """One network that was looked from."""

    place: str
    """The peer's or network's name."""
    looked_from: str
    """What asked there, for people: `pod dns/probe-1 of context tools`, `instance i-0bbb`."""
    lookups: tuple[Lookup, ...]
    connections: tuple[Connection, ...]
    directly: tuple[Lookup, ...] = ()
    """Of a network on premises: lookups that asked the inbound endpoint's addresses themselves."""

    @property
    def asked(self) -> tuple[Lookup, ...]:
        """The lookups that were really made."""
        return tuple(one for one in self.lookups if one.answer is not Answer.NOT_ASKED)

    @property
    def why_unasked(self) -> str:
        """Why none was made, as far as the probe says."""
        return next((one.detail for one in self.lookups if one.detail), "no question was asked")

    @property
    def tried(self) -> tuple[Connection, ...]:
        """The connections that were really tried."""
        return tuple(one for one in self.connections if one.contact is not Contact.NOT_TRIED)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointLookups:
    """What other networks answer for the endpoint's name."""

    name: str
    """Empty: nobody else needs it, or public DNS answers it anyway."""
    private_addresses: tuple[str, ...]
    """Of the control plane's interfaces when it was asked (D8)."""
    networks: tuple[NetworkLooked, ...] = ()
    unprobed: tuple[str, ...] = ()
    """Names of networks that have no probe: nobody looked from there."""
    gaps: tuple[Gap, ...] = ()
    """One for each network whose probe could not be used."""

    def answered(self, lookups: Iterable[Lookup]) -> bool | None:
        """Return whether one of these got a private address; None: none was really made."""
        made = [one for one in lookups if one.answer is not Answer.NOT_ASKED]
        private = set(self.private_addresses)
        return any(one.answer is Answer.ANSWERED and private & set(one.addresses) for one in made) if made else None

    def resolved(self, place: str) -> bool:
        """Return whether a lookup from a network was answered with addresses, whatever they are."""
        looked = self.of(place)
        return looked is not None and any(one.answer is Answer.ANSWERED and one.addresses for one in looked.asked)

    @property
    def looked_from(self) -> str:
        """Say how much was looked at: "looked from 1 of 2 other networks"; empty: none has to resolve the name."""
        total = len(self.networks) + len(self.unprobed) + len(self.gaps)
        return f"looked from {len(self.networks)} of {total} other networks" if total else ""

    def of(self, place: str) -> NetworkLooked | None:
        """Return what was seen from a network; None: it was not looked from."""
        return next((one for one in self.networks if one.place == place), None)
