from __future__ import annotations

from bot.sandbox.scenarios import node_group_split
from tests.field_reports.field import Field
from tests.field_reports.report import Report


def arrange(field: Field) -> None:
    """Each node group has a security group of its own; both reach the API, and neither lets the other's 53 in."""
    node_group_split.SCENARIO.acts(field.world, field.operator)


REPORT = Report(
    name="f15",
    source="pulumi/pulumi-eks#1365",
    happened="Two self-managed node groups with a group each and no rule between them: half of the lookups fail.",
    right="dns_blocked_by_security_group",
    before="dns_blocked_by_security_group (problem, lookups fail)",
    arrange=arrange,
    causes=("dns_blocked_by_security_group",),
    verdict="problem",
    judged={"control_plane_blocked_by_security_group": "healthy"},
)
