from __future__ import annotations

from tests.field_reports.field import Field
from tests.field_reports.report import Report


def arrange(field: Field) -> None:
    """The cluster's own group no longer admits itself."""
    group = field.world.cluster_security_group_id
    everything = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
    field.operator.aws("ec2", "RevokeSecurityGroupIngress", GroupId=group, IpPermissions=[everything])
    for port in (443, 10250):
        admitted = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": [{"GroupId": group}]}
        field.operator.aws("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[admitted])


REPORT = Report(
    name="f17_nodes",
    source="pulumi/pulumi-eks#1700 (variant: an IPv6 cluster whose group was hardened)",
    happened="IPv6 cluster: the cluster security group admits 443 and 10250 from itself, and no longer 53.",
    right="dns_blocked_by_security_group",
    before="not looked at",
    arrange=arrange,
    verdict="problem",
    causes=("dns_blocked_by_security_group",),
    explained={"dns_lookups_fail": "dns_blocked_by_security_group"},
    scenario="healthy-ipv6",
)
