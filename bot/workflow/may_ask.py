"""Who may have a cluster diagnosed and see what was found, and in which channels it is shown.

Whoever may ask may have a plan proposed; approving is another matter.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bot.domain.askers import AskerPolicy
from bot.domain.people import Directory, Person
from bot.errors import NotEntitled, Refused
from bot.workflow.accounts import check_account, members

MEMBERS_LOOKED_UP = 30
"""So many people in a channel are looked up one by one; in a larger one nothing is shown to all."""
DIRECT = "D"
"""With what the ids of direct messages begin: only the asker is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Lets people in. Made once, by the composition root."""

    directory: Directory
    team_id: str
    """Our own workspace."""
    policy: AskerPolicy

    def check(self, person: Person) -> None:
        """Return, or raise `Refused` with why this person, or this program, may not ask."""
        if person.is_machine:
            if person.user_id not in self.policy.machines:
                raise Refused(f"{person.user_id} is not among `askers.machines` in dnsbot.yaml.")
            return
        check_account(person, self.directory, self.team_id, to="ask about clusters")
        policy = self.policy
        if policy.everybody or person.user_id in policy.users:
            return
        if not policy.user_groups or person.user_id not in members(policy.user_groups, self.directory):
            message = "You may not ask about clusters."
            raise NotEntitled(message, to="ask", users=policy.users, user_groups=policy.user_groups)

    def check_channel(self, channel: str, homes: Collection[str]) -> None:
        """Return where everybody in a channel may see what is found, or raise `Refused` with why not.

        `homes` are the channels that dnsbot.yaml gives this cluster: whoever configured them let their members in.
        Programs are no people. What cannot be looked up is not shown.
        """
        if channel in homes or channel.startswith(DIRECT):
            return
        for user_id in sorted(self.directory.channel_members(channel, at_most=MEMBERS_LOOKED_UP)):
            person = Person(team_id=self.team_id, user_id=user_id)
            if self.directory.standing(person).is_bot:
                continue
            try:
                self.check(person)
            except Refused as refusal:
                raise Refused(f"Not everybody in this channel may see this cluster: {user_id}.") from refusal
