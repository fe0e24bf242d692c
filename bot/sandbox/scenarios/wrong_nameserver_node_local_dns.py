"""Kubelets give pods NodeLocal DNSCache's own address, and somebody has removed it."""

from __future__ import annotations

from bot.sandbox.world.node_local_dns import LOCAL_ADDRESS, NodeLocalDns, install, point_kubelets_at
from bot.sandbox.world.scenario import ByFix, Operator, Scenario
from bot.sandbox.world.world import World

_CACHE = NodeLocalDns(bind="__PILLAR__LOCAL__DNS__")
_KINDS = {
    "DaemonSet": "daemonsets.apps",
    "Service": "services",
    "ConfigMap": "configmaps",
    "ServiceAccount": "serviceaccounts",
}


def _acts(world: World, operator: Operator) -> None:
    install(operator, _CACHE)
    point_kubelets_at(world, operator, LOCAL_ADDRESS)
    for one in reversed(_CACHE.objects()):
        operator.delete(_KINDS[one["kind"]], one["metadata"]["name"], namespace="kube-system")


def _harmless(world: World, operator: Operator) -> None:
    install(operator, _CACHE)
    point_kubelets_at(world, operator, LOCAL_ADDRESS)


SCENARIO = Scenario(
    name="wrong-nameserver-node-local-dns",
    title="Pods ask NodeLocal DNSCache's address, and it has been removed",
    story=(
        "Kubelets give pods 169.254.20.10. An operator deleted NodeLocal DNSCache with all that belongs to it and left "
        "the kubelets as they were: nobody answers where pods ask."
    ),
    root_cause="wrong_nameserver",
    explains=("dns_lookups_fail",),
    healed_by=ByFix(fix="install_node_local_dns"),
    not_to_blame=("kube_dns_address_changed", "nodelocal_misconfigured", "nodelocal_pods_not_ready"),
    not_in_lab="node-cache is not built for it",
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="wrong-nameserver-node-local-dns-look-alike",
    title="Pods ask NodeLocal DNSCache's address, and it answers there",
    story="Kubelets give pods 169.254.20.10, not the DNS Service's address, and NodeLocal DNSCache listens there.",
    root_cause="",
    not_to_blame=("wrong_nameserver",),
    not_in_lab="the scenario that it resembles is not played there",
    acts=_harmless,
)
