"""Looks a name up and connects to addresses, from where it runs: a Lambda function in a VPC, or an instance.

As a function: handler `dnsprobe.handler`, event {"name": "…", "addresses": ["10.0.1.5"], "servers": []}. As a program:
NAME, ADDRESSES and SERVERS, divided by commas, or `none`. Both give one JSON object. It needs Python 3.7 and nothing
else, asks the first server of /etc/resolv.conf, and each of SERVERS, for A records over UDP, and agrees on TLS at port
443 without checking the certificate: it says whether the address is reached, and sends nothing there.
"""

from __future__ import annotations

import concurrent.futures
import ipaddress
import json
import os
import re
import secrets
import socket
import ssl
import struct
import sys
from typing import Any

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*")
SECONDS, MOST_ADDRESSES = 3.0, 8
RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}
A_RECORD = 1


def handler(event: dict[str, Any], context: object = None) -> dict[str, Any]:
    """Answer one event. Raises ValueError for what is no name or no address."""
    name, addresses = str(event["name"]).rstrip("."), [str(one) for one in event.get("addresses", ())]
    if not NAME.fullmatch(name) or len(name) > 253:
        raise ValueError(f"{name!r} is no host name")
    reached = [str(ipaddress.ip_address(one)) for one in addresses[:MOST_ADDRESSES]]
    servers = [str(ipaddress.ip_address(str(one))) for one in event.get("servers", ())][:MOST_ADDRESSES]
    server = first_server(event.get("resolv_conf", "/etc/resolv.conf") if context is None else "/etc/resolv.conf")
    with concurrent.futures.ThreadPoolExecutor(MOST_ADDRESSES) as pool:
        connections = dict(zip(reached, pool.map(lambda one: connect(one, name), reached)))
        asked = dict(zip(servers, pool.map(lambda one: look_up(name, one), servers)))
    return {"server": server, **look_up(name, server), "connections": connections, "asked": asked}


def first_server(path: str) -> str:
    """Return the first server that a resolv.conf names; without one it is the host itself (resolv.conf(5))."""
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            words = line.split()
            if len(words) > 1 and words[0] == "nameserver":
                return words[1]
    return "127.0.0.1"


def look_up(name: str, server: str, port: int = 53) -> dict[str, Any]:
    """Ask a server for the A records of a name."""
    number = secrets.randbelow(65536)
    asked = struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0)
    asked += b"".join(bytes([len(label)]) + label.encode("ascii") for label in name.split(".")) + b"\0"
    asked += struct.pack("!HH", A_RECORD, 1)
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as made:
            made.settimeout(SECONDS)
            made.connect((server, port))
            made.send(asked)
            answer = made.recv(4096)
            while len(answer) < 12 or answer[:2] != asked[:2]:
                answer = made.recv(4096)
        return {"rcode": RCODES.get(answer[3] & 15, "SERVFAIL"), "silence": "", "addresses": addresses_of(answer)}
    except socket.timeout:
        return {"rcode": "", "silence": "timed out", "addresses": []}
    except ConnectionRefusedError:
        return {"rcode": "", "silence": "refused", "addresses": []}
    except (OSError, IndexError, struct.error) as error:
        return {"rcode": "", "silence": str(error), "addresses": []}


def addresses_of(answer: bytes) -> list[str]:
    """Return the addresses of all A records, behind CNAMEs, too (RFC 1035, section 4.1)."""
    questions, answers = struct.unpack("!HH", answer[4:8])
    at, found = 12, []
    for _ in range(questions):
        at = after_name(answer, at) + 4
    for _ in range(answers):
        at = after_name(answer, at)
        kind, _class, _ttl, length = struct.unpack("!HHIH", answer[at : at + 10])
        at += 10
        if kind == A_RECORD and length == 4:
            found.append(socket.inet_ntoa(answer[at : at + 4]))
        at += length
    return found


def after_name(answer: bytes, at: int) -> int:
    """Return where a name ends."""
    while answer[at]:
        if answer[at] >= 192:
            return at + 2
        at += answer[at] + 1
    return at + 1


def connect(address: str, name: str, port: int = 443) -> str:
    """Agree on TLS with an address and say what came of it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((address, port), timeout=SECONDS) as made,
            context.wrap_socket(made, server_hostname=name),
        ):
            return "reached"
    except socket.timeout:
        return "timed out"
    except ConnectionRefusedError:
        return "refused"
    except OSError as error:
        return str(error)[:200] or type(error).__name__


if __name__ == "__main__" and "AWS_LAMBDA_FUNCTION_NAME" not in os.environ:
    given, others = ([] if one == "none" else one.split(",") for one in sys.argv[2:4])
    print(json.dumps(handler({"name": sys.argv[1], "addresses": given, "servers": others})))
