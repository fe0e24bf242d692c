"""The EKS cluster: its VPC, cluster security group, endpoint access and version (A2).

Why it matters to DNS: the cluster security group is the one that governs node traffic unless nodes carry others.
Cost: one `eks:DescribeCluster`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.evidence import Collector
from bot.domain.permissions import AwsPermission
from bot.domain.reading import reading
from bot.domain.views import View


@dataclass(frozen=True, slots=True, kw_only=True)
class EksCluster:
    """What eks:DescribeCluster says."""

    name: str
    arn: str
    account: str
    status: str
    version: str
    vpc_id: str
    cluster_security_group_id: str
    security_group_ids: tuple[str, ...]
    """Further groups of the control-plane interfaces."""
    subnet_ids: tuple[str, ...]
    endpoint: str
    endpoint_public: bool
    endpoint_private: bool
    service_cidr: str
    auto_mode: bool
    """EKS Auto Mode: DNS runs on the node; no kube-dns Service, by design."""
    public_access_cidrs: tuple[str, ...] = ("0.0.0.0/0",)
    """Whom the public endpoint lets in."""

    @property
    def endpoint_host(self) -> str:
        """The endpoint's name in small letters; empty while the cluster is being created."""
        return self.endpoint.removeprefix("https://").partition("/")[0].lower()


def collect(look: View) -> EksCluster:
    """Describe the cluster named in the configuration."""
    answer = look.aws.read("eks", "DescribeCluster", name=look.target.eks_name)
    with reading("eks:DescribeCluster"):
        return _cluster(answer["cluster"])


def _cluster(cluster: Mapping[str, Any]) -> EksCluster:
    vpc = cluster["resourcesVpcConfig"]
    network = cluster.get("kubernetesNetworkConfig") or {}
    return EksCluster(
        name=cluster["name"],
        arn=cluster["arn"],
        account=cluster["arn"].split(":")[4],
        status=cluster["status"],
        version=cluster["version"],
        vpc_id=_filled(vpc, "vpcId"),
        cluster_security_group_id=_filled(vpc, "clusterSecurityGroupId"),
        security_group_ids=tuple(vpc.get("securityGroupIds") or ()),
        subnet_ids=tuple(vpc.get("subnetIds") or ()),
        endpoint=cluster.get("endpoint") or "",
        endpoint_public=bool(vpc.get("endpointPublicAccess", False)),
        endpoint_private=bool(vpc.get("endpointPrivateAccess", False)),
        service_cidr=network.get("serviceIpv4Cidr") or network.get("serviceIpv6Cidr") or "",
        auto_mode=bool((cluster.get("computeConfig") or {}).get("enabled", False)),
        public_access_cidrs=tuple(vpc.get("publicAccessCidrs") or ("0.0.0.0/0",)),
    )


def _filled(vpc: Mapping[str, Any], member: str) -> str:
    """Return a member that must be there and not empty; a cluster that is still being created lacks it."""
    if not vpc[member]:
        raise KeyError(member)
    return str(vpc[member])


def summarise(evidence: EksCluster) -> str:
    """Say version, status, VPC, cluster security group and how the endpoint is reached."""
    access = [word for word, on in (("public", evidence.endpoint_public), ("private", evidence.endpoint_private)) if on]
    mode = ", Auto Mode" if evidence.auto_mode else ""
    return (
        f"EKS {evidence.version} {evidence.status} in {evidence.vpc_id}, cluster security group "
        f"{evidence.cluster_security_group_id}, endpoint {' and '.join(access) or 'access not stated'}{mode}"
    )


COLLECTOR = Collector(
    name="eks_cluster",
    title="EKS cluster",
    evidence=EksCluster,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(AwsPermission(action="eks:DescribeCluster", unlocks="find the VPC and the cluster security group"),),
)
