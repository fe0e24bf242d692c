"""NodeLocal DNSCache came to a cluster whose VPC CNI makes pods with security groups in strict mode (B5, B6)."""

from __future__ import annotations

from bot.sandbox.world.branch_application import application, make_group
from bot.sandbox.world.node_local_dns import NodeLocalDns, install
from bot.sandbox.world.scenario import ByFix, Operator, Scenario
from bot.sandbox.world.vpc_cni import set_enforcing_mode, take_over
from bot.sandbox.world.world import World


def _acts(world: World, operator: Operator) -> None:
    take_over(operator)
    operator.apply(*application(world, make_group(world, operator, dns=True)))
    operator.time_passes(3600)
    install(operator, NodeLocalDns(cluster_ip=world.cluster_dns))


def _harmless(world: World, operator: Operator) -> None:
    take_over(operator)
    set_enforcing_mode(operator, "standard")
    operator.time_passes(3600)
    operator.apply(*application(world, make_group(world, operator, dns=True)))
    install(operator, NodeLocalDns(cluster_ip=world.cluster_dns))


SCENARIO = Scenario(
    name="nodelocal-pod-security-groups",
    title="NodeLocal DNSCache beside pods with security groups of their own, in strict mode",
    story=(
        "The cluster's owners run the VPC CNI themselves, with its default enforcing mode, and an application whose "
        "pods have a security group of their own. Today they installed NodeLocal DNSCache as its manifest says: plain "
        "pods are answered on their node, and the application's pods get no answer any more."
    ),
    root_cause="nodelocal_pod_security_groups_strict",
    explains=("dns_lookups_fail",),
    healed_by=ByFix(fix="set_pod_security_group_enforcing_mode"),
    not_to_blame=("dns_blocked_by_security_group", "kube_proxy_rules_missing"),
    lab_seeds=(1,),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="nodelocal-pod-security-groups-look-alike",
    title="NodeLocal DNSCache beside pods with security groups of their own, in standard mode",
    story=(
        "The same application and the same cache. But the VPC CNI was set to the standard enforcing mode before the "
        "application's pods were made: they see their node, and the cache on it answers them."
    ),
    root_cause="",
    not_to_blame=("nodelocal_pod_security_groups_strict", "dns_blocked_by_security_group"),
    weighed={"nodelocal_pod_security_groups_strict": r"POD_SECURITY_GROUP_ENFORCING_MODE: standard"},
    acts=_harmless,
)
