"""The private endpoint's name cannot be resolved from a peer's VPC or on premises: says what is missing (D2 to D6).

The name resolves to its private addresses in the cluster's VPC alone (D1). Since 2019 public DNS answers it, too, so
what is missing is no fault by itself: by configuration alone this is UNKNOWN, and a PROBLEM where a lookup from there
fails, where `public_resolution` is `blocked`, or where a rule leads queries into a network that certainly drops them.
Where a rule for the name is there and does not hold, `resolver_rule_broken` is the cause. On premises nobody reads what
DNS servers forward: what the cluster's VPC lacks is said, and that the forwarder is left; only a lookup shows that.

In a playbook: `{rule: private_endpoint_not_resolvable, severity: critical}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.collectors.private_zones import PrivateZones
from bot.collectors.resolver_rules import ResolverRules
from bot.domain.evidence import Gap
from bot.domain.faulty_objects import FaultyObject, ObjectKind
from bot.domain.findings import Case, Judgement, Kind, Rule, TextFile, Verdict, healthy, unknown
from bot.domain.json_values import JsonObject
from bot.domain.network_lookups import EndpointLookups
from bot.domain.phrases import count
from bot.domain.places import OnPremises, PublicResolution
from bot.network.name_hops import End, HopKind, HopState
from bot.rules._endpoint_steps import Lack, Step, lacks
from bot.rules._name_ways import NEEDS, WANTS, NameWays, PeerWay, name_ways, reach_of, row_of
from bot.rules._on_premises import YOUR_FORWARDER, SiteWay, forwarder_files, site_ways, unseen
from bot.rules._rule_faults import rule_fault
from bot.rules._stopped_ways import stopped_at


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lost:
    """A peer from which nothing leads to the cluster's VPC, and why."""

    peer: PeerWay
    lacks: tuple[Lack, ...]
    certain: bool
    """Queries are dropped on their way; otherwise public DNS is asked."""

    @property
    def place(self) -> str:
        """The peer's name."""
        return self.peer.peer.place.name

    @property
    def where(self) -> str:
        """The peer, for people."""
        return self.peer.where


def judge(case: Case) -> Judgement:
    """Conclude from the way that each peer's lookups take, and from what each network on premises lacks."""
    ways = name_ways(case)
    if isinstance(ways, Judgement):
        return ways
    lost = [found for one in ways.peers if (found := _lost(ways, one)) is not None]
    lost = [one for one in lost if one.certain or ways.fails(one.place) is not False]
    broken = [one for one in lost if one.certain or ways.public is PublicResolution.BLOCKED or ways.fails(one.place)]
    sites = site_ways(ways, case.target.on_premises)
    closed = [one for one in sites if one.certain]
    missing = _missing(ways, lost, sites)
    if not (broken or closed or missing):
        return healthy(
            f"{ways.host} resolves from {_all(ways, case)} by configuration, unless another check says why not.",
            *(_line(ways, one) for one in ways.peers),
            *(f"network {one.name}: {_seen_there(ways, one)}." for one in case.target.on_premises),
        )
    if broken or closed:
        judged = _problem(ways, broken, closed, missing)
    else:
        said = f"Not known whether {ways.host} resolves from all {len(ways.peers) + len(sites)} networks."
        judged = unknown(said, *missing, proof=_lines([*lost, *sites]))
    return replace(judged, waits_for=_waits_for(ways, broken, sites), files=_files(ways, sites))


def _waits_for(ways: NameWays, broken: Sequence[_Lost], sites: Sequence[SiteWay]) -> str:
    """Return what is left to people on premises where nothing else is; empty: more is."""
    waits = bool(sites) and not broken and not ways.gaps and all(one.waits for one in sites)
    return YOUR_FORWARDER if waits else ""


def _files(ways: NameWays, sites: Sequence[SiteWay]) -> tuple[TextFile, ...]:
    """Return the files that people on premises need where they must forward the name."""
    forwards = any(lack.step is Step.FORWARDER for one in sites for lack in one.lacks)
    return forwarder_files(ways) if forwards else ()


def _all(ways: NameWays, case: Case) -> str:
    networks = len(case.target.on_premises)
    peers = f"{len(ways.peers)} peers"
    return f"{peers} and {count(networks, 'network')} on premises" if networks else peers


def _seen_there(ways: NameWays, one: OnPremises) -> str:
    if ways.fails(one.name) is False:
        return "a lookup from there got the private addresses"
    return "public DNS may be asked, as `public_resolution` allows"


def _lost(ways: NameWays, one: PeerWay) -> _Lost | None:
    """Return a peer whose lookups go to public DNS, or are dropped between the endpoints."""
    if ways.resolves(one) or rule_fault(ways, one) is not None:
        return None
    dropped = any(hop.kind is HopKind.NETWORK and hop.state is HopState.STOPS for hop in one.way.hops)
    if one.way.end is End.LOST and dropped and one.way.fails:
        return _Lost(peer=one, lacks=lacks(ways, one), certain=True)
    if one.way.end is End.PUBLIC and not one.way.doubts:
        return _Lost(peer=one, lacks=lacks(ways, one), certain=False)
    return None


def _fails_elsewhere(ways: NameWays, one: PeerWay) -> bool:
    """Return whether lookups from there certainly fail, or end elsewhere, for what this rule does not judge."""
    others = stopped_at(ways, one, HopKind.FIREWALL, End.BLOCKED) or stopped_at(ways, one, HopKind.ZONE, End.NO_RECORD)
    at_home = one.way.vpc_id == ways.cluster.vpc_id and not ways.home.dns_support
    judged = ways.resolves(one) or one.way.end is End.PUBLIC or one.way.doubts or others or at_home
    return not judged and rule_fault(ways, one) is None and _lost(ways, one) is None


def _missing(ways: NameWays, lost: Sequence[_Lost], sites: Sequence[SiteWay]) -> tuple[Gap, ...]:
    asked = [
        Gap(
            what=f"lookups from {one.peer.where}",
            reason=f"by configuration {ways.host} would not resolve to private addresses there, and whether public DNS "
            "may be asked from there is not known",
            setting="public_resolution",
        )
        for one in lost
        if not one.certain and ways.public is PublicResolution.UNKNOWN and ways.fails(one.place) is None
    ]
    undecided = [gap for one in ways.peers for gap in ways.doubts(one)]
    elsewhere = [
        Gap(what=f"lookups from {one.where}", reason=f"{one.way.end}: {one.way.hops[-1].text if one.way.hops else ''}")
        for one in ways.peers
        if _fails_elsewhere(ways, one)
    ]
    networks = [unseen(ways, one) for one in sites if not one.certain]
    return ways.gaps or tuple(dict.fromkeys((*asked, *undecided, *elsewhere, *networks)))


def _problem(ways: NameWays, lost: Sequence[_Lost], sites: Sequence[SiteWay], missing: tuple[Gap, ...]) -> Judgement:
    all_lost: list[_Lost | SiteWay] = [*lost, *sites]
    first = all_lost[0]
    why = _why(ways, first) if isinstance(first, _Lost) else _why_there(first)
    steps = ", ".join(dict.fromkeys(lack.step for lack in first.lacks)) or "nothing that was read"
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"{ways.host} does not resolve to its private addresses from {first.where}: {why}. "
            f"Missing, in the order in which it must be built: {steps}."
        ),
        proof=_lines(all_lost),
        details={
            "name": ways.host,
            "home_vpc_id": ways.cluster.vpc_id,
            "peers": [_row(one) for one in lost],
            "on_premises": [one.row for one in sites],
            "missing": list(dict.fromkeys(lack.step.value for one in all_lost for lack in one.lacks)),
        },
        missing=missing,
        advice=tuple(dict.fromkeys(lack.command for one in all_lost for lack in one.lacks if lack.command)),
        reach=reach_of((*(one.place for one in lost), *(one.site.name for one in sites))),
        objects=tuple(FaultyObject(kind=ObjectKind.RESOLVER_ENDPOINT, name=one.id) for one in ways.inbound()),
    )


def _lines(lost: Sequence[_Lost | SiteWay]) -> tuple[str, ...]:
    return tuple(f"{one.where}: {lack.text}." for one in lost for lack in one.lacks)


def _why_there(one: SiteWay) -> str:
    if one.seen:
        return "a lookup from there fails"
    return "public DNS is blocked there, and what leads to the cluster's VPC is not built"


def _why(ways: NameWays, one: _Lost) -> str:
    if one.certain:
        return next((hop.text for hop in one.peer.way.hops if hop.state is HopState.STOPS), one.peer.way.end.value)
    seen = "a lookup from there fails" if ways.fails(one.place) else "public DNS is blocked there"
    return f"no rule leads it to the cluster's VPC {ways.cluster.vpc_id}, and {seen}"


def _row(one: _Lost) -> JsonObject:
    return {
        **row_of(one.peer.peer),
        "missing": [{"step": lack.step.value, "text": lack.text} for lack in one.lacks],
    }


def _line(ways: NameWays, one: PeerWay) -> str:
    if ways.resolves(one):
        return f"{one.where}: {'; '.join(hop.text for hop in one.way.hops)}."
    if one.way.end is End.PUBLIC:
        seen = ways.fails(one.peer.place.name) is False
        how = "and a lookup from there got the private addresses" if seen else "as `public_resolution` allows"
        return f"{one.where}: public DNS is asked, {how}."
    return f"{one.where}: {one.way.end}."


RULE = Rule(
    name="private_endpoint_not_resolvable",
    title="The private endpoint's name does not resolve from another network",
    check="Resolving the private endpoint's name from other networks",
    kind=Kind.CAUSE,
    judge=judge,
    needs=NEEDS,
    wants=WANTS,
    problem_refuted_by=(
        (EndpointLookups, "a lookup from there that gets the private addresses by public DNS"),
        (ResolverRules, "a rule that leads the name from the peer's VPC to the cluster's"),
        (PrivateZones, "a private zone of the peer's VPC that holds the name"),
    ),
    healthy_refuted_by=(
        (ResolverRules, "a peer whose lookups no rule leads to the cluster's VPC"),
        (EndpointLookups, "a network on premises where the name got no private address, or nobody looked"),
    ),
    decides_without=(EndpointLookups,),
)
