"""The bot under play: `dnsbot run` as a child process that knows nothing but its configuration."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import bot
from bot.sandbox.running.started import Started

START_SECONDS = 120.0
"""One that ends before it serves is noticed at once; a busy machine may be given its time."""
COMMAND_SECONDS = 60.0
STOP_SECONDS = 25.0
"""A little more than the bot's own grace for running work."""
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "SYSTEMROOT")
"""What the child inherits; AWS, Slack and Kubernetes settings of the machine are not among it."""

_TIED = """
import ctypes, os, sys
parent = int(sys.argv[1])
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 15)
    if os.getppid() != parent:
        sys.exit(1)
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""
"""Ask Linux for SIGTERM when the parent dies, however it dies, and become the bot."""


class BotFailed(Exception):
    """The bot did not start, or ended; the text shows the end of its log."""


class BotProcess(Started):
    """Runs the bot while the context lasts; its standard error goes to a file.

    HTTP mode or Socket Mode follows from `environment`, as for any operator.
    """

    def __init__(self, *, configuration: Path, environment: Mapping[str, str], log: Path, port: int = 0) -> None:
        self.log = log
        self.port = port or free_port()
        self.health_port = free_port()
        self._configuration = configuration
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where Slack delivers in HTTP mode."""
        return f"http://127.0.0.1:{self.port}/slack/events"

    def start(self) -> None:
        """Start the bot and wait until it answers `/healthz`. Raises `BotFailed`."""
        command = ["-m", "bot", "run", "--port", str(self.port), "--health-port", str(self.health_port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own program
                [sys.executable, "-I", "-c", _TIED, str(os.getpid()), *command],
                cwd=self._configuration.parent,
                env=self._child_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_until_healthy()

    def stop(self) -> int:
        """Send SIGTERM, then SIGKILL if it must be; return the exit status."""
        process = self._process
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def kill(self) -> None:
        """Send SIGKILL: nothing of it runs any more."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def command(self, *arguments: str, ends_with: int = 0) -> str:
        """Run `dnsbot ARGUMENTS…` with the same configuration and return its standard output.

        Raises `BotFailed` where it ends with another code than `ends_with`.
        """
        done = subprocess.run(  # noqa: S603  # our own program
            [sys.executable, "-m", "bot", *arguments],
            cwd=self._configuration.parent,
            env=self._child_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if done.returncode != ends_with:
            raise BotFailed(f"dnsbot {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def log_tail(self, lines: int = 15) -> str:
        """Return the end of what the bot wrote to standard error."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _child_environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        package = str(Path(bot.__file__).resolve().parents[1])
        return {**kept, "PYTHONPATH": package, "DNSBOT_CONFIG": str(self._configuration), **self._environment}

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not self.running:
                raise BotFailed(f"dnsbot run ended before it served. Its log ({self.log}) ends:\n{self.log_tail()}")
            if self._healthy():
                return
            time.sleep(0.05)
        raise BotFailed(
            f"dnsbot run did not answer http://127.0.0.1:{self.health_port}/healthz within {START_SECONDS:g} s. "
            f"Its log ({self.log}) ends:\n{self.log_tail()}"
        )

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health_port}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)  # noqa: PLR2004  # HTTP's OK
        except (OSError, urllib.error.URLError):
            return False


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nothing listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
