"""Applications whose image has nothing else on board, on a node with an older container runtime."""

from __future__ import annotations

from bot.sandbox.kubernetes.program import Program
from bot.sandbox.kubernetes.tools.on_board import NOTHING_OLD_RUNTIME

PROGRAM = Program(name="application_old_runtime", images=("distroless-static",), toolbox=NOTHING_OLD_RUNTIME)
