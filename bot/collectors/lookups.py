"""Look-ups from inside the cluster: resolv.conf, then names by the ClusterIP and by each CoreDNS pod (C5 to C9)."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.evidence import Gap
from bot.domain.findings import Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class PodResolver:
    """What `/etc/resolv.conf` says in one pod."""

    node: str
    pod: str
    """namespace/name."""
    dns_policy: str
    host_network: bool
    nameservers: tuple[str, ...]
    search: tuple[str, ...]
    ndots: int | None
    own_nameservers: tuple[str, ...] = ()
    """Of the pod's `dnsConfig`: servers it asked for itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookups:
    """The matrix of look-ups."""

    nodes_total: int
    nodes_looked: int
    """Nodes from which at least one question was really asked."""
    cells: tuple[Cell, ...]
    resolvers: tuple[PodResolver, ...]
    gaps: tuple[Gap, ...] = ()
    """Pods where nothing could be asked, with what would help (C5)."""
    cluster_domain: str = "cluster.local"

    @property
    def looked_from(self) -> str:
        """Say how much was looked at: "looked from 3 of 3 nodes"."""
        return f"looked from {self.nodes_looked} of {self.nodes_total} nodes"
