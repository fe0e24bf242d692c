from __future__ import annotations

import time
import urllib.error
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bot.sandbox.aws.far_end import AwsFarEnd, Client


def node(subnet_id: str, group_id: str, address: str, **more: Any) -> dict[str, Any]:
    """Return the seed of an instance with one interface."""
    interface = {"subnet_id": subnet_id, "security_group_ids": [group_id], "private_ip_address": address, **more}
    return {"interfaces": [interface], "tags": {"kubernetes.io/cluster/cluster-prod": "owned"}}


def test_a_seeded_node_looks_like_an_instance(
    aws: AwsFarEnd, ec2: Client, subnet_ids: tuple[str, str], group_id: str
) -> None:
    """Tags, private name, secondary addresses, delegated prefixes and the interface's groups are all shown."""
    seed = node(
        subnet_ids[0],
        group_id,
        "10.0.0.10",
        secondary_private_ip_addresses=["10.0.0.11"],
        ipv4_prefixes=["10.0.0.16/28"],
    )

    (created,) = aws.control("POST", "instances", {"instances": [seed]})["instances"]

    filters = [{"Name": "tag:kubernetes.io/cluster/cluster-prod", "Values": ["owned"]}]
    (instance,) = ec2.describe_instances(Filters=filters)["Reservations"][0]["Instances"]
    assert instance["InstanceId"] == created["instance_id"]
    assert instance["PrivateDnsName"] == "ip-10-0-0-10.eu-west-1.compute.internal"
    assert [group["GroupId"] for group in instance["SecurityGroups"]] == [group_id]
    (interface,) = instance["NetworkInterfaces"]
    assert [one["PrivateIpAddress"] for one in interface["PrivateIpAddresses"]] == ["10.0.0.10", "10.0.0.11"]
    assert interface["Ipv4Prefixes"] == [{"Ipv4Prefix": "10.0.0.16/28"}]
    assert interface["Attachment"]["DeviceIndex"] == 0


def test_each_interface_has_its_own_groups(
    aws: AwsFarEnd, ec2: Client, vpc_id: str, subnet_ids: tuple[str, str], group_id: str
) -> None:
    """A second interface with another group does not inherit the instance's, nor lend it its own."""
    other = ec2.create_security_group(GroupName="pods", Description="of pods", VpcId=vpc_id)["GroupId"]
    seed = node(subnet_ids[0], group_id, "10.0.0.10")
    seed["interfaces"].append({"subnet_id": subnet_ids[1], "security_group_ids": [other]})

    (created,) = aws.control("POST", "instances", {"instances": [seed]})["instances"]

    ids = [interface["id"] for interface in created["interfaces"]]
    shown = ec2.describe_network_interfaces(NetworkInterfaceIds=ids)["NetworkInterfaces"]
    assert [[group["GroupId"] for group in one["Groups"]] for one in shown] == [[group_id], [other]]


def test_modifying_an_interface_replaces_its_groups_alone(
    ec2: Client, vpc_id: str, subnet_ids: tuple[str, str], group_id: str
) -> None:
    """The new list replaces the old one, and an unknown group changes nothing."""
    other = ec2.create_security_group(GroupName="pods", Description="of pods", VpcId=vpc_id)["GroupId"]
    eni = ec2.create_network_interface(SubnetId=subnet_ids[0], Groups=[group_id])["NetworkInterface"]
    eni_id = eni["NetworkInterfaceId"]

    ec2.modify_network_interface_attribute(NetworkInterfaceId=eni_id, Groups=[other])

    with pytest.raises(ClientError, match=r"InvalidGroup\.NotFound"):
        ec2.modify_network_interface_attribute(NetworkInterfaceId=eni_id, Groups=["sg-0123456789abcdef0"])
    (shown,) = ec2.describe_network_interfaces(NetworkInterfaceIds=[eni_id])["NetworkInterfaces"]
    assert [group["GroupId"] for group in shown["Groups"]] == [other]


def test_changing_an_instances_groups_changes_its_primary_interface(
    aws: AwsFarEnd, ec2: Client, vpc_id: str, subnet_ids: tuple[str, str], group_id: str
) -> None:
    """ModifyInstanceAttribute replaces the groups instead of adding to them."""
    other = ec2.create_security_group(GroupName="pods", Description="of pods", VpcId=vpc_id)["GroupId"]
    seeds = [node(subnet_ids[0], group_id, "10.0.0.10")]
    (created,) = aws.control("POST", "instances", {"instances": seeds})["instances"]

    ec2.modify_instance_attribute(InstanceId=created["instance_id"], Groups=[other])

    ids = [created["interfaces"][0]["id"]]
    (shown,) = ec2.describe_network_interfaces(NetworkInterfaceIds=ids)["NetworkInterfaces"]
    assert [group["GroupId"] for group in shown["Groups"]] == [other]


def test_a_branch_interface_is_shown_as_aws_controllers_make_it(
    aws: AwsFarEnd, ec2: Client, subnet_ids: tuple[str, str], group_id: str
) -> None:
    """A branch interface has its type, its trunk's id in a tag, and no attachment."""
    seed = {
        "subnet_id": subnet_ids[0],
        "security_group_ids": [group_id],
        "private_ip_address": "10.0.0.99",
        "interface_type": "branch",
        "trunk_interface_id": "eni-0123456789abcdef0",
    }

    aws.control("POST", "interfaces", {"interfaces": [seed]})

    filters = [{"Name": "interface-type", "Values": ["branch"]}]
    (shown,) = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    tags = {tag["Key"]: tag["Value"] for tag in shown["TagSet"]}
    assert (shown["InterfaceType"], shown["PrivateIpAddress"]) == ("branch", "10.0.0.99")
    assert tags["vpcresources.k8s.aws/trunk-eni-id"] == "eni-0123456789abcdef0"
    assert "Attachment" not in shown


def test_an_interface_is_found_by_any_of_its_addresses(ec2: Client, subnet_ids: tuple[str, str], group_id: str) -> None:
    """The address filter looks at secondary addresses too."""
    addresses = [
        {"PrivateIpAddress": "10.0.0.20", "Primary": True},
        {"PrivateIpAddress": "10.0.0.21", "Primary": False},
    ]
    ec2.create_network_interface(SubnetId=subnet_ids[0], Groups=[group_id], PrivateIpAddresses=addresses)

    filters = [{"Name": "addresses.private-ip-address", "Values": ["10.0.0.21"]}]
    (shown,) = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]

    assert shown["PrivateIpAddress"] == "10.0.0.20"


def test_ids_and_pages_exclude_each_other(ec2: Client) -> None:
    """MaxResults beside ids is InvalidParameterCombination, as EC2 answers."""
    with pytest.raises(ClientError, match="InvalidParameterCombination"):
        ec2.describe_instances(InstanceIds=["i-0123456789abcdef0"], MaxResults=5)


def test_a_thousand_nodes_are_described_in_seconds(aws: AwsFarEnd, ec2: Client, vpc_id: str, group_id: str) -> None:
    """A thousand nodes come in whole pages, all of them, within a few seconds on a busy machine."""
    subnet_id = ec2.create_subnet(VpcId=vpc_id, CidrBlock="10.0.128.0/20")["Subnet"]["SubnetId"]
    seeds = [node(subnet_id, group_id, f"10.0.{128 + i // 250}.{i % 250 + 4}") for i in range(1000)]
    aws.control("POST", "instances", {"instances": seeds})

    started = time.monotonic()
    pages = list(ec2.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 400}))
    interfaces = ec2.get_paginator("describe_network_interfaces").paginate().build_full_result()
    took = time.monotonic() - started

    assert [len([i for r in page["Reservations"] for i in r["Instances"]]) for page in pages] == [400, 400, 200]
    assert len(interfaces["NetworkInterfaces"]) == 1000
    assert took < 60  # 1 s on an idle machine


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"private_ip_address": "10.9.0.1"}, "10.9.0.1 is not in subnet"), ({"security_group_ids": ["sg-1"]}, "sg-1")],
    ids=["address-outside-the-subnet", "unknown-group"],
)
def test_a_wrong_seed_is_refused(
    aws: AwsFarEnd, subnet_ids: tuple[str, str], group_id: str, change: dict[str, Any], reason: str
) -> None:
    """A world that AWS would not build is refused with the reason."""
    seed = {"subnet_id": subnet_ids[0], "security_group_ids": [group_id], **change}

    with pytest.raises(urllib.error.HTTPError) as refused:
        aws.control("POST", "interfaces", {"interfaces": [seed]})

    assert reason in refused.value.read().decode()
    refused.value.close()
