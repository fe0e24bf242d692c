"""The matrix of lookups: all that were made in one diagnosis, from which clients, and how they are grouped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.evidence import Gap
from bot.domain.lookups import FROM_THE_NODE, Client, ClientKind, Lookup

DEFAULT_CLUSTER_DOMAIN = "cluster.local"
_CLUSTER_DNS_POLICIES = frozenset({"ClusterFirst", "ClusterFirstWithHostNet"})


def uses_cluster_dns(kind: ClientKind, dns_policy: str) -> bool:
    """Return whether the kubelet gives such a pod its cluster DNS address.

    On the host's network ClusterFirst does not (Kubernetes, "DNS for Services and Pods").
    """
    if kind is ClientKind.HOST:
        return dns_policy == "ClusterFirstWithHostNet"
    return dns_policy in _CLUSTER_DNS_POLICIES


@dataclass(frozen=True, slots=True, kw_only=True)
class PodResolver:
    """What `/etc/resolv.conf` says in one pod."""

    client: Client
    dns_policy: str
    nameservers: tuple[str, ...]
    search: tuple[str, ...]
    ndots: int | None
    own_nameservers: tuple[str, ...] = ()
    """Of the pod's `dnsConfig`: servers it asked for itself."""
    node_group: str = ""
    """Of the pod's node, from its labels; empty where they name none."""

    @property
    def uses_cluster_dns(self) -> bool:
        """Whether the kubelet gives this pod its cluster DNS address."""
        return uses_cluster_dns(self.client.kind, self.dns_policy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """How many nodes were looked from by one kind of client."""

    kind: ClientKind
    nodes_looked: int
    nodes_total: int
    """Nodes with such a client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupMatrix:
    """All lookups of one diagnosis, and the resolv.conf of each pod that they were made in."""

    nodes_total: int
    nodes_looked: int
    """Nodes from which at least one question was really asked."""
    lookups: tuple[Lookup, ...]
    """Those that could not be asked, too."""
    resolvers: tuple[PodResolver, ...]
    gaps: tuple[Gap, ...] = ()
    """Pods where nothing could be asked, with what would help (C5)."""
    asked_pod_gap: Gap | None = None
    """Why the pod that a person named could not be looked from."""
    cluster_domain: str = DEFAULT_CLUSTER_DOMAIN
    asked_names: tuple[str, ...] = ()
    """Names that a person asked about; these may rightly not exist."""
    coredns_known: int = 0
    """CoreDNS addresses known; not all of them need be asked."""
    sampled: tuple[Sampled, ...] = ()
    """Each kind of client that there is."""
    without_tools: tuple[Client, ...] = ()
    """Pods that were chosen and whose images have neither dig nor nslookup (C5)."""

    @property
    def looked_from(self) -> str:
        """Say how much was looked at: "looked from 3 of 3 nodes, from branch-interface pods on 2 of 2"."""
        special = [one for one in self.sampled if one.kind is not ClientKind.POD]
        kinds = "".join(f", from {one.kind.plural} on {one.nodes_looked} of {one.nodes_total}" for one in special)
        return f"looked from {self.nodes_looked} of {self.nodes_total} nodes{kinds}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLookups:
    """Lookups that nodes made in the place of pods whose images have no tool."""

    lookups: tuple[Lookup, ...]
    """The client of each is its node, and says in whose place."""
    pods_total: int
    """Pods without tools among those chosen."""
    gaps: tuple[Gap, ...] = ()
    """Nodes that could not be asked from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The lookups of one group of clients."""

    node: str
    """Where they were made; for clients outside the cluster the name of their place."""
    clients: str
    """Which clients there, where the node has several kinds ("branch-interface pods"); else empty."""
    lookups: tuple[Lookup, ...]

    @property
    def title(self) -> str:
        """The group in words: "node-a", or "node-a, branch-interface pods"."""
        return f"{self.node}, {self.clients}" if self.clients else self.node


def rows(lookups: Iterable[Lookup]) -> tuple[Row, ...]:
    """Group lookups by node, and by kind of client where a node has more than one; ordered by name."""
    grouped: dict[tuple[str, int, str], list[Lookup]] = {}
    order = list(ClientKind)
    for lookup in lookups:
        client = lookup.client
        key = (client.node or client.place, order.index(client.kind), client.instead_of)
        grouped.setdefault(key, []).append(lookup)
    nodes = Counter(node for node, _, instead_of in grouped if not instead_of)
    return tuple(
        Row(node=node, clients=_clients(order[kind], instead_of, several=nodes[node] > 1), lookups=tuple(made))
        for (node, kind, instead_of), made in sorted(grouped.items())
    )


def _clients(kind: ClientKind, instead_of: str, *, several: bool) -> str:
    if instead_of:
        return f"{FROM_THE_NODE} {instead_of}"
    return kind.plural if several else ""
