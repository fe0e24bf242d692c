"""`approvals:` of dnsbot.yaml: who may approve, by environment."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from bot.domain.approvals import ApprovalPolicy
from bot.settings.entries import Duration, Entry
from bot.workflow.located_yaml import LocatedYaml


class PolicyEntry(Entry):
    """One policy."""

    required: int = Field(default=1, ge=1, le=20)
    requester_may_approve: bool = False
    users: list[str] = Field(default_factory=list)
    user_groups: list[str] = Field(default_factory=list)
    expires_after: Duration = timedelta(minutes=30)


def approval_policy(name: str, entry: PolicyEntry, document: LocatedYaml) -> ApprovalPolicy:
    """Return the policy of an environment. Raises `ConfigurationError` where nobody could approve."""
    if not entry.users and not entry.user_groups:
        raise document.error(
            "names neither users nor user_groups, so nobody could approve.",
            ("approvals", name),
            hint="Add `users: [U…]` or `user_groups: [S…]`.",
        )
    return ApprovalPolicy(
        environment=name,
        required=entry.required,
        requester_may_approve=entry.requester_may_approve,
        users=tuple(entry.users),
        user_groups=tuple(entry.user_groups),
        expires_after=entry.expires_after,
    )
