"""Programs of the lab inside a namespace, with their output in a file. They end with the run, however that ends."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lab.errors import LabError
from lab.namespaces import Run

_STOP_SECONDS = 10.0
_PAUSE_SECONDS = 0.02


class Child:
    """One program of a run."""

    def __init__(self, run: Run, netns: str, command: Sequence[str], log: Path) -> None:
        self.name, self.log = Path(command[0]).name, log
        with log.open("ab") as out:
            self._process = run.run_in(
                netns, command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until `ready` says so. Raises `LabError` when the program ends before, or after `seconds`."""
        end = time.monotonic() + seconds
        while not ready():
            status = self._process.poll()
            if status is not None:
                raise LabError(f"{self.name} ended with {status} before it served. Its log ends:\n{self.log_tail()}")
            if time.monotonic() > end:
                raise LabError(f"{self.name} did not serve within {seconds:g} s. Its log ends:\n{self.log_tail()}")
            time.sleep(_PAUSE_SECONDS)

    def log_tail(self, lines: int = 15) -> str:
        """Return the end of what it printed."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def pause(self) -> None:
        """Stop it where it stands (SIGSTOP)."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on after `pause`."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self, *, at_once: bool = False) -> None:
        """End it: SIGTERM, then SIGKILL if it must be; at once: SIGKILL."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL if at_once else signal.SIGTERM)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
