"""The Service `kube-dns` and its EndpointSlices: where pods send their queries, and who answers (C1, C2).

Without the Service nothing answers at the ClusterIP; without ready endpoints its packets go nowhere.
Costs two API calls. In a playbook: `{collector: kube_dns}`.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.evidence import Collector, Gap, Look
from bot.domain.json_values import RawObject
from bot.domain.permissions import KubernetesPermission
from bot.domain.ports import Resource
from bot.errors import EvidenceUnavailable, SourceGarbled

NAMESPACE = "kube-system"
SERVICES = Resource(plural="services")
ENDPOINT_SLICES = Resource(group="discovery.k8s.io", plural="endpointslices")
DNS_PORT = 53
POD_LABEL = ("k8s-app", "kube-dns")


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsEndpoint:
    """One address behind the service."""

    ip: str
    ready: bool
    node: str
    pod: str
    """Name of the pod in kube-system, or empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeDns:
    """The DNS service. Where there is none, `cluster_ip` is empty and there are no endpoints."""

    service_exists: bool
    cluster_ip: str
    cluster_ips: tuple[str, ...]
    selector: str
    """As a label selector: `k8s-app=kube-dns`; empty when the service has none."""
    ports: tuple[str, ...]
    """`53/udp`, `53/tcp`, …"""
    endpoints: tuple[DnsEndpoint, ...]
    other_dns_services: tuple[str, ...] = ()
    """Other Services in kube-system that hand port 53 to the CoreDNS pods: `dns (172.20.0.53)`."""
    endpoints_gap: Gap | None = None
    """Set where the Service was read and its EndpointSlices were not."""

    @property
    def ready(self) -> tuple[DnsEndpoint, ...]:
        """The endpoints that take queries."""
        return tuple(endpoint for endpoint in self.endpoints if endpoint.ready)


def collect(look: Look) -> KubeDns:
    """Read the Services of kube-system and, where `kube-dns` is among them, its EndpointSlices."""
    services = look.cluster.list(SERVICES, namespace=NAMESPACE)
    try:
        service = next((one for one in services if one["metadata"]["name"] == "kube-dns"), None)
        others = tuple(
            f"{one['metadata']['name']} ({one['spec'].get('clusterIP', '')})"
            for one in services
            if one is not service and _serves_dns(one)
        )
        if service is None:
            return KubeDns(
                service_exists=False,
                cluster_ip="",
                cluster_ips=(),
                selector="",
                ports=(),
                endpoints=(),
                other_dns_services=others,
            )
        endpoints, gap = _endpoints(look)
        return _kube_dns(service, endpoints, others, gap)
    except (KeyError, TypeError, AttributeError) as error:
        raise _garbled("Services", error) from error


def _kube_dns(
    service: RawObject, endpoints: tuple[DnsEndpoint, ...], others: tuple[str, ...], gap: Gap | None
) -> KubeDns:
    spec = service["spec"]
    cluster_ip = spec.get("clusterIP") or ""
    return KubeDns(
        service_exists=True,
        cluster_ip=cluster_ip,
        cluster_ips=tuple(spec.get("clusterIPs") or ([cluster_ip] if cluster_ip else [])),
        selector=",".join(f"{key}={value}" for key, value in sorted((spec.get("selector") or {}).items())),
        ports=tuple(f"{port['port']}/{port.get('protocol', 'TCP').lower()}" for port in spec.get("ports") or []),
        endpoints=endpoints,
        other_dns_services=others,
        endpoints_gap=gap,
    )


def _serves_dns(service: RawObject) -> bool:
    spec = service["spec"]
    selects = (spec.get("selector") or {}).get(POD_LABEL[0]) == POD_LABEL[1]
    return selects and any(port["port"] == DNS_PORT for port in spec.get("ports") or [])


def _endpoints(look: Look) -> tuple[tuple[DnsEndpoint, ...], Gap | None]:
    what = "EndpointSlices of kube-system/kube-dns"
    try:
        slices = look.cluster.list(ENDPOINT_SLICES, namespace=NAMESPACE, labels="kubernetes.io/service-name=kube-dns")
        return tuple(endpoint for one in slices for endpoint in _of_slice(one)), None
    except (KeyError, TypeError, AttributeError) as error:
        return (), Gap.of(what, _garbled("EndpointSlices", error))
    except EvidenceUnavailable as error:
        return (), Gap.of(what, error)


def _of_slice(one: RawObject) -> list[DnsEndpoint]:
    one["addressType"]  # required in every EndpointSlice: without it the answer is none
    return [
        DnsEndpoint(
            ip=address,
            ready=(endpoint.get("conditions") or {}).get("ready") is not False,  # unset means ready
            node=endpoint.get("nodeName") or "",
            pod=_pod(endpoint.get("targetRef") or {}),
        )
        for endpoint in one.get("endpoints") or []  # null where the service selects nothing
        for address in endpoint["addresses"]
    ]


def _pod(target: RawObject) -> str:
    return str(target.get("name") or "") if target.get("kind") == "Pod" else ""


def _garbled(what: str, error: Exception) -> SourceGarbled:
    return SourceGarbled(
        f"Read {what} in {NAMESPACE}; the answer is not of the Kubernetes API ({error!r}). "
        "Look at what stands between the bot and the API server."
    )


def summarise(found: KubeDns) -> str:
    """Say where the service is and how many answer."""
    if not found.service_exists:
        return "no Service kube-system/kube-dns"
    if found.endpoints_gap is not None:
        return f"Service kube-dns at {found.cluster_ip}; EndpointSlices not read: {found.endpoints_gap.reason}"
    return f"Service kube-dns at {found.cluster_ip}, {len(found.ready)} of {len(found.endpoints)} endpoints ready"


COLLECTOR = Collector(
    name="kube_dns",
    title="Service kube-dns and its endpoints",
    evidence=KubeDns,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(
            verb="list", resource="services", namespace=NAMESPACE, unlocks="the DNS service's ClusterIP (C1)"
        ),
        KubernetesPermission(
            verb="list",
            resource="endpointslices",
            group="discovery.k8s.io",
            namespace=NAMESPACE,
            unlocks="who answers behind the DNS service (C2)",
        ),
    ),
)
