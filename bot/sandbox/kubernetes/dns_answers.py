"""What a DNS server of the cluster answers, from its Corefile and from the objects of the cluster."""

from __future__ import annotations

from collections.abc import Callable

from bot.sandbox.kubernetes.corefile import Block, Directive
from bot.sandbox.kubernetes.resources import PODS, SERVICES
from bot.sandbox.kubernetes.store import Store
from bot.sandbox.network.replies import SILENT, Outcome, Reply


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
    held = () if ":" in address else (address,)  # the question is for A records: the name exists, and has none
    return Reply(outcome=Outcome.ANSWER, addresses=held, authoritative=True)


def coredns(
    store: Store,
    blocks: tuple[Block, ...],
    name: str,
    upstream: Callable[[Directive, str], Reply],
    *,
    unread: frozenset[str] = frozenset(),
) -> Reply:
    """Return what CoreDNS with these server blocks answers; `upstream(forward, name)` asks one.

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
    reply = upstream(forward, name)
    return Reply(outcome=Outcome.SERVFAIL, recursion=True) if reply.outcome in SILENT else reply
