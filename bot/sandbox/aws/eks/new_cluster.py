"""A new EKS cluster, with what EKS itself creates for it: cluster security group and control-plane interfaces.

Source: EKS User Guide, "View Amazon EKS security group requirements for clusters".
"""

from __future__ import annotations

import base64
from ipaddress import ip_network
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.moto_api._internal import mock_random

from bot.sandbox.aws.eks.certificates import authority_pem
from bot.sandbox.aws.moto_access import MotoObject
from bot.sandbox.aws.service import ServiceError
from bot.sandbox.world.world import SERVICE_CIDR, SERVICE_CIDR_IPV6


def new_cluster(account: str, region: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the description of a cluster as CreateCluster asked for it, without time and status."""
    name, config = asked["name"], asked["resourcesVpcConfig"]
    subnets = _subnets(account, region, config["subnetIds"])
    group = _cluster_group(account, region, name, subnets[0].vpc_id)
    network = _network(asked.get("kubernetesNetworkConfig", {}))
    _control_plane_interfaces(account, region, name, subnets[:2], group, ipv6=network["ipFamily"] == "ipv6")
    identity = mock_random.get_random_hex(32).upper()
    cluster = {
        "name": name,
        "arn": f"arn:aws:eks:{region}:{account}:cluster/{name}",
        "version": asked.get("version", "1.32"),
        "endpoint": f"https://{identity}.gr7.{region}.eks.amazonaws.com",
        "roleArn": asked["roleArn"],
        "resourcesVpcConfig": {
            "subnetIds": config["subnetIds"],
            "securityGroupIds": config.get("securityGroupIds", []),
            "clusterSecurityGroupId": group,
            "vpcId": subnets[0].vpc_id,
            "endpointPublicAccess": config.get("endpointPublicAccess", True),
            "endpointPrivateAccess": config.get("endpointPrivateAccess", False),
            "publicAccessCidrs": config.get("publicAccessCidrs", ["0.0.0.0/0"]),
        },
        "kubernetesNetworkConfig": network,
        "logging": asked.get("logging", {"clusterLogging": []}),
        "identity": {"oidc": {"issuer": f"https://oidc.eks.{region}.amazonaws.com/id/{identity}"}},
        "certificateAuthority": {"data": base64.b64encode(authority_pem()).decode()},
        "platformVersion": "eks.15",
        "tags": asked.get("tags", {}),
        "health": {"issues": []},
        "accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP", **asked.get("accessConfig", {})},
    }
    extra = ("computeConfig", "storageConfig", "upgradePolicy")
    return cluster | {member: asked[member] for member in extra if member in asked}


def _network(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the families' CIDRs: of an IPv6 cluster EKS draws the Services' and names no IPv4 one."""
    ipv6 = asked.get("ipFamily") == "ipv6"
    own = {"serviceIpv6Cidr": SERVICE_CIDR_IPV6} if ipv6 else {"serviceIpv4Cidr": SERVICE_CIDR}
    return {**own, "ipFamily": "ipv4", **asked}


def _subnets(account: str, region: str, subnet_ids: list[str]) -> list[Any]:
    known = {subnet.id: subnet for subnet in ec2_backends[account][region].describe_subnets()}
    unknown = [subnet_id for subnet_id in subnet_ids if subnet_id not in known]
    if unknown or not subnet_ids:
        raise ServiceError("InvalidParameterException", f"The subnet ID '{', '.join(unknown)}' does not exist")
    return [known[subnet_id] for subnet_id in subnet_ids]


def _cluster_group(account: str, region: str, name: str, vpc_id: str) -> str:
    """Create the cluster security group as EKS does: all traffic from itself in, everything out."""
    backend = ec2_backends[account][region]
    group = backend.create_security_group(
        f"eks-cluster-sg-{name}-{mock_random.randint(10**8, 10**9)}",
        "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, as well as any "
        "managed workloads.",
        vpc_id=vpc_id,
        tags={f"kubernetes.io/cluster/{name}": "owned", "aws:eks:cluster-name": name},
    )
    source = {"GroupId": group.id, "UserId": account}
    rule = SecurityGroupRule(backend, "-1", group.id, None, None, None, source_group=source, is_egress=False)
    group.ingress_rules.append(rule)
    return str(group.id)


def _control_plane_interfaces(
    account: str, region: str, name: str, subnets: list[Any], group: str, *, ipv6: bool
) -> None:
    backend: MotoObject = ec2_backends[account][region]
    for subnet in subnets:
        eni = backend.create_network_interface(
            subnet,
            None,
            group_ids=[group],
            description=f"Amazon EKS {name}",
            ipv6_addresses=_upper_addresses(subnet) if ipv6 else [],
        )
        eni.requester_managed, eni.status = True, "in-use"


def _upper_addresses(subnet: Any) -> list[str]:  # noqa: ANN401  # moto's own
    """Return the upper end of each IPv6 CIDR of a subnet, where no node's addresses are."""
    blocks = (one["ipv6CidrBlock"] for one in subnet.ipv6_cidr_block_associations.values())
    return [str(ip_network(block)[-2]) for block in blocks]
