"""The bot's own name lookups, bounded.

`getaddrinfo` takes no time-out and may block for half a minute when a resolver is silent, which is
just the state that this bot is called in. It runs in a thread of its own, at most one for each host
name at a time, and the caller waits no longer than its deadline allows. A thread whose lookup hangs
ends by itself when the C library gives up.
"""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from bot.clients.time_limit import seconds_left

AddressInfo: TypeAlias = tuple[Any, ...]
"""One row of `socket.getaddrinfo`: family, type, protocol, canonical name, socket address."""


@dataclass(slots=True)
class _LookUp:
    done: threading.Event = field(default_factory=threading.Event)
    rows: list[AddressInfo] = field(default_factory=list)
    error: OSError | None = None


class OwnNames:
    """Resolves the names of far ends, sharing a lookup that is under way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[tuple[str, int], _LookUp] = {}

    def addresses(self, host: str, port: int) -> list[AddressInfo]:
        """Return the addresses of `host`. Raises `socket.gaierror`, also when no answer comes in time."""
        try:
            return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST))
        except socket.gaierror:
            pass
        look_up = self._join_or_start(host, port)
        seconds = seconds_left()
        if not look_up.done.wait(seconds):
            raise socket.gaierror(socket.EAI_AGAIN, f"no answer within {seconds:.1f} s")
        if look_up.error is not None:
            raise look_up.error
        return look_up.rows

    def _join_or_start(self, host: str, port: int) -> _LookUp:
        with self._lock:
            look_up = self._under_way.get((host, port))
            if look_up is None:
                look_up = self._under_way[host, port] = _LookUp()
                threading.Thread(
                    target=self._resolve, args=(host, port, look_up), name=f"resolve {host}", daemon=True
                ).start()
            return look_up

    def _resolve(self, host: str, port: int, look_up: _LookUp) -> None:
        try:
            look_up.rows = list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            look_up.error = error
        except UnicodeError:
            look_up.error = socket.gaierror(socket.EAI_NONAME, "not a host name")
        finally:
            with self._lock:
                self._under_way.pop((host, port), None)
            look_up.done.set()
