"""Answers calls one at a time: by our own services where they know the operation, else by moto.

moto is not thread-safe: one lock is held while anything works on the state behind the API.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from moto.moto_api._internal import mock_random
from moto.moto_api._internal.models import moto_api_backend

from bot.sandbox.aws.answers import (
    FIRST_ERROR,
    Answer,
    Json,
    denied_answer,
    error_answer,
    json_answer,
    not_implemented_answer,
)
from bot.sandbox.aws.api_models import members
from bot.sandbox.aws.callers import caller
from bot.sandbox.aws.clock import WorldClock
from bot.sandbox.aws.life_cycle import Changes, Pace
from bot.sandbox.aws.orders import Orders
from bot.sandbox.aws.requests import Call
from bot.sandbox.aws.service import Cloud, NotAllowed, Operation, Service, ServiceError, Serving
from bot.sandbox.aws.trail import Trail

WsgiApp: TypeAlias = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Answering:
    """All services, with their state."""

    def __init__(
        self,
        moto: WsgiApp,
        services: Mapping[str, Service],
        *,
        clock: WorldClock,
        paces: Orders[Pace],
        seed: int | None,
    ) -> None:
        self._moto, self._services, self._seed = moto, services, seed
        self._clock, self._paces = clock, paces
        self._serving: dict[str, Serving] = {}
        self._trail = Trail(clock)
        self._lock = threading.Lock()

    def reset(self) -> None:
        """Make everything empty, with ids from the seed."""
        with self._lock:
            moto_api_backend.reset()
            if self._seed is not None:
                mock_random.seed(self._seed)
            self._clock.reset()
            self._trail = Trail(self._clock)
            cloud = Cloud(clock=self._clock, changes=Changes(self._clock, self._paces), trail=self._trail)
            self._serving = {name: service.open(cloud) for name, service in self._services.items()}

    def settle(self) -> None:
        """Let come what has come due."""
        with self._lock:
            self._clock.settle()

    def pass_time(self, seconds: float) -> None:
        """Let so much time pass at once."""
        with self._lock:
            self._clock.pass_time(seconds)
            self._clock.settle()

    def now(self) -> float:
        """Return the world's time in seconds since 1970."""
        return self._clock.now()

    def control(self, method: str, parts: list[str], document: Json) -> Json:
        """Answer a control route of a service. Raises KeyError where none has it, else what the service raises."""
        key = (method, parts[0])
        route = next(serving.routes[key] for serving in self._serving.values() if key in serving.routes)
        with self._lock:
            self._clock.settle()
            return route(parts[1:], document)

    def answer(self, call: Call, environ: dict[str, Any]) -> Answer:
        """Answer one call."""
        answered = self._answered(call, environ)
        return answered if isinstance(answered, Answer) else answered()

    def _answered(self, call: Call, environ: dict[str, Any]) -> Answer | Callable[[], Answer]:
        """Return the answer, or what waits for it when the lock is free again."""
        serving = self._serving.get(call.service)
        operation = serving.operations.get(call.operation) if serving else None
        with self._lock:
            self._clock.settle()
            try:
                if operation is not None:
                    return _own(operation, call)
                if serving is not None and not serving.passes_on(call):
                    return not_implemented_answer(call)
                return _dry_run(call) if call.dry_run else self._from_moto(call, environ)
            except NotAllowed as refused:
                return self.denied(call, call.action, refused.resource)
            except ServiceError as error:
                return error_answer(call, code=error.code, message=error.message, status=error.status)
            except NotImplementedError as error:
                return not_implemented_answer(call, str(error))

    def keep_event(self, call: Call, answer: Answer) -> None:
        """Let CloudTrail have a call that may have changed something, and how it was answered."""
        with self._lock:
            self._trail.keep(call, answer, caller(call))

    def denied(self, call: Call, action: str, resource: str = "") -> Answer:
        """Refuse an action to the caller, who is named."""
        service = self._services.get(call.service)
        return denied_answer(call, action, caller(call), resource or (service.resource(call) if service else "*"))

    def internal_error(self, call: Call) -> str:
        """Return the code with which the call's service says that something inside it broke."""
        service = self._services.get(call.service)
        return service.internal_error if service else "InternalFailure"

    def _from_moto(self, call: Call, environ: dict[str, Any]) -> Answer:
        started: list[Any] = []
        body = b"".join(self._moto(environ, lambda status, headers, *_: started.extend((status, headers))))
        status, headers = int(started[0].split()[0]), dict(started[1])
        content_type = headers.get("Content-Type", "")
        if "html" in content_type and status >= FIRST_ERROR:
            return not_implemented_answer(call, f"moto answered {status}")
        kept = tuple((name, value) for name, value in headers.items() if name.lower().startswith("x-amzn"))
        return Answer(status=status, body=body, content_type=content_type, headers=kept)


def _dry_run(call: Call) -> Answer:
    message = "Request would have succeeded, but DryRun flag is set."
    return error_answer(call, code="DryRunOperation", message=message, status=412)


def _own(operation: Operation, call: Call) -> Answer | Callable[[], Answer]:
    try:
        asked = members(call.service, method=call.method, path=call.path, query=call.query, body=call.body)
        found = operation(call, asked)
    except (KeyError, ValueError) as error:
        message = f"{call.operation}: missing or malformed {error}"
        return error_answer(call, code="InvalidParameterException", message=message, status=400)
    return found if callable(found) else json_answer(found)
