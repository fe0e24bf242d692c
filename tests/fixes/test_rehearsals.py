from __future__ import annotations

import re

import pytest
from botocore.exceptions import ClientError

from bot.app import load_units
from bot.collectors.eks_cluster import EksCluster
from bot.domain.permissions import AwsPermission
from bot.domain.plans import Fix
from bot.sandbox.aws.far_end import Client
from tests.fixes.conftest import Bench

FIXES = {
    fix.name: fix
    for fix in load_units().fixes.values()
    if any(isinstance(permission, AwsPermission) for permission in fix.permissions)
}


def writes(fix: Fix) -> set[str]:
    """Return the AWS actions that a fix declares and that change something."""
    actions = {permission.action for permission in fix.permissions if isinstance(permission, AwsPermission)}
    return {action for action in actions if not action.startswith("ec2:Describe")}


def state(ec2: Client) -> str:
    """Return what the fixes could change."""
    return f"{ec2.describe_security_group_rules()['SecurityGroupRules']} {ec2.describe_network_acls()['NetworkAcls']}"


@pytest.mark.parametrize("fix", FIXES.values(), ids=FIXES)
def test_a_fix_rehearses_every_write_and_each_is_one_that_aws_takes(bench: Bench, fix: Fix) -> None:
    """What is declared is what is judged; the parameters are whole, and a dry run changes nothing."""
    own = bench.group("own")
    itself = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": own}]}
    bench.ec2.authorize_security_group_ingress(GroupId=own, IpPermissions=[itself])
    evidence = {type(one): one for one in (bench.rules(own), bench.acls())}
    before = state(bench.ec2)

    rehearsals = fix.rehearse(evidence)
    codes = set()
    for one in rehearsals:
        method = re.sub(r"(?<!^)(?=[A-Z])", "_", one.operation).lower()
        with pytest.raises(ClientError) as raised:
            getattr(bench.ec2, method)(**one.parameters, DryRun=True)
        codes.add(raised.value.response["Error"]["Code"])

    assert {action for one in rehearsals for action in one.judges} == writes(fix)
    assert all(f"ec2:{one.operation}" in one.judges for one in rehearsals)
    assert codes == {"DryRunOperation"}
    assert state(bench.ec2) == before


@pytest.mark.parametrize("fix", FIXES.values(), ids=FIXES)
def test_without_evidence_nothing_is_rehearsed(fix: Fix) -> None:
    """There is nothing to try it on; nobody makes up a group."""
    assert fix.rehearse({}) == ()


def test_the_clusters_own_group_is_tried_where_it_has_rules(bench: Bench) -> None:
    """It is the group that a fix most often changes."""
    others, own = sorted(bench.group(name) for name in ("one", "other"))
    cluster = EksCluster(
        name="cluster-prod", arn="", account="", status="ACTIVE", version="1.32", vpc_id=bench.vpc_id,
        cluster_security_group_id=own, security_group_ids=(), subnet_ids=(), endpoint="", endpoint_public=True,
        endpoint_private=True, service_cidr="172.20.0.0/16", auto_mode=False,
    )  # fmt: skip
    evidence = {type(one): one for one in (bench.rules(others, own), cluster)}

    rehearsals = FIXES["authorize_dns_between_security_groups"].rehearse(evidence)

    assert {one.target for one in rehearsals} == {f"security group {own}"}
