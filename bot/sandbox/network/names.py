"""What AWS holds about names: hosted zones, and the rules and endpoints of Route 53 Resolver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The A records of a name, or the name that stands for it (CNAME, alias)."""

    addresses: tuple[str, ...] = ()
    target: str = ""
    ttl_seconds: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A hosted zone. Names are lower case, without a final dot."""

    id: str
    name: str
    vpc_ids: frozenset[str] = frozenset()
    """VPCs that a private zone is associated with. Empty: a public zone, or one that nobody sees."""
    private: bool = True
    records: Mapping[str, Record] = field(default_factory=dict)
    """By name; `*.` begins one that stands for all names under it that have none."""

    def find(self, name: str) -> Record | None:
        """Return the record of a name, its own or that of the wildcard beside it.

        A wildcard stands for names that are not there, and for nothing under one that is (RFC 4592, 2.2 and 3.3.1).
        """
        if name in self.records:
            return self.records[name]
        if name == self.name or any(held.endswith(f".{name}") for held in self.records):
            return None
        above = name.partition(".")[2]
        while above != self.name and not any(f".{held}".endswith(f".{above}") for held in self.records):
            above = above.partition(".")[2]
        return self.records.get(f"*.{above}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverRule:
    """A rule of Route 53 Resolver, with the VPCs for which it holds."""

    id: str
    name: str
    """Domain name, lower case, without a final dot; empty: the root."""
    vpc_ids: frozenset[str]
    targets: tuple[str, ...] = ()
    """Addresses to which queries go. Empty: a rule of type SYSTEM, by which they go nowhere else."""
    endpoint_id: str = ""
    """The outbound endpoint through which they go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverEndpoint:
    """An inbound or outbound endpoint that is in service."""

    id: str
    vpc_id: str
    inbound: bool
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What DNS Firewall does in a VPC with names of one list."""

    blocks: bool
    domains: tuple[str, ...]
    """Lower case, without a final dot; `*.` begins one that stands for all names under it."""

    def names(self, name: str) -> bool:
        """Return whether the list has a name."""
        return any(one == name or (one.startswith("*") and name.endswith(one[1:])) for one in self.domains)


def belongs(name: str, zone: str) -> bool:
    """Return whether a name is that of the zone or under it. An empty zone is the root."""
    return not zone or name == zone or name.endswith(f".{zone}")


def plain(name: str) -> str:
    """Return a name in lower case without a final dot; Route 53 writes `*` in octal."""
    return name.rstrip(".").lower().replace("\\052", "*")
