"""Whether the quotas of an account leave room for what a plan makes in Resolver, looked at before; no fix itself.

Source: Route 53 Developer Guide, "Quotas on Route 53 VPC Resolver". What AWS refuses with LimitExceeded is final.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from bot.collectors.resolver_quotas import Limited, ResolverQuotas
from bot.collectors.resolver_rules import AccountResolver, ResolverRules
from bot.domain.evidence import Gap
from bot.domain.plans import Advice, PlanCase
from bot.network.names import RuleType

_WORDS = {
    Limited.ENDPOINTS: "Resolver endpoints",
    Limited.RULES: "Resolver rules",
    Limited.ASSOCIATIONS: "associations of Resolver rules with VPCs",
}
Wanted: TypeAlias = tuple[Limited, str, str]
"""One thing that a plan makes: what it is, and in which account and region."""


def no_room(case: PlanCase, wanted: Sequence[Wanted]) -> Advice | None:
    """Return which quota stands in the way of what a plan makes, or nothing."""
    accounts = {(one.account, one.region): one for one in case.need(ResolverRules).accounts}
    read = case.look_for(ResolverQuotas)
    quotas = ResolverQuotas(accounts=(), gaps=(read,)) if isinstance(read, Gap) else read
    for limited, account, region in dict.fromkeys(wanted):
        more, quota = wanted.count((limited, account, region)), quotas.of(limited, account, region)
        found = accounts.get((account, region))
        there = _COUNT[limited](found) if found else 0
        if there + more > quota.most:
            own = "quota" if quota.read else "default quota (the account's own could not be read)"
            return Advice(
                reason=f"Account {account} has {there} {_WORDS[limited]} in {region}; {more} more exceed the {own} of "
                f"{quota.most}.",
                text=(
                    _raising(limited, there + more, region),
                    "Request a higher quota, or delete what nothing needs, and diagnose again.",
                ),
            )
    return None


def _raising(limited: Limited, wanted: int, region: str) -> str:
    return (
        "aws service-quotas request-service-quota-increase --service-code route53resolver "
        f"--quota-code {limited} --desired-value {wanted} --region {region}"
    )


def _rules(resolver: AccountResolver) -> int:
    return sum(rule.owner == resolver.account for rule in resolver.rules)


def _associations(resolver: AccountResolver) -> int:
    """Return how many associations people made: those that Resolver makes by itself count for nothing."""
    automatic = {rule.id for rule in resolver.rules if rule.type is RuleType.RECURSIVE}
    return sum(one.association.rule_id not in automatic for one in resolver.associations)


_COUNT: Mapping[Limited, Callable[[AccountResolver], int]] = {
    Limited.ENDPOINTS: lambda resolver: len(resolver.endpoints),
    Limited.RULES: _rules,
    Limited.ASSOCIATIONS: _associations,
}
