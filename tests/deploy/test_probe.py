"""The program that looks names up from an instance or as a function, and the document that carries it."""

from __future__ import annotations

import importlib.util
import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bot.dns.probe_answer import read_probe_answer
from bot.domain.lookups import Answer
from bot.domain.network_lookups import Contact
from bot.report.probe_document import ADDRESSES_PATTERN, NAME_PATTERN, probe_document

FOLDER = Path(__file__).parents[2] / "deploy" / "probe"
PROGRAM = FOLDER / "dnsprobe.py"
NAME = "abc.gr7.eu-west-1.eks.amazonaws.com"
Reply = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def probe() -> ModuleType:
    """The program, loaded as Lambda loads it."""
    spec = importlib.util.spec_from_file_location("dnsprobe", PROGRAM)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def serve() -> Iterator[Callable[[Reply], int]]:
    """Return a function that answers one query on loopback and returns the port."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    threads = []

    def start(reply: Reply) -> int:
        def answer() -> None:
            asked, client = made.recvfrom(4096)
            made.sendto(reply(asked), client)

        threads.append(threading.Thread(target=answer, daemon=True))
        threads[0].start()
        return int(made.getsockname()[1])

    yield start
    made.close()


def _addresses(asked: bytes) -> bytes:
    """Return a CNAME and two addresses, with names as pointers to the question's and to the CNAME's target."""
    target = b"\x05other\x07example\x00"
    alias = b"\xc0\x0c" + struct.pack("!HHIH", 5, 1, 60, len(target)) + target
    behind = struct.pack("!H", 0xC000 | (len(asked) + 12))
    records = b"".join(
        behind + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton(one) for one in ("10.0.1.5", "10.0.2.6")
    )
    return asked[:2] + struct.pack("!HHHHH", 0x8180, 1, 3, 0, 0) + asked[12:] + alias + records


def _no_such_name(asked: bytes) -> bytes:
    return asked[:2] + struct.pack("!HHHHH", 0x8183, 1, 0, 0, 0) + asked[12:]


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        (_addresses, {"rcode": "NOERROR", "silence": "", "addresses": ["10.0.1.5", "10.0.2.6"]}),
        (_no_such_name, {"rcode": "NXDOMAIN", "silence": "", "addresses": []}),
    ],
)
def test_a_server_is_asked_for_addresses(
    probe: ModuleType, serve: Callable[[Reply], int], reply: Reply, found: dict[str, Any]
) -> None:
    """A name behind a CNAME, too."""
    assert probe.look_up(NAME, "127.0.0.1", serve(reply)) == found


def test_what_it_answers_is_what_the_bot_reads(probe: ModuleType, tmp_path: Path) -> None:
    """Nobody listens at these ports of loopback: refused, which is no address and no connection."""
    file = tmp_path / "resolv.conf"
    file.write_text("search example\nnameserver 127.0.0.1\n")

    event = {"name": NAME, "addresses": ["127.0.0.1"], "servers": ["127.0.0.2"], "resolv_conf": str(file)}
    printed = json.dumps(probe.handler(event))
    found = read_probe_answer(printed, "a probe")

    assert (found.own.server, found.own.answer) in {("127.0.0.1", Answer.REFUSED), ("127.0.0.1", Answer.NXDOMAIN)}
    assert [one.server for one in found.further] == ["127.0.0.2"]
    assert [(at, contact) for at, contact, _ in found.connections] == [("127.0.0.1", Contact.REFUSED)]


@pytest.mark.parametrize(
    "event",
    [
        {"name": "a b"},
        {"name": "-x"},
        {"name": NAME, "addresses": ["10.0.0.5;ls"]},
        {"name": NAME, "servers": ["$(ls)"]},
    ],
)
def test_what_is_no_name_or_address_is_refused(probe: ModuleType, event: dict[str, Any]) -> None:
    """Before anything is asked."""
    with pytest.raises(ValueError, match=r"no host name|does not appear"):
        probe.handler(event)


def test_the_document_carries_the_program_and_runs_nothing_else() -> None:
    """`make docs` renews it. No braces of the program's are taken for a parameter."""
    made = (FOLDER / "ssm-document.json").read_text()
    (step,) = json.loads(made)["mainSteps"]
    program = PROGRAM.read_text()

    assert made == probe_document(program)
    assert step["inputs"]["runCommand"][1:-1] == program.splitlines()
    assert "{{" not in program


@pytest.mark.parametrize("text", ['a"; ls; "', "$(ls)", "`ls`", "a b", "-rf", "", "a\nb"])
def test_a_parameter_that_a_shell_would_read_is_refused(text: str) -> None:
    """By the patterns that Systems Manager holds parameters to; names and addresses pass."""
    assert re.search(NAME_PATTERN, text) is None
    assert re.search(ADDRESSES_PATTERN, text) is None
    assert re.search(NAME_PATTERN, NAME)
    assert re.search(ADDRESSES_PATTERN, "10.0.1.5,2001:db8::5")
