"""Where nodes lead the DNS service's address, as their packet filters have it. No rule itself.

Source: kubernetes, pkg/proxy/iptables, nftables and ipvs. A Service without ready endpoints has no chain, map entry or
real server by design, so that nothing is told of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from bot.collectors.kube_dns import KubeDns
from bot.collectors.node_packet_filter import NodePacketFilters, PacketFilterOfNode
from bot.kubernetes.dns_service import USUAL_NAME
from bot.kubernetes.resources import KUBE_SYSTEM
from bot.linux.service_rules import ServiceRule

_UDP = "udp"
_ASKED = "53/udp"
_CHAIN = "KUBE-SVC-TCOU7JCQXEZGVUNU"
"""kube-proxy's for the port `dns` of the Service kube-system/kube-dns: base32 of a SHA-256 of names and protocol."""
_WAYS = {
    "iptables": "no rule of KUBE-SERVICES",
    "nftables": "no entry of the map service-ips",
    "ipvs": "no virtual server of IPVS",
    "": "nothing of kube-proxy, in iptables, nftables or IPVS,",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leading:
    """What became of UDP to the DNS service's address on one node."""

    node: str
    nowhere: bool
    """True: no rule leads it to anybody. False: the rules lead to none of the service's ready endpoints."""
    no_service: bool = False
    """Whether no other Service is led anywhere either, the Kubernetes API's included."""
    proof: str


def astray(filters: NodePacketFilters | None, dns: KubeDns | None, nodes: Collection[str]) -> Iterator[Leading]:
    """Yield those of the nodes, of which kube-proxy has charge, that do not lead the service's address to CoreDNS."""
    ready = {one.ip for one in dns.ready} if dns else set()
    if filters is None or dns is None or not ready or _ASKED not in dns.ports:
        return
    for found in filters.nodes:
        if found.node not in nodes:
            continue
        led = found.leads(dns.cluster_ip, _UDP)
        if led is not None and led.backends:
            to = {host(backend) for backend in led.backends}
            if to.isdisjoint(ready):
                yield Leading(node=found.node, nowhere=False, proof=_old(found, led))
        elif led is not None or found.services_read:
            proof = _nowhere(found, dns, led)
            yield Leading(node=found.node, nowhere=True, no_service=not found.services_total, proof=proof)


def _nowhere(found: PacketFilterOfNode, dns: KubeDns, led: ServiceRule | None) -> str:
    if led is not None:
        return f"{found.node} ({found.mode}): {dns.cluster_ip}:53 over UDP is led to no address"
    usual = found.mode == "iptables" and (dns.namespace, dns.name) == (KUBE_SYSTEM, USUAL_NAME)
    chain = f" to {_CHAIN}" if usual else ""
    others = f", which has rules for {found.services_total} other ports of Services" if found.services_total else ""
    return f"{found.node}{others}: {_WAYS[found.mode]} leads {dns.cluster_ip}:53 over UDP{chain}"


def _old(found: PacketFilterOfNode, led: ServiceRule) -> str:
    return f"{found.node} ({found.mode}): {led.address}:53 over UDP is led to {', '.join(led.backends)}, which are gone"


def host(backend: str) -> str:
    """Return the address of a backend with its port: `10.0.1.7:53`, `[fd00::7]:53`."""
    return backend.rpartition(":")[0].strip("[]")
