"""The doctor's part about peers: whether each can be entered to read, and to change where it has a writer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from bot.doctor.checks import Check, CheckState
from bot.domain.cluster import ClusterTarget
from bot.domain.deadline import Deadline
from bot.domain.diagnosis import Diagnosis
from bot.domain.permissions import AwsPermission
from bot.domain.places import HOME, Place, PlaceKind
from bot.errors import DnsBotError, EvidenceUnavailable
from bot.report.permissions import Need

ENTER_SECONDS = 20.0

Enter: TypeAlias = Callable[[Place, Deadline], None]
"""Becomes the AWS writer at a place and asks for nothing; raises `EvidenceUnavailable` where that is refused."""


def check_peers(
    target: ClusterTarget, diagnosis: Diagnosis, changes: Sequence[Need], enter: Enter | None
) -> Iterator[Check]:
    """Tell of each peer what the diagnosis found there, and, where `enter` is given, try to become its writer."""
    fixes = units_at(changes, PlaceKind.PEER)
    for seen in diagnosis.places:
        if seen.place == HOME:
            continue
        subject = f"{target.name}, {seen.place}"
        if seen.gap is None:
            yield Check(subject=subject, state=CheckState.OK, text=f"can be looked at, in account {seen.found.account}")
        else:
            state = CheckState.MISSING if seen.gap.grant else CheckState.UNKNOWN
            yield Check(subject=subject, state=state, text=seen.gap.reason, disables=("all that is read there",))
        if not target.has_aws_writer(seen.place):
            yield from _no_writer(f"{subject}, to change", fixes)
        elif enter is not None:
            yield _writer(f"{subject}, to change", seen.place, enter)


def units_at(changes: Sequence[Need], kind: PlaceKind) -> tuple[str, ...]:
    """Return the fixes that change AWS at places of this kind."""
    there = [need for need in changes if isinstance(need.permission, AwsPermission) and need.permission.place is kind]
    return tuple(sorted({fix for need in there for fix in need.units}))


def _no_writer(subject: str, fixes: tuple[str, ...]) -> Iterator[Check]:
    if fixes:
        text = "no writer_role_arn is set: plans that change AWS there are shown with the command and no Approve"
        yield Check(subject=subject, state=CheckState.NOTE, text=text, disables=fixes)


def _writer(subject: str, place: Place, enter: Enter) -> Check:
    try:
        enter(place, Deadline.after(ENTER_SECONDS))
    except DnsBotError as error:
        denied = isinstance(error, EvidenceUnavailable) and error.grant
        state = CheckState.MISSING if denied else CheckState.UNKNOWN
        return Check(subject=subject, state=state, text=str(error), disables=("fixes that change something there",))
    return Check(subject=subject, state=CheckState.OK, text="the writer role can be assumed")
