"""A far end as a child process: started with one line of JSON, ended with certainty."""

from __future__ import annotations

import json
import subprocess
import sys


class FarEndError(Exception):
    """A far end did not start."""


class FarEndProcess:
    """Runs `python -m MODULE ARGUMENTS…`.

    The child ends by itself when its standard input closes. Its other end is held by this process alone,
    so the kernel closes it when this process dies, however it dies.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self._module = module
        self._command = [sys.executable, "-m", module, *arguments]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Start the process, wait until it serves and return its URL."""
        process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603  # ours
        self._process = process
        line = process.stdout.readline() if process.stdout else b""
        if not line:
            status = process.wait()
            self.stop()
            raise FarEndError(f"starting {self._module}: it ended with status {status} before it served")
        return str(json.loads(line)["url"])

    @property
    def process_id(self) -> int:
        """The process id, or 0 where none runs."""
        return self._process.pid if self._process else 0

    def stop(self) -> None:
        """End the process, at once: a far end keeps nothing that a quiet end would save."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()
