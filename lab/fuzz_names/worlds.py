"""Random worlds of names: what three VPCs resolve by, and what stands between them.

No VPC forwards, by whatever way, to one that leads back to it: the queries of such a ring would only stop by their
time limits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

VPCS = 3
TOGETHER = (0, 1)
"""The VPCs of one account and region, which rules, zones and Profiles of that account may serve alike."""
DOMAINS = ("", "net", "a.net", "b.a.net", "c.b.a.net", "d.c.b.a.net", "x.a.net", "x.net", "y.x.net")
_LABELS = ("a", "b", "c", "d", "x", "y", "w")
_FEW = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record of a private zone. Neither `address` nor `leads_to`: it is a text."""

    name: str
    address: str = ""
    leads_to: str = ""
    """The name that a CNAME, or an alias within the zone, stands for."""
    alias: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A private zone, made for its first VPC."""

    domain: str
    vpcs: tuple[int, ...]
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of the account of its first VPC, by whose outbound endpoint it forwards. Without targets: SYSTEM."""

    domain: str
    vpcs: tuple[int, ...]
    """Where it holds; a rule that only a Profile brings holds nowhere by itself."""
    home: int
    targets: tuple[tuple[int, int, int], ...] = ()
    """(VPC, which address, port): 0 and 1 are its inbound endpoint's, nobody holds 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallGroup:
    """A DNS Firewall rule group: (action, response, domains) in the order of the rules."""

    vpc: int
    """Whose it is; one that only a Profile brings is not associated."""
    priority: int
    rules: tuple[tuple[str, str, tuple[str, ...]], ...]
    associated: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A Profile of the account of the VPCs that stand together: places in the world's lists of what it brings."""

    vpcs: tuple[int, ...]
    rules: tuple[int, ...]
    zones: tuple[int, ...]
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NameWorld:
    """A world as it is drawn."""

    name: str
    without_support: frozenset[int]
    without_host_names: frozenset[int]
    zones: tuple[Zone, ...]
    rules: tuple[Rule, ...]
    groups: tuple[FirewallGroup, ...]
    profile: Profile | None
    closed_groups: frozenset[tuple[int, int]]
    """(from, to): the inbound endpoint's group there does not admit it."""
    closed_subnets: frozenset[tuple[int, int, int]]
    """(from, to, which subnet): that subnet's ACL refuses its queries."""
    missing_routes: frozenset[tuple[int, int]]
    """(at, to)."""
    ended_peerings: frozenset[tuple[int, int]]
    names: tuple[str, ...] = field(repr=False)
    """To be asked in every VPC."""


def draw_world(name: str, chance: Random, *, names: int) -> NameWorld:
    """Draw one, with so many names to ask."""
    order = chance.sample(range(VPCS), VPCS)
    pairs = [(one, other) for one in range(VPCS) for other in range(VPCS) if one != other]
    zones = tuple(_zones(chance))
    rules = tuple(_rules(chance, order))
    groups = tuple(_groups(chance))
    profile = _profile(chance, zones, rules, groups) if chance.random() < 0.6 else None  # noqa: PLR2004  # more often than not
    if profile is None:
        rules = tuple(one for one in rules if one.vpcs)
        groups = tuple(one for one in groups if one.associated)
    every = _subset(chance, range(VPCS), _FEW / 2)
    return NameWorld(
        name=name,
        without_support=every,
        without_host_names=_subset(chance, range(VPCS), _FEW),
        zones=zones,
        rules=rules,
        groups=groups,
        profile=profile,
        closed_groups=_subset(chance, pairs, _FEW),
        closed_subnets=_subset(chance, [(*pair, which) for pair in pairs for which in range(2)], _FEW),
        missing_routes=_subset(chance, pairs, _FEW / 2),
        ended_peerings=_subset(chance, [pair for pair in pairs if pair[0] < pair[1]], _FEW / 2),
        names=_names(chance, zones, rules, names),
    )


def _subset(chance: Random, items: Sequence[object], share: float) -> frozenset:  # type: ignore[type-arg]  # of the items
    return frozenset(one for one in items if chance.random() < share)


def _zones(chance: Random) -> Iterator[Zone]:
    held: set[tuple[int, str]] = set()
    for number in range(chance.randint(4, 8)):
        domain, vpc = chance.choice(DOMAINS[2:]), chance.randrange(VPCS)
        also = TOGETHER if vpc in TOGETHER and chance.random() < 0.4 else (vpc,)  # noqa: PLR2004  # not seldom
        vpcs = (vpc, *(one for one in also if one != vpc))
        if held.isdisjoint((one, domain) for one in vpcs):
            held |= {(one, domain) for one in vpcs}
            yield Zone(domain=domain, vpcs=vpcs, records=tuple(_records(chance, domain, number)))


def _records(chance: Random, domain: str, zone: int) -> Iterator[Record]:
    known: dict[str, str] = {}
    for number in range(chance.randint(0, 6)):
        below = [*chance.choices(_LABELS, k=chance.randint(0, 2))]
        name = ".".join([*chance.choice([[], [], ["*"]]), *below, domain])
        kind = chance.choice(["address"] * 5 + ["text", "cname", "alias"])
        address = f"10.200.{zone}.{number + 1}"
        if name in known:
            continue
        if kind == "cname" and name != domain:
            known[name] = ""
            yield Record(name=name, leads_to=_any_name(chance))
        elif kind == "alias" and name != domain and any(known.values()):
            target = chance.choice([one for one, held in known.items() if held and "*" not in one] or [""])
            if target:
                known[name] = ""
                yield Record(name=name, leads_to=target, alias=True)
        elif kind == "text":
            known[name] = ""
            yield Record(name=name)
        else:
            known[name] = address
            yield Record(name=name, address=address)


def _rules(chance: Random, order: Sequence[int]) -> Iterator[Rule]:
    """Yield rules whose targets stand, in this order, behind every VPC in which they hold."""
    held: set[tuple[int, str]] = set()
    for vpc in range(VPCS):
        some = DOMAINS if chance.random() < _FEW else DOMAINS[2:]
        for domain in chance.sample(some, chance.randint(1, 3)):
            also = TOGETHER if vpc in TOGETHER and chance.random() < 0.4 else (vpc,)  # noqa: PLR2004  # not seldom
            vpcs = tuple(one for one in also if (one, domain) not in held)
            alone = vpc in TOGETHER and chance.random() < _FEW
            behind = order[max(map(order.index, also)) + 1 :] if not alone else order[_last_together(order) + 1 :]
            targets = tuple(_targets(chance, behind)) if behind and chance.random() < 0.75 else ()  # noqa: PLR2004  # mostly
            held |= set() if alone else {(one, domain) for one in vpcs}
            if vpcs:
                yield Rule(domain=domain, vpcs=() if alone else vpcs, home=vpc, targets=targets)


def _last_together(order: Sequence[int]) -> int:
    return max(map(order.index, TOGETHER))


def _targets(chance: Random, behind: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield one to three targets, all of one VPC: those of several could answer differently."""
    there = chance.choice(behind)
    for which in chance.sample([0, 1, 2], chance.choice([1, 2, 2, 3])):
        yield there, which, 53 if chance.random() > _FEW / 2 else 5353


def _groups(chance: Random) -> Iterator[FirewallGroup]:
    for vpc in range(VPCS):
        for priority in chance.sample(range(101, 200), chance.choice([0, 0, 1, 2])):
            rules = tuple(_firewall_rule(chance) for _ in range(chance.randint(1, 2)))
            associated = vpc not in TOGETHER or chance.random() > _FEW
            yield FirewallGroup(vpc=vpc, priority=priority, rules=rules, associated=associated)


def _firewall_rule(chance: Random) -> tuple[str, str, tuple[str, ...]]:
    action = chance.choice(["ALLOW", "ALERT", "BLOCK", "BLOCK"])
    response = chance.choice(["NXDOMAIN", "NODATA", "OVERRIDE"]) if action == "BLOCK" else ""
    listed = [_any_name(chance) for _ in range(chance.randint(1, 3))]
    if chance.random() < 0.5:  # noqa: PLR2004  # every other time
        listed.append(f"*.{chance.choice(DOMAINS[2:])}")
    return action, response, tuple(dict.fromkeys(listed))


def _profile(chance: Random, zones: Sequence[Zone], rules: Sequence[Rule], groups: Sequence[FirewallGroup]) -> Profile:
    """Return one that brings what nobody else has, and now and then a zone of one VPC to the other.

    A rule that holds in a VPC is not brought to the other one: its targets may lead back there.
    """
    own = [place for place, one in enumerate(zones) if one.vpcs[0] in TOGETHER]
    return Profile(
        vpcs=tuple(chance.sample(TOGETHER, chance.choice([1, 2]))),
        rules=tuple(_once([one.domain for one in rules], [place for place, one in enumerate(rules) if not one.vpcs])),
        zones=tuple(_once([one.domain for one in zones], chance.sample(own, min(len(own), chance.randint(0, 2))))),
        groups=tuple(place for place, one in enumerate(groups) if not one.associated),
    )


def _once(domains: Sequence[str], places: Sequence[int]) -> Iterator[int]:
    """Yield the places whose domain no earlier one has."""
    seen: set[str] = set()
    for place in places:
        if domains[place] not in seen:
            seen.add(domains[place])
            yield place


def _any_name(chance: Random) -> str:
    return ".".join([*chance.choices(_LABELS, k=chance.randint(1, 2)), chance.choice(DOMAINS[1:])])


def _names(chance: Random, zones: Sequence[Zone], rules: Sequence[Rule], count: int) -> tuple[str, ...]:
    """Return the records' names, what wildcards stand for, and others, until there are enough."""
    domains = [domain for domain in (*(one.domain for one in zones), *(one.domain for one in rules)) if "." in domain]
    records = [one.name for zone in zones for one in zone.records]
    found = [*DOMAINS[2:]]
    found += [name.replace("*", chance.choice(_LABELS)) for name in records]
    while len(set(found)) < count:
        above = chance.choice([chance.choice(domains), chance.choice(records or domains), _any_name(chance)])
        labels = chance.choices(_LABELS, k=chance.randint(1, 2))
        found.append(".".join([*labels, above.removeprefix("*.")]))
    return tuple(dict.fromkeys(found))[:count]
