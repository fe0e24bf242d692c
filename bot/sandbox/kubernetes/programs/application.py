"""Applications whose image has the tools of Debian 12."""

from __future__ import annotations

from bot.sandbox.kubernetes.program import Program
from bot.sandbox.kubernetes.tools.on_board import DEBIAN_12

PROGRAM = Program(name="application", images=("",), toolbox=DEBIAN_12)
