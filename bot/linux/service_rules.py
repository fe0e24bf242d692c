"""kube-proxy's rules for Services, as they stand in a node's packet filter: which ClusterIP leads where.

Source: kubernetes, pkg/proxy/iptables/proxier.go (KUBE-SERVICES, KUBE-SVC-…, KUBE-SEP-…).
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.linux.iptables_save import FilterTable

SERVICES_CHAIN = "KUBE-SERVICES"
_TO_SERVICE = ("KUBE-SVC-", "KUBE-SVL-", "KUBE-EXT-", "KUBE-XLB-")
_TO_ENDPOINT = "KUBE-SEP-"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRule:
    """One port of a Service, as a node leads it."""

    address: str
    """The ClusterIP."""
    protocol: str
    """udp or tcp."""
    port: int
    name: str = ""
    """`kube-system/kube-dns:dns`, as far as the rule says so."""
    backends: tuple[str, ...] = ()
    """`10.0.1.7:53`; empty: the node leads it nowhere, or refuses it."""


def service_rules(nat: FilterTable) -> tuple[ServiceRule, ...]:
    """Return what the table nat leads ClusterIPs to; a rule without port or address is none of a Service's."""
    by_chain: dict[str, list[str]] = {}
    leads_to: dict[str, str] = {}
    for rule in nat.rules:
        if rule.chain.startswith(_TO_SERVICE) and rule.target.startswith(_TO_ENDPOINT):
            by_chain.setdefault(rule.chain, []).append(rule.target)
        elif rule.chain.startswith(_TO_ENDPOINT) and rule.leads_to:
            leads_to[rule.chain] = rule.leads_to
    return tuple(
        ServiceRule(
            address=rule.destination,
            protocol=rule.protocol,
            port=int(rule.destination_ports),
            name=rule.comment.removesuffix(" cluster IP"),
            backends=tuple(leads_to[end] for end in by_chain.get(rule.target, ()) if end in leads_to),
        )
        for rule in nat.of_chain(SERVICES_CHAIN)
        if rule.target.startswith(_TO_SERVICE)
        and rule.destination
        and rule.destination_ports.isdigit()
        and not rule.destination.startswith("!")
    )
