"""What NodeLocal DNSCache needs on a node, and what of it is there where nodes were looked at (B3). No rule itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.collectors.node_local_dns import NodeLocalCache
from bot.collectors.node_network import NetworkOfNode, NodeNetworks
from bot.collectors.node_packet_filter import NodePacketFilters, PacketFilterOfNode
from bot.domain.lookups import Reach

_PORT = "53"
_LOCAL_TABLE = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class LackOfNode:
    """Something that a node with a ready pod of the cache lacks."""

    node: str
    what: str
    proof: str
    advice: str
    reach: Reach | None = None
    """None: queries go to CoreDNS instead, and are answered."""


def looked_at(
    caches: Iterable[NodeLocalCache], networks: NodeNetworks | None, filters: NodePacketFilters | None
) -> tuple[str, ...]:
    """Return the nodes with a ready pod of it that were looked at in both ways."""
    nodes = {pod.node for cache in caches for pod in cache.pods if pod.ready}
    seen = {one.node for one in networks.nodes if one.routes is not None} if networks else set()
    return tuple(sorted(nodes & seen & ({one.node for one in filters.nodes} if filters else set())))


def lacks(
    cache: NodeLocalCache, networks: NodeNetworks | None, filters: NodePacketFilters | None
) -> Iterator[LackOfNode]:
    """Yield what nodes with a ready pod of it lack: an address, its entry in the local table, a rule."""
    for node in sorted({pod.node for pod in cache.pods if pod.ready and pod.node}):
        network = networks.of(node) if networks else None
        packet_filter = filters.of(node) if filters else None
        if network:
            yield from _of_network(cache, network)
        if packet_filter and packet_filter.variants and cache.lays_rules:
            yield from _of_rules(cache, packet_filter)


def _of_network(cache: NodeLocalCache, network: NetworkOfNode) -> Iterator[LackOfNode]:
    for address in cache.own_addresses:
        held = network.interfaces is None or bool(network.holders(address))
        routes = network.table(_LOCAL_TABLE)
        local = network.routes is None or any(route.destination.split("/")[0] == address for route in routes)
        if held and local:
            continue
        where = "no interface" if not held else "no entry of the local table"
        yield LackOfNode(
            node=network.node,
            what=f"{address} is on {where}",
            proof=f"{network.node}: {address} is on {where}",
            advice=f"Delete the node's node-local-dns pod: it makes the interface {cache.interface} again.",
            reach=Reach(nodes=frozenset({network.node}), servers=frozenset({address}), service_path=False),
        )


def _of_rules(cache: NodeLocalCache, found: PacketFilterOfNode) -> Iterator[LackOfNode]:
    for address in cache.local_addresses:
        lacking = [
            f"{chain} {protocol}"
            for chain, outgoing in (("PREROUTING", False), ("OUTPUT", True))
            for protocol in ("udp", "tcp")
            if not _untracks(found, chain, protocol, address, answers=outgoing)
        ]
        if lacking:
            yield LackOfNode(
                node=found.node,
                what=f"no NOTRACK rule takes {address} out of kube-proxy's hands ({', '.join(lacking)})",
                proof=f"{found.node}: table raw has no NOTRACK rule for port 53 of {address} in {', '.join(lacking)}",
                advice=(
                    "Look in its log for `Error adding iptables rule`, and for what else removes rules of the table "
                    "raw; node-cache adds them again every minute."
                ),
            )
        elif not any(
            rule.chain == "INPUT" and rule.target == "ACCEPT" and _is(rule.destination, address)
            for rule in found.filter
        ):
            yield LackOfNode(
                node=found.node,
                what=f"no rule of the table filter accepts port 53 of {address}",
                proof=f"{found.node}: table filter has no ACCEPT rule for {address} in INPUT",
                advice="node-cache adds this rule every minute: look in its log for `Error adding iptables rule`.",
            )


def _untracks(found: PacketFilterOfNode, chain: str, protocol: str, address: str, *, answers: bool) -> bool:
    """Return whether a NOTRACK rule is there for queries to the address or, in OUTPUT, for its answers."""
    return any(
        rule.chain == chain
        and rule.target == "NOTRACK"
        and rule.protocol == protocol
        and (
            (_is(rule.source, address) and rule.source_ports == _PORT)
            if answers
            else (_is(rule.destination, address) and rule.destination_ports == _PORT)
        )
        for rule in found.raw
    )


def _is(prefix: str, address: str) -> bool:
    return prefix.partition("/")[0] == address
