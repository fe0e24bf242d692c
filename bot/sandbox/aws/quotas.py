"""What each account may have of Resolver in each region: AWS's defaults, and what was raised since."""

from __future__ import annotations

from dataclasses import dataclass, field

RESOLVER = "route53resolver"
ENDPOINTS, RULES, ASSOCIATIONS = "L-4A669CC0", "L-51D8A1FB", "L-94E19253"
DEFAULTS = {
    ENDPOINTS: ("Resolver endpoints per AWS Region", 4),
    RULES: ("Resolver rules per AWS Region", 1000),
    ASSOCIATIONS: ("Associations between resolver rules and VPCs per AWS Region", 2000),
}
"""Name and value by code (Route 53 Developer Guide, "Quotas on Route 53 VPC Resolver")."""


@dataclass(frozen=True, slots=True)
class Quotas:
    """Of all accounts."""

    raised: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """By account, region and code."""

    def of(self, account: str, region: str, code: str) -> int:
        """Return how many there may be."""
        return self.raised.get((account, region, code), DEFAULTS[code][1])
