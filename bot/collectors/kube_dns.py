"""The cluster's DNS service and its EndpointSlices: where pods send their queries, and who answers (C1, C2).

It is the Service whose address pods ask, whatever its name, labels and namespace; `kube-dns` is only its usual name
(`bot/kubernetes/dns_service.py`). Without it nothing answers at that address; without ready endpoints its packets go
nowhere. Costs two API calls, and one more where no Service of kube-system has the address that pods ask.
In a playbook: `{collector: kube_dns}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.collectors.eks_cluster import EksCluster
from bot.collectors.nameservers import Nameservers
from bot.domain.evidence import Collector, Gap
from bot.domain.json_values import RawObject
from bot.domain.permissions import KubernetesPermission
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import EvidenceUnavailable
from bot.kubernetes.dns_service import (
    USUAL_NAME,
    Found,
    Service,
    by_address,
    find_dns_service,
    may_be_a_service,
    tenth_address,
)
from bot.kubernetes.members import optional_text, part, parts, text, texts
from bot.kubernetes.resources import ENDPOINT_SLICES, KUBE_SYSTEM, SERVICES


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsEndpoint:
    """One address behind the service."""

    ip: str
    ready: bool
    node: str
    pod: str
    """Name of the pod in the service's namespace, or empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeDns:
    """The DNS service. Where there is none, `cluster_ip` is empty and there are no endpoints."""

    service_exists: bool
    namespace: str = KUBE_SYSTEM
    name: str = USUAL_NAME
    """The usual one where there is none."""
    known_by: str = ""
    """By what it was known as the DNS service (`KnownBy`)."""
    cluster_ip: str
    cluster_ips: tuple[str, ...]
    selector: str
    """As a label selector: `k8s-app=kube-dns`; empty when the service has none."""
    ports: tuple[str, ...]
    """`53/udp`, `53/tcp`, …"""
    endpoints: tuple[DnsEndpoint, ...]
    other_dns_services: tuple[str, ...] = ()
    """Other Services of kube-system on port 53 that may be DNS under another name: `dns (172.20.0.53)`."""
    upstream_services: tuple[str, ...] = ()
    """NodeLocal DNSCache's own Services towards CoreDNS, which no pod asks: `kube-dns-upstream (172.20.9.9)`."""
    endpoints_gap: Gap | None = None
    """Set where the Service was read and its EndpointSlices were not."""
    asked: tuple[str, ...] = ()
    """What pods' resolv.conf names, as far as it was read, the most frequent first."""
    tenth_address: str = ""
    """The service CIDR's tenth address, which EKS tells nodes to ask; empty: not known."""
    elsewhere_gap: Gap | None = None
    """Set where no Service of kube-system has the address that pods ask and other namespaces could not be read."""
    proxy: str = ""
    """The proxy that kube-proxy leaves the Service to, by its label; empty: kube-proxy leads it."""

    @property
    def ready(self) -> tuple[DnsEndpoint, ...]:
        """The endpoints that take queries."""
        return tuple(endpoint for endpoint in self.endpoints if endpoint.ready)

    @property
    def title(self) -> str:
        """The Service as kubectl's users name it: `kube-dns`, or `dns/coredns` outside kube-system."""
        return self.name if self.namespace == KUBE_SYSTEM else f"{self.namespace}/{self.name}"


def collect(look: View) -> KubeDns:
    """Find the DNS service among the Services of kube-system, else of all namespaces, and read its EndpointSlices."""
    names, cluster = look.find(Nameservers), look.find(EksCluster)
    asked = names.asked if names else ()
    tenth = tenth_address(cluster.service_cidr) if cluster else ""
    services = _services(look, KUBE_SYSTEM)
    wanted = [one for one in asked if may_be_a_service(one)] or ([tenth] if tenth else [])
    gap = None
    if wanted and by_address(services, wanted) is None:
        try:
            services = _services(look, "")
        except EvidenceUnavailable as error:
            gap = Gap.of("Services outside kube-system", error)
    found = find_dns_service(services, asked, tenth)
    endpoints, endpoints_gap = _endpoints(look, found.service) if found.service else ((), None)
    return _kube_dns(
        found,
        endpoints,
        endpoints_gap,
        upstreams=tuple(one.title for one in services if one.upstream),
        asked=asked,
        tenth=tenth,
        elsewhere=gap,
    )


def _services(look: View, namespace: str) -> tuple[Service, ...]:
    with reading(f"list services in {namespace or 'all namespaces'}"):
        return tuple(look.cluster.list(SERVICES, Service.of, namespace=namespace))


def _kube_dns(
    found: Found,
    endpoints: tuple[DnsEndpoint, ...],
    endpoints_gap: Gap | None,
    *,
    upstreams: tuple[str, ...],
    asked: Sequence[str],
    tenth: str,
    elsewhere: Gap | None,
) -> KubeDns:
    service = found.service
    return KubeDns(
        service_exists=service is not None,
        namespace=service.namespace if service else KUBE_SYSTEM,
        name=service.name if service else USUAL_NAME,
        known_by=found.known_by.value if found.known_by else "",
        cluster_ip=service.addresses[0] if service and service.addresses else "",
        cluster_ips=service.addresses if service else (),
        selector=service.selector if service else "",
        ports=service.ports if service else (),
        endpoints=endpoints,
        other_dns_services=tuple(one.title for one in found.others),
        upstream_services=upstreams,
        endpoints_gap=endpoints_gap,
        asked=tuple(asked),
        tenth_address=tenth,
        elsewhere_gap=elsewhere,
        proxy=service.proxy if service else "",
    )


def _endpoints(look: View, service: Service) -> tuple[tuple[DnsEndpoint, ...], Gap | None]:
    what, labels = f"EndpointSlices of {service.namespace}/{service.name}", f"kubernetes.io/service-name={service.name}"
    try:
        with reading(f"list {what}"):
            slices = look.cluster.list(ENDPOINT_SLICES, _of_slice, namespace=service.namespace, labels=labels)
        return tuple(endpoint for one in slices for endpoint in one), None
    except EvidenceUnavailable as error:
        return (), Gap.of(what, error)


def _of_slice(one: RawObject) -> list[DnsEndpoint]:
    text(one, "addressType")  # required in every EndpointSlice: without it the answer is none
    return [
        DnsEndpoint(
            ip=address,
            ready=part(endpoint, "conditions").get("ready") is not False,  # unset means ready
            node=optional_text(endpoint, "nodeName"),
            pod=_pod(part(endpoint, "targetRef")),
        )
        for endpoint in parts(one, "endpoints")  # null where the service selects nothing
        for address in texts(endpoint, "addresses")
    ]


def _pod(target: RawObject) -> str:
    return optional_text(target, "name") if target.get("kind") == "Pod" else ""


def summarise(found: KubeDns) -> str:
    """Say where the service is and how many answer."""
    if not found.service_exists:
        asked = f"; pods ask {', '.join(found.asked)}" if found.asked else ""
        return f"no DNS Service{asked}"
    if found.endpoints_gap is not None:
        return f"Service {found.title} at {found.cluster_ip}; EndpointSlices not read: {found.endpoints_gap.reason}"
    return f"Service {found.title} at {found.cluster_ip}, {len(found.ready)} of {len(found.endpoints)} endpoints ready"


COLLECTOR = Collector(
    name="kube_dns",
    title="The DNS service and its endpoints",
    evidence=KubeDns,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(verb="list", resource="services", unlocks="the DNS service: whose address pods ask (C1)"),
        KubernetesPermission(
            verb="list", resource="services", namespace=KUBE_SYSTEM, unlocks="the same, in its usual place (C1)"
        ),
        KubernetesPermission(
            verb="list",
            resource="endpointslices",
            group="discovery.k8s.io",
            namespace=KUBE_SYSTEM,
            unlocks="who answers behind the DNS service (C2)",
            follows_dns=True,
        ),
    ),
    wants=(Nameservers, EksCluster),
)
