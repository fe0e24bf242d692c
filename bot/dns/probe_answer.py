"""What the function and the document of `deploy/probe` print: one JSON object.

    {"server": "10.1.0.2", "rcode": "NXDOMAIN", "silence": "", "addresses": [], "connections": {"10.0.1.5": "reached"},
     "asked": {"10.0.1.9": {"rcode": "NOERROR", "silence": "", "addresses": ["10.0.1.5"]}}}

`rcode` is empty where no answer came; `silence` then says why. A connection that was not made says why. `asked` are the
further servers that were to be asked; an older function does not have it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from bot.domain.lookups import Answer
from bot.domain.network_lookups import Contact
from bot.domain.reading import reading

_MOST = 16
_MAX_DETAIL = 200
_BY_RCODE = {"NXDOMAIN": Answer.NXDOMAIN, "REFUSED": Answer.REFUSED, "SERVFAIL": Answer.SERVFAIL}
_BY_SILENCE = {"timed out": Answer.TIMED_OUT, "refused": Answer.REFUSED}
_BY_CONTACT = {one.value: one for one in (Contact.REACHED, Contact.TIMED_OUT, Contact.REFUSED)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAnswer:
    """What one server answered there."""

    server: str
    answer: Answer
    detail: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeAnswer:
    """What was answered there, and what came of the connections."""

    own: ServerAnswer
    """By the host's own server."""
    further: tuple[ServerAnswer, ...]
    connections: tuple[tuple[str, Contact, str], ...]
    """Address, what came of it, and the probe's words."""


def read_probe_answer(text: str, source: str) -> ProbeAnswer:
    """Return it. Raises `SourceGarbled` for a text of another shape; `source` names in it what printed it."""
    with reading(source):
        found: Mapping[str, object] = json.loads(text)
        made, asked = _object(found["connections"]), _object(found.get("asked", {}))
        return ProbeAnswer(
            own=_server(str(found["server"]), found),
            further=tuple(_server(str(at), _object(said)) for at, said in list(asked.items())[:_MOST]),
            connections=tuple(
                (str(ip_address(str(at))), _BY_CONTACT.get(str(said), Contact.FAILED), str(said)[:_MAX_DETAIL])
                for at, said in list(made.items())[:_MOST]
            ),
        )


def _server(server: str, found: Mapping[str, object]) -> ServerAnswer:
    addresses = tuple(str(ip_address(str(one))) for one in _list(found["addresses"]))
    rcode, silence = str(found["rcode"]), str(found["silence"])[:_MAX_DETAIL]
    return ServerAnswer(
        server=str(ip_address(server)),
        answer=_answer(rcode, silence, addresses),
        detail=f"status: {rcode}" if rcode else silence,
        addresses=addresses,
    )


def _object(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError("an object")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError("addresses")
    return value[:_MOST]


def _answer(rcode: str, silence: str, addresses: tuple[str, ...]) -> Answer:
    """Return the answer; NOERROR without an address counts as NXDOMAIN, as with dig."""
    if not rcode:
        return _BY_SILENCE.get(silence, Answer.NOT_ASKED)
    if rcode == "NOERROR":
        return Answer.ANSWERED if addresses else Answer.NXDOMAIN
    return _BY_RCODE.get(rcode, Answer.SERVFAIL)
