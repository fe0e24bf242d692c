"""Applications whose image has nothing else on board."""

from __future__ import annotations

from bot.sandbox.kubernetes.program import Program
from bot.sandbox.kubernetes.tools.on_board import NOTHING

PROGRAM = Program(name="application_distroless", images=("distroless",), toolbox=NOTHING)
