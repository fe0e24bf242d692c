"""Peers whose lookups of the private endpoint certainly stop at one kind of hop; no rule itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Verdict, healthy, unknown
from bot.network.name_hops import End, Hop, HopKind, HopState
from bot.rules._name_ways import NameWays, PeerWay, name_ways, reach_of
from bot.rules._rule_faults import rule_fault


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedWay:
    """One peer, and where its lookups stop."""

    peer: PeerWay
    hop: Hop


def stopped_at(ways: NameWays, one: PeerWay, kind: HopKind, end: End) -> StoppedWay | None:
    """Return where a peer's lookups certainly stop, if at a hop of this kind and for no fault of a rule's."""
    if one.way.end is not end or not one.way.fails or rule_fault(ways, one) is not None:
        return None
    hop = next((hop for hop in one.way.of(kind) if hop.state is HopState.STOPS), None)
    return None if hop is None else StoppedWay(peer=one, hop=hop)


def judge_stopped(
    case: Case, kind: HopKind, end: End, *, well: str, why: str, advice: Callable[[StoppedWay], str]
) -> Judgement:
    """Conclude from the ways of all peers. `well` is said where none stops there, `why` of what stops."""
    ways = name_ways(case)
    if isinstance(ways, Judgement):
        return ways
    found = [stop for one in ways.peers if (stop := stopped_at(ways, one, kind, end)) is not None]
    missing = ways.gaps or _undecided(ways, kind)
    if found:
        return _problem(ways, found, why, missing, tuple(dict.fromkeys(map(advice, found))))
    if missing:
        return unknown(f"Not all that decides about {ways.host} could be judged.", *missing)
    seen = [f"{one.where}: {hop.text}." for one in ways.peers for hop in one.way.of(kind)]
    return healthy(f"{well} for {len(ways.peers)} peers that ask for {ways.host}.", *seen)


def _undecided(ways: NameWays, kind: HopKind) -> tuple[Gap, ...]:
    """Return what is undecided at hops of this kind, and at Profiles, which may bring more of them."""
    kinds = {kind, HopKind.PROFILE}
    return tuple(
        dict.fromkeys(
            Gap(what=f"the way of {ways.host} from {one.where}", reason=hop.text)
            for one in ways.peers
            for hop in one.way.doubts
            if hop.kind in kinds
        )
    )


def _problem(
    ways: NameWays, found: Sequence[StoppedWay], why: str, missing: tuple[Gap, ...], advice: tuple[str, ...]
) -> Judgement:
    first = found[0]
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"{first.hop.text}: {why} for lookups of {ways.host} from {first.peer.where}.",
        proof=tuple(f"{one.peer.where}: {one.hop.text}." for one in found),
        details={
            "name": ways.host,
            "stopped": [
                {"place": one.peer.peer.place.name, "vpc_id": one.hop.vpc_id, "id": one.hop.id} for one in found
            ],
        },
        missing=missing,
        advice=advice,
        reach=reach_of(one.peer.peer.place.name for one in found),
    )
