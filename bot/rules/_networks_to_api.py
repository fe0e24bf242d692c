"""Other networks from which the private endpoint's name resolves and 443 is not reached, as no rule admits them (D7).

What is judged is seen: a lookup from there got private addresses, and no connection to them came about. That security
groups are the cause is read: no rule of the control plane's groups admits any part of the network's CIDRs. No rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from bot.collectors.control_plane import ControlPlane
from bot.collectors.security_group_rules import SecurityGroupRules
from bot.domain.evidence import Gap
from bot.domain.findings import Case
from bot.domain.json_values import JsonObject
from bot.domain.lookups import Transport
from bot.domain.network_lookups import Contact, EndpointLookups, NetworkLooked
from bot.domain.peers import Peers
from bot.network.admission import admits_any, let_in
from bot.network.model import SecurityGroupRule
from bot.network.ports import HTTPS


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedNetwork:
    """One network that the control plane's groups keep out."""

    name: str
    cidrs: tuple[str, ...]
    """IPv4 and IPv6."""
    addresses: tuple[str, ...]
    """To which connections were tried in vain."""
    group_ids: tuple[str, ...]
    """Of the control plane's interfaces."""

    @property
    def text(self) -> str:
        """What was seen and what is missing, as a sentence without a full stop."""
        return (
            f"{self.name}: the name resolves, and tcp/443 of {', '.join(self.addresses)} is not reached: no rule of "
            f"{', '.join(self.group_ids)} admits {', '.join(self.cidrs)}"
        )

    @property
    def row(self) -> JsonObject:
        """What a fix plans from."""
        return {"place": self.name, "cidrs": list(self.cidrs)}


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworksToApi:
    """What came of the connections from other networks."""

    closed: tuple[ClosedNetwork, ...]
    lines: tuple[str, ...]
    """What was seen where a connection came about."""
    gaps: tuple[Gap, ...]
    """Networks whose connections fail, and whose CIDRs are not known."""


def networks_to_api(case: Case) -> NetworksToApi:
    """Judge every network from which connections were tried."""
    plane, rules, seen = case.need(ControlPlane), case.need(SecurityGroupRules), case.find(EndpointLookups)
    groups = tuple(sorted({group for one in plane.interfaces for group in one.security_group_ids}))
    admitting = _admitting(rules, groups)
    closed: list[ClosedNetwork] = []
    lines: list[str] = []
    gaps: list[Gap] = []
    for looked in seen.networks if seen else ():
        if any(one.contact is Contact.REACHED for one in looked.tried):
            lines.append(f"{looked.place}: tcp/443 of the control plane is reached ({looked.looked_from})")
        elif seen and looked.tried and seen.answered(looked.asked):
            cidrs = tuple(_cidrs(case, looked.place))
            if not cidrs:
                gaps.append(Gap(what=f"the way to the API from {looked.place}", reason="its CIDRs could not be read"))
            elif admitting is not None and not any(admits_any(admitting, ip_network(cidr)) for cidr in cidrs):
                closed.append(_closed(looked, cidrs, groups))
    return NetworksToApi(closed=tuple(closed), lines=tuple(lines), gaps=tuple(gaps))


def _admitting(rules: SecurityGroupRules, groups: Sequence[str]) -> tuple[SecurityGroupRule, ...] | None:
    """Return the rules that let 443 in; None: not all were read, or one may stand for a group of a peer's."""
    own = let_in((one for one in rules.rules if one.security_group_id in groups), Transport.TCP, HTTPS)
    foreign = any(one.group_id and one.group_id not in rules.group_ids for one in own)
    return None if foreign or not groups or not set(groups) <= rules.group_ids else own


def _cidrs(case: Case, name: str) -> Iterator[str]:
    """Yield the blocks of a peer that was entered, or of a network on premises."""
    peers = case.find(Peers)
    for seen in peers.entered if peers else ():
        if seen.place.name == name:
            yield from seen.cidrs
    for site in case.target.on_premises:
        if site.name == name:
            yield from site.cidrs


def _closed(looked: NetworkLooked, cidrs: tuple[str, ...], groups: tuple[str, ...]) -> ClosedNetwork:
    return ClosedNetwork(
        name=looked.place,
        cidrs=cidrs,
        addresses=tuple(one.address for one in looked.tried),
        group_ids=groups,
    )
