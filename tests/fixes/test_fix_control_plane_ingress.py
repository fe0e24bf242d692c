"""Admitting 443 from other networks: what is planned, and over the simulated AWS what is made and taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.collectors.eks_cluster import EksCluster
from bot.collectors.security_group_rules import SecurityGroupRules
from bot.domain.evidence import NoParameters
from bot.domain.plans import Advice, PlanCase, Planned
from bot.fixes.authorize_control_plane_ingress import FIX

SITE, PEER = "10.64.0.0/10", "10.9.0.0/16"
RULE = "control_plane_blocked_by_security_group"


def case_of(bench: Any, group: str, *cidrs: str) -> PlanCase:
    """Return what is planned from for one network with these CIDRs; none: nodes are kept out."""
    cluster = EksCluster(
        name="cluster-prod", arn="", account="1", status="ACTIVE", version="1.33", vpc_id="vpc-home",
        cluster_security_group_id=group, security_group_ids=(), subnet_ids=(), endpoint="https://a",
        endpoint_public=False, endpoint_private=True, service_cidr="172.20.0.0/16", auto_mode=False,
    )  # fmt: skip
    details = {"networks": [{"place": "hq", "cidrs": list(cidrs)}]} if cidrs else {}
    rules = SecurityGroupRules(group_ids=frozenset({group}), rules=())
    case: PlanCase = bench.case(RULE, details, NoParameters(), cluster, rules)
    return case


def test_each_cidr_is_admitted_on_443_and_nothing_else(bench: Any) -> None:
    """On the cluster security group, which the control plane's interfaces carry."""
    planned = FIX.plan(case_of(bench, "sg-1", SITE, PEER))

    assert isinstance(planned, Planned)
    (step,) = planned.steps
    assert step.diff == (f"+ tcp 443 from {SITE}", f"+ tcp 443 from {PEER}")
    assert "EKS (it is the cluster security group)" in step.owner
    assert "by the control plane's interfaces: all of them will take tcp/443 from" in planned.blast_radius


def test_nodes_that_are_kept_out_are_left_to_people(bench: Any) -> None:
    """With the commands that the finding has."""
    case = case_of(bench, "sg-1")
    judgement = replace(case.finding.judgement, advice=("aws ec2 authorize-security-group-ingress …",))

    left = FIX.plan(replace(case, finding=replace(case.finding, judgement=judgement)))

    assert isinstance(left, Advice)
    assert left.text == judgement.advice
