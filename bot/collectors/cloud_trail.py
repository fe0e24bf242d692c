"""Who changed what is at fault at AWS, and when: CloudTrail's event history of the last 90 days.

Asked only once rules have named the objects: security groups, network ACLs, VPCs, EKS add-ons, Resolver endpoints and
rules. `LookupEvents` takes one attribute a call and two calls a second from an account in a region, and events arrive
some minutes late, so what was looked at ends with the diagnosis's start, and that is said. No event is no proof that
nobody changed it. Costs one call an object, up to four for an add-on or a Resolver object whose events are rare.
In a playbook: `{collector: cloud_trail}` asks about nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from bot.collectors._at_fault import AtFaultParameters, ask_about_each
from bot.collectors._places import everywhere
from bot.collectors._trail_events import changes, searches
from bot.domain.evidence import Collector, Gap
from bot.domain.faulty_objects import FaultyObject
from bot.domain.permissions import AwsPermission
from bot.domain.phrases import count, timestamp
from bot.domain.reading import reading
from bot.domain.views import View
from bot.domain.who_changed import Change, CloudTrail, ObjectChanges

KEPT_FOR = timedelta(days=90)
"""How far CloudTrail's event history goes back (CloudTrail User Guide, "Working with CloudTrail event history")."""
_PAGE = 50
"""The newest events that one lookup gives."""
_CHANGES = 3
"""Kept of one object, the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailParameters(AtFaultParameters):
    """What is asked about."""

    max_objects: int = 4
    """More are not asked about, and named."""


def collect(look: View) -> CloudTrail:
    """Look up each object."""
    found = ask_about_each(look, partial(_changes_of, look), _not_known, what="changes")
    return CloudTrail(
        objects=found,
        since=look.started_at - KEPT_FOR,
        until=look.started_at,
        gaps=tuple(one.gap for one in found if one.gap is not None),
    )


def _changes_of(look: View, one: FaultyObject) -> ObjectChanges:
    found: tuple[Change, ...] = ()
    cut = False
    for search in searches(one):
        answer = look.at(one.place).read(
            "cloudtrail",
            "LookupEvents",
            LookupAttributes=[{"AttributeKey": search.attribute, "AttributeValue": search.value}],
            StartTime=look.started_at - KEPT_FOR,
            EndTime=look.started_at,
            PaginationConfig={"MaxItems": _PAGE},
        )
        with reading("cloudtrail:LookupEvents"):
            found = changes(answer, one, cluster=look.target.eks_name)
            cut = cut or len(answer["Events"]) >= _PAGE
        if found:
            break
    first = sorted(found, key=lambda change: not change.fits)
    more = max(0, len(found) - _CHANGES)
    return ObjectChanges(object=one, changes=tuple(first[:_CHANGES]), more=more, only_newest=cut)


def _not_known(one: FaultyObject, gap: Gap) -> ObjectChanges:
    return ObjectChanges(object=one, changes=(), gap=gap)


def summarise(found: CloudTrail) -> str:
    """Say how many changes of how many objects were found, and in which time."""
    if not found.objects:
        return "nothing at AWS was at fault, so CloudTrail was not asked"
    changed = sum(len(one.changes) + one.more for one in found.objects)
    return (
        f"{count(changed, 'change')} of {count(len(found.objects), 'object')} in the 90 days up to "
        f"{timestamp(found.until)}"
    )


_WITHOUT = "reports do not say who changed a security group, an ACL, an add-on or a Resolver object"

COLLECTOR = Collector(
    name="cloud_trail",
    title="CloudTrail",
    evidence=CloudTrail,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=tuple(
        AwsPermission(action=one.action, place=one.place, unlocks=one.unlocks, without=_WITHOUT)
        for one in everywhere("cloudtrail:LookupEvents", "say who changed what is at fault, and when")
    ),
    parameters=TrailParameters,
    deadline_seconds=5.0,
)
