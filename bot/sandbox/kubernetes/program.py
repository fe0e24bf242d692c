"""The program of an image, simulated: how it starts, what it notices, what it answers, what it logs.

    PROGRAM = Program(name="coredns", images=("/coredns",), start=start)

A program's `start` returns a `Process`; a kind of its own where it does more than to run. One that could not stay
up is a process whose run has ended.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import ModuleType

from bot.domain.unit_files import walk_units
from bot.errors import UnitError
from bot.sandbox.kubernetes import programs
from bot.sandbox.kubernetes.client_traffic import RunningPod
from bot.sandbox.kubernetes.container_runs import ContainerRun
from bot.sandbox.kubernetes.node import Node
from bot.sandbox.kubernetes.resources import Json
from bot.sandbox.kubernetes.store import Store
from bot.sandbox.kubernetes.tools.on_board import NOTHING
from bot.sandbox.kubernetes.tools.toolbox import Toolbox
from bot.sandbox.network.replies import PORT_UNREACHABLE, Reply
from bot.sandbox.network.vpc import Vpc


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What a program finds where it runs, at one moment."""

    pod: Json
    address: str
    node_address: str
    resolv_conf: str
    """Text of the pod's /etc/resolv.conf."""
    node: Node
    store: Store
    vpc: Vpc
    backends: Callable[[], Mapping[str, tuple[str, ...]]]
    """Ready addresses behind each ClusterIP, as the API's endpoints have them now."""
    running: Callable[[], tuple[RunningPod, ...]]
    """All pods that run now, on whatever node."""

    @property
    def node_name(self) -> str:
        """Name of the pod's node."""
        return str(self.pod["spec"]["nodeName"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question for the A records of a name, arrived at port 53."""

    name: str
    protocol: str
    """`udp` or `tcp`."""
    client: Json
    """The pod that asks."""
    now: datetime
    forward: Callable[[str, str, str], Reply]
    """forward(server, name, protocol): what comes back to the asked program when it asks a server itself."""
    numbers: random.Random


@dataclass(slots=True, kw_only=True)
class Process:
    """A program that runs, or ran, in a container. This one listens on no port, and is ready as long as it runs."""

    run: ContainerRun
    bound: frozenset[str] = frozenset()
    """Addresses on whose port 53 it listens on its node itself (as NodeLocal DNSCache does)."""

    @property
    def ready(self) -> bool:
        """Whether its readiness probe succeeds."""
        return True

    def answers(self, port: int, path: str) -> bool:
        """Return whether an HTTP GET of the node's succeeds, as a probe asks it. This one has what it is asked for."""
        del port, path
        return self.ready

    def tick(self, host: Host, now: datetime) -> None:
        """Notice what has changed around it. Called in every turn of the cluster while it runs."""

    def answer(self, host: Host, query: Query) -> Reply:
        """Return what a query on port 53 gets."""
        del host, query
        return PORT_UNREACHABLE

    def page(self, host: Host, port: int, path: str, now: datetime) -> str | None:
        """Return what an HTTP GET of the API server's finds; None: nothing listens there."""
        del host, port, path, now
        return None

    def file(self, path: str, now: datetime) -> bytes | None:
        """Return what stands in a file that it wrote; None: it wrote none there."""
        del path, now
        return None

    def dropped(self, now: datetime) -> int:
        """Return how many packets to the VPC's resolver its interface has not let through."""
        del now
        return 0

    def terminate(self, node: Node) -> None:
        """Leave in good order, as SIGTERM asks for: take along what it laid on the node."""

    def date_back(self, elapsed: timedelta) -> None:
        """Put what it remembers so much earlier; its run is put back by others."""


def listening(host: Host, now: datetime) -> Process:
    """Start a program that says that it listens, and no more."""
    run = ContainerRun(started=now)
    run.say(now, f"starting {host.pod['spec']['containers'][0]['name']}", "listening on :8080")
    return Process(run=run)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What an image holds. Exported as `PROGRAM` by a module of the same name in `programs/`."""

    name: str
    images: tuple[str, ...]
    """Parts of the references of its images. Of all programs' parts in a reference the longest counts; "" is in all."""
    start: Callable[[Host, datetime], Process] = listening
    toolbox: Toolbox = NOTHING
    """What else is on board."""
    memory: int = 0
    """Bytes that it holds as soon as it has started: under a lower limit the kernel kills it. 0: next to nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """All programs."""

    by_part: Mapping[str, Program]

    def of(self, image: str) -> Program:
        """Return the program of an image reference."""
        return self.by_part[max((part for part in self.by_part if part in image), key=len)]


def load_programs(package: ModuleType = programs) -> Programs:
    """Return the programs of a folder.

    Raises `UnitError` for a bad one, for two that claim the same images, and where some image would have none.
    """
    by_part: dict[str, Program] = {}
    for program in walk_units(package, "PROGRAM", Program).values():
        for part in program.images:
            if part in by_part:
                raise UnitError(f"Programs {by_part[part].name} and {program.name} both claim images with {part!r}.")
            by_part[part] = program
    if "" not in by_part:
        raise UnitError(f"No program of {package.__name__} claims the images of applications: one must list ''.")
    return Programs(by_part=by_part)
