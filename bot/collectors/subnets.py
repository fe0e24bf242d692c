"""The subnets of the cluster's VPC with their routes.

Why it matters to DNS: between two subnets a route can lead packets through a firewall, whose own rules decide then.
Cost: one `ec2:DescribeSubnets`, one `ec2:DescribeRouteTables`.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.collectors.eks_cluster import EksCluster
from bot.domain.evidence import Collector
from bot.domain.permissions import AwsPermission
from bot.domain.reading import reading
from bot.domain.views import View
from bot.network import answers
from bot.network.model import Subnet


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnets:
    """All subnets of one VPC."""

    vpc_id: str
    subnets: tuple[Subnet, ...]


def collect(look: View) -> Subnets:
    """Read the subnets and route tables of the cluster's VPC."""
    vpc_id = look.need(EksCluster).vpc_id
    filters = [{"Name": "vpc-id", "Values": [vpc_id]}]
    described = look.aws.read("ec2", "DescribeSubnets", Filters=filters)
    routed = look.aws.read("ec2", "DescribeRouteTables", Filters=filters)
    with reading("ec2:DescribeSubnets with ec2:DescribeRouteTables"):
        subnets = answers.subnets(described["Subnets"], routed["RouteTables"])
    return Subnets(vpc_id=vpc_id, subnets=tuple(sorted(subnets, key=lambda subnet: subnet.id)))


def summarise(evidence: Subnets) -> str:
    """Say how many subnets with how many route tables there are."""
    tables = {subnet.route_table_id for subnet in evidence.subnets}
    return f"{len(evidence.subnets)} subnets with {len(tables)} route tables in {evidence.vpc_id}"


COLLECTOR = Collector(
    name="subnets",
    title="Subnets and their routes",
    evidence=Subnets,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        AwsPermission(action="ec2:DescribeSubnets", unlocks="tell which subnets DNS crosses"),
        AwsPermission(action="ec2:DescribeRouteTables", unlocks="see a firewall between two subnets"),
    ),
    needs=(EksCluster,),
)
