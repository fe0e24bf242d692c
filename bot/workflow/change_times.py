"""When changes may be made, and who breaks the glass to make them all the same: windows, freezes, break-glass.

Who broke the glass for a cluster approves plans for it alone for a short time, in a freeze, too. That right is looked
at again when a plan is to be applied: it counts as long as its person may still break the glass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.domain.approvals import Choice
from bot.domain.changes import BreakGlass, ChangePolicy, GlassPolicy
from bot.domain.cluster import ClusterTarget
from bot.domain.history import History, Press
from bot.domain.people import Directory, Person
from bot.domain.plans import FixPlan
from bot.errors import Refused
from bot.workflow.accounts import check_account, members
from bot.workflow.policy import DEFAULT
from bot.workflow.reasons import kept_reason

_LEAST_REASON = 10
"""Characters: "now" is no reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeTimes:
    """Looks at windows, freezes and broken glass. Made by the gate."""

    history: History
    directory: Directory
    team_id: str
    """Our own workspace."""
    targets: Mapping[str, ClusterTarget]
    changes: Mapping[str, ChangePolicy]
    """By environment; one that is not there: always, and nobody may break the glass."""

    def policy(self, cluster: str) -> ChangePolicy:
        """Return when changes may be made in a cluster, and who may break the glass for it."""
        target = self.targets.get(cluster)
        environment = (target.environment if target else "") or DEFAULT
        return self.changes.get(environment) or ChangePolicy(environment=environment)

    def check(self, plan: FixPlan) -> None:
        """Raise `Refused` for a change outside of its time; taking one back is always let through."""
        policy = self.policy(plan.cluster)
        if not (policy.windows or policy.freezes) or plan.undoes:
            return
        if closed := policy.closed(self.history.now()):
            way = " In an emergency: /dns-break-glass." if policy.glass is not None else ""
            raise Refused(f"Not now: {closed}. Diagnose again then; a plan is made from what was seen.{way}")

    def break_glass(self, person: Person, cluster: str, reason: str) -> BreakGlass:
        """Let somebody approve plans for a cluster alone for a short time, or raise `Refused` with the reason."""
        glass = self._may_break(person, cluster)
        kept = kept_reason(reason).strip()
        if len(kept) < _LEAST_REASON:
            raise Refused("Breaking the glass needs a reason: say in a few words why nobody else can approve.")
        return self.history.break_glass(cluster, person, kept, glass.expires_after)

    def glass_of(self, press: Press, cluster: str) -> BreakGlass | None:
        """Return what an Approve is pressed under, where its person broke the glass; `Refused`: and no longer may."""
        if press.choice is not Choice.APPROVE or self.policy(cluster).glass is None:
            return None
        broken = [one for one in self.history.broken_glass(cluster) if one.is_active]
        own = next((one for one in broken if one.person.user_id == press.person.user_id), None)
        if own is not None:
            self._may_break(press.person, cluster)
        return own

    def under_glass(self, cluster: str, approvers: Mapping[Person, datetime], refusals: list[str]) -> list[Person]:
        """Return who of them approved under a glass that they had broken, and may still break.

        Why somebody may no longer is added to the refusals.
        """
        if self.policy(cluster).glass is None:
            return []
        found: list[Person] = []
        broken = self.history.broken_glass(cluster)
        for person, at in approvers.items():
            if any(one.covers(person, at) for one in broken):
                try:
                    self._may_break(person, cluster)
                    found.append(person)
                except Refused as refusal:
                    refusals.append(f"{person}: {refusal}")
        return found

    def _may_break(self, person: Person, cluster: str) -> GlassPolicy:
        """Return by which policy somebody may break the glass, or raise `Refused` with why they may not."""
        glass = self.policy(cluster).glass
        if glass is None:
            raise Refused(
                f"Nobody may break the glass for {cluster} (`break_glass:` under `approvals:` in dnsbot.yaml)."
            )
        check_account(person, self.directory, self.team_id, to="break the glass")
        named = person.user_id in glass.users
        if not named and not (glass.user_groups and person.user_id in members(glass.user_groups, self.directory)):
            raise Refused(f"You are not among those who may break the glass for {cluster}.")
        return glass
