"""What an operator did to a healthy world. A scenario says acts, never their consequences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from bot.sandbox.world.world import ACCOUNT, REGION, World


class OperatingError(Exception):
    """A far end refused an act, its object is not there, or the cluster did not come to rest afterwards."""


class AwsHands(Protocol):
    """A person with the AWS command line in one account and region."""

    def aws(self, service: str, operation: str, **parameters: object) -> Mapping[str, Any]:
        """Call an AWS operation as IAM spells it: `aws("ec2", "CreateNetworkAclEntry", …)`."""
        ...


class Operator(AwsHands, Protocol):
    """A person with the AWS command line, kubectl and access to the nodes' kubelet settings.

    `aws` works in the cluster's account and region.
    """

    def at(self, account: str, region: str) -> AwsHands:
        """Return somebody with the AWS command line in that account and region."""
        ...

    def get(self, resource: str, *, namespace: str = "", labels: str = "") -> list[dict[str, Any]]:
        """`kubectl get RESOURCE -o json`: the objects, `resource` as `pods` or `deployments.apps`."""
        ...

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """`kubectl apply`: create these objects or put them in place of what is there."""
        ...

    def delete(self, resource: str, name: str, *, namespace: str = "") -> None:
        """`kubectl delete RESOURCE NAME`, and wait until nothing moves; what it owns goes with it."""
        ...

    def rollout_restart(self, resource: str, name: str, *, namespace: str) -> None:
        """`kubectl rollout restart`, and wait until nothing moves."""
        ...

    def delete_pods(self, *, namespace: str = "", labels: str = "", node: str = "") -> None:
        """`kubectl delete pod` by selectors, and wait until nothing moves."""
        ...

    def kubelet(self, node: str, *, cluster_dns: str) -> None:
        """Change the kubelet configuration of a node; its pods keep what they got."""
        ...

    def resolv_conf(self, node: str, text: str) -> None:
        """Write a node's own /etc/resolv.conf, which pods with dnsPolicy Default get when they start."""
        ...

    @property
    def unrouted(self) -> frozenset[str]:
        """Addresses whose routes this person removed; who takes one over later has them."""
        ...

    def remove_routes(self, *addresses: str) -> None:
        """Remove what nodes hold of pods with these addresses: their routes, and the rules that name them.

        `ip route del` and `ip rule del` on each node; a program that tidies up what it did not lay does the same.
        """
        ...

    def track(self, node: str, *, client: str, port: int, server: str, led_to: str) -> None:
        """Let a node track what a pod asks a ClusterIP over UDP from one port, led to this address: `conntrack -I`.

        A kube-proxy that failed to remove the entry when this address was an endpoint no more leaves the same.
        """
        ...

    def forward_on_premises(self, network: str, name: str, targets: Sequence[str]) -> None:
        """Tell the DNS server of a network on premises to forward a name to these addresses; to none: no more."""
        ...

    def time_passes(self, seconds: float) -> None:
        """Do nothing for so long. A world whose clock is its own may date everything back instead."""
        ...


class ProbeKind(StrEnum):
    """What stands in another network so that names can be looked up from there."""

    PODS = "pods of a cluster"
    INSTANCE = "an instance that Systems Manager runs commands on"
    FUNCTION = "a Lambda function"


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A VPC beside the cluster's; its CIDR is drawn. The bot is told of it as a peer of the cluster."""

    name: str
    account: str = ACCOUNT
    region: str = REGION
    peered: bool = True
    """It has a peering connection with the cluster's VPC, and routes lead both ways."""
    dns_servers: tuple[str, ...] = ()
    """What its DHCP options name from the first; none: AWS's own, the VPC's resolver."""
    probe: ProbeKind = ProbeKind.PODS


Acts: TypeAlias = Callable[[World, Operator], None]
"""What somebody does to a world."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByFix:
    """A fix of the bot heals it, once people have approved the plan."""

    fix: str
    """Its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByFixThenHand:
    """A fix of the bot does its part; then a person does what the bot hands over and changes nothing of itself."""

    fix: str
    """Its name."""
    acts: Acts


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHand:
    """A person does what the report advises."""

    acts: Acts


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSimulated:
    """Nothing that stands in a simulated world heals it."""

    why: str


Healing: TypeAlias = ByFix | ByFixThenHand | ByHand | NotSimulated


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One story. Exported as `SCENARIO` by a module of `scenarios`, whose file name is the name with underscores.

    A module may export `LOOK_ALIKE` too: acts that look like the same mistake and break nothing. Its name is
    that of the scenario with `-look-alike` behind it.
    """

    name: str
    title: str
    story: str
    """What the operator did, for people."""
    root_cause: str
    """The rule that a diagnosis must name (contract page); empty: nothing is wrong."""
    symptom: str = ""
    """The symptom that is seen and that no rule explains: then no root cause is named. Empty: there is none such."""
    explains: tuple[str, ...] = ()
    """Rules that are PROBLEM as well and explained by the root cause, each with some seed of 1, 2 and 3; no others are.

    A scenario that explains no symptom is a latent fault: lookups go on.
    """
    blinds: tuple[str, ...] = ()
    """Collectors that find nothing to read because of the fault: rules that need one of them may be UNKNOWN."""
    healed_by: Healing | None = None
    """None: nothing is wrong."""
    neighbours: tuple[Neighbour, ...] = ()
    """VPCs that the world has beside the cluster's."""
    on_premises: tuple[str, ...] = ()
    """Names of networks on premises, joined to the cluster's VPC by a VPN; their CIDRs are drawn."""
    public_resolution: str = "unknown"
    """What the bot is told: whether they may ask public DNS for the endpoint's name (blocked, open, unknown)."""
    not_to_blame: tuple[str, ...] = ()
    """Look-alikes (causes page): rules that must stay HEALTHY here."""
    weighed: Mapping[str, str] = field(default_factory=dict)
    """By rule that says HEALTHY: a pattern of its line, with seed 1, about what resembles the fault."""
    names: tuple[str, ...] = ()
    """Names that whoever diagnoses here asks about, as `--name` takes them."""
    ipv6: bool = False
    """Whether the cluster was made with ipFamily ipv6: pods and Services have IPv6 addresses alone."""
    lab_seeds: tuple[int, ...] = (1, 2)
    """With which seeds the lab plays it: worlds of three and of five nodes, unless others show more of its subject.

    One is enough where the seed decides nothing that matters to it.
    """
    by_memory_limit: bool = False
    """Whether it shows only where containers are held to their memory limits: a machine may not let the lab do so."""
    not_in_lab: str = ""
    """Why the lab cannot play it; empty: it does."""
    acts: Acts

    @property
    def elsewhere(self) -> bool:
        """Whether the bot is told of other networks, which differ from world to world."""
        return bool(self.neighbours or self.on_premises)

    @property
    def broken(self) -> bool:
        """Whether something is wrong: with a cause to name, or with one that nobody knows."""
        return bool(self.root_cause or self.symptom)
