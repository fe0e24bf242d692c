"""Who changed what a finding is about, and when: what was found, the time that was looked at, or why nobody knows."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.diagnosis import Diagnosis
from bot.domain.findings import Finding
from bot.domain.json_values import JsonObject
from bot.domain.phrases import capital, count, timestamp, with_grant
from bot.domain.who_changed import Change, CloudTrail, ManagedObject, ObjectChanges, ObjectManagers
from bot.report.plan_words import TimeForm
from bot.workflow.who_changed import CLOUD_TRAIL, MANAGERS

_TOLD_BY = {CLOUD_TRAIL: "CloudTrail", MANAGERS: "managedFields"}


def who_changed(diagnosis: Diagnosis, finding: Finding, *, at: TimeForm) -> tuple[str, ...]:
    """Return a line for each change of each object that was asked about, or one that says that none was found."""
    return tuple(_lines(diagnosis, finding, at))


def who_changed_rows(diagnosis: Diagnosis, finding: Finding) -> list[JsonObject]:
    """Return the same for whoever reads reports by program; an object of which nothing was found has no changes."""
    trail, managers = _trail(diagnosis), _managers(diagnosis)
    rows: list[JsonObject] = []
    for one in finding.judgement.objects:
        if trail is not None and (found := trail.of(one)) is not None:
            rows.append(
                {
                    "object": one.title,
                    "source": "cloudtrail:LookupEvents",
                    "since": timestamp(trail.since),
                    "until": timestamp(trail.until),
                    "changes": [
                        {"at": timestamp(change.at), "event": change.event, "by": change.by, "asked": change.asked}
                        for change in found.changes
                    ],
                    "more": found.more,
                    "reason": found.gap.reason if found.gap else "",
                }
            )
        if managers is not None and (managed := managers.of(one)) is not None:
            rows.append(
                {
                    "object": one.title,
                    "source": "managedFields",
                    "member": managed.member,
                    "changes": [
                        {"at": timestamp(client.at) if client.at else None, "client": client.client}
                        for client in managed.clients
                    ],
                    "reason": managed.gap.reason if managed.gap else "",
                }
            )
    return rows


def _trail(diagnosis: Diagnosis) -> CloudTrail | None:
    return next((one.value for one in diagnosis.evidence if isinstance(one.value, CloudTrail)), None)


def _managers(diagnosis: Diagnosis) -> ObjectManagers | None:
    return next((one.value for one in diagnosis.evidence if isinstance(one.value, ObjectManagers)), None)


def _lines(diagnosis: Diagnosis, finding: Finding, at: TimeForm) -> Iterator[str]:
    trail, managers = _trail(diagnosis), _managers(diagnosis)
    asked = [found for one in finding.judgement.objects if trail is not None and (found := trail.of(one)) is not None]
    for found in asked:
        yield from _of_trail(found, at)
    if trail is not None and any(one.gap is None for one in asked):
        yield f"CloudTrail was looked at for the 90 days up to {at(trail.until)}; events come there some minutes late."
    for one in finding.judgement.objects:
        if managers is not None and (managed := managers.of(one)) is not None:
            yield _of_fields(managed, at)
    if finding.judgement.objects:
        yield from (
            f"Not known from {what}: {with_grant(one.gap.reason, one.gap.grant)}"
            for one in diagnosis.evidence
            if one.gap is not None and (what := _TOLD_BY.get(one.collector))
        )


def _of_trail(found: ObjectChanges, at: TimeForm) -> Iterator[str]:
    title = capital(found.object.title)
    if found.gap is not None:
        yield f"{title}: not known. {with_grant(found.gap.reason, found.gap.grant)}"
    elif not found.changes:
        read = "the newest 50 events of each kind in CloudTrail hold" if found.only_newest else "CloudTrail has"
        yield f"{title}: {read} no change of it."
    else:
        more = f" {count(found.more, 'more change')} in the same time." if found.more else ""
        *others, last = (f"{title}: {_change(change, at)}." for change in found.changes)
        yield from others
        yield last + more


def _change(change: Change, at: TimeForm) -> str:
    asked = f" ({change.asked})" if change.asked else ""
    return f"{at(change.at)}, {change.event} by {change.by}{asked}"


def _of_fields(managed: ManagedObject, at: TimeForm) -> str:
    title = capital(managed.object.title)
    if managed.gap is not None:
        return f"{title}: not known. {with_grant(managed.gap.reason, managed.gap.grant)}"
    if not managed.clients:
        return f"{title}: its managedFields do not say who set `{managed.member}`, or when."
    newest, *others = managed.clients
    when = f" at {at(newest.at)}" if newest.at else ", at a time that they do not say"
    also = f"; before that by {', '.join(dict.fromkeys(one.client for one in others))}" if others else ""
    return (
        f"{title}: `{managed.member}` was last set by the client {newest.client}{when}{also}. managedFields name "
        "clients, not people, and keep no older value."
    )
