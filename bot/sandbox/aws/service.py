"""A simulated service: what we answer instead of moto, what goes on to moto, and what its world may set.

    SERVICE = Service(name="eks", open=open_eks)

One file each in `services/`, found by walking. A service without a file is moto's alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, TypeAlias

from bot.domain.unit_files import walk_units
from bot.sandbox.aws import services
from bot.sandbox.aws.answers import Answer, Json
from bot.sandbox.aws.api_models import Asked
from bot.sandbox.aws.clock import WorldClock
from bot.sandbox.aws.endpoint_metrics import EndpointMetrics
from bot.sandbox.aws.life_cycle import Changes
from bot.sandbox.aws.machines import Machines
from bot.sandbox.aws.quotas import Quotas
from bot.sandbox.aws.requests import Call
from bot.sandbox.aws.trail import Trail

Operation: TypeAlias = Callable[[Call, Asked], dict[str, Any] | Callable[[], Answer]]
"""Answers a call with the members of the API's output, or with what waits for its answer while other calls go on.

Raises `ServiceError`.
"""

Route: TypeAlias = Callable[[list[str], Any], Json]
"""route(rest of the path, document): a control route."""


class ServiceError(Exception):
    """An error that a service answers: code, message, HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        self.code, self.message, self.status = code, message, status
        super().__init__(message)


class NotAllowed(Exception):
    """A policy of AWS refuses the caller this call on `resource`, whatever the world denies."""

    def __init__(self, resource: str) -> None:
        self.resource = resource
        super().__init__(resource)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """What all services share."""

    clock: WorldClock
    changes: Changes
    trail: Trail
    quotas: Quotas = field(default_factory=Quotas)
    metrics: EndpointMetrics = field(default_factory=EndpointMetrics)
    machines: Machines = field(default_factory=Machines)


def _nothing(call: Call) -> bool:
    del call
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A service with its state, empty at first."""

    operations: Mapping[str, Operation] = field(default_factory=dict)
    """What is answered here: services whose protocol is JSON."""
    passes_on: Callable[[Call], bool] = _nothing
    """Whether moto answers another call. Raises `NotAllowed` or `ServiceError` for one that it must not get."""
    routes: Mapping[tuple[str, str], Route] = field(default_factory=dict)
    """Control routes by method and first part of the path."""


def _everything(call: Call) -> str:
    del call
    return "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Exported as `SERVICE` by a module of the same name in `services/`."""

    name: str
    """IAM's prefix."""
    open: Callable[[Cloud], Serving]
    """Called when the far end starts and at each reset."""
    patch: Callable[[], None] = lambda: None
    """Mends moto in this process, once, before anything is served."""
    internal_error: str = "InternalFailure"
    """The code of an answer with status 500."""
    resource: Callable[[Call], str] = _everything
    """The resource that a refusal names."""


def load_services(package: ModuleType = services) -> Mapping[str, Service]:
    """Return the services of a folder by name. Raises `UnitError` for a bad one."""
    return walk_units(package, "SERVICE", Service)
