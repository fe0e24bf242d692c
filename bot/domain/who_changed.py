"""Who changed what is at fault, and when, as CloudTrail and managedFields tell it: evidence that reports show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.evidence import Gap
from bot.domain.faulty_objects import FaultyObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One event that changed an object, or its making."""

    at: datetime
    event: str
    """As the API names the operation: `RevokeSecurityGroupIngress`."""
    by: str
    """Who called: `user/alice`, `assumed-role/admin/alice`; a service by its name."""
    asked: str
    """What the call asked for, as far as it says: `udp/53 from sg-0aaa`."""
    fits: bool = False
    """It is about the part that is at fault: an ACL's closing entry, or a rule that a group lost in that direction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectChanges:
    """What CloudTrail has of one object."""

    object: FaultyObject
    changes: tuple[Change, ...]
    """Those that fit first, each the newest first; at most three."""
    more: int = 0
    """Further ones."""
    only_newest: bool = False
    """There are more events of these names than were read."""
    gap: Gap | None = None
    """Why it could not be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudTrail:
    """What was found of each object that was asked about."""

    objects: tuple[ObjectChanges, ...]
    since: datetime
    until: datetime
    """The time that was looked at."""
    gaps: tuple[Gap, ...] = ()

    def of(self, one: FaultyObject) -> ObjectChanges | None:
        """Return what was found of an object; None: it was not asked about."""
        return next((found for found in self.objects if found.object == one), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetBy:
    """A client that set a part of a Kubernetes object."""

    client: str
    """The field manager: `kubectl-edit`, `helm`, `eks`; never a person."""
    at: datetime | None
    """When it last did; None: they do not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedObject:
    """What the managedFields of one object say."""

    object: FaultyObject
    member: str
    """`data` or `spec`."""
    clients: tuple[SetBy, ...]
    """Newest first; none: they do not say."""
    gap: Gap | None = None
    """Why it could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectManagers:
    """What was found of each object that was asked about."""

    objects: tuple[ManagedObject, ...]
    gaps: tuple[Gap, ...] = ()

    def of(self, one: FaultyObject) -> ManagedObject | None:
        """Return what was found of an object; None: it was not asked about."""
        return next((found for found in self.objects if found.object == one), None)
