"""One simulated AWS for all tests of this folder, emptied before each, and a small VPC."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.sandbox.aws.far_end import AwsFarEnd, Client


@pytest.fixture(scope="session")
def far_end() -> Iterator[AwsFarEnd]:
    """Return the simulated AWS, started once."""
    with AwsFarEnd(seed=7) as far_end:
        yield far_end


@pytest.fixture
def aws(far_end: AwsFarEnd) -> AwsFarEnd:
    """Return an empty cloud."""
    far_end.control("POST", "reset")
    return far_end


@pytest.fixture
def ec2(aws: AwsFarEnd) -> Client:
    """Return a client of EC2 in an empty cloud."""
    return aws.client("ec2")


@pytest.fixture
def eks(aws: AwsFarEnd) -> Client:
    """Return a client of EKS in an empty cloud."""
    return aws.client("eks")


@pytest.fixture
def vpc_id(ec2: Client) -> str:
    """Return a VPC with 10.0.0.0/16."""
    return str(ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"])


@pytest.fixture
def subnet_ids(ec2: Client, vpc_id: str) -> tuple[str, str]:
    """Return two subnets of the VPC: 10.0.0.0/24 and 10.0.1.0/24."""
    first, second = (ec2.create_subnet(VpcId=vpc_id, CidrBlock=f"10.0.{index}.0/24") for index in range(2))
    return first["Subnet"]["SubnetId"], second["Subnet"]["SubnetId"]


@pytest.fixture
def group_id(ec2: Client, vpc_id: str) -> str:
    """Return a security group of the VPC that lets everything out and nothing in."""
    return str(ec2.create_security_group(GroupName="nodes", Description="of nodes", VpcId=vpc_id)["GroupId"])
