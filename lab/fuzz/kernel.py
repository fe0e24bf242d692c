"""What the kernel says about a world: for each flow whether it is answered, and every stage that would refuse it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise, product
from types import TracebackType
from typing import Self

from lab.errors import LabError
from lab.fabric import LINK, link
from lab.fuzz.packets import Flow, Packets
from lab.fuzz.places import OUTSIDE_CIDR, VPC_CIDR, Place, Places, build
from lab.fuzz.worlds import World
from lab.namespaces import Run, joined
from lab.vpc_answers import Row
from lab.vpc_filter import Refused, VpcFilter
from lab.vpc_ruleset import Options, Stage
from lab.vpc_wiring import VpcWiring

PROTOCOLS = ("udp", "tcp")
_ZONES = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What happened to one flow."""

    answered: bool
    refused_at: tuple[Stage, int] | None
    """The stage, and ACL entry, that really dropped it; None: it was answered."""
    would_refuse: Mapping[Stage, int]
    """Every stage that refuses it when nothing is dropped, with its ACL entry (0 for groups)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Source ports that no ACL entry tells apart."""

    first: int
    last: int


def stretches(world: World, client: Place, server: Place | None) -> tuple[Stretch, ...]:
    """Cut the client's source ports at both ends of every ACL entry that judges the answer."""
    first, last = world.client_ports[client.address]
    edges = {first, last + 1}
    entries = _answer_entries(world, client, server)
    ranges = [entry["PortRange"] for entry in entries if entry.get("PortRange")]
    edges |= {edge for each in ranges for edge in (each["From"], each["To"] + 1) if first <= edge <= last}
    return tuple(Stretch(first=one, last=other - 1) for one, other in pairwise(sorted(edges)))


def _answer_entries(world: World, client: Place, server: Place | None) -> list[Row]:
    if server is None:
        return world.acl_entries(world.places.leaving(client).interface.subnet_id, egress=False)
    if client.interface.subnet_id == server.interface.subnet_id:
        return []
    return [
        *world.acl_entries(server.interface.subnet_id, egress=True),
        *world.acl_entries(client.interface.subnet_id, egress=False),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A client and a server; the resolver, and what is outside, is a server without a place."""

    client: Place
    server: Place | None
    server_address: str
    stretches: tuple[Stretch, ...]
    sender: Place
    """As whom the client's packets cross the VPC: itself, or what it leaves the VPC as."""

    def flows(self, protocol: str) -> list[Flow]:
        """Return one flow from each end of each stretch."""
        ports = sorted({port for each in self.stretches for port in (each.first, each.last)})
        return [Flow(self.client.address, port, self.server_address, protocol) for port in ports]


def pairs_of(world: World) -> list[Pair]:
    """Return every ordered pair of different places, each with the VPC resolver, and `leavers` with what is outside."""
    places = world.places.places
    servers: list[tuple[Place | None, str]] = [(place, place.address) for place in places]
    servers.append((None, world.places.resolver))
    inside = [
        Pair(
            client=client,
            server=server,
            server_address=address,
            stretches=stretches(world, client, server),
            sender=client,
        )
        for client, (server, address) in product(places, servers)
        if server is not client
    ]
    leaving = [
        Pair(
            client=client,
            server=None,
            server_address=world.places.outside,
            stretches=stretches(world, client, None),
            sender=world.places.leaving(client),
        )
        for client in (world.places.leavers if world.places.outside else ())
    ]
    return [*inside, *leaving]


class Kernel:
    """Namespaces for given places, through which many worlds' packets go. Use as a context manager."""

    def __init__(self, run: Run, places: Places) -> None:
        self._wiring = VpcWiring(run, "fuzz", VPC_CIDR, random_ports=False)
        self._run, self._zone = run, 0
        self._netns = build(self._wiring, places)
        self._outside = VpcWiring(run, "outside", OUTSIDE_CIDR)
        link(self._wiring, self._outside, f"{LINK}1")
        self._netns[places.outside] = self._outside.attach_host("server", places.outside)
        self._filter = VpcFilter(self._wiring.netns)
        self._packets = Packets(self._netns)
        with joined(self._wiring.netns):
            for setting in ("nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"):
                with open(f"/proc/sys/net/netfilter/{setting}", "w", encoding="ascii") as file:  # noqa: PTH123  # of this thread's namespace
                    file.write("2")

    def __enter__(self) -> Self:
        """Start answering."""
        self._packets.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the namespaces."""
        self._packets.__exit__(kind, error, trace)
        for netns in {*self._netns.values(), self._outside.netns}:
            self._run.remove_netns(netns)

    def outcomes(self, world: World, pairs: Iterable[Pair]) -> dict[Flow, Outcome]:
        """Send every pair's flows twice: once filtered, once only watched."""
        flows = {
            flow: replace(flow, client=pair.sender.address)
            for pair in pairs
            for protocol in PROTOCOLS
            for flow in pair.flows(protocol)
        }
        answered, dropped = self._sent(world, flows, only_watch=False)
        watched, noted = self._sent(world, flows, only_watch=True)
        if lost := set(flows) - watched:
            raise LabError(f"{world.name}: {sorted(lost)[:3]} were not answered though nothing was dropped")
        if both := answered & dropped.keys():
            raise LabError(f"{world.name}: {sorted(both)[:3]} were answered and also dropped")
        return {
            flow: Outcome(
                answered=flow in answered,
                refused_at=next(iter(dropped.get(flow, {}).items()), None),
                would_refuse=noted.get(flow, {}),
            )
            for flow in flows
        }

    def _sent(
        self, world: World, flows: Mapping[Flow, Flow], *, only_watch: bool
    ) -> tuple[frozenset[Flow], dict[Flow, dict[Stage, int]]]:
        """Send the flows; by each stands how it crosses the VPC."""
        self._zone = self._zone % _ZONES + 1
        self._filter.apply(world.answers, Options(per_flow=True, only_watch=only_watch, zone=self._zone))

        def refused() -> dict[Flow, dict[Stage, int]]:
            seen = _by_flow(self._filter.refused())
            return {flow: seen[crossing] for flow, crossing in flows.items() if crossing in seen}

        answered = self._packets.ask(flows.keys(), lambda: {} if only_watch else refused())
        return answered, refused()


def _by_flow(refused: Iterable[Refused]) -> dict[Flow, dict[Stage, int]]:
    found: dict[Flow, dict[Stage, int]] = {}
    for each in sorted(refused):
        flow = Flow(each.client, each.client_port, each.server, each.protocol)
        found.setdefault(flow, {})[each.stage] = each.entry
    return found
