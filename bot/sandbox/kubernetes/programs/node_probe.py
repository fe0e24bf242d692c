"""An image for `node_probe`: sleeps, and has what a node's network is seen with."""

from __future__ import annotations

from bot.sandbox.kubernetes.program import Program
from bot.sandbox.kubernetes.tools.on_board import NODE_TOOLS

PROGRAM = Program(name="node_probe", images=("dnsprobe",), toolbox=NODE_TOOLS)
