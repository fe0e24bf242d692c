"""Has programs run that AWS runs for others: on a host of a VPC, by whoever runs machines (`bot.sandbox.machines`)."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.aws.moto_access import MotoObject

_MORE_SECONDS = 30.0
"""For the start of a process on a busy machine, and the answer's way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is run, and how long it may take."""

    files: Mapping[str, str]
    command: Sequence[str]
    input: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How it ended."""

    stdout: str
    stderr: str
    exit_code: int


@dataclass(slots=True)
class Machines:
    """Where programs are run."""

    url: str = ""
    """Empty: nobody runs machines."""

    def run(self, interface: MotoObject, program: Program) -> Ran:
        """Run a program on the host that has this interface and wait for its end."""
        if not self.url:
            return Ran(stdout="", stderr="nobody runs machines in this sandbox", exit_code=1)
        document: Any = {
            "vpc_id": interface.subnet.vpc_id,
            "address": interface.private_ip_address,
            "files": dict(program.files),
            "command": list(program.command),
            "input": program.input,
            "environment": dict(program.environment),
            "seconds": program.seconds,
        }
        body = json.dumps(document).encode()
        request = urllib.request.Request(f"{self.url}/run", data=body, method="POST")  # noqa: S310  # http on loopback
        with urllib.request.urlopen(request, timeout=program.seconds + _MORE_SECONDS) as answer:  # noqa: S310  # the same
            return Ran(**json.load(answer))
