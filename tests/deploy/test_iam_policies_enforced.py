"""The IAM policies of `deploy/`, enforced: each call is signed by boto3 and judged by a moto server over HTTP.

How far moto (5.2.5) goes, each point tried in `test_moto_iam_limits.py` so that an upgrade that goes further shows:

- It judges who calls (access key, session token, signature) and whether a policy allows the action, for EC2, STS and
  IAM. An action that no policy allows is refused before anything else is looked at.
- `sts:AssumeRole` is also judged by the ARN of the role and by that role's trust (`test_iam_roles_assumed.py`). The
  trust's principal must be the caller's ARN letter for letter; on AWS a role's ARN stands for its sessions as well.
- A statement about an EC2 action counts only where `Resource` is `*`. So the writing policy is tried with `*` for its
  ARNs: that `iam-write.json` reaches security groups, their rules and network ACLs alone is NOT shown here.
- `Condition` is not judged: one that cannot be met grants. It is dropped with the ARNs: that `ec2:CreateTags` is for
  rules that are just being created is NOT shown here.
- Authorising a rule with tags does not ask for `ec2:CreateTags`, and passing session tags not for `sts:TagSession`.
- EKS refuses everybody under enforcement (SignatureDoesNotMatch): its actions are NOT tried here. What the bot says
  when one is missing is shown over the sandbox (`tests/faults/test_missing_aws_rights.py`).
- A refusal is `AccessDenied`, where EC2 itself says `UnauthorizedOperation`. A dry run is refused in the same way, or
  answers `DryRunOperation`, as on AWS.
"""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from tests.deploy.iam_account import (
    BY_SERVICES,
    CHANGES,
    PEER_READING,
    PEER_READS,
    READING,
    READS,
    WRITING,
    Cloud,
    Json,
    as_far_as_moto_judges,
    without,
)


def test_the_reading_policy_allows_every_ec2_read(cloud: Cloud) -> None:
    """What units declare to read goes through as they send it, and a call to each is really answered."""
    assert set(READS) <= set(cloud.parameters)
    assert cloud.refused(cloud.identity(READING), READS) == {}


def test_the_peers_reading_policy_allows_what_is_read_there_and_nothing_else(cloud: Cloud) -> None:
    """Neither what is read at home alone nor any change."""
    refused = cloud.refused(cloud.identity(PEER_READING), [*PEER_READS, *READS, *CHANGES])

    assert refused == dict.fromkeys({*READS, *CHANGES} - {*PEER_READS}, "AccessDenied")


def test_the_reading_policy_refuses_every_change(cloud: Cloud) -> None:
    """Each call of the writing policy, made with what the writer would send, is refused."""
    assert set(CHANGES) <= set(cloud.parameters)
    assert cloud.refused(cloud.identity(READING), CHANGES) == dict.fromkeys(CHANGES, "AccessDenied")


@pytest.mark.parametrize("action", READS)
def test_a_read_taken_out_is_refused_and_no_other(cloud: Cloud, action: str) -> None:
    """The policy without one action refuses it alone: none is granted twice, none comes with another."""
    assert cloud.refused(cloud.identity(without(READING, action)), READS) == {action: "AccessDenied"}


def test_the_writing_policy_allows_every_change_of_the_fixes(cloud: Cloud) -> None:
    """What fixes declare to change goes through and is done. Resources and conditions are not judged: see above."""
    assert cloud.refused(cloud.identity(as_far_as_moto_judges(WRITING)), CHANGES) == {}


@pytest.mark.parametrize("action", CHANGES)
def test_a_change_taken_out_is_refused_and_no_other(cloud: Cloud, action: str) -> None:
    """The policy without one action refuses it alone. Resources and conditions are not judged: see above."""
    policy = as_far_as_moto_judges(without(WRITING, action))

    assert cloud.refused(cloud.identity(policy), CHANGES) == {action: "AccessDenied"}


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("policy", "allowed"),
    [
        pytest.param(READING, READS, id="reading"),
        pytest.param(as_far_as_moto_judges(WRITING), sorted([*BY_SERVICES, *CHANGES]), id="writing"),
    ],
)
def test_no_other_operation_of_ec2_is_allowed(cloud: Cloud, policy: Json, allowed: list[str]) -> None:
    """All 800 and more operations that botocore knows are tried, and only those of the policy are let through."""
    ec2 = cloud.client("ec2", cloud.identity(policy), parameter_validation=False)
    passed = []

    for method, operation in ec2.meta.method_to_api_mapping.items():
        try:
            getattr(ec2, method)(**({"SourceRegion": "eu-west-1"} if operation == "CopySnapshot" else {}))
        except ClientError as error:
            if error.response["Error"]["Code"] == "AccessDenied":
                continue
        except ResponseParserError:  # it was let through, and moto fell over what is missing
            pass
        passed.append(f"ec2:{operation}")

    assert len(ec2.meta.method_to_api_mapping) > 800
    assert sorted(passed) == allowed
