"""`nslookup` of BIND 9.16 and 9.18, whose words for silence differ, and busybox 1.36, in a layout of its own."""

from __future__ import annotations

from bot.sandbox.kubernetes.resolv_conf import parse_resolv_conf
from bot.sandbox.kubernetes.tools.toolbox import Command, Finished, Unsimulated
from bot.sandbox.network.replies import SILENT, Outcome, Reply

_TIMED_OUT = ";; connection timed out; no servers could be reached\n\n"


def nslookup_9_18(command: Command) -> Finished:
    """Answer as Debian 12's nslookup, which asks three times."""
    server, name, reply = _asked(command)
    if reply.outcome in SILENT:
        error = f";; communications error to {server}#53: {reply.outcome}\n"
        return Finished(stdout=error * 3 + ";; no servers could be reached\n\n", exit_code=1)
    return _of_bind(server, name, reply)


def nslookup_9_16(command: Command) -> Finished:
    """Answer as Debian 11's nslookup."""
    server, name, reply = _asked(command)
    if reply.outcome in SILENT:
        return Finished(stdout=_TIMED_OUT, exit_code=1)
    return _of_bind(server, name, reply)


def busybox_nslookup(command: Command) -> Finished:
    """Answer as busybox's nslookup."""
    server, name, reply = _asked(command)
    if reply.outcome in SILENT:
        return Finished(stdout=_TIMED_OUT, exit_code=1)
    head = f"Server:\t\t{server}\nAddress:\t{server}:53\n\n"
    if reply.outcome is not Outcome.ANSWER:
        return _unknown(head, name, reply)
    return Finished(stdout=f"{head}{_body(name, reply)}\n{_not_authoritative(reply).rstrip()}\n")


def _of_bind(server: str, name: str, reply: Reply) -> Finished:
    head = f"Server:\t\t{server}\nAddress:\t{server}#53\n\n"
    if reply.outcome is not Outcome.ANSWER:
        return _unknown(head, name, reply)
    return Finished(stdout=f"{head}{_body(name, reply)}\n")


def _asked(command: Command) -> tuple[str, str, Reply]:
    """Send the query; return server, the name without its last dot, and what came back."""
    match command.argv[1:]:
        case (name, server) if not name.startswith("-"):
            pass
        case (name,) if not name.startswith("-"):
            server = next(iter(parse_resolv_conf(command.resolv_conf).servers), "127.0.0.1")
        case _:
            raise Unsimulated(" ".join(command.argv))
    return server, name.rstrip("."), command.ask(server, name, "udp")


def _unknown(head: str, name: str, reply: Reply) -> Finished:
    return Finished(stdout=f"{head}** server can't find {name}: {reply.outcome}\n\n", exit_code=1)


def _not_authoritative(reply: Reply) -> str:
    return "" if reply.authoritative else "Non-authoritative answer:\n"


def _body(name: str, reply: Reply) -> str:
    answers = "".join(f"Name:\t{name}\nAddress: {address}\n" for address in reply.addresses)
    return f"{_not_authoritative(reply)}{answers}"
