"""The Service `kube-dns` and its EndpointSlices: where pods send their queries, and who answers (C1, C2)."""

from __future__ import annotations

from dataclasses import dataclass


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

    @property
    def ready(self) -> tuple[DnsEndpoint, ...]:
        """The endpoints that take queries."""
        return tuple(endpoint for endpoint in self.endpoints if endpoint.ready)
