"""The places that names must resolve from: the cluster's own VPC, peer VPCs and networks on premises.

A VPC lies in one region of one account, and each may need a role of its own to be looked at. What is
asked for and what is changed says at which place; `HOME` is meant where nothing is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class PlaceKind(StrEnum):
    """What a permission is needed for: the cluster's own account, or those of its peers."""

    HOME = "home"
    PEER = "peers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One VPC with its region and account, as configured. `name` is unique within a cluster."""

    name: str
    region: str = ""
    account: str = ""
    """12 digits; empty: the configuration does not say, since no role of that account is assumed."""
    vpc_id: str = ""

    @property
    def kind(self) -> PlaceKind:
        """Whether this is the cluster's own place."""
        return PlaceKind.HOME if self.name == HOME.name else PlaceKind.PEER

    def __str__(self) -> str:
        """Return `peer shared (vpc-0aaa, account 222233334444, eu-west-1)`, or `home` with what is known of it."""
        name = self.name if self.kind is PlaceKind.HOME else f"peer {self.name}"
        account = f"account {self.account}" if self.account else ""
        known = ", ".join(part for part in (self.vpc_id, account, self.region) if part)
        return f"{name} ({known})" if known else name


HOME = Place(name="home")
"""The cluster's own place. Its region is the cluster's; account and VPC are read, never configured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceProbe:
    """An EC2 instance that Systems Manager manages: names are looked up from there."""

    instance_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionProbe:
    """A Lambda function that is attached to the VPC: names are looked up from there."""

    function: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PodProbe:
    """Pods of a cluster there: names are looked up from them."""

    kubeconfig: str
    """Absolute path."""
    context: str = ""
    """Empty: the kubeconfig's current context."""
    selector: str
    """Label selector of the pods."""


Probe: TypeAlias = InstanceProbe | FunctionProbe | PodProbe


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A VPC that must resolve the name of the cluster's private endpoint."""

    place: Place
    aws_writer: bool = False
    """A writer role is configured: steps that change AWS there may be approved."""
    probe: Probe | None = None
    """None: lookups from there are UNKNOWN."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnPremises:
    """A network without a VPC that must resolve it. `name` is unique among peers and networks."""

    name: str
    cidrs: tuple[str, ...]
    probe: Probe | None = None


class PublicResolution(StrEnum):
    """Whether peers and networks on premises may ask public DNS for the endpoint's name."""

    UNKNOWN = "unknown"
    BLOCKED = "blocked"
    OPEN = "open"
