"""What one unit called. It holds the unit to what it declared.

A call that the unit did not declare raises `UnitError`: docs/permissions.md, the IAM and
RBAC files and `doctor` are made from the declarations, so they must be true.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bot.domain.evidence import SourceCall
from bot.domain.permissions import AwsPermission, KubernetesPermission, Permission
from bot.domain.places import HOME, Place
from bot.errors import UnitError


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call to a far end. Equal values are the same call: asked twice, it would be answered the same."""

    right: AwsPermission | KubernetesPermission
    """What it needs."""
    place: Place = HOME
    """Where AWS is asked."""
    details: str = ""
    """All else that it says: the object's name, selectors, parameters."""

    @classmethod
    def aws(cls, action: str, place: Place, **details: object) -> Call:
        """Return a call of an action as IAM spells it, at a place."""
        return cls(right=AwsPermission(action=action, place=place.kind), place=place, details=_text(details))

    @classmethod
    def kubernetes(
        cls, verb: str, resource: str, group: str, namespace: str, *, probe_cluster: str = "", **details: object
    ) -> Call:
        """Return a call of the Kubernetes API; `probe_cluster` names that of another network, where it is meant."""
        elsewhere = bool(probe_cluster)
        right = KubernetesPermission(
            verb=verb, resource=resource, group=group, namespace=namespace, in_probe_cluster=elsewhere
        )
        return cls(right=right, details=_text({**details, "probe_cluster": probe_cluster} if elsewhere else details))

    def __str__(self) -> str:
        """Return it as reports show it: `ec2:DescribeVpcs`, `list pods in kube-system`."""
        if isinstance(self.right, AwsPermission):
            return self.right.action
        where = f" in {self.right.namespace}" if self.right.namespace else ""
        where += " of a probe's cluster" if self.right.in_probe_cluster else ""
        return f"{self.right.verb} {self.right.resource}{where}"

    def is_granted_by(self, known: Permission) -> bool:
        """Return whether this permission is enough for it; which object it names is not looked at."""
        wanted = self.right
        if isinstance(known, AwsPermission):
            return isinstance(wanted, AwsPermission) and (known.action, known.place) == (wanted.action, wanted.place)
        if isinstance(wanted, AwsPermission):
            return False
        same = (known.verb, known.resource, known.group) == (wanted.verb, wanted.resource, wanted.group)
        same = same and known.in_probe_cluster == wanted.in_probe_cluster
        return same and (known.follows_dns or known.namespace in {"", wanted.namespace})


def _text(details: dict[str, object]) -> str:
    return json.dumps(details, sort_keys=True, default=repr)


@dataclass(slots=True)
class Entry:
    """A call that is under way."""

    sent: bool = False
    """Set when it goes to the far end; one that stays unsent had its answer from another collector's call."""
    age_seconds: float = 0.0
    """How old an answer is that another diagnosis was given."""


@dataclass(slots=True)
class CallLog:
    """The calls of one unit, in the order in which they ended."""

    unit: str
    declared: tuple[Permission, ...]
    _calls: list[SourceCall] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def calls(self) -> tuple[SourceCall, ...]:
        """Return the calls so far."""
        with self._lock:
            return tuple(self._calls)

    @contextmanager
    def record(self, call: Call) -> Iterator[Entry]:
        """Record a call, failed ones too; refuse it when the unit did not declare it."""
        if not any(call.is_granted_by(known) for known in self.declared):
            raise UnitError(f"{self.unit} calls {call.right.text} without declaring it in its `permissions`.")
        entry, started = Entry(), time.monotonic()
        try:
            yield entry
        finally:
            took_ms = round((time.monotonic() - started) * 1000)
            made = SourceCall(
                name=str(call),
                place=call.place.name,
                took_ms=took_ms,
                shared=not entry.sent,
                age_seconds=round(entry.age_seconds, 1),
            )
            with self._lock:
                self._calls.append(made)
