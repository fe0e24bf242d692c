from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from bot.app import load_units
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.endpoint_networks import MADE_TAG
from bot.collectors.network_acls import NetworkAcls
from bot.collectors.security_group_rules import SecurityGroupRules
from bot.domain.permissions import AwsPermission
from bot.domain.places import PlaceKind
from bot.domain.plans import Fix
from bot.fixes._network_acl_steps import CLOSING_DENY
from bot.sandbox.aws.far_end import Client
from tests.catalogue.ec2_calls import Ec2Calls, ec2_calls
from tests.fixes.conftest import Bench

FIXES = {
    fix.name: fix
    for fix in load_units().fixes.values()
    if any(isinstance(permission, AwsPermission) for permission in fix.permissions)
}


def writes(fix: Fix) -> set[str]:
    """Return the EC2 actions that a fix declares for the writer in the cluster's own account."""
    aws = [permission for permission in fix.permissions if isinstance(permission, AwsPermission)]
    own = [one for one in aws if one.place is PlaceKind.HOME and not one.only_reads]
    return {one.action for one in own if one.action.startswith("ec2:")}


def send(ec2: Client, operation: str, parameters: Mapping[str, object]) -> Any:
    """Call an operation as IAM spells it."""
    return getattr(ec2, xform_name(operation))(**parameters)


def state(ec2: Client, found: Ec2Calls) -> str:
    """Return all that the collectors read: what no rule could see has not changed for us."""
    answers = [send(ec2, action.partition(":")[2], asked) for action, asked in found.reads.items()]
    answers.append(ec2.describe_security_group_rules())  # of all groups: collectors read it more than once
    return str([{**answer, "ResponseMetadata": None} for answer in answers])


def takes_dry_run(ec2: Client, operation: str) -> bool:
    """Return whether EC2's own model of the operation knows dry runs."""
    return "DryRun" in ec2.meta.service_model.operation_model(operation).input_shape.members


@pytest.mark.parametrize("fix", FIXES.values(), ids=FIXES)
def test_a_fix_rehearses_every_write_and_each_could_be_done(bench: Bench, fix: Fix) -> None:
    """What is declared is what is judged, nothing changes, and each call would do something if it were no dry run.

    Where AWS knows no dry run of a write the fix says why, and nowhere else.
    """
    own = bench.group("own")
    dns = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "UserIdGroupPairs": [{"GroupId": own}]}
    bench.ec2.authorize_security_group_ingress(GroupId=own, IpPermissions=[dns])  # as a fix before may have done
    made = [{"Key": MADE_TAG, "Value": "plan0"}]
    bench.ec2.create_tags(Resources=[bench.group("dnsbot-inbound-plan0")], Tags=made)  # the same
    found = ec2_calls(partial(send, bench.ec2), vpc_id=bench.vpc_id, group_id=own)
    before = state(bench.ec2, found)

    planned = fix.rehearse(found.evidence)
    elsewhere = [one for one in planned if not one.judges[0].startswith("ec2:")]
    rehearsals = [one for one in planned if one not in elsewhere]
    codes = {"DryRunOperation"}
    for one in rehearsals:
        assert bool(one.no_dry_run) is not takes_dry_run(bench.ec2, one.operation)
        if not one.no_dry_run:
            with pytest.raises(ClientError) as raised:
                send(bench.ec2, one.operation, {**one.parameters, "DryRun": True})
            codes.add(raised.value.response["Error"]["Code"])
    after = state(bench.ec2, found)
    shown = [after]
    for one in rehearsals:
        send(bench.ec2, one.operation, one.parameters)
        shown.append(state(bench.ec2, found))

    judged = {action for one in planned for action in one.judges}
    assert {action for action in judged if action.startswith("ec2:")} == writes(fix)
    assert all(one.no_dry_run for one in elsewhere)
    assert all(f"ec2:{one.operation}" in one.judges for one in rehearsals)
    assert (codes, after) == ({"DryRunOperation"}, before)
    assert len(set(shown)) == len(shown)


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


def test_a_group_without_rules_can_still_be_let_in(bench: Bench) -> None:
    """What authorises needs a group alone; what revokes needs a rule of that direction."""
    rules = replace(bench.rules(bench.group("own")), rules=())

    rehearsals = FIXES["authorize_security_group_self_ingress"].rehearse({SecurityGroupRules: rules})

    assert [one.operation for one in rehearsals] == ["AuthorizeSecurityGroupIngress"]


def test_the_closing_deny_is_never_what_would_be_deleted(bench: Bench) -> None:
    """Nobody can delete it, whoever may: an ACL that holds no other entry is left out."""
    acls = bench.acls()
    bare = replace(acls.acls[0], entries=tuple(one for one in acls.acls[0].entries if one.number == CLOSING_DENY))

    rehearsals = FIXES["allow_dns_in_network_acl"].rehearse({NetworkAcls: replace(acls, acls=(bare,))})

    assert bare.entries
    assert [one.operation for one in rehearsals] == ["CreateNetworkAclEntry"]
