"""People, and what the chat system knows of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

MACHINES = "machine"
"""Stands where a person's team stands; Slack's ids of teams are of capital letters and digits."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Person:
    """A person is a team and a user within it. The same user id in another team is a stranger."""

    team_id: str
    user_id: str

    def __str__(self) -> str:
        """Return `T01/U01`, as stored in history."""
        return f"{self.team_id}/{self.user_id}"

    @property
    def is_machine(self) -> bool:
        """Whether this is a program: of no team, so that it may decide nothing, and nobody can be told anything."""
        return self.team_id == MACHINES


def machine(name: str) -> Person:
    """Return a program that asks without a person, by its name under `askers.machines`."""
    return Person(team_id=MACHINES, user_id=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the chat system says of an account right now."""

    person: Person
    name: str
    home_team_id: str
    """The team the account belongs to; another one than ours is a foreign workspace."""
    is_bot: bool
    is_guest: bool
    """Single- or multi-channel guest (`is_restricted`, `is_ultra_restricted`)."""
    is_deactivated: bool
    is_stranger: bool
    """Slack Connect: the account is not a member of our workspace."""


class Directory(Protocol):
    """Looks people up. A lookup that fails raises `Refused`: nobody is entitled by default."""

    def standing(self, person: Person) -> Standing:
        """Return what is known of this account now."""
        ...

    def group_members(self, group_ids: Collection[str]) -> frozenset[str]:
        """Return the user ids of our own team that are in any of these user groups."""
        ...

    def channel_members(self, channel: str, *, at_most: int) -> frozenset[str]:
        """Return the user ids of everybody in a channel; more than `at_most` are not looked up."""
        ...
