from __future__ import annotations

from bot.sandbox.scenarios import branch_pods_security_group
from tests.field_reports.field import Field
from tests.field_reports.report import Report


def arrange(field: Field) -> None:
    """Pods get a group of their own by a SecurityGroupPolicy; the nodes' group does not admit its 53."""
    branch_pods_security_group.SCENARIO.acts(field.world, field.operator)


REPORT = Report(
    name="f35",
    source="aws/amazon-vpc-cni-k8s#1211",
    happened="Security groups for pods: the pod's own group is wide open, the nodes' group does not admit it.",
    right="dns_blocked_by_security_group",
    before="dns_blocked_by_security_group (problem, lookups fail)",
    arrange=arrange,
    causes=("dns_blocked_by_security_group",),
    verdict="problem",
    judged={"control_plane_blocked_by_security_group": "healthy"},
)
