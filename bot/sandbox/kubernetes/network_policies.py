"""The agent of the VPC CNI that enforces NetworkPolicies, packet by packet; it shares nothing with the bot's evaluator.

It works where aws-node's DaemonSet starts it with `--enable-network-policy=true` and the ConfigMap amazon-vpc-cni
switches EKS's controller on. It sits at each pod's own interface, pods on one node included, and sees a query before
its node leads it from the Service to a pod: selectors stand for the pods and for the Service before them, an ipBlock
for what was asked. Sources: EKS User Guide, "Limit Pod traffic with Kubernetes network policies"; aws-network-policy-
agent, README; Kubernetes documentation, "Network Policies".
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.sandbox.kubernetes.resources import CONFIG_MAPS, DAEMON_SETS, NAMESPACES, NETWORK_POLICIES, Json
from bot.sandbox.kubernetes.selectors import selector_matches
from bot.sandbox.kubernetes.store import Store
from bot.sandbox.network.vpc import within

_SYSTEM = "kube-system"
_FLAG = "--enable-network-policy=true"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyQuery:
    """One query between two pods."""

    client: Json
    client_address: str
    server: Json
    asked: str
    """The address that the client asked: the pod's or a Service's."""
    protocol: str
    port: int


def lets_through(store: Store, query: PolicyQuery) -> bool:
    """Return whether the agents on both nodes let a query through; answers come back by themselves."""
    if not _enforced(store):
        return True
    out = _allows(store, query.client, "Egress", query, query.server, query.asked)
    return out and _allows(store, query.server, "Ingress", query, query.client, query.client_address)


def _enforced(store: Store) -> bool:
    aws_node = store.find(DAEMON_SETS, _SYSTEM, "aws-node")
    config = store.find(CONFIG_MAPS, _SYSTEM, "amazon-vpc-cni")
    if aws_node is None or config is None:
        return False
    containers = aws_node["spec"]["template"]["spec"]["containers"]
    started = any(_FLAG in (one.get("args") or []) for one in containers)
    return started and (config.get("data") or {}).get("enable-network-policy-controller") == "true"


def _allows(store: Store, pod: Json, kind: str, query: PolicyQuery, other: Json, other_address: str) -> bool:
    if pod["spec"].get("hostNetwork"):
        return True
    namespace = pod["metadata"]["namespace"]
    own = [
        one["spec"]
        for one in store.all(NETWORK_POLICIES)
        if one["metadata"]["namespace"] == namespace
        and kind in (one["spec"].get("policyTypes") or ["Ingress"])
        and selector_matches(one["spec"].get("podSelector") or {}, pod["metadata"].get("labels") or {})
    ]
    rules = [rule for spec in own for rule in spec.get(kind.lower()) or []]
    side = "to" if kind == "Egress" else "from"
    return not own or any(
        _port_fits(rule, query)
        and (not rule.get(side) or any(_is(store, peer, namespace, other, other_address) for peer in rule[side]))
        for rule in rules
    )


def _port_fits(rule: Json, query: PolicyQuery) -> bool:
    named = {
        (each.get("name"), each.get("protocol", "TCP")): each["containerPort"]
        for container in query.server["spec"]["containers"]
        for each in container.get("ports") or []
    }
    for one in rule.get("ports") or []:
        protocol, first = one.get("protocol", "TCP"), one.get("port")
        first = named.get((first, protocol), -1) if isinstance(first, str) else first
        fits = first is None or first <= query.port <= one.get("endPort", first)
        if protocol == query.protocol.upper() and fits:
            return True
    return not rule.get("ports")


def _is(store: Store, peer: Json, namespace: str, pod: Json, address: str) -> bool:
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        return within(address, block["cidr"]) and not any(within(address, one) for one in block.get("except") or [])
    where = pod["metadata"]["namespace"]
    if "namespaceSelector" in peer:
        found = store.find(NAMESPACES, "", where)
        labels = (found["metadata"].get("labels") or {}) if found else {}
        placed = selector_matches(peer["namespaceSelector"], labels)
    else:
        placed = where == namespace
    return placed and selector_matches(peer.get("podSelector") or {}, pod["metadata"].get("labels") or {})
