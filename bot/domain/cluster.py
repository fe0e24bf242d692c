"""The cluster that is looked at, and what was asked about it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.places import HOME, OnPremises, Peer, Place, PublicResolution

DIAGNOSE = "diagnose"
"""The command of `/dns-diagnose` and of `dnsbot diagnose`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodName:
    """A pod by namespace and name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """Return `namespace/name`, as kubectl prints it."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeProbe:
    """A short-lived pod to see a node with, where no pod there has the program."""

    image: str
    namespace: str
    """Where such pods are made; the role `dnsbot-node` is needed there, as in kube-system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterTarget:
    """One entry of `clusters:` in dnsbot.yaml, as the workflow needs it (contract page)."""

    name: str
    eks_name: str
    region: str
    environment: str = ""
    """Empty: the `default` approval policy applies."""
    channel: str = ""
    workload_selector: str = ""
    """Label selector of application pods; empty: lookups from inside are UNKNOWN."""
    aws_writer: bool = False
    """A writer role is configured: fixes that change AWS may be approved."""
    kubernetes_writer: bool = False
    """A writer role or context is configured: fixes that change Kubernetes may be approved."""
    peers: tuple[Peer, ...] = ()
    on_premises: tuple[OnPremises, ...] = ()
    public_resolution: PublicResolution = PublicResolution.UNKNOWN
    node_probe: NodeProbe | None = None
    """None: nodes are seen only through pods that are there anyway."""
    watch_seconds: int = 0
    """How often it is looked at between digests; 0: never."""
    debug_image: str = ""
    """Image of a debug container beside an application without tools; empty: none is proposed."""
    resolver_interface_price: str = ""
    """What an interface of a Resolver endpoint costs an hour, such as `0.125 USD`; empty: nobody said, none is told."""

    @property
    def places(self) -> tuple[Place, ...]:
        """Where AWS can be asked: the cluster's own place first, then its peers."""
        return (HOME, *(peer.place for peer in self.peers))

    def has_aws_writer(self, place: Place) -> bool:
        """Return whether an AWS writer is configured for exactly this place."""
        if place == HOME:
            return self.aws_writer
        return any(peer.place == place and peer.aws_writer for peer in self.peers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a person asked: which cluster, which playbooks, and which pod or names to look from and at."""

    cluster: str
    command: str = DIAGNOSE
    """The command that asked. Where no playbooks are named, those run that name this command in `commands`."""
    playbooks: tuple[str, ...] = ()
    """Empty: all playbooks of the command."""
    pod: PodName | None = None
    names: tuple[str, ...] = ()
    """Host names, already validated as DNS names."""
    lasting_seconds: int = 0
    """How long a measure that is proposed for this is to last; 0: as its playbook has it."""
