from __future__ import annotations

import socket
import time
from collections.abc import Callable

import waitress

from bot.slack.listening import HttpServer


class WokenTrigger:
    """waitress's trigger, whose loop is awake before the one who pulls it has written to its pipe."""

    def __init__(self, trigger: waitress.trigger.trigger) -> None:
        self._trigger = trigger

    def pull_trigger(self, thunk: Callable[[], object]) -> None:
        """Append the thunk, wake the loop as a request that ends does, and only then write, as waitress does."""
        with self._trigger.lock:
            self._trigger.thunks.append(thunk)
        self._trigger.pull_trigger()
        time.sleep(0.1)
        self._trigger.pull_trigger()

    def close(self) -> None:
        """Close the pipe."""
        self._trigger.close()


def test_server_that_a_request_has_just_woken_is_stopped() -> None:
    """The pipe that wakes the loop is open until it was written to; afterwards its number may be another file's."""
    sockets: dict[int, object] = {}
    listener = socket.create_server(("127.0.0.1", 0))
    server = waitress.create_server(lambda *_: [], map=sockets, sockets=[listener], threads=1)
    server.trigger = WokenTrigger(server.trigger)
    running = HttpServer(server, sockets, port=server.effective_port)

    running.stop()

    assert not running.alive
    assert not sockets
