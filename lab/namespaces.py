"""Network namespaces of one run of the lab, the processes inside them, and what a killed run left behind.

A run is a directory `/run/eks-dns-bot-lab/<run>/` (`owner`: process id and start time) and namespaces `dl<run>-…`. The
directory is made before the first namespace and goes after the last, so that whatever a killed run leaves is found.
Source: network_namespaces(7), setns(2), prctl(2) PR_SET_PDEATHSIG, ip-netns(8).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lab import watchdog
from lab.dead_runs import (
    NAMESPACES,
    RECORDS,
    end_processes_in,
    locked_records,
    names_of,
    remove_dead_runs,
    remove_names,
    started_at,
)
from lab.errors import LabError
from lab.memory_groups import remove_groups

CLONE_NEWNET = 0x40000000
_TERM_SECONDS = 3.0
_IF_OWNED = '[ "$PPID" = "$0" ] && exec "$@"'
"""An owner that died before the death signal was asked for never sends it: then the program must not begin."""
_LIBC = ctypes.CDLL(None, use_errno=True)


def require_root() -> None:
    """Raise `LabError` where namespaces cannot be made."""
    if not Path("/proc/self/ns/net").exists():
        raise LabError("The lab needs Linux: it is made of network namespaces. Nothing was started.")
    if os.geteuid() != 0:
        raise LabError("The lab needs root: it makes network namespaces. Nothing was started; run it as root.")
    for program, package in (("ip", "iproute2"), ("nft", "nftables"), ("setpriv", "util-linux")):
        if shutil.which(program) is None:
            raise LabError(f"The lab needs {program}, which is not on the PATH. Install {package} (`make lab` does).")


def ip(netns: str, *lines: str) -> None:
    """Run `ip` once inside `netns` with one command on each line (`link set lo up`), without the word `ip`."""
    done = subprocess.run(  # noqa: S603  # arguments are ours
        ["ip", "-n", netns, "-batch", "-"],  # noqa: S607  # from the PATH, as require_root found it
        input="\n".join(lines) + "\n",
        text=True,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise LabError(f"ip in {netns} did not do {'; '.join(lines)!r}: {done.stderr.strip()}")


@contextlib.contextmanager
def joined(netns: str) -> Iterator[None]:
    """Put the calling thread into `netns` (a full name); sockets made here, and threads and processes, stay there."""
    with open("/proc/thread-self/ns/net", "rb") as home, open(NAMESPACES / netns, "rb") as there:  # noqa: PTH123  # descriptors
        _set_namespace(there.fileno(), netns)
        try:
            yield
        finally:
            _set_namespace(home.fileno(), "the thread's own namespace")


def _set_namespace(descriptor: int, what: str) -> None:
    if _LIBC.setns(descriptor, CLONE_NEWNET) != 0:
        raise LabError(f"setns to {what}: {os.strerror(ctypes.get_errno())}")


class Run:
    """One run of the lab, owned by this process. Use as a context manager, or `begin` and `end`.

    Starting removes what dead runs left, never what belongs to one whose owner lives. Safe to use from any thread.
    """

    id: str
    """Four hexadecimal digits."""
    directory: Path
    """For files of this run; removed with it."""

    def __init__(self) -> None:
        self._processes: dict[subprocess.Popen[Any], str] = {}
        self._watchdog: subprocess.Popen[Any] | None = None
        # The kernel sends the death signal when the *thread* that started a child ends: all are started by this one.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="lab-starter")

    def begin(self) -> Self:
        """Remove dead runs, then write this one's record."""
        require_root()
        with locked_records():
            remove_dead_runs()
            self.id = secrets.token_hex(2)
            while (RECORDS / self.id).exists():
                self.id = secrets.token_hex(2)
            self.directory = RECORDS / self.id
            self.directory.mkdir(mode=0o755)
            (self.directory / "owner").write_text(f"{os.getpid()} {started_at(os.getpid())}\n")
        self._watchdog = watchdog.start(self.id, os.getpid())
        return self

    def end(self) -> None:
        """End the run's processes, then remove its namespaces and files. May be called again."""
        if not hasattr(self, "directory"):
            return
        self._end_processes()
        self._starter.shutdown()
        names = names_of(self.id)
        end_processes_in(names)
        remove_names(names)
        remove_groups(lambda name: name.startswith(f"dl{self.id}-"))
        self._end_watchdog()
        with locked_records():
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        """Begin."""
        return self.begin()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        self.end()

    def netns(self, name: str) -> str:
        """Make the namespace `dl<run>-<name>` with loopback up and forwarding on, and return that full name."""
        netns = f"dl{self.id}-{name}"
        done = subprocess.run(["ip", "netns", "add", netns], capture_output=True, text=True, check=False)  # noqa: S603, S607  # as in `ip`
        if done.returncode:
            raise LabError(f"ip netns add {netns}: {done.stderr.strip()}")
        with joined(netns):
            ipv4 = Path("/proc/sys/net/ipv4")
            (ipv4 / "ip_forward").write_text("1")
            for which in ("all", "default"):
                (ipv4 / "conf" / which / "rp_filter").write_text("0")
                Path(f"/proc/sys/net/ipv6/conf/{which}/disable_ipv6").write_text("1")
        ip(netns, "link set lo up")
        return netns

    def remove_netns(self, netns: str) -> None:
        """End every process inside `netns` (a full name), then remove it."""
        for process, its in list(self._processes.items()):
            if its == netns:  # one just started may not be inside yet
                process.kill()
        end_processes_in([netns])
        remove_names([netns])

    def run_in(self, netns: str, argv: Sequence[str], **popen: Any) -> subprocess.Popen[Any]:  # noqa: ANN401  # subprocess.Popen's
        """Start a program inside `netns` (a full name; "" is the machine's own) and return it.

        `popen` goes to `subprocess.Popen`. The kernel kills the program when this process dies, however it dies; `end`
        terminates it. What the program itself starts is killed as well, as long as it stays in the run's namespaces.
        """
        enter = ["ip", "netns", "exec", netns] if netns else []
        command = ["setpriv", "--pdeathsig", "KILL", "--", "sh", "-c", _IF_OWNED, str(os.getpid()), *enter, *argv]
        return self._starter.submit(self._started, netns, command, popen).result()

    def _started(self, netns: str, command: Sequence[str], popen: Mapping[str, Any]) -> subprocess.Popen[Any]:
        process: subprocess.Popen[Any] = subprocess.Popen(command, **popen)  # noqa: S603  # arguments are ours
        self._processes = {each: its for each, its in self._processes.items() if each.poll() is None} | {process: netns}
        return process

    def _end_watchdog(self) -> None:
        if self._watchdog and self._watchdog.stdin:
            self._watchdog.stdin.close()
            self._watchdog.wait()
        self._watchdog = None

    def _end_processes(self) -> None:
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)  # a stopped process does not end
                process.terminate()
        until = time.monotonic() + _TERM_SECONDS
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(until - time.monotonic(), 0.01))
        for process in self._processes:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()
        self._processes = {}
