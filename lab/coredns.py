"""A CoreDNS in a namespace, whose files may change while it runs."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.corefiles import COREFILE
from lab.errors import LabError
from lab.namespaces import Run

_SECONDS = 40.0
_PAUSE_SECONDS = 0.02
_SERVES = "CoreDNS-"
"""It says its version once its sockets are open."""
_RELOADED = "Reloading complete"


class CoreDns:
    """Runs from `start` to the end of the run, or until `stop`. Its files stand in a folder of the run's."""

    folder: Path

    def __init__(self, run: Run, name: str, netns: str) -> None:
        self._run, self._netns = run, netns
        self.folder = run.directory / name
        self.folder.mkdir()
        self._log = self.folder / "log"
        self._files: dict[str, str] = {}
        self._process: subprocess.Popen[Any] | None = None

    def write(self, files: Mapping[str, str]) -> None:
        """Put these files in place of the former ones. A CoreDNS that runs has taken them when this returns.

        Raises `LabError` where it does not.
        """
        if files == self._files:
            return
        for name, text in files.items():
            (self.folder / name).write_text(text)
        self._files = dict(files)
        if self._process is not None:
            before = self._said(_RELOADED)
            self._process.send_signal(signal.SIGUSR1)
            self._wait(self._process, _RELOADED, before + 1)

    def start(self, coredns: Path) -> None:
        """Start `coredns` (the program's path) and wait until it serves. Raises `LabError` where it does not."""
        with self._log.open("wb") as output:
            command = [str(coredns), "-conf", str(self.folder / COREFILE)]
            self._process = self._run.run_in(self._netns, command, stdout=output, stderr=subprocess.STDOUT)
        self._wait(self._process, _SERVES, 1)

    def stop(self) -> None:
        """End it: every lookup of it fails from now on."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _said(self, words: str) -> int:
        return self._log.read_text(errors="replace").count(words)

    def _wait(self, process: subprocess.Popen[Any], words: str, times: int) -> None:
        until = time.monotonic() + _SECONDS
        while self._said(words) < times:
            if process.poll() is not None or time.monotonic() > until:
                ended = process.poll()
                state = f"still starts after {_SECONDS:.0f} s" if ended is None else f"ended with exit code {ended}"
                end = self._log.read_text(errors="replace")[-400:]
                raise LabError(f"CoreDNS with {self.folder / COREFILE} {state}; its log ends: {end}")
            time.sleep(_PAUSE_SECONDS)
