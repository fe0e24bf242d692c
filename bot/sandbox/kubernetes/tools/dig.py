"""`dig` of BIND 9.16 and 9.18, whose words for silence differ."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from bot.sandbox.kubernetes.tools.toolbox import Command, Finished, Unsimulated
from bot.sandbox.network.replies import SILENT, Outcome, Reply

_KNOWN = frozenset({"+time=2", "+tries=1", "+noall", "+comments", "+answer", "+tcp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What the arguments of dig ask for."""

    server: str
    name: str
    tcp: bool


def dig_9_18(command: Command) -> Finished:
    """Answer as Debian 12's dig."""
    if command.argv == ("dig", "-v"):
        return Finished(stderr="DiG 9.18.41-1~deb12u1-Debian\n")
    return _dig(command, _silence_9_18)


def dig_9_16(command: Command) -> Finished:
    """Answer as Debian 11's dig."""
    if command.argv == ("dig", "-v"):
        return Finished(stderr="DiG 9.16.50-Debian\n")
    return _dig(command, _silence_9_16)


def _dig(command: Command, silence: Callable[[_Question, Reply], str]) -> Finished:
    asked = _question(command.argv)
    reply = command.ask(asked.server, asked.name, "tcp" if asked.tcp else "udp")
    if reply.outcome in SILENT:
        return Finished(stdout=silence(asked, reply), exit_code=9)
    return Finished(stdout=_answer(asked.name, reply, command.numbers))


def _question(argv: tuple[str, ...]) -> _Question:
    given = argv[1:]
    match [word for word in given if word not in _KNOWN]:
        case [server, name, "A"] if server.startswith("@") and _KNOWN - {"+tcp"} <= set(given):
            return _Question(server=server[1:], name=name, tcp="+tcp" in given)
    raise Unsimulated(" ".join(argv))


def _silence_9_18(asked: _Question, reply: Reply) -> str:
    return f";; communications error to {asked.server}#53: {reply.outcome}\n\n;; no servers could be reached\n"


def _silence_9_16(asked: _Question, reply: Reply) -> str:
    if not asked.tcp:
        return "\n;; connection timed out; no servers could be reached\n"
    where = f"{asked.server}#53({asked.server}) for {asked.name.rstrip('.')}"
    failed = f";; Connection to {where} failed: {reply.outcome}.\n"
    return f"{failed};; no servers could be reached\n" if reply.outcome is Outcome.TIMEOUT else failed


def _answer(name: str, reply: Reply, numbers: random.Random) -> str:
    flags = ["qr"] + ["aa"] * reply.authoritative + ["rd"] + ["ra"] * reply.recursion
    authority = int(reply.outcome is Outcome.NXDOMAIN)
    lines = [
        ";; Got answer:",
        f";; ->>HEADER<<- opcode: QUERY, status: {reply.outcome}, id: {numbers.randrange(65536)}",
        f";; flags: {' '.join(flags)}; QUERY: 1, ANSWER: {len(reply.addresses)}, AUTHORITY: {authority}, ADDITIONAL: 1",
    ]
    if not reply.recursion:
        lines.append(";; WARNING: recursion requested but not available")
    cookie = f"{numbers.getrandbits(64):016x}"
    lines += ["", ";; OPT PSEUDOSECTION:", "; EDNS: version: 0, flags:; udp: 1232", f"; COOKIE: {cookie} (echoed)"]
    if reply.addresses:
        owner = f"{name.rstrip('.')}."
        lines.append(";; ANSWER SECTION:")
        lines += [f"{owner}\t{reply.ttl_seconds}\tIN\tA\t{address}" for address in reply.addresses]
    return "\n".join([*lines, "", ""])
