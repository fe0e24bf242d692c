"""The tools of an image: what runs, what is not on board, and how the container runtime says so."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from bot.sandbox.kubernetes.host_network import HostNetwork
from bot.sandbox.network.replies import Outcome, Reply

Ask: TypeAlias = Callable[[str, str, str], Reply]
"""ask(server, name, protocol)"""
Connect: TypeAlias = Callable[[str, int], Outcome]
"""connect(address, port): an answer, silence, or a refusal"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A tool ran and ended."""

    stdout: str = ""
    stderr: str = ""
    data: bytes = b""
    """What it printed after `stdout`, where that is no text."""
    exit_code: int = 0
    took_seconds: float = 0.0
    """How long it did nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotStarted:
    """The runtime could not start the tool."""

    reason: str
    stdout: str = ""
    stderr: str = ""


def _no_file(_path: str) -> None:
    """Stand for a program that writes none."""


class Unsimulated(Exception):
    """A command that the sandbox has no honest answer to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command in a container, and what it finds there."""

    argv: tuple[str, ...]
    resolv_conf: str
    """Text of /etc/resolv.conf."""
    ask: Ask
    """Sends one query from the pod."""
    numbers: random.Random
    connect: Connect | None = None
    """Connects from the pod, over TCP."""
    file: Callable[[str], bytes | None] = _no_file
    """Gives what the container's own program wrote to a file."""
    network: Callable[[], HostNetwork] | None = None
    """Gives what the node's kernel holds, where the container has the host's network."""

    def on_host(self) -> HostNetwork:
        """Return the node's network. What a pod's own network shows is not simulated."""
        if self.network is None:
            raise Unsimulated(" ".join(self.argv))
        return self.network()


Tool: TypeAlias = Callable[[Command], Finished]
"""Raises `Unsimulated` for arguments that it does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolbox:
    """What an image has on board beside its own program."""

    tools: Mapping[str, Tool] = field(default_factory=dict)
    lacks: frozenset[str] = frozenset()
    """What is known not to be there. About anything else the sandbox does not know."""
    complete: bool = False
    """Nothing but `tools` is there."""
    old_runtime: bool = False
    """The container runtime reports a missing program as exit code 126 (C5), not as an internal error."""

    def run(self, command: Command) -> Finished | NotStarted:
        """Return what the command gives. Raises `Unsimulated` where that is not known."""
        name = command.argv[0]
        if name in self.tools:
            return self.tools[name](command)
        if self.complete or name in self.lacks:
            return self._missing(name, command.numbers)
        raise Unsimulated(" ".join(command.argv))

    def _missing(self, name: str, numbers: random.Random) -> Finished | NotStarted:
        cause = f'exec: "{name}": executable file not found in $PATH: unknown'
        if self.old_runtime:
            text = f"OCI runtime exec failed: exec failed: unable to start container process: {cause}\n"
            return Finished(stdout=text, exit_code=126)
        number = f"{numbers.getrandbits(256):064x}"
        return NotStarted(
            reason=(
                "error executing command in container: failed to exec in container: failed to start exec "
                f'"{number}": OCI runtime exec failed: exec failed: unable to start container process: {cause}'
            )
        )
