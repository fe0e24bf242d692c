"""What the programs in a container print: `cat /etc/resolv.conf`, `dig`, `nslookup`.

Formats: BIND 9.16 and 9.18 `dig` and `nslookup` (the wording of a time-out differs), busybox 1.36
`nslookup`. An image without the program gives the container runtime's error (C5).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from bot.sandbox.kubernetes.dns_answers import Outcome, Reply

Ask: TypeAlias = Callable[[str, str, str], Reply]
"""ask(server, name, protocol)"""
_SILENT = frozenset({Outcome.TIMEOUT, Outcome.PORT_UNREACHABLE})


class Image(StrEnum):
    """What an image has on board."""

    TOOLS = "tools"
    """BIND 9.18's dig and nslookup."""
    OLD_TOOLS = "old-tools"
    """BIND 9.16's."""
    BUSYBOX = "busybox"
    """busybox: cat and nslookup."""
    DISTROLESS = "distroless"
    """No program but its own; the runtime answers with an internal error."""
    DISTROLESS_OLD_RUNTIME = "distroless-old-runtime"
    """The same where the runtime reports exit code 126 (C5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A program ran and ended."""

    stdout: str = ""
    stderr: str = ""
    exit_code: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NotStarted:
    """The runtime could not start the program."""

    reason: str
    stdout: str = ""
    stderr: str = ""


_ON_BOARD = {
    Image.TOOLS: frozenset({"cat", "dig", "nslookup", "sleep"}),
    Image.OLD_TOOLS: frozenset({"cat", "dig", "nslookup", "sleep"}),
    Image.BUSYBOX: frozenset({"cat", "nslookup", "sleep"}),
    Image.DISTROLESS: frozenset[str](),
    Image.DISTROLESS_OLD_RUNTIME: frozenset[str](),
}
_KINDS = (
    ("busybox", Image.BUSYBOX),
    ("distroless-static", Image.DISTROLESS_OLD_RUNTIME),
    ("distroless", Image.DISTROLESS),
    ("debian11", Image.OLD_TOOLS),
)
_DIG_VERSIONS = {Image.TOOLS: "DiG 9.18.41-1~deb12u1-Debian\n", Image.OLD_TOOLS: "DiG 9.16.50-Debian\n"}
_SYSTEM = ("/coredns", "/kube-proxy", "/amazon-k8s-cni")


def image_kind(reference: str) -> Image:
    """Return what an image reference has on board; system images are distroless, all others have tools."""
    if any(part in reference for part in _SYSTEM):
        return Image.DISTROLESS
    return next((kind for part, kind in _KINDS if part in reference), Image.TOOLS)


def seconds_asleep(argv: Sequence[str], image: Image) -> float:
    """Return how long the command does nothing: that of `sleep SECONDS`, else 0."""
    sleeps = len(argv) == 2 and argv[0] == "sleep" and argv[1].isdigit()  # noqa: PLR2004  # sleep SECONDS
    return float(argv[1]) if sleeps and "sleep" in _ON_BOARD[image] else 0.0


class Unsimulated(Exception):
    """A command that the sandbox has no honest answer to."""


def run(argv: Sequence[str], image: Image, resolv_conf: str, ask: Ask, numbers: random.Random) -> Finished | NotStarted:
    """Return what `argv` gives in a container of this image. Raises `Unsimulated` for other arguments."""
    program = argv[0]
    if program not in _ON_BOARD[image]:
        if image in {Image.TOOLS, Image.OLD_TOOLS} or (image is Image.BUSYBOX and program != "dig"):
            raise Unsimulated(" ".join(argv))
        return _missing(program, image, numbers)
    if seconds_asleep(argv, image):
        return Finished()
    if list(argv) == ["cat", "/etc/resolv.conf"]:
        return Finished(stdout=resolv_conf)
    if program == "cat" and len(argv) == 2:  # noqa: PLR2004  # cat FILE
        return Finished(stderr=f"cat: {argv[1]}: No such file or directory\n", exit_code=1)
    if program == "dig":
        return _dig(list(argv), image, ask, numbers)
    if program == "nslookup" and len(argv) in (2, 3) and not argv[1].startswith("-"):
        server = argv[2] if len(argv) == 3 else _nameserver(resolv_conf)  # noqa: PLR2004  # nslookup NAME SERVER
        return _nslookup(argv[1], server, image, ask)
    raise Unsimulated(" ".join(argv))


def _missing(program: str, image: Image, numbers: random.Random) -> Finished | NotStarted:
    cause = f'exec: "{program}": executable file not found in $PATH: unknown'
    if image is Image.DISTROLESS_OLD_RUNTIME:
        text = f"OCI runtime exec failed: exec failed: unable to start container process: {cause}\n"
        return Finished(stdout=text, exit_code=126)
    number = f"{numbers.getrandbits(256):064x}"
    return NotStarted(
        reason=(
            f'error executing command in container: failed to exec in container: failed to start exec "{number}": '
            f"OCI runtime exec failed: exec failed: unable to start container process: {cause}"
        )
    )


def _nameserver(resolv_conf: str) -> str:
    words = [line.split() for line in resolv_conf.splitlines()]
    return next((line[1] for line in words if len(line) > 1 and line[0] == "nameserver"), "127.0.0.1")


def _dig(argv: list[str], image: Image, ask: Ask, numbers: random.Random) -> Finished:
    if argv == ["dig", "-v"]:
        return Finished(stderr=_DIG_VERSIONS[image])
    tcp = "+tcp" in argv
    known = {"+time=2", "+tries=1", "+noall", "+comments", "+answer", "+tcp"}
    words = [word for word in argv[1:] if word not in known]
    if len(words) != 3 or not words[0].startswith("@") or words[2] != "A" or not known - {"+tcp"} <= set(argv):  # noqa: PLR2004
        raise Unsimulated(" ".join(argv))
    server, name = words[0][1:], words[1]
    reply = ask(server, name, "tcp" if tcp else "udp")
    if reply.outcome in _SILENT:
        return Finished(stdout=_dig_silence(server, name, reply, image, tcp=tcp), exit_code=9)
    return Finished(stdout=_dig_answer(name, reply, numbers))


def _dig_silence(server: str, name: str, reply: Reply, image: Image, *, tcp: bool) -> str:
    if image is Image.TOOLS:
        return f";; communications error to {server}#53: {reply.outcome}\n\n;; no servers could be reached\n"
    if tcp:
        failed = f";; Connection to {server}#53({server}) for {name.rstrip('.')} failed: {reply.outcome}.\n"
        return f"{failed};; no servers could be reached\n" if reply.outcome is Outcome.TIMEOUT else failed
    return "\n;; connection timed out; no servers could be reached\n"


def _dig_answer(name: str, reply: Reply, numbers: random.Random) -> str:
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


def _nslookup(name: str, server: str, image: Image, ask: Ask) -> Finished:
    reply = ask(server, name, "udp")
    plain = name.rstrip(".")
    if reply.outcome in _SILENT:
        return Finished(stdout=_nslookup_silence(server, reply, image), exit_code=1)
    busybox = image is Image.BUSYBOX
    head = f"Server:\t\t{server}\nAddress:\t{server}{':' if busybox else '#'}53\n\n"
    if reply.outcome is not Outcome.ANSWER:
        return Finished(stdout=f"{head}** server can't find {plain}: {reply.outcome}\n\n", exit_code=1)
    body = "" if reply.authoritative else "Non-authoritative answer:\n"
    body += "".join(f"Name:\t{plain}\nAddress: {address}\n" for address in reply.addresses)
    if busybox:
        body += f"\n{'' if reply.authoritative else 'Non-authoritative answer:'}"
    return Finished(stdout=f"{head}{body}\n")


def _nslookup_silence(server: str, reply: Reply, image: Image) -> str:
    if image is Image.TOOLS:
        error = f";; communications error to {server}#53: {reply.outcome}\n"
        return error * 3 + ";; no servers could be reached\n\n"
    return ";; connection timed out; no servers could be reached\n\n"
