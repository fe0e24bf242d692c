"""`dig` and `nslookup` (BIND's, and busybox' old and new ones): their arguments, and what they print.

Facts C5 and C7 to C9. Arguments are lists, never a shell line; names and servers are checked before
they become one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from bot.dns.host_names import valid_host_name
from bot.domain.lookups import Answer, Transport
from bot.domain.ports import ExecResult

WAITS_SECONDS = 2
"""How long dig waits for an answer."""
READ_RESOLV_CONF = ("cat", "/etc/resolv.conf")
TELL_DIG_VERSION = ("dig", "-v")

_MAX_DETAIL = 200
_MOST_ADDRESSES = 8
_STATUS = re.compile(r"->>HEADER<<-[^\n]{0,60}?\bstatus: ([A-Z]{1,20})")
_ADDRESS_RECORD = re.compile(r"^\S+\s+\d+\s+IN\s+A\s+(\S+)", re.MULTILINE)
_NO_ANSWER = re.compile(r"timed out|no servers could be reached|unreachable|Try again", re.IGNORECASE)
_TURNED_AWAY = re.compile(r"connection refused|connection reset|end of file|\brefused\b", re.IGNORECASE)
_CANNOT_FIND = re.compile(r"(?:server can't find|Can't find) \S+: ([A-Za-z ]+)")
_OLD_BUSYBOX = re.compile(r"can't resolve '[^']*'(?:: (.+))?")
_NAME_LINE = re.compile(r"^Name:", re.MULTILINE)
_ADDRESS_LINE = re.compile(r"^Address(?:es)?(?: \d+)?:\s+([0-9a-fA-F.:]+)", re.MULTILINE)
_BY_STATUS = {
    "NXDOMAIN": Answer.NXDOMAIN,
    "SERVFAIL": Answer.SERVFAIL,
    "FORMERR": Answer.SERVFAIL,
    "NOTIMP": Answer.SERVFAIL,
    "REFUSED": Answer.REFUSED,
    "NOTAUTH": Answer.REFUSED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAnswer:
    """What a tool's output says. `detail` is what it printed, shortened to 200 characters."""

    answer: Answer
    detail: str = ""
    addresses: tuple[str, ...] = ()
    """The first of those that were answered."""
    empty: bool = False
    """NOERROR without an IPv4 address: the name exists."""


def dig_arguments(server: str, name: str, transport: Transport) -> tuple[str, ...]:
    """Return the argument list for one question. Raises `ValueError` for a server or name that is none."""
    _check(server, name)
    over_tcp = ("+tcp",) if transport is Transport.TCP else ()
    return (
        "dig",
        f"+time={WAITS_SECONDS}",
        "+tries=1",
        "+noall",
        "+comments",
        "+answer",
        *over_tcp,
        f"@{server}",
        name,
        "A",
    )


def nslookup_arguments(server: str, name: str) -> tuple[str, ...]:
    """Return the argument list for one question over UDP. Raises `ValueError` like `dig_arguments`."""
    _check(server, name)
    return ("nslookup", name, server)


def read_dig(result: ExecResult, *, server: str = "") -> ToolAnswer:
    """Return what `dig` found out.

    NOERROR without an address counts as NXDOMAIN, but from an IPv6 server as answered: an IPv6 cluster's
    own names have no A record. Output that is neither an answer nor a known failure is NOT_ASKED.
    Raises `SourceGarbled` for a cut output.
    """
    text = f"{result.text()}\n{result.complaint}"
    status = _STATUS.search(text)
    if status is None:
        return _no_answer(text)
    if status[1] != "NOERROR":
        return ToolAnswer(answer=_BY_STATUS.get(status[1], Answer.SERVFAIL), detail=f"status: {status[1]}")
    record = _ADDRESS_RECORD.search(text)
    if record is not None:
        addresses = _addresses(_ADDRESS_RECORD.finditer(text))
        return ToolAnswer(answer=Answer.ANSWERED, detail=_short(record[0]), addresses=addresses)
    return _without_address(server)


def read_nslookup(result: ExecResult, *, server: str = "") -> ToolAnswer:
    """Return what `nslookup` found out. An address wins over a complaint: newer ones also ask for AAAA.

    Raises `SourceGarbled` for a cut output.
    """
    text = f"{result.text()}\n{result.complaint}"
    name = _NAME_LINE.search(text)
    address = None if name is None else _ADDRESS_LINE.search(text, name.end())
    if name is not None and address is not None:
        addresses = _addresses(_ADDRESS_LINE.finditer(text, name.end()))
        return ToolAnswer(answer=Answer.ANSWERED, detail=_short(address[0]), addresses=addresses)
    complaint = _CANNOT_FIND.search(text)
    if complaint is None:
        return _old_busybox(text)
    said = complaint[1].strip()
    if said.lower() == "no answer":
        return _without_address(server)
    return ToolAnswer(answer=_BY_STATUS.get(said.upper(), Answer.SERVFAIL), detail=_short(complaint[0]))


def _old_busybox(text: str) -> ToolAnswer:
    found = _OLD_BUSYBOX.search(text)
    if found is None or _NO_ANSWER.search(text) or _TURNED_AWAY.search(text):
        return _no_answer(text)
    absent = "does not resolve" in (found[1] or "") or "not known" in (found[1] or "")
    return ToolAnswer(answer=Answer.NXDOMAIN if absent else Answer.SERVFAIL, detail=_short(found[0]))


def _no_answer(text: str) -> ToolAnswer:
    if _TURNED_AWAY.search(text):
        return ToolAnswer(answer=Answer.REFUSED, detail=_short(text))
    if _NO_ANSWER.search(text):
        return ToolAnswer(answer=Answer.TIMED_OUT, detail=_short(text))
    return ToolAnswer(answer=Answer.NOT_ASKED, detail=_short(text) or "the tool printed nothing")


def _without_address(server: str) -> ToolAnswer:
    answer = Answer.ANSWERED if ":" in server else Answer.NXDOMAIN
    return ToolAnswer(answer=answer, detail="NOERROR without an IPv4 address", empty=True)


def _addresses(found: Iterable[re.Match[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(match[1] for match in found))[:_MOST_ADDRESSES]


def _check(server: str, name: str) -> None:
    ip_address(server)
    if "%" in server or not valid_host_name(name):
        raise ValueError(f"{name!r} at {server!r} is no question: a host name and an IP address are wanted")


def _short(text: str) -> str:
    line = " ".join(text.replace(";", " ").split())
    return line if len(line) <= _MAX_DETAIL else f"{line[:_MAX_DETAIL]}…"
