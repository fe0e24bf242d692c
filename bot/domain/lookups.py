"""Looking names up: who asks whom, over what, what came back, and which lookups a cause accounts for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Transport(StrEnum):
    """The transport of a lookup."""

    UDP = "udp"
    TCP = "tcp"


class Answer(StrEnum):
    """What came back from one lookup. The order is that of every report: the worst comes first."""

    TIMED_OUT = "timed out"
    """Nothing came back."""
    REFUSED = "refused"
    """The server answered REFUSED, or the connection was refused."""
    SERVFAIL = "servfail"
    """The server was reached and failed to find out."""
    NXDOMAIN = "nxdomain"
    NOT_ASKED = "not asked"
    """No tool in the pod, or the exec itself failed: says nothing about DNS, and is no ANSWERED either."""
    ANSWERED = "answered"
    """NOERROR with an address."""


REPLIES = frozenset({Answer.ANSWERED, Answer.NXDOMAIN})
"""A server that works gave it: the name's addresses, or that there is no such name."""
_BADNESS = {answer: place for place, answer in enumerate(Answer)}


def badness(answer: Answer) -> int:
    """Return a number to sort by: the worst answer has the lowest."""
    return _BADNESS[answer]


def worst(answers: Iterable[Answer]) -> Answer | None:
    """Return the worst of these answers; None: there is none."""
    return min(answers, key=badness, default=None)


class ClientKind(StrEnum):
    """What a client is, as far as its packets take another way or its resolv.conf is written by another rule."""

    POD = "pod"
    """A plain pod: its packets leave through an interface of its node."""
    BRANCH = "branch"
    """A pod with a branch interface, and so with security groups of its own."""
    HOST = "host"
    """A pod on its node's network; unless told otherwise it has the node's resolv.conf."""
    PEER = "peer"
    """A host or resolver in a peered network."""
    ON_PREMISES = "on premises"
    """A host or resolver in a network without a VPC."""

    @property
    def plural(self) -> str:
        """Several of them, in an operator's words."""
        return _PLURALS[self]


_PLURALS = {
    ClientKind.POD: "plain pods",
    ClientKind.BRANCH: "branch-interface pods",
    ClientKind.HOST: "host-network pods",
    ClientKind.PEER: "hosts in a peered network",
    ClientKind.ON_PREMISES: "on-premises hosts",
}

IN_CLUSTER = frozenset({ClientKind.POD, ClientKind.BRANCH, ClientKind.HOST})


FROM_THE_NODE = "asked from the node, not from the pod"
"""What is said of lookups that a node made in a pod's place: its packets take the node's way."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Client:
    """Who asks."""

    node: str = ""
    """The Kubernetes node; empty outside the cluster."""
    kind: ClientKind
    pod: str = ""
    """namespace/name; empty outside the cluster."""
    place: str = ""
    """Name of the peer or on-premises network; empty: in the cluster."""
    instead_of: str = ""
    """namespace/name of the pod in whose place its node was asked from: its image has no tool (C5)."""

    @property
    def title(self) -> str:
        """Who it is, for people: "shop/web-1 on node-a", or the name of its network."""
        if self.instead_of:
            return f"{self.node}, {FROM_THE_NODE} {self.instead_of}"
        return f"{self.pod} on {self.node}" if self.pod else self.place


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """One question: from this client, to this server, over this transport, for this name; and its answer."""

    client: Client
    server: str
    """IP address asked: the service's ClusterIP, a CoreDNS pod's, or another nameserver's."""
    through_service: bool
    transport: Transport
    external: bool
    name: str
    answer: Answer
    detail: str = ""
    """What the tool printed, shortened; or why it was not asked."""
    addresses: tuple[str, ...] = ()
    """What the name was answered with, as far as it is kept."""
    empty: bool = False
    """NOERROR without an IPv4 address: the name exists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Which failing lookups a cause accounts for. Empty sets mean all.

    A lookup that goes through the service is covered when the client matches, whatever the server,
    unless `service_path` is false: the service may have handed the query to any backend.
    """

    kinds: frozenset[ClientKind] = IN_CLUSTER
    """Clients of these kinds. A cause in the cluster says nothing of other networks unless it names them."""
    places: frozenset[str] = frozenset()
    nodes: frozenset[str] = frozenset()
    pods: frozenset[str] = frozenset()
    """namespace/name, where a cause strikes some pods of a node and not others."""
    servers: frozenset[str] = frozenset()
    transports: frozenset[Transport] = frozenset()
    external_only: bool = False
    service_path: bool = True
    service_only: bool = False
    """Only the path through the ClusterIP is affected (kube-proxy faults)."""

    def covers(self, lookup: Lookup) -> bool:
        """Return whether this cause accounts for a failure of `lookup`."""
        if not self._names(lookup.client) or not _among(lookup.transport, self.transports):
            return False
        if self.external_only and not lookup.external:
            return False
        if lookup.through_service:
            return self.service_path
        return not self.service_only and _among(lookup.server, self.servers)

    def _names(self, client: Client) -> bool:
        return (
            _among(client.kind, self.kinds)
            and _among(client.place, self.places)
            and _among(client.node, self.nodes)
            and _among(client.pod, self.pods)
        )


EVERYTHING = Reach()
"""Every lookup from inside the cluster."""


def _among(value: str, wanted: frozenset[str]) -> bool:
    return not wanted or value in wanted
