"""What decides how a VPC's resolver answers a name, as AWS describes it.

Domain names are in small letters, without a final dot; the root is empty. `None` in place of a list or a yes or no:
it could not be read. Sources: Route 53 Developer Guide, "How Resolver endpoints forward DNS queries from your VPCs to
your network", "Considerations when working with a private hosted zone", "Public DNS fallback for private hosted
zones", "DNS Firewall rule groups and rules"; RFC 4592 for wildcards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.network.model import Address, Vpc
from bot.network.transit import Transit


class Direction(StrEnum):
    """Of a Resolver endpoint, as AWS names it."""

    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"
    INBOUND_DELEGATION = "INBOUND_DELEGATION"
    """Answers name servers that are delegated to, no resolver."""


class RuleType(StrEnum):
    """Of a Resolver rule, as AWS names it."""

    FORWARD = "FORWARD"
    SYSTEM = "SYSTEM"
    """Takes its names out of what FORWARD rules above it cover."""
    RECURSIVE = "RECURSIVE"
    """What Resolver does by itself, for all other names."""
    DELEGATE = "DELEGATE"
    """Has name servers that a private zone delegates to asked from its outbound endpoint."""


class FirewallAction(StrEnum):
    """What a DNS Firewall rule does with a name of its list; each ends the inspection."""

    ALLOW = "ALLOW"
    BLOCK = "BLOCK"
    ALERT = "ALERT"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointAddress:
    """One address of a Resolver endpoint."""

    address: Address
    subnet_id: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverEndpoint:
    """A Resolver endpoint. `status` as AWS names it: OPERATIONAL, ACTION_NEEDED and others."""

    id: str
    direction: Direction
    account: str
    region: str
    vpc_id: str
    status: str
    status_message: str = ""
    security_group_ids: tuple[str, ...]
    addresses: tuple[EndpointAddress, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a FORWARD rule sends queries."""

    address: Address
    port: int = 53
    protocol: str = "Do53"

    def __str__(self) -> str:
        """Return it as `10.0.0.10:53`."""
        return f"[{self.address}]:{self.port}" if self.address.version == 6 else f"{self.address}:{self.port}"  # noqa: PLR2004  # IPv6


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverRule:
    """A Resolver rule, as one account sees it."""

    id: str
    name: str
    type: RuleType
    status: str
    owner: str
    """The account; `Route 53 Resolver` for what it makes by itself."""
    region: str
    share_status: str = "NOT_SHARED"
    endpoint_id: str = ""
    """The outbound endpoint, of a FORWARD or DELEGATE rule."""
    targets: tuple[Target, ...] = ()
    delegation_record: str = ""
    """Of a DELEGATE rule, which has no name: name servers of this name and under it are asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """A rule that is associated with a VPC. `status` as AWS names it: COMPLETE, FAILED, OVERRIDDEN and others."""

    id: str
    rule_id: str
    status: str
    status_message: str = ""
    by_profile: bool = False
    """A Route 53 Profile brings it to the VPC; `id` is the Profile's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateZone:
    """A private hosted zone that is associated with a VPC."""

    id: str
    name: str
    owner: str
    """An account, or the AWS service that made it; empty where a Profile brings it."""
    by_profile: bool = False
    """A Route 53 Profile brings it to the VPC."""
    records: tuple[tuple[str, str], ...] | None = ()
    """Each name, `*.` at its head for a wildcard, with another name that it stands for; empty where it has addresses.
    None: they could not be read."""
    without_addresses: frozenset[str] = frozenset()
    """Names that have records of other types alone."""
    falls_back: bool | None = False
    """Names that it lacks are asked of public DNS."""
    delegations: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Names under the zone's with NS records, and the name servers that these name."""

    def delegation_of(self, name: str) -> tuple[str, tuple[str, ...]] | None:
        """Return the delegation, the nearest to the zone's own name, that a name falls under, and its servers."""
        covering = [one for one in self.delegations if belongs(name, one[0])]
        return min(covering, key=lambda one: len(one[0]), default=None)

    def owner_of(self, name: str) -> str | None:
        """Return the name whose records stand for a name, maybe without any itself; None: there is no such name.

        Its own, where it or a name under it is there; else the wildcard under the closest name above it that is there:
        one further up stands for nothing then (RFC 4592, 3.3.1).
        """
        there = set(self._names_there())
        above = name
        while above not in there:
            above = above.partition(".")[2]
        wildcard = f"*.{above}"
        return name if above == name else wildcard if wildcard in there else None

    def _names_there(self) -> Iterator[str]:
        """Yield the zone's own name, those that have records and those between."""
        yield self.name
        for each in (*dict(self.records or ()), *self.without_addresses):
            above = each
            while above != self.name and belongs(above, self.name):
                yield above
                above = above.partition(".")[2]

    def find(self, name: str) -> str | None:
        """Return the record's name as `records` has it: its own, or the wildcard's that stands for it; None: none."""
        owner = self.owner_of(name)
        return owner if owner in dict(self.records or ()) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallRule:
    """A rule of a DNS Firewall rule group that is associated with a VPC."""

    group_id: str
    list_id: str
    """Of its domain list, or of the threat protection that stands in for one."""
    action: FirewallAction
    domains: tuple[str, ...] | None
    """None: a list of AWS's own, which nobody may read, or one that could not be read."""
    response: str = ""
    """What a blocked query gets: NODATA, NXDOMAIN, OVERRIDE."""
    every_type: bool = True
    """It is about queries of every type, or of type A; otherwise it is passed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcNames:
    """What one VPC's resolver goes by."""

    vpc_id: str
    account: str
    region: str
    cidrs: tuple[str, ...] = ()
    dns_support: bool | None = True
    dns_hostnames: bool | None = True
    firewall: tuple[FirewallRule, ...] | None = ()
    """In the order in which they are asked: by the groups' priorities, then by their own."""
    profiles: tuple[str, ...] | None = ()
    """Ids of Route 53 Profiles that are associated with it and whose content could not be read."""
    associations: tuple[Association, ...] | None = ()
    zones: tuple[PrivateZone, ...] | None = ()
    """The one that EKS keeps for a private endpoint is among them, with its record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peering:
    """A peering connection that is active."""

    id: str
    vpc_ids: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NameWorld:
    """All that was read about names, and about the ways between the addresses that Resolver uses."""

    vpcs: Mapping[str, VpcNames]
    """By VPC id."""
    rules: Mapping[str, ResolverRule]
    endpoints: Mapping[str, ResolverEndpoint]
    read: frozenset[tuple[str, str]]
    """(account, region) whose endpoints are all known."""
    network: Vpc
    """Subnets, ACLs and groups of all VPCs, and as interfaces the endpoints' addresses and who else holds a target."""
    asked_addresses: frozenset[Address] = frozenset()
    """Addresses whose holder in a known VPC was looked for."""
    peerings: tuple[Peering, ...] | None = ()
    transit: Transit | None = None


def plain(name: str) -> str:
    """Return a name in small letters without a final dot; Route 53 writes `*` in octal."""
    return name.rstrip(".").lower().replace("\\052", "*")


def belongs(name: str, domain: str) -> bool:
    """Return whether a name is the domain's or under it; everything is under the root."""
    return not domain or name == domain or name.endswith(f".{domain}")


def in_list(name: str, domains: Iterable[str]) -> bool:
    """Return whether a DNS Firewall domain list matches a name: itself, or `*.` before a domain above it.

    A list's `*` alone matches every name (Route 53 Developer Guide, "DNS Firewall domain lists").
    """
    for listed in map(plain, domains):
        if listed in {"*", name}:
            return True
        if listed.startswith("*.") and name.endswith(listed[1:]):
            return True
    return False
