"""Which account and VPC each peer really is, seen as the role that is assumed there.

Why it matters to DNS: what resolves the private endpoint's name elsewhere can only be looked at where the bot may
enter. A peer that cannot be entered is one gap with what to grant; whatever else is asked of peers asks the others.
Cost: one `sts:AssumeRole` a role and one `ec2:DescribeVpcs` a peer, side by side; nothing where no peer is configured.

```yaml
gather:
  - collector: peers
```
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

from bot.domain.evidence import Collector, Gap
from bot.domain.peers import Peers, SeenPlace
from bot.domain.permissions import AwsPermission
from bot.domain.places import Place, PlaceKind
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import EvidenceUnavailable, NotFound

_AT_ONCE = 8


def collect(look: View) -> Peers:
    """Describe the VPC of each peer, as whoever reads there."""
    places = [peer.place for peer in look.target.peers]
    with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="enter") as pool:
        return Peers(peers=tuple(pool.map(partial(_enter, look), places)))


def _enter(look: View, place: Place) -> SeenPlace:
    try:
        answer = look.at(place).read("ec2", "DescribeVpcs", VpcIds=[place.vpc_id])
        with reading("ec2:DescribeVpcs"):
            (vpc,) = answer["Vpcs"]
            return SeenPlace(place=place, found=replace(place, account=vpc["OwnerId"]), cidrs=tuple(_cidrs(vpc)))
    except NotFound as error:
        hint = "Check `vpc_id`, `region` and `role_arn` of this peer in dnsbot.yaml."
        gap = Gap(what=str(place), reason=f"{error.reason} {hint}")
    except EvidenceUnavailable as error:
        gap = Gap.of(str(place), error)
    return SeenPlace(place=place, found=place, gap=gap)


def _cidrs(vpc: Mapping[str, Any]) -> Iterator[str]:
    """Yield the blocks that are in use: AWS also lists those that failed or are being taken away."""
    for block in vpc.get("CidrBlockAssociationSet") or ():
        if block["CidrBlockState"]["State"] == "associated":
            yield block["CidrBlock"]
    for block in vpc.get("Ipv6CidrBlockAssociationSet") or ():
        if block["Ipv6CidrBlockState"]["State"] == "associated":
            yield block["Ipv6CidrBlock"]


def summarise(found: Peers) -> str:
    """Say how many of the peers could be looked at, and which they are."""
    seen = ", ".join(str(peer.found) for peer in found.entered)
    return f"{len(found.entered)} of {len(found.peers)} peers could be looked at" + (f": {seen}" if seen else "")


COLLECTOR = Collector(
    name="peers",
    title="Peer VPCs",
    evidence=Peers,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        AwsPermission(action="ec2:DescribeVpcs", place=PlaceKind.PEER, unlocks="tell which VPC a peer really is"),
    ),
    deadline_seconds=10.0,
)
