from __future__ import annotations

from typing import Any

import pytest

from bot.domain.findings import Finding, Judgement, Kind, Severity, Verdict
from bot.errors import UnitError


def finding(**details: Any) -> Finding:
    """Return a problem with these details."""
    return Finding(
        rule="dns_blocked_by_security_group",
        title="DNS is blocked",
        kind=Kind.CAUSE,
        playbook="security-groups",
        severity=Severity.CRITICAL,
        judgement=Judgement(verdict=Verdict.PROBLEM, summary="DNS is blocked.", details=details),
    )


def test_the_objects_that_a_rule_lists_are_planned_from() -> None:
    """What else the list holds is left out: details may come back from a database."""
    assert finding(blocked=[{"protocol": "udp"}, "more"]).rows("blocked") == [{"protocol": "udp"}]


@pytest.mark.parametrize("listed", [None, [], "udp", 7, {"protocol": "udp"}])
def test_a_finding_without_its_list_is_the_rules_mistake(listed: object) -> None:
    """Nothing is planned from nothing; the rule and the key are named."""
    with pytest.raises(UnitError, match="details of dns_blocked_by_security_group hold no list `blocked`"):
        finding(blocked=listed).rows("blocked")
