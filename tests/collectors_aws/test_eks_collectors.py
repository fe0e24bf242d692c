"""The EKS cluster, its add-ons, and whether the Kubernetes credentials lead to it."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from bot.collectors import cluster_binding, eks_addons, eks_cluster
from bot.collectors.eks_addons import AddonIssue, EksAddons
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.worker_nodes import WorkerNodes
from bot.errors import AccessDenied, NotFound, SourceGarbled, SourceTimeout
from bot.kubernetes.nodes import Compute, Node
from bot.network.model import Interface, InterfaceKind

DESCRIBED: dict[str, Any] = {
    "name": "cluster-prod",
    "arn": "arn:aws:eks:eu-west-1:123456789012:cluster/cluster-prod",
    "status": "ACTIVE",
    "version": "1.33",
    "endpoint": "https://ABC.gr7.eu-west-1.eks.amazonaws.com",
    "resourcesVpcConfig": {
        "vpcId": "vpc-1",
        "clusterSecurityGroupId": "sg-cluster",
        "securityGroupIds": ["sg-extra"],
        "subnetIds": ["subnet-a", "subnet-b"],
        "endpointPublicAccess": True,
        "endpointPrivateAccess": True,
    },
    "kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.20.0.0/16", "ipFamily": "ipv4"},
}


def cluster(*, auto_mode: bool = False) -> EksCluster:
    """Return the cluster as evidence."""
    return EksCluster(
        name="cluster-prod",
        arn="arn:aws:eks:eu-west-1:123456789012:cluster/cluster-prod",
        account="123456789012",
        status="ACTIVE",
        version="1.33",
        vpc_id="vpc-1",
        cluster_security_group_id="sg-cluster",
        security_group_ids=(),
        subnet_ids=(),
        endpoint="",
        endpoint_public=True,
        endpoint_private=False,
        service_cidr="172.20.0.0/16",
        auto_mode=auto_mode,
    )


@pytest.mark.parametrize("arn", ["arn:aws-cn:eks:cn-north-1", "arn:aws-us-gov:eks:us-gov-west-1"])
def test_cluster_of_another_partition_is_one_like_any_other(look_through: Any, arn: str) -> None:
    """The account is in the same place; an IPv6 cluster names its Services' CIDR in another member."""
    network = {"serviceIpv6Cidr": "fd12:3456:789a::/108", "ipFamily": "ipv6"}
    described = {**DESCRIBED, "arn": f"{arn}:123456789012:cluster/c", "kubernetesNetworkConfig": network}

    found = look_through(eks_cluster.COLLECTOR, aws={"eks:DescribeCluster": {"cluster": described}}).evidence

    assert (found.account, found.service_cidr) == ("123456789012", "fd12:3456:789a::/108")


def test_cluster_is_described_in_one_call(look_through: Any) -> None:
    """Account, VPC, cluster security group, access and service CIDR come from one eks:DescribeCluster."""
    looked = look_through(eks_cluster.COLLECTOR, aws={"eks:DescribeCluster": {"cluster": DESCRIBED}})

    found = looked.evidence
    assert looked.asked == [("eks:DescribeCluster", {"name": "cluster-prod"})]
    assert (found.account, found.vpc_id, found.cluster_security_group_id) == ("123456789012", "vpc-1", "sg-cluster")
    assert (found.service_cidr, found.auto_mode, found.security_group_ids) == ("172.20.0.0/16", False, ("sg-extra",))
    assert eks_cluster.COLLECTOR.summarise(found) == (
        "EKS 1.33 ACTIVE in vpc-1, cluster security group sg-cluster, endpoint public and private"
    )


def test_auto_mode_is_seen(look_through: Any) -> None:
    """computeConfig.enabled marks EKS Auto Mode."""
    described = {**DESCRIBED, "computeConfig": {"enabled": True}}

    assert look_through(eks_cluster.COLLECTOR, aws={"eks:DescribeCluster": {"cluster": described}}).evidence.auto_mode


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"cluster": None},
        {"cluster": {**DESCRIBED, "resourcesVpcConfig": {"vpcId": "vpc-1"}}},
        {"cluster": {**DESCRIBED, "resourcesVpcConfig": {"vpcId": "", "clusterSecurityGroupId": "sg-1"}}},
        {"cluster": {**DESCRIBED, "arn": "nonsense"}},
    ],
    ids=["empty", "null", "no cluster security group", "empty VPC id", "no account in the ARN"],
)
def test_garbled_cluster_is_no_evidence(look_through: Any, answer: dict[str, Any]) -> None:
    """An answer without its required members raises, naming the call, instead of reading as an empty cluster."""
    with pytest.raises(SourceGarbled, match="eks:DescribeCluster"):
        look_through(eks_cluster.COLLECTOR, aws={"eks:DescribeCluster": answer})


def test_addons_are_described_with_their_issues(look_through: Any) -> None:
    """Only the three that DNS rests on are described; version, status, owner and issues are kept."""

    def describe(clusterName: str, addonName: str) -> dict[str, Any]:  # noqa: N803  # as AWS spells it
        assert clusterName == "cluster-prod"
        issues = [{"code": "ConfigurationConflict", "message": "conflicts", "resourceIds": ["cm/coredns"]}]
        return {
            "addon": {
                "addonName": addonName,
                "addonVersion": "v1.11.4-eksbuild.2",
                "status": "DEGRADED",
                "publisher": "eks",
                "health": {"issues": issues},
            }
        }

    looked = look_through(
        eks_addons.COLLECTOR,
        aws={"eks:ListAddons": {"addons": ["coredns", "aws-ebs-csi-driver"]}, "eks:DescribeAddon": describe},
    )

    (addon,) = looked.evidence.addons
    assert (addon.name, addon.status, addon.version) == ("coredns", "DEGRADED", "v1.11.4-eksbuild.2")
    assert addon.issues == (AddonIssue(code="ConfigurationConflict", message="conflicts", resources=("cm/coredns",)),)
    assert looked.evidence.owner("coredns") == "EKS add-on (eks)"
    assert looked.evidence.owner("kube-proxy") == ""
    assert looked.calls == ["eks:ListAddons", "eks:DescribeAddon"]


def test_a_cluster_without_addons_is_fine(look_through: Any) -> None:
    """An empty list is an answer: the cluster's owners manage CoreDNS themselves."""
    looked = look_through(eks_addons.COLLECTOR, aws={"eks:ListAddons": {"addons": []}})

    assert looked.evidence == EksAddons(cluster="cluster-prod", addons=())
    assert "none" in eks_addons.COLLECTOR.summarise(looked.evidence)


@pytest.mark.parametrize("installed", [True, False], ids=["installed", "not an add-on"])
def test_one_addon_is_asked_about_alone(look_through: Any, installed: bool) -> None:  # noqa: FBT001  # a table
    """By one call, for light rounds: there may be two hundred in an account, and EKS takes few calls a second."""
    described = {"addon": {"addonName": "coredns", "status": "ACTIVE", "addonVersion": "v1.11.4-eksbuild.2"}}
    answer = described if installed else NotFound("eks:DescribeAddon: no such add-on")

    looked = look_through(eks_addons.COLLECTOR, aws={"eks:DescribeAddon": answer}, only="coredns")

    assert [one.version for one in looked.evidence.addons] == ["v1.11.4-eksbuild.2"] * installed
    assert looked.calls == ["eks:DescribeAddon"]


def test_addon_list_that_is_missing_is_no_evidence(look_through: Any) -> None:
    """An answer without `addons` is not a cluster without add-ons."""
    with pytest.raises(SourceGarbled, match="eks:ListAddons answered, but the answer lacks addons"):
        look_through(eks_addons.COLLECTOR, aws={"eks:ListAddons": {}})


def test_an_addon_that_cannot_be_described_still_owns_its_objects(look_through: Any) -> None:
    """Without eks:DescribeAddon the owner is known from the list, and the rest is a gap that names the grant."""
    looked = look_through(
        eks_addons.COLLECTOR,
        aws={
            "eks:ListAddons": {"addons": ["coredns"]},
            "eks:DescribeAddon": AccessDenied("eks:DescribeAddon is refused.", grant="eks:DescribeAddon"),
        },
    )

    assert looked.evidence.owner("coredns") == "EKS add-on"
    assert [(gap.what, gap.grant) for gap in looked.evidence.gaps] == [("add-on coredns", "eks:DescribeAddon")]


def node(name: str, instance: str = "", ip: str = "10.0.1.5", compute: Compute = Compute.MANAGED) -> Node:
    """Return a node."""
    provider_id = f"aws:///eu-west-1a/{instance}" if instance else ""
    return Node(name=name, provider_id=provider_id, internal_ip=ip, ready=True, compute=compute)


def interface(instance: str, address: str, kind: InterfaceKind = InterfaceKind.INSTANCE) -> Interface:
    """Return an interface."""
    return Interface(
        id=f"eni-{instance or address}",
        instance_id=instance,
        subnet_id="subnet-a",
        security_group_ids=frozenset({"sg-1"}),
        addresses=frozenset({ip_address(address)}),
        kind=kind,
    )


FARGATE = node("fargate-ip-10-0-1-9", ip="10.0.1.9", compute=Compute.FARGATE)
BINDING_CASES = {
    "instances in the VPC": ([node("n1", "i-1")], [interface("i-1", "10.0.1.5")], (), False, True),
    "some instances gone": (
        [node("n1", "i-1"), node("n2", "i-2")],
        [interface("i-1", "10.0.1.5")],
        (),
        False,
        True,
    ),
    "instances elsewhere": ([node("n1", "i-1")], [interface("i-9", "10.0.1.5")], (), False, False),
    "no nodes": ([], [], (), False, None),
    "Fargate in the VPC": ([FARGATE], [interface("", "10.0.1.9", InterfaceKind.OTHER)], (), False, True),
    "Fargate not found": ([FARGATE], [], (), False, None),
    "Auto Mode": ([node("n1", "i-1", compute=Compute.AUTO)], [interface("i-1", "10.0.1.5")], (), True, True),
    "Auto Mode nodes, no Auto Mode": (
        [node("n1", "i-1", compute=Compute.AUTO)],
        [interface("i-1", "10.0.1.5")],
        (),
        False,
        False,
    ),
    "tagged for another cluster in the same VPC": (
        [node("n1", "i-1")],
        [interface("i-1", "10.0.1.5")],
        ("cluster-test",),
        False,
        False,
    ),
}


@pytest.mark.parametrize(
    ("nodes", "interfaces", "tags", "auto_mode", "matches"), BINDING_CASES.values(), ids=BINDING_CASES.keys()
)
def test_binding(
    look_through: Any,
    nodes: list[Node],
    interfaces: list[Interface],
    tags: tuple[str, ...],
    auto_mode: bool,  # noqa: FBT001  # a column
    matches: bool | None,  # noqa: FBT001  # a column
) -> None:
    """The nodes' instances must have an interface in the EKS cluster's VPC; what cannot be told is None."""
    evidence = WorkerNodes(
        vpc_id="vpc-1", nodes=tuple(nodes), interfaces=tuple(interfaces), unmatched=(), cluster_tags=tags
    )

    looked = look_through(
        cluster_binding.COLLECTOR,
        kubernetes={"namespaces/kube-system": {"metadata": {"uid": "uid-1"}}},
        needed=(cluster(auto_mode=auto_mode), evidence),
    )

    assert looked.evidence.matches is matches
    assert looked.evidence.why
    assert (looked.evidence.binding.account, looked.evidence.binding.kube_system_uid) == ("123456789012", "uid-1")
    assert looked.calls == ["get namespaces"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [({}, SourceGarbled), (SourceTimeout("no answer in 5 s"), SourceTimeout)],
    ids=["without uid", "time-out"],
)
def test_binding_without_the_namespace_is_no_evidence(look_through: Any, answer: Any, error: type[Exception]) -> None:
    """Without the uid of kube-system nothing is bound."""
    with pytest.raises(error):
        look_through(
            cluster_binding.COLLECTOR,
            kubernetes={"namespaces/kube-system": answer},
            needed=(cluster(), WorkerNodes(vpc_id="vpc-1", nodes=(), interfaces=())),
        )
