"""Who people are, asked from Slack at the moment it matters. Nothing is cached that decides anything."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.domain.people import Person, Standing
from bot.errors import NotLookedUp, Refused

NAMES_LAST_SECONDS = 600.0
NOT_THERE = frozenset({"user_not_found", "user_not_visible", "no_such_subteam", "channel_not_found"})
"""Slack's codes for an id that it does not know here (method pages of docs.slack.dev); any other answers nothing."""
ACCOUNT = re.compile(r"[A-Z][A-Z0-9]{1,30}")
"""An id of an account, as Slack forms them."""


class SlackDirectory:
    """`domain.people.Directory` on users.info and usergroups.users.list; any failure is a refusal."""

    def __init__(self, client: WebClient, *, team_id: str) -> None:
        self._client = client
        self._team_id = team_id

    def standing(self, person: Person) -> Standing:
        """Return what Slack says of this account now. Raises `Refused` when it cannot be looked up."""
        answer = self._ask(f"who {person.user_id} is", "users.info", user=person.user_id)
        user = answer.get("user")
        if not isinstance(user, Mapping) or user.get("id") != person.user_id:
            raise NotLookedUp(
                f"Slack's users.info gave no account for {person.user_id}; nobody is entitled by default."
            )
        home = str(user.get("team_id") or "")
        if not home:
            raise NotLookedUp(f"Slack's users.info named no team for {person.user_id}; nobody is entitled by default.")
        return Standing(
            person=person,
            name=name_of(user) or person.user_id,
            home_team_id=home,
            is_bot=_flag(user, "is_bot") or person.user_id == "USLACKBOT",
            is_guest=_flag(user, "is_restricted") or _flag(user, "is_ultra_restricted"),
            is_deactivated=_flag(user, "deleted"),
            is_stranger=_flag(user, "is_stranger") or {home, person.team_id} != {self._team_id},
        )

    def group_members(self, group_ids: Collection[str]) -> frozenset[str]:
        """Return the user ids in any of these user groups. Raises `Refused` when one cannot be looked up."""
        members: set[str] = set()
        for group_id in sorted(group_ids):
            answer = self._ask(f"who is in user group {group_id}", "usergroups.users.list", usergroup=group_id)
            users = answer.get("users")
            if not isinstance(users, list):
                raise NotLookedUp(f"Slack's usergroups.users.list gave no list for user group {group_id}.")
            members.update(str(user) for user in users)
        return frozenset(members)

    def channel_members(self, channel: str, *, at_most: int) -> frozenset[str]:
        """Return the user ids of everybody in a channel. Raises `Refused` for more, and for no answer."""
        answer = self._ask(f"who is in channel {channel}", "conversations.members", channel=channel, limit=at_most + 1)
        users = answer.get("members")
        if not isinstance(users, list) or not users:
            raise NotLookedUp(f"Slack's conversations.members gave no list for channel {channel}.")
        if len(users) > at_most or (answer.get("response_metadata") or {}).get("next_cursor"):
            raise Refused(f"Channel {channel} has more than {at_most} members; they were not looked up.")
        return frozenset(map(str, users))

    def _ask(self, what: str, method: str, **arguments: Any) -> Mapping[str, Any]:  # noqa: ANN401  # the method's own
        try:
            if method == "users.info":
                data = self._client.users_info(**arguments).data
            elif method == "conversations.members":
                data = self._client.conversations_members(**arguments).data
            else:
                data = self._client.usergroups_users_list(**arguments).data
        except SlackApiError as error:
            code = error.response.get("error", "no error code")
            kind = Refused if code in NOT_THERE else NotLookedUp
            raise kind(f"Slack would not say {what}: {method} answered {code}. Nothing was changed.") from error
        except (SlackClientError, OSError, ValueError) as error:
            raise NotLookedUp(
                f"Slack could not be asked {what}: {method} gave {type(error).__name__}. Nothing was changed."
            ) from error
        if not isinstance(data, Mapping):
            raise NotLookedUp(f"Slack's answer to {method} was not of its protocol. Nothing was changed; try again.")
        return data


class SlackNames:
    """Names to show for ids. For display alone: it caches for ten minutes and answers with the id when in doubt."""

    def __init__(self, client: WebClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, str]] = {}

    def person(self, user_id: str) -> str:
        """Return the display name of an account of our team, or its id; a program's name is its id."""
        return self._remember(user_id, self._ask_person) if ACCOUNT.fullmatch(user_id) else user_id

    def group(self, group_id: str) -> str:
        """Return the handle of a user group, or its id."""
        return self._remember(group_id, self._ask_group)

    def _remember(self, key: str, ask: Callable[[str], str]) -> str:
        now = time.monotonic()
        with self._lock:
            known = self._known.get(key)
        if known is not None and now - known[0] < NAMES_LAST_SECONDS:
            return known[1]
        try:
            name = ask(key) or key
        except (SlackApiError, SlackClientError, OSError, ValueError):
            name = key
        with self._lock:
            self._known[key] = (now, name)
        return name

    def _ask_person(self, user_id: str) -> str:
        return name_of(self._client.users_info(user=user_id).get("user") or {})

    def _ask_group(self, group_id: str) -> str:
        groups = self._client.usergroups_list().get("usergroups") or []
        return next((str(group.get("handle") or "") for group in groups if group.get("id") == group_id), "")


def name_of(user: Mapping[str, Any]) -> str:
    """Return the name that Slack shows for a user object of users.info, or an empty text."""
    profile = user.get("profile") or {}
    return str(
        profile.get("display_name") or profile.get("real_name") or user.get("real_name") or user.get("name") or ""
    )


def _flag(user: Mapping[str, Any], key: str) -> bool:
    """Return whether this mark is set; anything but a plain false counts as set."""
    return user.get(key, False) is not False
