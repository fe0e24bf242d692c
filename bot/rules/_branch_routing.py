"""How a node's kernel routes the packets of a pod with a branch interface: what it was made under; no rule itself.

Strict: rules for what comes in by the pod's interfaces stand before the one of the `local` table, so that its packets
never see it (B6). Standard: the pod's address is looked up in `main` like a plain pod's (B8). The pod's interface is
the one that a route to its address names, in whatever table.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.collectors.node_network import NetworkOfNode, NodeNetworks
from bot.domain.enforcing_mode import EnforcingMode
from bot.kubernetes.pods import Pod
from bot.linux.routing_rules import ALL, RoutingRule

_LOCAL, _MAIN = "local", "main"
_OWN = frozenset({_LOCAL, _MAIN, "default"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """What was seen of one pod on its node."""

    mode: EnforcingMode
    proof: str
    """`node-a: 10: from all iif vlanc6461fc2633 lookup 102, before 20: from all lookup local`."""


def routed(networks: NodeNetworks | None, pod: Pod) -> Routed | None:
    """Return how the pod's node routes its packets; None: it was not looked at, or shows nothing of the pod."""
    network = networks.of(pod.node) if networks else None
    if network is None or network.rules is None or network.routes is None or not pod.ip:
        return None
    local = next((rule for rule in network.rules if rule.table == _LOCAL and rule.source == ALL), None)
    strict = next((rule for rule in network.rules if _takes(rule, network, pod.ip)), None)
    if strict and local and strict.priority < local.priority:
        return Routed(mode=EnforcingMode.STRICT, proof=f"{pod.node}: {strict.text}, before {local.text}")
    plain = [rule for rule in network.rules if rule.table == _MAIN and _host(rule.destination) == pod.ip]
    if plain and not strict:
        return Routed(mode=EnforcingMode.STANDARD, proof=f"{pod.node}: {plain[0].text}, and no rule for its interface")
    return None


def _takes(rule: RoutingRule, network: NetworkOfNode, address: str) -> bool:
    """Return whether the rule sends what the pod's interface brings to a table of its own."""
    own = {route.interface for route in network.routes or () if _host(route.destination) == address}
    return rule.incoming_interface in own - {""} and rule.table not in _OWN


def _host(destination: str) -> str:
    return destination.removesuffix("/32").removesuffix("/128")
