"""What EKS says of the health of its add-ons, as two rules share it. No rule itself.

Source: EKS API Reference, `Addon`, `AddonIssue`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.collectors.eks_addons import ACTIVE, UNDER_WAY, AddonIssue, EksAddon, EksAddons
from bot.domain.evidence import Gap
from bot.domain.faulty_objects import FaultyObject, ObjectKind

FAILED = frozenset({"CREATE_FAILED", "DEGRADED", "DELETE_FAILED", "UPDATE_FAILED"})
NO_ADDON = "none of coredns, kube-proxy and vpc-cni is an EKS add-on"


def told(found: EksAddons) -> list[EksAddon]:
    """Return the add-ons that EKS describes and is not at work on: what it says of them holds."""
    return [addon for addon in found.addons if addon.status and addon.status not in UNDER_WAY]


def not_told(found: EksAddons) -> Iterator[Gap]:
    """Yield what could not be read, is changing right now, or is in a state that nobody here knows."""
    yield from found.gaps
    for addon in found.addons:
        if addon.status in UNDER_WAY:
            reason = f"too early to tell: EKS is at work on it ({addon.status})"
            yield Gap(what=f"add-on {addon.name}", reason=reason)
        elif addon.status and addon.status not in FAILED | {ACTIVE}:
            yield Gap(what=f"add-on {addon.name}", reason=f"EKS says {addon.status}, which is no state known here")


def line(addon: EksAddon, issues: Sequence[AddonIssue]) -> str:
    """Return what EKS says of the add-on, with these of its issues."""
    said = "; ".join(f"{one.code}: {' '.join(one.message.split())}".rstrip(": ") for one in issues)
    return f"{addon.name} {addon.version} {addon.status}" + (f": {said}" if said else "")


def addon_object(addon: EksAddon) -> FaultyObject:
    """Return the add-on as the object that is at fault."""
    return FaultyObject(kind=ObjectKind.ADDON, name=addon.name)
