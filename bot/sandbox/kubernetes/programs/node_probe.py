"""An image for `node_probe`: sleeps or captures packets, and has what a node's network is seen with."""

from __future__ import annotations

from datetime import datetime

from bot.sandbox.kubernetes.captures import begin
from bot.sandbox.kubernetes.program import Host, Process, Program, listening
from bot.sandbox.kubernetes.tools.on_board import NODE_TOOLS


def _start(host: Host, now: datetime) -> Process:
    return begin(host.pod, now) or listening(host, now)


PROGRAM = Program(name="node_probe", images=("dnsprobe",), start=_start, toolbox=NODE_TOOLS)
