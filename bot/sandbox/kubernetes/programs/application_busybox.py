"""Applications whose image has busybox."""

from __future__ import annotations

from bot.sandbox.kubernetes.program import Program
from bot.sandbox.kubernetes.tools.on_board import BUSYBOX

PROGRAM = Program(name="application_busybox", images=("busybox",), toolbox=BUSYBOX)
