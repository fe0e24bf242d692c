"""What NodeLocal DNSCache needs on a node, and what of it is there where nodes were looked at (B3). No rule itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.collectors.node_local_dns import NodeLocalCache
from bot.collectors.node_network import NetworkOfNode, NodeNetworks
from bot.collectors.node_packet_filter import NodePacketFilters, PacketFilterOfNode
from bot.domain.lookups import Reach
from bot.linux.iptables_save import FilterRule

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Laid:
    """A rule that node-cache lays for each of its addresses (kubernetes/dns, cmd/node-cache/app, initIptables)."""

    table: str
    chain: str
    answers: bool
    """It takes what comes from the address, by its source port; else what goes there, by its destination port."""
    protocols: tuple[str, ...] = ("udp", "tcp")

    def lacking(self, found: PacketFilterOfNode, address: str, port: str) -> Iterator[str]:
        """Yield the protocols, in words, for which no rule is there."""
        target = "NOTRACK" if self.table == _RAW else "ACCEPT"
        laid = [
            rule
            for rule in (found.raw if self.table == _RAW else found.filter)
            if rule.chain == self.chain and rule.target == target and self._takes(rule, address, port)
        ]
        for protocol in self.protocols:
            if all(rule.protocol != protocol for rule in laid):
                yield f"{self.chain} {protocol}{' answers' if self.answers else ''}"

    def _takes(self, rule: FilterRule, address: str, port: str) -> bool:
        if self.answers:
            return _is(rule.source, address) and rule.source_ports == port
        return _is(rule.destination, address) and rule.destination_ports == port


_RAW, _FILTER = "raw", "filter"
_UNTRACKED = (
    _Laid(table=_RAW, chain="PREROUTING", answers=False),
    _Laid(table=_RAW, chain="OUTPUT", answers=True),
    _Laid(table=_RAW, chain="OUTPUT", answers=False),
)
_ACCEPTED = (_Laid(table=_FILTER, chain="INPUT", answers=False), _Laid(table=_FILTER, chain="OUTPUT", answers=True))
_PROBED = tuple(_Laid(table=_RAW, chain="OUTPUT", answers=answers, protocols=("tcp",)) for answers in (False, True))
"""For the liveness probe alone: queries do not pass them."""


def _of_rules(cache: NodeLocalCache, found: PacketFilterOfNode) -> Iterator[LackOfNode]:
    for address in cache.local_addresses:
        untracked = ", ".join(one for laid in _UNTRACKED for one in laid.lacking(found, address, _PORT))
        accepted = ", ".join(one for laid in _ACCEPTED for one in laid.lacking(found, address, _PORT))
        if untracked:
            yield LackOfNode(
                node=found.node,
                what=f"no NOTRACK rule takes {address} out of kube-proxy's hands ({untracked})",
                proof=f"{found.node}: table raw has no NOTRACK rule for port {_PORT} of {address} in {untracked}",
                advice=(
                    "Look in its log for `Error adding iptables rule`, and for what else removes rules of the table "
                    "raw; node-cache adds them again every minute."
                ),
            )
        elif accepted:
            yield LackOfNode(
                node=found.node,
                what=f"no rule of the table filter accepts port {_PORT} of {address} ({accepted})",
                proof=f"{found.node}: table filter has no ACCEPT rule for port {_PORT} of {address} in {accepted}",
                advice="node-cache adds this rule every minute: look in its log for `Error adding iptables rule`.",
            )


def tracked_probes(caches: Iterable[NodeLocalCache], filters: NodePacketFilters | None) -> Iterator[str]:
    """Yield where the liveness probe's packets are tracked, for want of a rule: no query is concerned."""
    for cache in caches:
        for node in sorted({pod.node for pod in cache.pods if pod.ready and cache.lays_rules}):
            found = filters.of(node) if filters else None
            if found is None or not found.variants:
                continue
            for address in cache.local_addresses:
                lacking = [one for laid in _PROBED for one in laid.lacking(found, address, cache.health_port)]
                if lacking:
                    yield (
                        f"{node}: table raw has no NOTRACK rule for port {cache.health_port} of {address} in "
                        f"{', '.join(lacking)}: its liveness probe is tracked, which no query is concerned by"
                    )


def _is(prefix: str, address: str) -> bool:
    return prefix.partition("/")[0] == address
