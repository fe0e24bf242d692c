"""Pods that look names up all the time, and which queries that makes of their resolv.conf (resolv.conf(5), glibc).

A container asks as its environment says: `ASKS` names, with commas between, each `ASKS_PER_SECOND` times. Their queries
are not sent: whoever logs them works out what has come until somebody reads.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.sandbox.kubernetes.resolv_conf import ResolvConf, parse_resolv_conf
from bot.sandbox.kubernetes.resources import Json
from bot.sandbox.network.replies import Outcome, Reply

NAMES, RATE = "ASKS", "ASKS_PER_SECOND"
_NDOTS = 1
"""Where the file says nothing."""
_STEP = timedelta(milliseconds=1)
"""Between two queries of one lookup."""
MOST_LOOK_UPS = 2_000
"""Of one pod and name that are worked out: a node keeps no more of a log for ever either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningPod:
    """A pod that runs, as its node holds it."""

    pod: Json
    address: str
    resolv_conf: str
    since: datetime
    led_to: str = ""
    """Whom its node leads all its queries to, for they come from one port; empty: who stands behind the address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One query of a lookup, as a server got it."""

    at: datetime
    client: str
    name: str
    reply: Reply


def traffic(
    pods: tuple[RunningPod, ...],
    servers: Callable[[str], tuple[str, ...]],
    own: str,
    answer: Callable[[str], Reply],
    since: datetime,
    until: datetime,
) -> Iterator[Asked]:
    """Return the queries that came to the server with address `own` between these times.

    `servers` tells who stands behind a nameserver's address: they take turns. `answer` is what it answers for a name.
    """
    for one in pods:
        file = parse_resolv_conf(one.resolv_conf)
        turn = (one.led_to,) if one.led_to else servers(file.servers[0]) if file.servers else ()
        if own not in turn:
            continue
        for name, rate in _asks(one.pod):
            chain = list(_chain(name, file, answer))
            offset = zlib.crc32(f"{one.address}{name}".encode())
            begun = max(since, one.since)
            last = int((until - one.since).total_seconds() * rate)
            first = max(math.ceil((begun - one.since).total_seconds() * rate), last - MOST_LOOK_UPS)
            for number in range(first, last):
                if turn[(offset + number) % len(turn)] == own:
                    at = one.since + timedelta(seconds=number / rate)
                    for step, (asked, reply) in enumerate(chain):
                        yield Asked(at=at + step * _STEP, client=one.address, name=asked, reply=reply)


def _asks(pod: Json) -> Iterator[tuple[str, float]]:
    environment = {one["name"]: str(one.get("value", "")) for one in pod["spec"]["containers"][0].get("env") or []}
    for name in environment.get(NAMES, "").split(","):
        if name:
            yield name, float(environment.get(RATE, "1"))


def _chain(name: str, file: ResolvConf, answer: Callable[[str], Reply]) -> Iterator[tuple[str, Reply]]:
    """Return the queries of one lookup: until a name has an answer, or none is left."""
    ndots = next((int(one.partition(":")[2]) for one in file.options if one.startswith("ndots:")), _NDOTS)
    searched = [f"{name}.{domain}." for domain in file.searches]
    if name.endswith("."):
        tried = [name]
    else:
        whole = f"{name}."
        tried = [whole, *searched] if name.count(".") >= ndots else [*searched, whole]
    for one in tried:
        reply = answer(one)
        yield one, reply
        if reply.outcome is not Outcome.NXDOMAIN:
            return
