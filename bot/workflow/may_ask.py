"""Who may have a cluster diagnosed and see what was found.

Whoever may ask may have a plan proposed; approving is another matter.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.askers import AskerPolicy
from bot.domain.people import Directory, Person
from bot.errors import NotEntitled, Refused
from bot.workflow.accounts import check_account, members


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
            raise NotEntitled("You may not ask about clusters.", users=policy.users, user_groups=policy.user_groups)
