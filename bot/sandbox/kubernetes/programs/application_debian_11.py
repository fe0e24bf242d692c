"""Applications whose image has the tools of Debian 11."""

from __future__ import annotations

from bot.sandbox.kubernetes.program import Program
from bot.sandbox.kubernetes.tools.on_board import DEBIAN_11

PROGRAM = Program(name="application_debian_11", images=("debian11",), toolbox=DEBIAN_11)
