from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bot.sandbox.aws.far_end import AwsFarEnd
from bot.sandbox.operator.operating import AwsCommandLine
from bot.sandbox.world.access_keys import DATA_PLANE, in_account
from bot.sandbox.world.bot_roles import role_arn, trusting
from tests.sandbox_aws.keys import ec2_with

HOME, OTHER = "123456789012", "210987654321"


@pytest.fixture
def owner(aws: AwsFarEnd) -> AwsCommandLine:
    """Somebody of the other account."""
    return AwsCommandLine(aws.url, account=OTHER, region="eu-west-1")


def _policy(**statement: object) -> str:
    whole = {"Effect": "Allow", "Action": "sts:AssumeRole", **statement}
    return json.dumps({"Version": "2012-10-17", "Statement": [whole]})


def _assume(aws: AwsFarEnd, account: str) -> Mapping[str, Any]:
    sts = aws.client("sts")
    asked = {"RoleArn": role_arn(account, "dnsbot-read"), "RoleSessionName": "dnsbot"}
    return dict(sts.assume_role(**asked)["Credentials"])


def test_a_role_of_another_account_shows_that_account(aws: AwsFarEnd, owner: AwsCommandLine, vpc_id: str) -> None:
    """What one account made, the other does not see; credentials of its role see what its own people see."""
    theirs = owner.aws("ec2", "CreateVpc", CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    owner.aws("iam", "CreateRole", RoleName="dnsbot-read", AssumeRolePolicyDocument=trusting(HOME))
    keys = _assume(aws, OTHER)
    there = ec2_with(aws, keys["AccessKeyId"], keys["SecretAccessKey"], token=keys["SessionToken"])

    seen = {row["VpcId"] for row in there.describe_vpcs()["Vpcs"]}
    at_home = {row["VpcId"] for row in aws.client("ec2").describe_vpcs()["Vpcs"]}

    assert (theirs in seen, vpc_id in seen) == (True, False)
    assert (theirs in at_home, vpc_id in at_home) == (False, True)


def test_clusters_belong_to_their_account(aws: AwsFarEnd, owner: AwsCommandLine, subnet_ids: tuple[str, str]) -> None:
    """Another account does not see them."""
    subnets = {"subnetIds": list(subnet_ids)}
    aws.client("eks").create_cluster(name="one", roleArn=role_arn(HOME, "eks"), resourcesVpcConfig=subnets)

    assert aws.client("eks").list_clusters()["clusters"] == ["one"]
    assert owner.aws("eks", "ListClusters")["clusters"] == []


def test_a_right_refused_in_one_account_is_left_to_the_other(
    aws: AwsFarEnd, owner: AwsCommandLine, vpc_id: str
) -> None:
    """The same action at home and at a peer are two rights; without an account both are refused."""
    aws.control("POST", "deny", {"actions": ["ec2:DescribeVpcs"], "account": OTHER})

    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        owner.aws("ec2", "DescribeVpcs")
    assert vpc_id in {row["VpcId"] for row in aws.client("ec2").describe_vpcs()["Vpcs"]}

    aws.control("POST", "deny", {"actions": ["ec2:DescribeVpcs"]})

    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        aws.client("ec2").describe_vpcs()


def test_the_data_plane_sees_every_account_and_stays_out_of_the_log(aws: AwsFarEnd, owner: AwsCommandLine) -> None:
    """It calls as somebody of the account whose state it carries out."""
    theirs = owner.aws("ec2", "CreateVpc", CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    aws.control("DELETE", "calls")

    seen = ec2_with(aws, in_account(DATA_PLANE, OTHER), "none").describe_vpcs()["Vpcs"]

    assert theirs in {row["VpcId"] for row in seen}
    assert aws.control("GET", "calls") == []


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(trusting(HOME), id="its account"),
        pytest.param(_policy(Principal={"AWS": ["999999999999", HOME]}), id="a list with its account"),
        pytest.param(_policy(Principal={"AWS": f"arn:aws:sts::{HOME}:user/moto"}), id="itself"),
        pytest.param(_policy(Principal="*"), id="everybody"),
        pytest.param(_policy(Principal="*", Action=["sts:TagSession", "sts:AssumeRole"]), id="more than one action"),
    ],
)
def test_a_trusted_caller_assumes_the_role(aws: AwsFarEnd, owner: AwsCommandLine, policy: str) -> None:
    """The trust policy names the caller in one of the ways that IAM knows."""
    owner.aws("iam", "CreateRole", RoleName="dnsbot-read", AssumeRolePolicyDocument=policy)

    assert _assume(aws, OTHER)["AccessKeyId"].startswith("ASIA")


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(None, id="no such role"),
        pytest.param(trusting(OTHER), id="another account"),
        pytest.param(_policy(Principal={"Service": "ec2.amazonaws.com"}), id="a service"),
        pytest.param(_policy(Principal="*", Action="sts:TagSession"), id="another action"),
        pytest.param(_policy(Principal="*", Effect="Deny"), id="a denial"),
    ],
)
def test_a_caller_that_is_not_trusted_is_refused_as_sts_does_it(
    aws: AwsFarEnd, owner: AwsCommandLine, policy: str | None
) -> None:
    """AccessDenied with status 403, naming who asked for which role; a role that is not there reads the same."""
    if policy:
        owner.aws("iam", "CreateRole", RoleName="dnsbot-read", AssumeRolePolicyDocument=policy)

    with pytest.raises(ClientError) as refused:
        _assume(aws, OTHER)

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert refused.value.response["Error"]["Message"] == (
        f"User: arn:aws:sts::{HOME}:user/moto is not authorized to perform: sts:AssumeRole on resource: "
        f"arn:aws:iam::{OTHER}:role/dnsbot-read"
    )


def test_a_condition_that_is_not_simulated_is_said_aloud(aws: AwsFarEnd, owner: AwsCommandLine) -> None:
    """Neither trusted nor refused: the far end says that it does not know."""
    policy = _policy(Principal="*", Condition={"StringEquals": {"sts:ExternalId": "x"}})
    owner.aws("iam", "CreateRole", RoleName="dnsbot-read", AssumeRolePolicyDocument=policy)

    with pytest.raises(ClientError, match="does not implement sts:AssumeRole: a trust policy with the condition"):
        _assume(aws, OTHER)


def test_the_network_learns_where_anything_can_be(aws: AwsFarEnd, owner: AwsCommandLine) -> None:
    """Every account and region in which somebody called a service is told, the data plane's own calls are not."""
    owner.aws("ec2", "DescribeVpcs")
    aws.client("sts").get_caller_identity()
    ec2_with(aws, in_account(DATA_PLANE, "999999999999"), "none").describe_vpcs()

    assert aws.control("GET", "places") == [
        {"account": HOME, "region": "eu-west-1", "services": ["sts"]},
        {"account": OTHER, "region": "eu-west-1", "services": ["ec2"]},
    ]
