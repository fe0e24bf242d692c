from __future__ import annotations

import base64
import ssl
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bot.sandbox.aws.far_end import AwsFarEnd, Client


@pytest.fixture
def cluster(eks: Client, subnet_ids: tuple[str, str]) -> dict[str, Any]:
    """Return the description of a cluster `cluster-prod`."""
    created = eks.create_cluster(
        name="cluster-prod",
        roleArn="arn:aws:iam::123456789012:role/eks",
        version="1.33",
        resourcesVpcConfig={"subnetIds": list(subnet_ids), "endpointPrivateAccess": True},
        kubernetesNetworkConfig={"serviceIpv4Cidr": "10.100.0.0/16"},
        computeConfig={"enabled": True},
    )
    return dict(created["cluster"])


def test_a_cluster_has_its_group_vpc_and_networks(
    eks: Client, ec2: Client, cluster: dict[str, Any], vpc_id: str
) -> None:
    """DescribeCluster names the VPC, the service CIDR, and a group that lets all traffic in from itself."""
    shown = eks.describe_cluster(name="cluster-prod")["cluster"]

    assert shown["resourcesVpcConfig"]["vpcId"] == vpc_id
    assert shown["resourcesVpcConfig"]["endpointPrivateAccess"] is True
    assert shown["kubernetesNetworkConfig"]["serviceIpv4Cidr"] == "10.100.0.0/16"
    assert shown["computeConfig"] == {"enabled": True}
    assert (shown["version"], shown["status"]) == ("1.33", "ACTIVE")
    group = cluster["resourcesVpcConfig"]["clusterSecurityGroupId"]
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    inbound = [(rule["IpProtocol"], rule["ReferencedGroupInfo"]["GroupId"]) for rule in rules if not rule["IsEgress"]]
    assert inbound == [("-1", group)]


def test_clusters_have_endpoints_and_authorities_of_their_own(
    eks: Client, cluster: dict[str, Any], subnet_ids: tuple[str, str]
) -> None:
    """Two clusters differ in endpoint, issuer and CA, and the CA is PEM that a TLS client loads."""
    other = eks.create_cluster(
        name="cluster-test", roleArn="arn:aws:iam::123456789012:role/eks", resourcesVpcConfig={"subnetIds": subnet_ids}
    )["cluster"]

    assert cluster["endpoint"] != other["endpoint"]
    assert cluster["identity"] != other["identity"]
    pem = base64.b64decode(cluster["certificateAuthority"]["data"]).decode()
    assert ssl.create_default_context(cadata=pem).get_ca_certs()


def test_the_control_plane_has_interfaces_in_the_vpc(ec2: Client, cluster: dict[str, Any], vpc_id: str) -> None:
    """EKS's own interfaces carry the cluster security group and are managed by the requester."""
    group = cluster["resourcesVpcConfig"]["clusterSecurityGroupId"]

    shown = ec2.describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [group]}])["NetworkInterfaces"]

    assert [(one["Description"], one["RequesterManaged"], one["VpcId"]) for one in shown] == [
        ("Amazon EKS cluster-prod", True, vpc_id)
    ] * 2


@pytest.mark.usefixtures("cluster")
def test_add_ons_are_created_listed_described_and_updated(aws: AwsFarEnd, eks: Client) -> None:
    """An add-on keeps its configuration and shows the health that the world gives it."""
    eks.create_addon(clusterName="cluster-prod", addonName="coredns", configurationValues='{"replicaCount":2}')
    eks.create_addon(clusterName="cluster-prod", addonName="kube-proxy", addonVersion="v1.33.0-eksbuild.1")

    update = eks.update_addon(clusterName="cluster-prod", addonName="coredns", configurationValues='{"replicaCount":3}')
    issue = {"code": "InsufficientNumberOfReplicas", "message": "1 of 2", "resourceIds": ["coredns"]}
    route = "eks/clusters/cluster-prod/addons/coredns"
    aws.control("PUT", route, {"status": "DEGRADED", "health": {"issues": [issue]}})

    assert eks.list_addons(clusterName="cluster-prod")["addons"] == ["coredns", "kube-proxy"]
    coredns = eks.describe_addon(clusterName="cluster-prod", addonName="coredns")["addon"]
    assert (coredns["status"], coredns["configurationValues"]) == ("DEGRADED", '{"replicaCount":3}')
    assert coredns["health"]["issues"] == [issue]
    proxy = eks.describe_addon(clusterName="cluster-prod", addonName="kube-proxy")["addon"]
    assert proxy["addonVersion"] == "v1.33.0-eksbuild.1"
    update_id = update["update"]["id"]
    of_addon = {"name": "cluster-prod", "addonName": "coredns"}
    assert eks.list_updates(**of_addon)["updateIds"] == [update_id]
    assert eks.describe_update(**of_addon, updateId=update_id)["update"]["status"] == "Successful"
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        eks.describe_update(name="cluster-prod", updateId=update_id)


@pytest.mark.usefixtures("cluster")
def test_updating_the_configuration_keeps_what_it_does_not_name(eks: Client, subnet_ids: tuple[str, str]) -> None:
    """Changing public access keeps the subnets and answers an update."""
    answer = eks.update_cluster_config(name="cluster-prod", resourcesVpcConfig={"endpointPublicAccess": False})

    config = eks.describe_cluster(name="cluster-prod")["cluster"]["resourcesVpcConfig"]
    assert answer["update"]["status"] == "Successful"
    assert (config["endpointPublicAccess"], config["subnetIds"]) == (False, list(subnet_ids))


@pytest.mark.usefixtures("cluster")
def test_the_endpoint_can_be_set_by_the_world(aws: AwsFarEnd, eks: Client) -> None:
    """A world sets the endpoint of its own Kubernetes API server."""
    aws.control("PUT", "eks/clusters/cluster-prod", {"endpoint": "http://127.0.0.1:6443"})

    assert eks.describe_cluster(name="cluster-prod")["cluster"]["endpoint"] == "http://127.0.0.1:6443"


@pytest.mark.usefixtures("cluster")
def test_node_groups_are_listed_and_described(eks: Client, subnet_ids: tuple[str, str]) -> None:
    """A node group shows its subnets; an unknown one is ResourceNotFoundException."""
    eks.create_nodegroup(
        clusterName="cluster-prod",
        nodegroupName="blue",
        subnets=list(subnet_ids),
        nodeRole="arn:aws:iam::123456789012:role/node",
    )

    assert eks.list_nodegroups(clusterName="cluster-prod")["nodegroups"] == ["blue"]
    shown = eks.describe_nodegroup(clusterName="cluster-prod", nodegroupName="blue")["nodegroup"]
    assert shown["subnets"] == list(subnet_ids)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        eks.describe_nodegroup(clusterName="cluster-prod", nodegroupName="green")


def test_unknown_clusters_are_refused_as_eks_words_it(eks: Client) -> None:
    """The code is ResourceNotFoundException with status 404."""
    with pytest.raises(ClientError) as refused:
        eks.describe_cluster(name="cluster-prod")

    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_a_cluster_needs_subnets_that_exist(eks: Client) -> None:
    """An unknown subnet is InvalidParameterException."""
    config = {"subnetIds": ["subnet-0123456789abcdef0"]}
    with pytest.raises(ClientError, match="InvalidParameterException"):
        eks.create_cluster(name="x", roleArn="arn:aws:iam::123456789012:role/eks", resourcesVpcConfig=config)
