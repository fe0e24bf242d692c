"""What is missing between a network on premises and the private endpoint's name (D2, D3, D6); no rule itself.

Its DNS servers are nobody's whom the bot may ask: a forwarder there is seen by lookups alone. What the cluster's VPC
lacks is read: DNS attributes, a route back, the inbound endpoint and its group, which admits the network on 53.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from bot.dns.forwarders import forwarder_texts
from bot.domain.evidence import Gap
from bot.domain.findings import TextFile
from bot.domain.json_values import JsonObject
from bot.domain.lookups import Transport
from bot.domain.places import OnPremises, PublicResolution
from bot.network.admission import admits_any, let_in
from bot.network.name_passage import JOINS, longest
from bot.network.names import ResolverEndpoint
from bot.network.ports import DNS
from bot.rules._endpoint_steps import Lack, Step, inbound, vpc_dns
from bot.rules._name_ways import NameWays

YOUR_FORWARDER = "your forwarder"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteWay:
    """One network on premises whose lookups of the name fail, or are not known to succeed."""

    site: OnPremises
    lacks: tuple[Lack, ...]
    certain: bool
    """Lookups from there fail: they were seen to, or the way is closed and public DNS is blocked."""
    seen: bool | None
    """Whether a lookup from there failed; None: nobody looked."""
    reached: bool | None
    """Whether the inbound endpoint answered the private addresses when it was asked from there; None: nobody asked."""

    @property
    def where(self) -> str:
        """The network, for people."""
        return f"network {self.site.name} ({', '.join(self.site.cidrs)})"

    @property
    def waits(self) -> bool:
        """Whether nothing is left but the forwarder."""
        return [lack.step for lack in self.lacks if not lack.advised] == [Step.FORWARDER]

    @property
    def row(self) -> JsonObject:
        """What a fix plans from."""
        return {
            "place": self.site.name,
            "cidrs": list(self.site.cidrs),
            "inbound_answers": self.reached,
            "missing": [{"step": lack.step.value, "text": lack.text} for lack in self.lacks],
        }


def site_ways(ways: NameWays, sites: Sequence[OnPremises]) -> tuple[SiteWay, ...]:
    """Return the networks on premises that lack something, or of which nobody knows."""
    return tuple(found for one in sites if (found := _site_way(ways, one)) is not None)


def _site_way(ways: NameWays, site: OnPremises) -> SiteWay | None:
    fails = ways.fails(site.name)
    if fails is False or (fails is None and ways.public is PublicResolution.OPEN):
        return None
    built = (*vpc_dns(ways), *_route(ways, site), *inbound(ways), *_group(ways, site))
    reached = _reached(ways, site)
    closed = any(not lack.advised for lack in built)
    last = _way(ways, site) if reached is False and not closed else _forwarder(ways, site, reached=reached)
    return SiteWay(
        site=site,
        lacks=(*built, last),
        certain=fails is True or (closed and ways.public is PublicResolution.BLOCKED),
        seen=fails,
        reached=reached,
    )


def _reached(ways: NameWays, site: OnPremises) -> bool | None:
    looked = ways.seen.of(site.name)
    return ways.seen.answered(looked.directly) if looked else None


def _route(ways: NameWays, site: OnPremises) -> Iterator[Lack]:
    home = ways.home
    subnets = [each for each in ways.world.network.subnets or () if each.vpc_id == home.vpc_id]
    for cidr in site.cidrs:
        address = ip_network(cidr, strict=False)[1]
        routes = [route for subnet in subnets if (route := longest(subnet, address)) is not None]
        if subnets and not any(route.active and route.target.startswith(JOINS) for route in routes):
            text = f"No route of {home.vpc_id} leads to {cidr} ({site.name}), so that answers do not come back"
            yield Lack(step=Step.ROUTE, text=text)


def _group(ways: NameWays, site: OnPremises) -> Iterator[Lack]:
    found = ways.inbound()
    for transport in (Transport.UDP, Transport.TCP):
        shut = [cidr for cidr in site.cidrs if found and all(_shut(ways, one, cidr, transport) for one in found)]
        if shut:
            groups = ", ".join(found[0].security_group_ids)
            text = (
                f"{groups}, which {found[0].id} carries, has no inbound rule for {transport.value}/{DNS} from "
                f"{', '.join(shut)} ({site.name})"
            )
            yield Lack(step=Step.INBOUND_GROUP, text=text, advised=transport is Transport.TCP)


def _shut(ways: NameWays, one: ResolverEndpoint, cidr: str, transport: Transport) -> bool:
    """Return whether the endpoint's groups, all of them read, admit no part of a block."""
    own = set(one.security_group_ids)
    rules = [rule for rule in ways.world.network.rules if rule.security_group_id in own]
    read = bool(own) and own <= set(ways.world.network.read_group_ids)
    return read and not admits_any(let_in(rules, transport, DNS), ip_network(cidr, strict=False))


def _way(ways: NameWays, site: OnPremises) -> Lack:
    text = (
        f"{', '.join(inbound_addresses(ways))} did not answer {ways.host} when asked from {site.name}, though route "
        "and group of the cluster's VPC let it in: look at network ACLs, and at VPN and firewalls on the way"
    )
    return Lack(step=Step.WAY, text=text)


def _forwarder(ways: NameWays, site: OnPremises, *, reached: bool | None) -> Lack:
    targets = inbound_addresses(ways)
    if not targets:
        text = f"No DNS server of {site.name} can forward {ways.host} before there is an inbound endpoint"
    elif reached:
        text = f"{ways.host} is answered by {', '.join(targets)} when asked from {site.name}: forward the name there"
    else:
        text = f"A DNS server of {site.name} must forward {ways.host} to {', '.join(targets)}"
    return Lack(step=Step.FORWARDER, text=text)


def inbound_addresses(ways: NameWays) -> tuple[str, ...]:
    """Return where the inbound endpoints of the cluster's VPC answer."""
    return tuple(sorted({str(each.address) for one in ways.inbound() for each in one.addresses}))


def forwarder_files(ways: NameWays) -> tuple[TextFile, ...]:
    """Return what each kind of DNS server is told; nothing before there is an address to forward to."""
    targets = inbound_addresses(ways)
    texts = forwarder_texts(ways.host, targets) if targets else ()
    return tuple(TextFile(name=one.file_name, title=one.software.value, text=one.text) for one in texts)


def unseen(ways: NameWays, one: SiteWay) -> Gap:
    """Return what is not known of a network from which nobody looked."""
    what = f"lookups from {one.site.name}"
    if ways.public is PublicResolution.UNKNOWN:
        reason = "nothing looks names up from there, and whether public DNS may be asked there is not known"
    else:
        reason = f"nothing looks names up from there, and only that shows a forwarder. {one.lacks[-1].text}"
    return Gap(what=what, reason=reason, setting="probe")
