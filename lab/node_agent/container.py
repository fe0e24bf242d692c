"""Keeps one container's program running: starts it, reads what it prints, probes it, backs off when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot.sandbox.kubernetes.pod_statuses import CRASH_LOOP, ContainerState
from lab.kubernetes_api import Json
from lab.node_agent.container_logs import LogWriter
from lab.node_agent.container_run import ContainerRun

_BACK_OFF_SECONDS = (0, 10, 20, 40, 80, 160, 300)
"""A kubelet restarts at once the first time, then waits twice as long each time."""
_PROBE_EVERY_SECONDS = 1.0
"""A kubelet's default is ten; the lab's time is dear."""
_READY_FAILURES = 3
_ENTERED_SECONDS = 5.0
_DRAIN_SECONDS = 0.5


def is_inside(process_id: int) -> bool:
    """Return whether a program is in its own root, so that exec finds it there."""
    place = Path(f"/proc/{process_id}")
    try:
        return str((place / "root").readlink()) != "/" and "python" not in str((place / "exe").readlink())
    except OSError:
        return False


def _gone(loop: asyncio.AbstractEventLoop, descriptor: int, exited: asyncio.Future[None]) -> None:
    loop.remove_reader(descriptor)
    os.close(descriptor)
    exited.set_result(None)


class _Printed(asyncio.Protocol):
    def __init__(self, writer: LogWriter) -> None:
        self._writer = writer
        self.closed = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self._writer.add(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self._writer.close()
        if not self.closed.done():
            self.closed.set_result(None)


class Container:
    """One container of a pod. `tend` is its life; all methods belong to the agent's loop."""

    def __init__(
        self,
        specification: Json,
        *,
        logs: Path,
        launch: Callable[[], Any],
        probe: Callable[[int, str], Any],
        out_of_memory: Callable[[], bool],
        tell: Callable[[str, str, str], None],
        changed: Callable[[], None],
    ) -> None:
        """Take its hands.

        `launch` gives an awaitable Popen, `probe(port, path)` an awaitable HTTP status; `out_of_memory` tells of the
        run that has just ended; `tell(reason, message, type)` writes an event; `changed` says that the state is
        another.
        """
        self.state: ContainerState[ContainerRun] = ContainerState(
            name=specification["name"], image=specification["image"]
        )
        self._specification = specification
        self._logs, self._launch, self._probe = logs, launch, probe
        self._out_of_memory = out_of_memory
        self._tell, self._changed = tell, changed
        self._process: subprocess.Popen[bytes] | None = None
        self._exited: asyncio.Future[None] | None = None
        self._starting: asyncio.Future[None] | None = None
        self._runs = 0

    async def tend(self, full_name: str) -> None:
        """Start the program again and again until cancelled. `full_name`: of the pod, for back-off messages."""
        while True:
            self._starting = asyncio.ensure_future(self._start())
            await asyncio.shield(self._starting)
            probing = asyncio.create_task(self._watch_readiness())
            try:
                await self._until_exit()
            finally:
                probing.cancel()
            await self._back_off(full_name)

    async def stop(self, seconds: float) -> None:
        """Send SIGTERM, and SIGKILL after `seconds`; return when the program is gone."""
        if self._starting is not None:
            await asyncio.wait([self._starting])  # if it failed, `tend` has raised that
        process, exited = self._process, self._exited
        if process is None or exited is None:
            return
        await self._end(process, exited, seconds)
        self._pipe.close()
        await self._printed.closed

    @staticmethod
    async def _end(process: subprocess.Popen[bytes], exited: asyncio.Future[None], seconds: float) -> None:
        if exited.done():
            return
        process.send_signal(signal.SIGTERM if seconds else signal.SIGKILL)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(exited), seconds or _ENTERED_SECONDS)
        if not exited.done():
            process.kill()
            await exited

    async def _start(self) -> None:
        self._tell("Created", f"Created container: {self.state.name}", "Normal")
        process = await self._launch()
        self._process = process
        loop = asyncio.get_running_loop()
        log = self._logs / f"{self._runs}.log"
        self._runs += 1
        self._pipe, self._printed = await loop.connect_read_pipe(lambda: _Printed(LogWriter(log)), process.stdout)
        self._exited = exited = loop.create_future()
        try:
            descriptor = os.pidfd_open(process.pid)
        except ProcessLookupError:  # it ended, and somebody who looked after other processes has reaped it
            exited.set_result(None)
        else:
            loop.add_reader(descriptor, _gone, loop, descriptor, exited)
        await self._until_entered(process.pid, exited)
        self.state.begin(ContainerRun(log=log, process_id=process.pid))
        self.state.ready = "readinessProbe" not in self._specification
        self._tell("Started", f"Started container {self.state.name}", "Normal")
        self._changed()

    @staticmethod
    async def _until_entered(process_id: int, exited: asyncio.Future[None]) -> None:
        """Wait until the program is inside its own root, so that exec finds it there."""
        end = asyncio.get_running_loop().time() + _ENTERED_SECONDS
        while not exited.done() and asyncio.get_running_loop().time() < end:
            if is_inside(process_id):
                return
            await asyncio.sleep(0.005)

    async def _until_exit(self) -> None:
        process, exited, run = self._process, self._exited, self.state.run
        if process is None or exited is None or run is None:
            raise AssertionError  # _start has set them
        await asyncio.shield(exited)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._printed.closed), _DRAIN_SECONDS)
        run.end(process.wait(), out_of_memory=self._out_of_memory())

    async def _back_off(self, full_name: str) -> None:
        self.state.ready = False
        seconds = _BACK_OFF_SECONDS[min(self.state.restarts, len(_BACK_OFF_SECONDS) - 1)]
        self.state.restarts += 1
        if seconds:
            self.state.waiting = CRASH_LOOP
            wait = f"{seconds // 60}m{seconds % 60}s" if seconds >= 60 else f"{seconds}s"  # noqa: PLR2004  # a minute
            self.state.back_off = f"back-off {wait} restarting failed container={self.state.name} pod={full_name}"
            text = f"Back-off restarting failed container {self.state.name} in pod {full_name}"
            self._tell("BackOff", text, "Warning")
        self._changed()
        await asyncio.sleep(seconds)

    async def _watch_readiness(self) -> None:
        asked = (self._specification.get("readinessProbe") or {}).get("httpGet")
        if not asked:
            return
        failures = 0
        while True:
            status = await self._probe(int(asked["port"]), str(asked.get("path", "/")))
            good = 200 <= status < 400  # noqa: PLR2004  # what a kubelet takes for success
            failures = 0 if good else failures + 1
            if good != self.state.ready and (good or failures >= _READY_FAILURES):
                self.state.ready = good
                self._changed()
            if not good and self.state.run and failures % 10 == 1:
                said = f"HTTP probe failed with statuscode: {status}" if status else "no answer"
                self._tell("Unhealthy", f"Readiness probe failed: {said}", "Warning")
            await asyncio.sleep(_PROBE_EVERY_SECONDS if self.state.ready else _PROBE_EVERY_SECONDS / 5)
