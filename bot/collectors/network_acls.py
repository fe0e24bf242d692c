"""The network ACLs of the cluster's VPC with the subnets they filter (A8).

Why it matters to DNS: ACLs are stateless, so the query (53) and the answer (the client's ephemeral port) each need an
entry on both subnets. Cost: one `ec2:DescribeNetworkAcls`.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.collectors.eks_cluster import EksCluster
from bot.domain.evidence import Collector
from bot.domain.permissions import AwsPermission
from bot.domain.reading import reading
from bot.domain.views import View
from bot.network.answers import network_acls
from bot.network.model import NetworkAcl


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkAcls:
    """All network ACLs of one VPC."""

    vpc_id: str
    acls: tuple[NetworkAcl, ...]


def collect(look: View) -> NetworkAcls:
    """Read the ACLs of the cluster's VPC."""
    vpc_id = look.need(EksCluster).vpc_id
    answer = look.aws.read("ec2", "DescribeNetworkAcls", Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])
    with reading("ec2:DescribeNetworkAcls"):
        acls = network_acls(answer["NetworkAcls"])
    return NetworkAcls(vpc_id=vpc_id, acls=tuple(sorted(acls, key=lambda acl: acl.id)))


def summarise(evidence: NetworkAcls) -> str:
    """Say how many ACLs with how many entries filter how many subnets."""
    entries = sum(len(acl.entries) for acl in evidence.acls)
    filtered = sum(len(acl.subnet_ids) for acl in evidence.acls)
    return f"{len(evidence.acls)} network ACLs with {entries} entries on {filtered} subnets of {evidence.vpc_id}"


COLLECTOR = Collector(
    name="network_acls",
    title="Network ACLs of the VPC",
    evidence=NetworkAcls,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(AwsPermission(action="ec2:DescribeNetworkAcls", unlocks="find the ACL entry that blocks DNS"),),
    needs=(EksCluster,),
)
