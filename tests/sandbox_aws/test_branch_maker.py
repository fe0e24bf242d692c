from __future__ import annotations

import pytest

from bot.sandbox.aws.far_end import AwsFarEnd, Client
from bot.sandbox.network.branch_interfaces import AwsBranchMaker, NoInterface


@pytest.fixture
def instance_id(aws: AwsFarEnd, subnet_ids: tuple[str, str], group_id: str) -> str:
    """Return an instance with one interface."""
    interface = {"subnet_id": subnet_ids[0], "private_ip_address": "10.0.0.10", "security_group_ids": [group_id]}
    (made,) = aws.control("POST", "instances", {"instances": [{"interfaces": [interface]}]})["instances"]
    return str(made["instance_id"])


def test_branches_of_an_instance_lie_on_one_trunk(
    aws: AwsFarEnd, ec2: Client, vpc_id: str, instance_id: str, group_id: str
) -> None:
    """The trunk is attached with the node's groups; each branch has the pod's, a VLAN and an address of its own."""
    pods = str(ec2.create_security_group(GroupName="pods", Description="of pods", VpcId=vpc_id)["GroupId"])
    maker = AwsBranchMaker(aws.url, region="eu-west-1")

    made = [maker.create(instance_id, [pods]) for _ in range(2)]

    shown = {one["NetworkInterfaceId"]: one for one in ec2.describe_network_interfaces()["NetworkInterfaces"]}
    (trunk,) = (one for one in shown.values() if one["InterfaceType"] == "trunk")
    assert (trunk["Attachment"]["InstanceId"], trunk["Groups"][0]["GroupId"]) == (instance_id, group_id)
    for number, branch in enumerate(made, 1):
        one = shown[branch.eniId]
        tags = {tag["Key"]: tag["Value"] for tag in one["TagSet"]}
        assert (one["InterfaceType"], one["PrivateIpAddress"]) == ("branch", branch.privateIp)
        assert [group["GroupId"] for group in one["Groups"]] == [pods]
        assert tags["vpcresources.k8s.aws/trunk-eni-id"] == trunk["NetworkInterfaceId"]
        assert (tags["vpcresources.k8s.aws/vlan-id"], branch.vlanId) == (str(number), number)
    assert len({one["PrivateIpAddress"] for one in shown.values()}) == 4


def test_a_branch_that_is_removed_is_gone(aws: AwsFarEnd, ec2: Client, instance_id: str, group_id: str) -> None:
    """The trunk stays for the next one."""
    maker = AwsBranchMaker(aws.url, region="eu-west-1")

    maker.remove(maker.create(instance_id, [group_id]).eniId)

    kinds = [one["InterfaceType"] for one in ec2.describe_network_interfaces()["NetworkInterfaces"]]
    assert sorted(kinds) == ["interface", "trunk"]


def test_without_the_instance_there_is_no_interface(aws: AwsFarEnd, group_id: str) -> None:
    """What AWS refuses is said as such, and nothing half made is left."""
    maker = AwsBranchMaker(aws.url, region="eu-west-1")

    with pytest.raises(NoInterface, match="i-0123456789abcdef0"):
        maker.create("i-0123456789abcdef0", [group_id])
