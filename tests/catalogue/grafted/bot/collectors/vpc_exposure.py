"""The address blocks of the cluster's VPC and the internet gateways attached to it.

Why it matters to DNS: where packets can come in from the internet, a rule that admits everybody to port 53 makes
CoreDNS an open resolver. Cost: one `ec2:DescribeVpcs`, one `ec2:DescribeInternetGateways`.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.collectors.eks_cluster import EksCluster
from bot.domain.evidence import Collector
from bot.domain.permissions import AwsPermission
from bot.domain.reading import reading
from bot.domain.views import View
from bot.network.answers import network
from bot.network.model import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcExposure:
    """From where packets can enter one VPC."""

    vpc_id: str
    cidrs: tuple[Network, ...]
    """The VPC's own address blocks, the first one first."""
    internet_gateway_ids: tuple[str, ...]
    """Attached to this VPC; none: nothing comes in from the internet."""


def collect(look: View) -> VpcExposure:
    """Describe the cluster's VPC and what is attached to it."""
    vpc_id = look.need(EksCluster).vpc_id
    described = look.aws.read("ec2", "DescribeVpcs", VpcIds=[vpc_id])
    attached = [{"Name": "attachment.vpc-id", "Values": [vpc_id]}]
    gateways = look.aws.read("ec2", "DescribeInternetGateways", Filters=attached)
    with reading("ec2:DescribeVpcs with ec2:DescribeInternetGateways"):
        (vpc,) = described["Vpcs"]
        further = [item["CidrBlock"] for item in vpc.get("CidrBlockAssociationSet") or ()]
        return VpcExposure(
            vpc_id=vpc_id,
            cidrs=tuple(dict.fromkeys(network(text) for text in (vpc["CidrBlock"], *further))),
            internet_gateway_ids=tuple(sorted(row["InternetGatewayId"] for row in gateways["InternetGateways"])),
        )


def summarise(evidence: VpcExposure) -> str:
    """Say how many gateways lead to how many address blocks."""
    return f"{len(evidence.internet_gateway_ids)} internet gateways at {', '.join(map(str, evidence.cidrs))}"


COLLECTOR = Collector(
    name="vpc_exposure",
    title="Ways from the internet into the VPC",
    evidence=VpcExposure,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        AwsPermission(action="ec2:DescribeVpcs", unlocks="tell the VPC's own addresses from others"),
        AwsPermission(action="ec2:DescribeInternetGateways", unlocks="see whether the internet can reach the VPC"),
    ),
    needs=(EksCluster,),
)
