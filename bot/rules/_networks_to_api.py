"""Other networks from which the private endpoint's name resolves and 443 is not reached, as no rule admits them (D7).

That security groups are the cause is read: no rule of the control plane's groups admits any part of the network's
CIDRs. With a probe the rest is seen: a lookup from there got private addresses, and no connection to them came about.
Without one it is concluded for an endpoint with private access alone, where by configuration the name certainly
resolves there; where that is not known either, so is this. No rule itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TypeAlias

from bot.collectors.control_plane import ControlPlane
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.security_group_rules import SecurityGroupRules
from bot.domain.evidence import Gap
from bot.domain.findings import Case
from bot.domain.json_values import JsonObject
from bot.domain.lookups import Transport
from bot.domain.network_lookups import Contact, EndpointLookups, NetworkLooked
from bot.domain.peers import Peers
from bot.domain.places import PublicResolution
from bot.network.admission import admits_any, let_in
from bot.network.model import SecurityGroupRule
from bot.network.name_hops import End
from bot.network.ports import HTTPS
from bot.rules._name_ways import NEEDS as WAYS
from bot.rules._name_ways import NameWays, name_ways


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedNetwork:
    """One network that the control plane's groups keep out."""

    name: str
    cidrs: tuple[str, ...]
    """IPv4 and IPv6."""
    addresses: tuple[str, ...]
    """To which connections were tried in vain; none: nothing looks from there."""
    group_ids: tuple[str, ...]
    """Of the control plane's interfaces."""

    @property
    def text(self) -> str:
        """What was seen and what is missing, as a sentence without a full stop."""
        missing = f"no rule of {', '.join(self.group_ids)} admits {', '.join(self.cidrs)}"
        if not self.addresses:
            return (
                f"{self.name}: by configuration the name resolves, and {missing} on tcp/443 (nothing looks from there)"
            )
        return f"{self.name}: the name resolves, and tcp/443 of {', '.join(self.addresses)} is not reached: {missing}"

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
    """Networks whose connections fail, and whose CIDRs are not known; or that no rule admits and nobody looked from."""


def networks_to_api(case: Case) -> NetworksToApi:
    """Judge every network from which connections were tried, and by configuration those from which nothing looks."""
    plane, rules, seen = case.need(ControlPlane), case.need(SecurityGroupRules), case.find(EndpointLookups)
    groups = tuple(sorted({group for one in plane.interfaces for group in one.security_group_ids}))
    admitting = _admitting(rules, groups)
    found = [
        *(_looked(case, seen, looked, groups, admitting) for looked in (seen.networks if seen else ())),
        *(_by_configuration(case, name, groups, admitting) for name in _unlooked(case, seen)),
    ]
    return NetworksToApi(
        closed=tuple(one for one in found if isinstance(one, ClosedNetwork)),
        lines=tuple(one for one in found if isinstance(one, str)),
        gaps=tuple(one for one in found if isinstance(one, Gap)),
    )


_Admitting: TypeAlias = Sequence[SecurityGroupRule] | None


def _looked(
    case: Case, seen: EndpointLookups | None, looked: NetworkLooked, groups: tuple[str, ...], admitting: _Admitting
) -> ClosedNetwork | str | Gap | None:
    """Judge a network from which something looks."""
    if any(one.contact is Contact.REACHED for one in looked.tried):
        return f"{looked.place}: tcp/443 of the control plane is reached ({looked.looked_from})"
    if not (seen and looked.tried and seen.answered(looked.asked)):
        return None
    cidrs = tuple(_cidrs(case, looked.place))
    if not cidrs:
        return Gap(what=f"the way to the API from {looked.place}", reason="its CIDRs could not be read")
    tried = tuple(one.address for one in looked.tried)
    one = ClosedNetwork(name=looked.place, cidrs=cidrs, addresses=tried, group_ids=groups)
    return one if _shut_out(cidrs, admitting) else None


def _by_configuration(
    case: Case, name: str, groups: tuple[str, ...], admitting: _Admitting
) -> ClosedNetwork | Gap | None:
    """Judge a network from which nothing looks."""
    cidrs = tuple(_cidrs(case, name))
    if not cidrs or not _shut_out(cidrs, admitting):
        return None
    if _resolves(case, name):
        return ClosedNetwork(name=name, cidrs=cidrs, addresses=(), group_ids=groups)
    reason = (
        f"no rule of {', '.join(groups)} admits {', '.join(cidrs)} on tcp/443, and whether the name resolves there is "
        "not known: nothing looks from there"
    )
    return Gap(what=f"the way to the API from {name}", reason=reason, setting="probe")


def _shut_out(cidrs: Sequence[str], admitting: _Admitting) -> bool:
    """Return whether the groups certainly admit no part of a network."""
    return admitting is not None and not any(admits_any(admitting, ip_network(cidr)) for cidr in cidrs)


def _unlooked(case: Case, seen: EndpointLookups | None) -> Iterator[str]:
    """Yield the networks from which nothing looks, of an endpoint that has no other way than these groups."""
    cluster = case.find(EksCluster)
    if cluster is None or cluster.endpoint_public or not cluster.endpoint_private:
        return
    peers = case.find(Peers)
    names = [one.place.name for one in peers.entered] if peers else []
    for name in (*names, *(site.name for site in case.target.on_premises)):
        if seen is not None and name in seen.unprobed:
            yield name


def _resolves(case: Case, name: str) -> bool:
    """Return whether by configuration the name certainly resolves from a network: by public DNS, or by a rule.

    Public DNS answers the private addresses of an endpoint that has no other (D1).
    """
    if case.target.public_resolution is PublicResolution.OPEN and name in {one.name for one in case.target.on_premises}:
        return True
    if any(case.find(kind) is None for kind in WAYS):
        return False
    ways = name_ways(case)
    if not isinstance(ways, NameWays):
        return False
    peer = next((one for one in ways.peers if one.peer.place.name == name), None)
    if peer is None or peer.way.doubts:
        return False
    return ways.resolves(peer) or (peer.way.end is End.PUBLIC and ways.public is PublicResolution.OPEN)


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
