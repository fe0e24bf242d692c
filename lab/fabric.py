"""All VPCs of a lab and the links between them, and the control plane's namespace in the first of them.

A link only carries packets. Whether they may pass is AWS's state: peerings, route tables, groups and ACLs, which the
filter of either VPC carries out (`lab.vpc_ruleset`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from lab.backbone import Backbone
from lab.namespaces import Run, ip
from lab.vpc_wiring import VpcWiring

LINK = "link"
"""Begins the names of the interfaces that lead to other VPCs."""
_NEXT = "169.254.1.1"
_HARDWARE = ("02:00:00:00:00:03", "02:00:00:00:00:04")


@dataclass(frozen=True, slots=True, kw_only=True)
class FabricVpc:
    """A VPC to be wired."""

    name: str
    """Letters, digits and hyphens; no two have the same."""
    cidr: str


class Fabric:
    """The VPCs, the cluster's first. Not linked at first."""

    run: Run
    vpcs: Sequence[VpcWiring]
    backbone: Backbone
    """Leads from every VPC's resolver to outbound endpoints."""
    control_plane: str
    """Full name of the control plane's namespace. Its loopback is up from the start, before it has an address."""

    def __init__(self, run: Run, vpcs: Sequence[FabricVpc]) -> None:
        self.run = run
        self.control_plane = run.netns("control-plane")
        self.vpcs = [VpcWiring(run, vpc.name, vpc.cidr) for vpc in vpcs]
        self.backbone = Backbone(run)
        for vpc in self.vpcs:
            self.backbone.attach(vpc.name, vpc.netns)
        self._links = count(1)

    @property
    def home(self) -> VpcWiring:
        """The cluster's VPC."""
        return self.vpcs[0]

    def vpc(self, name: str) -> VpcWiring:
        """Return the VPC of this name."""
        return next(vpc for vpc in self.vpcs if vpc.name == name)

    def add_control_plane_addresses(self, addresses: Sequence[str]) -> None:
        """Give the control plane's namespace the addresses of its interfaces in the VPC (EKS makes one or more)."""
        self.home.attach_namespace("control-plane", self.control_plane, addresses)

    def link(self, one: VpcWiring, other: VpcWiring) -> None:
        """Lead each VPC's packets for the other's CIDR there. CIDRs that overlap cannot be linked."""
        link(one, other, f"{LINK}{next(self._links)}")


def link(one: VpcWiring, other: VpcWiring, port: str) -> None:
    """Lay a link between two VPCs. `port`: the name of both its ends, which begins with `LINK`."""
    ip(one.netns, f"link add {port} address {_HARDWARE[0]} type veth peer name {port} netns {other.netns}")
    ip(other.netns, f"link set {port} address {_HARDWARE[1]}")
    for here, there, hardware in ((one, other, _HARDWARE[1]), (other, one, _HARDWARE[0])):
        ip(
            here.netns,
            f"link set {port} up",
            f"neighbour add {_NEXT} lladdr {hardware} dev {port} nud permanent",
            f"route add {there.cidr} via {_NEXT} dev {port} onlink",
        )
