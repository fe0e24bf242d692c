"""The doctor's part about AWS writes: each that a fix would send is judged by EC2 as a dry run.

EC2 API Reference, parameter DryRun: the answer says whether the caller has the permissions, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

from bot.doctor.checks import Check, CheckState
from bot.domain.deadline import Deadline
from bot.domain.diagnosis import Diagnosis
from bot.domain.permissions import AwsPermission
from bot.domain.places import PlaceKind
from bot.domain.plans import Fix, Rehearsal
from bot.errors import AccessDenied, DnsBotError, DryRunIgnored, NotFound
from bot.report.permissions import Need

REHEARSAL_SECONDS = 20.0
_CREATING = ("Authorize", "Create")
"""These go first: should dry runs be carried out there, what they make is for addresses that nobody has."""

Rehearse: TypeAlias = Callable[[str, Mapping[str, object], Deadline], None]
"""Sends an EC2 operation with these parameters as a dry run; raises `AccessDenied` where AWS would refuse it."""

_Failed: TypeAlias = tuple[Rehearsal, DnsBotError]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdicts:
    """What AWS said about the rights that the fixes need."""

    refused: Mapping[str, _Failed]
    """By right: the first dry run that showed it missing."""
    granted: Mapping[str, str]
    """By right: what it was tried on."""
    unclear: tuple[_Failed, ...]
    """Dry runs whose end says nothing about a right."""

    @classmethod
    def of(cls, tried: Collection[tuple[Rehearsal, DnsBotError | None]]) -> Self:
        """Sort them."""
        failed = [(one, error) for one, error in tried if error is not None]
        refused = {right: (one, error) for one, error in reversed(failed) if (right := _refused_right(one, error))}
        shown = {right: one.target for one, error in tried if error is None for right in one.judges}
        return cls(
            refused=refused,
            granted={right: target for right, target in shown.items() if right not in refused},
            unclear=tuple((one, error) for one, error in failed if not _refused_right(one, error)),
        )


def check_changes(
    subject: str, diagnosis: Diagnosis, changes: Sequence[Need], fixes: Iterable[Fix], rehearse: Rehearse
) -> Iterator[Check]:
    """Have AWS judge each write that a fix would send, on something that the diagnosis saw."""
    evidence = {type(one.value): one.value for one in diagnosis.evidence if one.value is not None}
    planned = {(one.operation, one.target): one for fix in fixes for one in fix.rehearse(evidence)}
    said = _Verdicts.of(tuple(_tried([one for one in planned.values() if not one.no_dry_run], rehearse)))
    needed = {
        need.permission.action
        for need in changes
        if isinstance(need.permission, AwsPermission) and need.permission.place is PlaceKind.HOME
    }
    unsaid = needed - said.granted.keys() - said.refused.keys()
    never = {right: why for right, why in _never_judged(planned.values()).items() if right in unsaid}
    left = unsaid - never.keys()
    for right, why in sorted(never.items()):
        text = f"cannot be judged beforehand, since {why}: the writer role needs {right}"
        yield Check(subject=subject, state=CheckState.NOTE, text=text, disables=_units_of(changes, {right}))
    for right, (one, error) in sorted(said.refused.items()):
        text = f"a dry run on {one.target}: {error}"
        yield Check(subject=subject, state=CheckState.MISSING, text=text, disables=_units_of(changes, {right}))
    for one, error in said.unclear:
        state = CheckState.MISSING if isinstance(error, AccessDenied | DryRunIgnored) else CheckState.UNKNOWN
        text = f"a dry run on {one.target}: {error}"
        yield Check(subject=subject, state=state, text=text, disables=_units_of(changes, left))
    if said.granted:
        targets = ", ".join(sorted(set(said.granted.values())))
        text = f"{len(said.granted)} AWS rights are granted, as dry runs on {targets} show"
        yield Check(subject=subject, state=CheckState.OK, text=text)
    if left and not said.unclear:
        why = "AWS refused another right first" if said.refused else "nothing to try it on was read"
        text = f"not judged, since {why}: the writer role needs {', '.join(sorted(left))}"
        yield Check(subject=subject, state=CheckState.NOTE, text=text, disables=_units_of(changes, left))


def _never_judged(planned: Iterable[Rehearsal]) -> dict[str, str]:
    """Return the rights of writes of which AWS knows no dry run, and why."""
    return {right: one.no_dry_run for one in planned if one.no_dry_run for right in one.judges}


def _tried(planned: Iterable[Rehearsal], rehearse: Rehearse) -> Iterator[tuple[Rehearsal, DnsBotError | None]]:
    """Try one after the other; end where the rest would fail in the same way, or would be carried out."""
    for one in sorted(planned, key=lambda one: not one.operation.startswith(_CREATING)):
        try:
            rehearse(one.operation, one.parameters, Deadline.after(REHEARSAL_SECONDS))
        except DnsBotError as error:
            yield one, error
            if not _refused_right(one, error) and not isinstance(error, NotFound):
                return
        else:
            yield one, None


def _refused_right(one: Rehearsal, error: DnsBotError) -> str:
    """Return the right of this write that AWS refused; empty where the error is about something else."""
    return error.grant if isinstance(error, AccessDenied) and error.grant in one.judges else ""


def _units_of(changes: Sequence[Need], actions: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted({unit for need in changes if need.permission.text in actions for unit in need.units}))
