"""What a DNS server of the cluster answers, from its Corefile and from the objects of the cluster."""

from __future__ import annotations

import ipaddress
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from bot.sandbox.kubernetes.corefile import Block
from bot.sandbox.kubernetes.resources import PODS, SERVICES
from bot.sandbox.kubernetes.store import Store

_NEVER_PUBLIC = frozenset({"local", "internal", "invalid", "test", "localhost", "example", "corp", "lan"})


class Outcome(StrEnum):
    """What the client of a look-up sees."""

    ANSWER = "NOERROR"
    NXDOMAIN = "NXDOMAIN"
    SERVFAIL = "SERVFAIL"
    REFUSED = "REFUSED"
    TIMEOUT = "timed out"
    PORT_UNREACHABLE = "connection refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, or none."""

    outcome: Outcome
    addresses: tuple[str, ...] = ()
    authoritative: bool = False
    recursion: bool = False
    ttl_seconds: int = 5


TIMEOUT = Reply(outcome=Outcome.TIMEOUT)
PORT_UNREACHABLE = Reply(outcome=Outcome.PORT_UNREACHABLE)


def vpc_resolver(name: str) -> Reply:
    """Return what the VPC resolver answers: public names, and instances' private names."""
    labels = name.rstrip(".").lower().split(".")
    if labels[-2:] == ["compute", "internal"] and labels[0].startswith("ip-"):
        address = labels[0].removeprefix("ip-").replace("-", ".")
        return Reply(outcome=Outcome.ANSWER, addresses=(address,), recursion=True, ttl_seconds=60)
    if len(labels) < 2 or labels[-1] in _NEVER_PUBLIC or not labels[-1].isalpha():  # noqa: PLR2004  # NAME.TLD
        return Reply(outcome=Outcome.NXDOMAIN, recursion=True)
    spread = zlib.crc32(".".join(labels).encode())
    addresses = tuple(str(ipaddress.ip_address(0x36_EF_00_00 + (spread + step) % 0xFFFF)) for step in range(3))
    return Reply(outcome=Outcome.ANSWER, addresses=addresses, recursion=True, ttl_seconds=60)


def _service_name(store: Store, name: str, zone: str, unread: frozenset[str]) -> Reply:
    inside = name.rstrip(".").lower().removesuffix(zone.strip(".")).rstrip(".").split(".")
    missing = Reply(outcome=Outcome.SERVFAIL) if unread else Reply(outcome=Outcome.NXDOMAIN, authoritative=True)
    if unread & {"services", "namespaces"}:
        return missing
    if len(inside) != 3 or inside[2] != "svc":  # noqa: PLR2004  # NAME.NAMESPACE.svc
        return missing
    service = store.find(SERVICES, inside[1], inside[0])
    if service is None:
        return missing
    address = service["spec"].get("clusterIP", "")
    if address == "None" and "endpointslices" in unread:
        return missing
    if address == "None":
        selector = service["spec"].get("selector") or {}
        pods = [pod for pod in store.all(PODS, inside[1]) if selector.items() <= pod["metadata"]["labels"].items()]
        found = tuple(str(pod["status"]["podIP"]) for pod in pods if pod.get("status", {}).get("podIP"))
        return Reply(outcome=Outcome.ANSWER, addresses=found, authoritative=True) if found else missing
    return Reply(outcome=Outcome.ANSWER, addresses=(address,), authoritative=True)


def coredns(
    store: Store,
    blocks: tuple[Block, ...],
    name: str,
    upstream: Callable[[str, str], Reply],
    *,
    unread: frozenset[str] = frozenset(),
) -> Reply:
    """Return what CoreDNS with these server blocks answers; `upstream(address, name)` asks a server.

    `unread`: what it has not read from the API yet. A name that it can tell all the same is answered; one that it
    does not find gets SERVFAIL instead of NXDOMAIN (so CoreDNS 1.15.0 does).
    """
    block = max(blocks, key=lambda candidate: candidate.serves(name), default=None)
    if block is None or block.serves(name) < 0:
        return Reply(outcome=Outcome.REFUSED)
    kubernetes = block.find("kubernetes")
    for zone in kubernetes.arguments if kubernetes else ():
        plain = f".{name.rstrip('.').lower()}"
        if plain.endswith(f".{zone.strip('.').lower()}"):
            return _service_name(store, name, zone, unread)
    forward = block.find("forward")
    if forward is None or len(forward.arguments) < 2:  # noqa: PLR2004  # FROM TO…
        return Reply(outcome=Outcome.REFUSED)
    reply = upstream(forward.arguments[1], name)
    silent = reply.outcome in {Outcome.TIMEOUT, Outcome.PORT_UNREACHABLE}
    return Reply(outcome=Outcome.SERVFAIL, recursion=True) if silent else reply
