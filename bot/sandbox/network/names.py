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
        """Return the record of a name, its own or the nearest wildcard's (Route 53, "Supported DNS wildcards")."""
        if name in self.records:
            return self.records[name]
        labels = name.split(".")
        within = len(labels) - len(self.name.split("."))
        wildcards = (f"*.{'.'.join(labels[place:])}" for place in range(1, within + 1))
        return next((self.records[each] for each in wildcards if each in self.records), None)


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
