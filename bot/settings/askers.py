"""`askers:` of dnsbot.yaml: who may ask, and how many diagnoses at once."""

from __future__ import annotations

from pydantic import Field

from bot.domain.askers import AskerPolicy
from bot.settings.entries import Entry, GroupId, Named, UserId


class AskersEntry(Entry):
    """All of it."""

    users: list[UserId] = Field(default=[])
    user_groups: list[GroupId] = Field(default=[])
    machines: list[Named] = Field(default=[])
    at_once_per_person: int = Field(default=3, ge=1, le=100)
    at_once_per_cluster: int = Field(default=5, ge=1, le=100)


def asker_policy(entry: AskersEntry) -> AskerPolicy:
    """Return who may ask."""
    return AskerPolicy(
        users=tuple(entry.users),
        user_groups=tuple(entry.user_groups),
        machines=tuple(entry.machines),
        at_once_per_person=entry.at_once_per_person,
        at_once_per_cluster=entry.at_once_per_cluster,
    )
