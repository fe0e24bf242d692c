from __future__ import annotations

from tests.field_reports.field import DNS_PODS, Field
from tests.field_reports.report import Report


def arrange(field: Field) -> None:
    """Let the nodes' group let IPv4 out alone, and CoreDNS start anew."""
    group = field.world.cluster_security_group_id
    six = {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    field.operator.aws("ec2", "RevokeSecurityGroupEgress", GroupId=group, IpPermissions=[six])
    field.operator.time_passes(3)
    field.operator.delete_pods(namespace="kube-system", labels=DNS_PODS)
    field.operator.time_passes(120)


REPORT = Report(
    name="f17",
    source="pulumi/pulumi-eks#1700",
    happened=(
        "IPv6 cluster, node group lets IPv4 out only: CoreDNS cannot reach the API, and 53 cannot leave for another "
        "node."
    ),
    right="dns_blocked_by_security_group, and the same group on the way to the API",
    before="coredns_api_unreachable, dns_blocked_by_security_group (problem, lookups fail)",
    arrange=arrange,
    causes=("control_plane_blocked_by_security_group", "dns_blocked_by_security_group"),
    verdict="problem",
    scenario="healthy-ipv6",
    explained={"coredns_api_unreachable": "control_plane_blocked_by_security_group"},
)
