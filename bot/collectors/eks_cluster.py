"""The EKS cluster: its VPC, cluster security group, endpoint access and version (A2)."""

from __future__ import annotations

from dataclasses import dataclass


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
