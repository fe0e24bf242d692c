"""Far ends serve until their standard input ends: with whoever started them, even if that was killed."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable


def at_end_of_input(call: Callable[[], object]) -> None:
    """Call it when standard input ends, in a thread of its own.

    Any input is read past without Python's own buffer, whose lock would be held when the interpreter ends.
    """

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        call()

    threading.Thread(target=wait, daemon=True).start()
