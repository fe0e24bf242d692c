from __future__ import annotations

from typing import Any

from tests.field_reports.field import Field
from tests.field_reports.report import Report


def arrange(field: Field) -> None:
    """The group lets 53 in from the first subnet's addresses alone, and everything else from itself."""
    group = field.world.cluster_security_group_id
    itself = {"UserIdGroupPairs": [{"GroupId": group}]}
    first = {"IpRanges": [{"CidrIp": field.world.home.subnets[0].cidr}]}
    admitted: list[dict[str, Any]] = [
        {"IpProtocol": protocol, "FromPort": low, "ToPort": high, **itself}
        for protocol in ("udp", "tcp")
        for low, high in ((0, 52), (54, 65535))
    ]
    admitted += [{"IpProtocol": protocol, "FromPort": 53, "ToPort": 53, **first} for protocol in ("udp", "tcp")]
    field.operator.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=admitted)
    everything = {"IpProtocol": "-1", **itself}
    field.operator.aws("ec2", "RevokeSecurityGroupIngress", GroupId=group, IpPermissions=[everything])


REPORT = Report(
    name="f31",
    source="custom networking (shape of awslabs/cdk-eks-blueprints#892), 53 from the first CIDR only (variant)",
    happened="Some pods live in a CIDR that is not the one from which their group admits 53.",
    right="dns_blocked_by_security_group",
    before="dns_blocked_by_security_group (problem, lookups fail)",
    arrange=arrange,
    causes=("dns_blocked_by_security_group",),
    verdict="problem",
    judged={"control_plane_blocked_by_security_group": "healthy"},
)
