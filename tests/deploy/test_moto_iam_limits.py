"""How far moto enforces IAM: when one of these fails, moto goes further and `test_iam_policies_enforced.py` can too."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.deploy.iam_account import (
    ASSUMING,
    CHANGES,
    READING,
    TRUST,
    WRITING,
    Cloud,
    Json,
    Keys,
    allowing,
    as_far_as_moto_judges,
    without,
)


def test_moto_knows_its_callers(cloud: Cloud) -> None:
    """A key that does not exist and a wrong secret are refused as such, not as a missing right."""
    somebody = cloud.identity(READING)

    assert cloud.refused(Keys("AKIAIOSFODNN7EXAMPLE", "any"), ["ec2:DescribeSubnets"]) == {
        "ec2:DescribeSubnets": "AuthFailure"
    }
    assert cloud.refused(Keys(somebody.access_key, "wrong"), ["ec2:DescribeSubnets"]) == {
        "ec2:DescribeSubnets": "AuthFailure"
    }


def test_moto_grants_no_ec2_action_by_the_arn_of_its_resource(cloud: Cloud) -> None:
    """`iam-write.json` as it stands is refused as a whole: the reason why `*` takes the place of its ARNs here."""
    assert cloud.refused(cloud.identity(WRITING), CHANGES) == dict.fromkeys(CHANGES, "AccessDenied")


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"ec2:CreateAction": ["RunInstances"]}},
        {"ForAllValues:StringEquals": {"aws:TagKeys": ["another"]}},
        {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    ],
    ids=["create-action", "tag-keys", "mfa"],
)
def test_moto_grants_whatever_the_condition_says(cloud: Cloud, condition: Json) -> None:
    """A condition that this call does not meet is no limit."""
    keys = cloud.identity(allowing("ec2:CreateTags", Condition=condition))

    assert cloud.refused(keys, ["ec2:CreateTags"]) == {}


def test_moto_does_not_ask_for_create_tags_where_a_rule_is_created_with_tags(cloud: Cloud) -> None:
    """On AWS this call needs `ec2:CreateTags` too; `iam-write.json` grants it."""
    keys = cloud.identity(allowing("ec2:AuthorizeSecurityGroupIngress"))

    assert cloud.refused(keys, ["ec2:AuthorizeSecurityGroupIngress"]) == {}


def test_moto_does_not_ask_for_tag_session(cloud: Cloud, bot: Keys) -> None:
    """On AWS session tags need `sts:TagSession`; `iam-assume.json` grants it."""
    cloud.install_all(own=without(ASSUMING, "sts:TagSession"))

    assert cloud.session("dnsbot-read", bot, Tags=[{"Key": "cluster", "Value": "prod"}]).token


def test_moto_does_not_take_a_role_for_its_sessions(cloud: Cloud, bot: Keys) -> None:
    """`trust-read-write.json` as it stands names the bot's role; moto wants the ARN of the session itself."""
    cloud.install("dnsbot-read", policy=READING, trust=TRUST)

    assert set(cloud.roles_refused(bot)) == {"dnsbot-read", "somebody-else"}


def test_moto_judges_dry_runs(cloud: Cloud) -> None:
    """A dry run of what is allowed says so and changes nothing; of what is not allowed, it is refused."""
    asked = {**cloud.parameters["ec2:AuthorizeSecurityGroupIngress"], "DryRun": True}
    cloud.parameters = {"ec2:AuthorizeSecurityGroupIngress": asked}

    assert cloud.refused(cloud.identity(as_far_as_moto_judges(WRITING)), list(cloud.parameters)) == {
        "ec2:AuthorizeSecurityGroupIngress": "DryRunOperation"
    }
    assert cloud.refused(cloud.identity(READING), list(cloud.parameters)) == {
        "ec2:AuthorizeSecurityGroupIngress": "AccessDenied"
    }


def test_moto_refuses_eks_to_everybody_under_enforcement(cloud: Cloud) -> None:
    """Even an administrator: why the EKS actions of `iam-read.json` are not tried here."""
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        cloud.client("eks", cloud.administrator).describe_cluster(name="cluster-prod")
