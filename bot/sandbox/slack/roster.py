"""Who and what there is in the local workspace: accounts, user groups, channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

OUR_TEAM: Final = "T01"
BOT_USER: Final = "U0DNSBOT"
BOT_ID: Final = "B0DNSBOT"
APP_ID: Final = "A0DNSBOT"
CLUSTER_CHANNEL: Final = "C0123456789"
OUTSIDE_CHANNEL: Final = "C0OUTSIDE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account, with what `users.info` says of it."""

    id: str
    name: str
    team_id: str = OUR_TEAM
    is_bot: bool = False
    is_guest: bool = False
    is_deactivated: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the account as `users.info` does."""
        return {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "real_name": self.name.capitalize(),
            "deleted": self.is_deactivated,
            "is_bot": self.is_bot,
            "is_restricted": self.is_guest,
            "is_ultra_restricted": False,
            "is_stranger": self.team_id != OUR_TEAM,
            "is_admin": False,
            "is_owner": False,
            "is_app_user": False,
            "tz": "Europe/Paris",
            "profile": {"real_name": self.name.capitalize(), "display_name": self.name},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A user group."""

    id: str
    handle: str
    members: tuple[str, ...]

    def as_json(self, *, with_users: bool) -> dict[str, Any]:
        """Return the group as `usergroups.list` does."""
        group: dict[str, Any] = {
            "id": self.id,
            "team_id": OUR_TEAM,
            "is_usergroup": True,
            "name": self.handle,
            "handle": self.handle,
            "user_count": len(self.members),
            "date_delete": 0,
        }
        return {**group, "users": list(self.members)} if with_users else group


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel. People of the roster are members of every channel that names no others."""

    id: str
    name: str
    has_bot: bool
    is_private: bool = False
    is_archived: bool = False
    members: tuple[str, ...] = ()
    """Ids of its members; empty: everybody."""

    def as_json(self) -> dict[str, Any]:
        """Return the channel as `conversations.info` does."""
        return {
            "id": self.id,
            "name": self.name,
            "is_channel": not self.is_private,
            "is_group": self.is_private,
            "is_im": False,
            "is_private": self.is_private,
            "is_archived": self.is_archived,
            "is_member": self.has_bot,
            "is_ext_shared": False,
            "context_team_id": OUR_TEAM,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """A workspace's accounts, groups and channels, and the slash commands that its app has."""

    accounts: tuple[Account, ...]
    groups: tuple[Group, ...]
    channels: tuple[Channel, ...]
    commands: tuple[str, ...]

    def account(self, user_id: str) -> Account | None:
        """Return the account with this id."""
        return next((account for account in self.accounts if account.id == user_id), None)

    def named(self, name: str) -> Account:
        """Return the account with this name; raises KeyError with the names that there are."""
        for account in self.accounts:
            if account.name == name:
                return account
        raise KeyError(f"nobody here is called {name!r}; there are {', '.join(a.name for a in self.accounts)}")

    def channels_by_id(self) -> Mapping[str, Channel]:
        """Return the channels by id."""
        return {channel.id: channel for channel in self.channels}


BOT_ACCOUNT: Final = Account(id=BOT_USER, name="dnsbot", is_bot=True)


def usual_roster() -> Roster:
    """Return the workspace that the sandbox and the tests use: ana asks, ben and chloe may approve."""
    return Roster(
        accounts=(
            Account(id="U01", name="ana"),
            Account(id="U02", name="ben"),
            Account(id="U03", name="chloe"),
            Account(id="U04", name="dan"),
            Account(id="U05", name="guest", is_guest=True),
            Account(id="U06", name="robot", is_bot=True),
            Account(id="U07", name="gone", is_deactivated=True),
            Account(id="U08", name="stranger", team_id="T99"),
            BOT_ACCOUNT,
        ),
        groups=(Group(id="S01", handle="dns-approvers", members=("U02", "U03")),),
        channels=(
            Channel(id=CLUSTER_CHANNEL, name="cluster-prod", has_bot=True),
            Channel(id=OUTSIDE_CHANNEL, name="elsewhere", has_bot=False, members=("U01", "U02", "U03", "U04")),
            Channel(id="C0ARCHIVED", name="archived", has_bot=True, is_archived=True),
        ),
        commands=(
            "/dns-diagnose",
            "/dns-log",
            "/dns-capture",
            "/dns-history",
            "/dns-digest",
            "/dns-break-glass",
            "/dns-help",
        ),
    )
