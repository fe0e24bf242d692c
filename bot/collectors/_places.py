"""Asks AWS the same at the cluster's own place and at each peer that was entered; no collector itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.collectors.eks_cluster import EksCluster
from bot.domain.evidence import Gap
from bot.domain.peers import Peers
from bot.domain.permissions import AwsPermission
from bot.domain.places import HOME, Place, PlaceKind
from bot.domain.ports import AwsReader
from bot.domain.views import View
from bot.errors import EvidenceUnavailable

T = TypeVar("T")
_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One VPC of one account and region, and the place as whose reader it is asked about."""

    place: Place
    """As configured: what `look.at` and a step's `place` take."""
    vpc_id: str
    account: str
    region: str
    hub: bool = False
    """Neither the cluster's VPC nor a peer's: rules lead through it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found(Generic[T]):
    """What was answered, and one gap for each place that could not be asked."""

    answers: tuple[T, ...]
    gaps: tuple[Gap, ...]


def needs_names(look: View) -> bool:
    """Return whether anybody else must resolve the private endpoint's name: a peer or a network on premises."""
    return bool(look.target.peers or look.target.on_premises)


def home_spot(look: View) -> Spot:
    """Return the cluster's own VPC."""
    cluster = look.need(EksCluster)
    return Spot(place=HOME, vpc_id=cluster.vpc_id, account=cluster.account, region=look.target.region)


def spots(look: View) -> list[Spot]:
    """Return the cluster's own VPC and that of each peer that was entered; the others are gaps of `Peers`."""
    peers = [
        Spot(place=one.place, vpc_id=one.found.vpc_id, account=one.found.account, region=one.found.region)
        for one in look.need(Peers).entered
    ]
    return [home_spot(look), *peers]


def once_an_account(found: Sequence[Spot]) -> list[Spot]:
    """Return one spot for each account and region: what belongs to an account is asked for once."""
    return list({(one.account, one.region): one for one in reversed(found)}.values())[::-1]


def ask_each(
    look: View, asked: Sequence[Spot], what: str, read: Callable[[AwsReader, Spot], T], *, more: Sequence[Gap] = ()
) -> Found[T]:
    """Ask at each spot, side by side. `what` names in a gap what could not be read; `more` are gaps beside those."""

    def at(spot: Spot) -> T | Gap:
        try:
            return read(look.at(spot.place), spot)
        except EvidenceUnavailable as error:
            return Gap.of(f"{what} at {spot.place}", error)

    with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="place") as pool:
        answers = tuple(pool.map(at, asked))
    gaps = tuple(one for one in answers if isinstance(one, Gap))
    return Found(answers=tuple(one for one in answers if not isinstance(one, Gap)), gaps=(*more, *gaps))


def everywhere(action: str, unlocks: str) -> Iterator[AwsPermission]:
    """Yield what must be declared for a call that is made at home and at peers."""
    for kind in (PlaceKind.HOME, PlaceKind.PEER):
        yield AwsPermission(action=action, place=kind, unlocks=unlocks)
