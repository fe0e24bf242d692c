"""Which Service is the cluster's DNS service: the one whose address the pods ask, whatever its name and labels.

Sources: Kubernetes documentation, "DNS for Services and Pods" (the kubelet writes `clusterDNS` into resolv.conf);
EKS User Guide, "Amazon EKS networking" (nodes are told the service CIDR's tenth address); kubernetes/kubernetes,
cluster/addons/dns/nodelocaldns/nodelocaldns.yaml (Service `kube-dns-upstream`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Self

from bot.domain.json_values import RawObject
from bot.kubernetes.members import number, optional_text, optional_texts, parts, text, text_map
from bot.kubernetes.resources import KUBE_SYSTEM

DNS_PORT = 53
USUAL_NAME = "kube-dns"
PROXY_NAME = "service.kubernetes.io/service-proxy-name"
"""Label of Services that kube-proxy leaves to the proxy of that name (Kubernetes, "Well-Known Labels")."""
_UPSTREAM_NAME = "kubednsupstream"
"""Label `kubernetes.io/name` of the Service by which NodeLocal DNSCache asks CoreDNS."""
_UPSTREAM_SUFFIX = "-upstream"
"""Of its name: `kube-dns-upstream` in the manifest, `node-local-dns-upstream` in deliveryhero's chart."""
_TENTH = 10


class KnownBy(StrEnum):
    """By what a Service was known as the cluster's DNS service. The order is that of trust."""

    ASKED = "pods ask its address"
    TENTH = "it has the address that EKS tells nodes, the service CIDR's tenth"
    NAME = "its usual name"
    UPSTREAM = "NodeLocal DNSCache asks the same pods"
    ALONE = "no other Service of kube-system serves port 53"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A Service, as far as DNS is concerned."""

    namespace: str
    name: str
    addresses: tuple[str, ...]
    """Its ClusterIPs; none where it is headless."""
    selector: str
    """As a label selector: `k8s-app=kube-dns`; empty when it has none."""
    ports: tuple[str, ...]
    """`53/udp`, `53/tcp`, …"""
    upstream: bool = False
    """It is NodeLocal DNSCache's own way to CoreDNS, which no pod asks."""
    proxy: str = ""
    """Value of the label by which kube-proxy leaves it to another proxy; empty: kube-proxy leads it."""

    @property
    def serves_dns(self) -> bool:
        """Whether it hands port 53 to somebody."""
        return any(port.startswith(f"{DNS_PORT}/") for port in self.ports)

    @property
    def title(self) -> str:
        """Name, and namespace where it is not the usual one, with its address."""
        name = self.name if self.namespace == KUBE_SYSTEM else f"{self.namespace}/{self.name}"
        return f"{name} ({self.addresses[0] if self.addresses else 'headless'})"

    @classmethod
    def of(cls, answer: RawObject) -> Self:
        """Return the Service."""
        metadata, spec = answer["metadata"], answer["spec"]
        address = optional_text(spec, "clusterIP")
        addresses = dict.fromkeys((address, *optional_texts(spec, "clusterIPs")))
        labels = text_map(metadata, "labels")
        named = labels.get("kubernetes.io/name", "").lower()
        name = text(metadata, "name")
        return cls(
            namespace=optional_text(metadata, "namespace") or KUBE_SYSTEM,
            name=name,
            addresses=tuple(one for one in addresses if one not in {"", "None"}),
            selector=",".join(f"{key}={value}" for key, value in sorted(text_map(spec, "selector").items())),
            ports=tuple(
                f"{number(port, 'port')}/{(optional_text(port, 'protocol') or 'TCP').lower()}"
                for port in parts(spec, "ports")
            ),
            upstream=named == _UPSTREAM_NAME or name.endswith(_UPSTREAM_SUFFIX),
            proxy=labels.get(PROXY_NAME, ""),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The DNS service among all Services."""

    service: Service | None
    known_by: KnownBy | None
    others: tuple[Service, ...]
    """Further Services on port 53 that may be DNS under another name."""


def tenth_address(service_cidr: str) -> str:
    """Return what EKS tells nodes to ask: the tenth address of the service CIDR; empty where none is known."""
    block = ip_network(service_cidr, strict=False) if service_cidr else None
    return str(block[_TENTH]) if block is not None and block.num_addresses > _TENTH else ""


def may_be_a_service(address: str) -> bool:
    """Return whether a nameserver's address may be a ClusterIP: a link-local or loopback one never is."""
    parsed = ip_address(address.partition("%")[0])
    return not (parsed.is_link_local or parsed.is_loopback)


def by_address(services: Iterable[Service], addresses: Sequence[str]) -> Service | None:
    """Return the Service on port 53 that has the first of these addresses that any has."""
    serving = [one for one in services if one.serves_dns]
    held = [one for address in addresses for one in serving if address in one.addresses]
    return held[0] if held else None


def find_dns_service(services: Sequence[Service], asked: Sequence[str], tenth: str) -> Found:
    """Return the DNS service. `asked`: what pods' resolv.conf names, the most frequent first."""
    serving = [one for one in services if one.serves_dns]
    near = [one for one in serving if one.namespace == KUBE_SYSTEM and not one.upstream]
    upstreams = {one.selector for one in serving if one.upstream and one.selector}
    candidates = (
        (KnownBy.ASKED, by_address(serving, asked)),
        (KnownBy.TENTH, by_address(serving, (tenth,))),
        (KnownBy.NAME, next((one for one in near if one.name == USUAL_NAME), None)),
        (KnownBy.UPSTREAM, next((one for one in near if one.selector in upstreams), None)),
        (KnownBy.ALONE, near[0] if len(near) == 1 else None),
    )
    known_by, service = next((row for row in candidates if row[1] is not None), (None, None))
    others = tuple(one for one in near if one is not service and (service is None or one.selector == service.selector))
    return Found(service=service, known_by=known_by, others=others)
