"""`approvals:` of dnsbot.yaml: who may approve, by environment."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from bot.domain.approvals import ApprovalPolicy
from bot.domain.changes import ChangePolicy, Freeze, GlassPolicy, window_from
from bot.settings.entries import ChannelId, Duration, Entry, GroupId, TimeZone, UserId
from bot.workflow.located_yaml import LocatedYaml

SHORTEST, LONGEST = timedelta(seconds=1), timedelta(days=30)
"""Of a plan's life: in less nobody approves anything, and after a month the cluster is another one."""


def _lifetime(duration: timedelta) -> timedelta:
    if not SHORTEST <= duration <= LONGEST:
        raise ValueError("a time from 1s to 30d is expected")
    return duration


LONGEST_GLASS = timedelta(hours=1)


def _window(text: str) -> str:
    return window_from(text).text


def _short(duration: timedelta) -> timedelta:
    if not timedelta() < duration <= LONGEST_GLASS:
        raise ValueError("a time up to 1h is expected")
    return duration


class FreezeEntry(Entry):
    """Days on which nothing is changed."""

    since: date
    until: date
    reason: str = ""


class GlassEntry(Entry):
    """Who may break the glass."""

    users: list[UserId] = Field(default=[])
    user_groups: list[GroupId] = Field(default=[])
    expires_after: Annotated[Duration, AfterValidator(_short)] = timedelta(minutes=15)
    channel: ChannelId | Literal[""] = ""


class PolicyEntry(Entry):
    """One policy."""

    required: int = Field(default=1, ge=1, le=20, strict=True)
    requester_may_approve: bool = False
    users: list[UserId] = Field(default=[])
    user_groups: list[GroupId] = Field(default=[])
    expires_after: Annotated[Duration, AfterValidator(_lifetime)] = timedelta(minutes=30)
    timezone: TimeZone = "UTC"
    windows: list[Annotated[str, AfterValidator(_window)]] = Field(default=[])
    freezes: list[FreezeEntry] = Field(default=[])
    break_glass: GlassEntry | None = None


def change_policy(name: str, entry: PolicyEntry, document: LocatedYaml) -> ChangePolicy:
    """Return when changes may be made in an environment. Raises `ConfigurationError` for nobody and for no day."""
    for index, freeze in enumerate(entry.freezes):
        if freeze.until < freeze.since:
            raise document.error("ends before it begins.", ("approvals", name, "freezes", index))
    glass = entry.break_glass
    if glass is not None and not (glass.users or glass.user_groups):
        raise document.error(
            "names neither users nor user_groups, so nobody could break the glass.",
            ("approvals", name, "break_glass"),
            hint="Add `users: [U…]` or `user_groups: [S…]`, or leave it out.",
        )
    return ChangePolicy(
        environment=name,
        timezone=entry.timezone,
        windows=tuple(map(window_from, entry.windows)),
        freezes=tuple(Freeze(since=one.since, until=one.until, reason=one.reason) for one in entry.freezes),
        glass=None
        if glass is None
        else GlassPolicy(
            users=tuple(glass.users),
            user_groups=tuple(glass.user_groups),
            expires_after=glass.expires_after,
            channel=glass.channel,
        ),
    )


def approval_policy(name: str, entry: PolicyEntry, document: LocatedYaml) -> ApprovalPolicy:
    """Return the policy of an environment. Raises `ConfigurationError` where nobody could approve."""
    if not entry.users and not entry.user_groups:
        raise document.error(
            "names neither users nor user_groups, so nobody could approve.",
            ("approvals", name),
            hint="Add `users: [U…]` or `user_groups: [S…]`.",
        )
    people = len(set(entry.users))
    if entry.required > people and not entry.user_groups:
        raise document.error(
            f"is {entry.required}, and {people} named under users may approve: no plan would ever be.",
            ("approvals", name, "required"),
            hint="Name more users, or a user group.",
        )
    return ApprovalPolicy(
        environment=name,
        required=entry.required,
        requester_may_approve=entry.requester_may_approve,
        users=tuple(entry.users),
        user_groups=tuple(entry.user_groups),
        expires_after=entry.expires_after,
    )
