"""IPVS's virtual servers: `ipvsadm -Ln`, or `/proc/net/ip_vs`, which writes addresses and ports in hexadecimal.

Source: ipvsadm(8); linux, net/netfilter/ipvs/ip_vs_ctl.c (`ip_vs_info_seq_show`).
"""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import ip_address

from bot.errors import SourceGarbled
from bot.linux.printed import unreadable, whole_lines
from bot.linux.service_rules import ServiceRule

LIST = ("ipvsadm", "-Ln")
READ = ("cat", "/proc/net/ip_vs")

_VERSION = re.compile(r"^IP Virtual Server version ")
_SERVER = re.compile(r"^(TCP|UDP|SCTP) {1,8}(\S{1,64}):([0-9a-zA-Z]{1,5}) {1,8}\S")
_MARKED = re.compile(r"^FWM\s")
_BACKEND = re.compile(r"^ {0,8}-> {1,8}(\S{1,64}):([0-9a-zA-Z]{1,5}) {1,40}\S")
_HEADINGS = ("Prot ", "  -> RemoteAddress")
_PROC_IPV6 = len("[fd00:0010:0096:0000:0000:0000:0000:000a]")
"""As the kernel writes an IPv6 address in its file; ipvsadm shortens it, and its ports are decimal."""
_HEXADECIMAL = re.compile(r"^[0-9A-F]{8}$")


def parse_virtual_servers(text: str) -> tuple[ServiceRule, ...]:
    """Return the virtual servers with their backends. Raises `SourceGarbled` for a text that is cut."""
    lines = whole_lines(text, "ipvsadm -Ln")
    if not lines or _VERSION.match(lines[0]) is None:
        raise SourceGarbled("What was read of IPVS does not begin with its version; nothing is concluded from it.")
    found: list[ServiceRule] = []
    within_marked = False
    for line in lines[1:]:
        server, backend = _SERVER.match(line), _BACKEND.match(line)
        if server is not None:
            within_marked = False
            address, port = _end(server[2], server[3], line)
            found.append(ServiceRule(address=address, protocol=server[1].lower(), port=port))
        elif _MARKED.match(line):
            within_marked = True
        elif backend is not None and (found or within_marked):
            if not within_marked:
                address, port = _end(backend[1], backend[2], line)
                found[-1] = replace(found[-1], backends=(*found[-1].backends, _joined(address, port)))
        elif not line.startswith(_HEADINGS):
            raise unreadable("ipvsadm -Ln", line)
    return tuple(found)


def _end(address: str, port: str, line: str) -> tuple[str, int]:
    try:
        if _HEXADECIMAL.match(address):
            return str(ip_address(int(address, 16))), int(port, 16)
        of_proc = address.startswith("[") and len(address) == _PROC_IPV6
        return str(ip_address(address.strip("[]"))), int(port, 16 if of_proc else 10)
    except ValueError as error:
        raise unreadable("ipvsadm -Ln", line) from error


def _joined(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
