"""NodeLocal DNSCache beside pods with security groups in strict mode, where EKS's add-on owns the VPC CNI (B6, B7)."""

from __future__ import annotations

import json

from bot.sandbox.world.branch_application import application, make_group
from bot.sandbox.world.node_local_dns import NodeLocalDns, install
from bot.sandbox.world.scenario import ByFix, Operator, Scenario
from bot.sandbox.world.vpc_cni import ADDON, MODE
from bot.sandbox.world.world import CLUSTER, World

_NOT_IN_LAB = "its EKS has no add-on manager"


def _configured(operator: Operator, **variables: str) -> None:
    """Let pods have branch interfaces, as the user guide has it, through the add-on's configuration."""
    values = json.dumps({"env": {"ENABLE_POD_ENI": "true", **variables}})
    operator.aws("eks", "UpdateAddon", clusterName=CLUSTER, addonName=ADDON, configurationValues=values)
    operator.time_passes(3600)


def _acts(world: World, operator: Operator) -> None:
    _configured(operator)
    operator.apply(*application(world, make_group(world, operator, dns=True)))
    operator.time_passes(3600)
    install(operator, NodeLocalDns(cluster_ip=world.cluster_dns))


def _harmless(world: World, operator: Operator) -> None:
    _configured(operator, **{MODE: "standard"})
    operator.apply(*application(world, make_group(world, operator, dns=True)))
    install(operator, NodeLocalDns(cluster_ip=world.cluster_dns))


SCENARIO = Scenario(
    name="nodelocal-pod-security-groups-addon",
    title="NodeLocal DNSCache beside pods with security groups in strict mode; EKS's add-on owns the VPC CNI",
    story=(
        "The VPC CNI is the EKS add-on, configured to give pods branch interfaces and otherwise as it comes; an "
        "application's pods have a security group of their own. Then NodeLocal DNSCache was installed, and only these "
        "pods get no answer."
    ),
    root_cause="nodelocal_pod_security_groups_strict",
    explains=("dns_lookups_fail",),
    healed_by=ByFix(fix="set_pod_security_group_enforcing_mode"),
    not_to_blame=("dns_blocked_by_security_group", "kube_proxy_rules_missing"),
    not_in_lab=_NOT_IN_LAB,
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="nodelocal-pod-security-groups-addon-look-alike",
    title="NodeLocal DNSCache beside pods with security groups, the add-on configured for standard mode",
    story=(
        "The same add-on and the same application. But the add-on's configuration named the standard mode before the "
        "application's pods were made: they see their node, and the cache on it answers them."
    ),
    root_cause="",
    not_to_blame=("nodelocal_pod_security_groups_strict", "dns_blocked_by_security_group"),
    weighed={"nodelocal_pod_security_groups_strict": r"POD_SECURITY_GROUP_ENFORCING_MODE: standard"},
    not_in_lab=_NOT_IN_LAB,
    acts=_harmless,
)
