"""NodeLocal DNSCache runs on every node, and pods' queries go to CoreDNS as before."""

from __future__ import annotations

from bot.sandbox.scenarios.healthy_cilium import replace_kube_proxy
from bot.sandbox.world.node_local_dns import LOCAL_ADDRESS, NodeLocalDns, install, point_kubelets_at
from bot.sandbox.world.scenario import ByHand, Operator, Scenario
from bot.sandbox.world.world import World


def _acts(world: World, operator: Operator) -> None:
    if world.seed % 2:
        replace_kube_proxy(world, operator)
        install(operator, NodeLocalDns(cluster_ip=world.cluster_dns))
    else:
        install(operator, NodeLocalDns())


def _harmless(world: World, operator: Operator) -> None:
    replace_kube_proxy(world, operator)
    install(operator, NodeLocalDns())
    point_kubelets_at(world, operator, LOCAL_ADDRESS)


def _heal(world: World, operator: Operator) -> None:
    point_kubelets_at(world, operator, LOCAL_ADDRESS)


SCENARIO = Scenario(
    name="nodelocal-not-intercepting",
    title="NodeLocal DNSCache caches for nobody",
    story=(
        "By the seed Cilium leads the DNS Service's address to CoreDNS before a packet is made, or the cache was "
        "installed on its own address alone and the kubelets were never told."
    ),
    root_cause="nodelocal_not_intercepting",
    healed_by=ByHand(acts=_heal),
    not_to_blame=("nodelocal_misconfigured", "nodelocal_pods_not_ready"),
    not_in_lab="no Cilium agent is built for it, and without one nothing leads ClusterIPs to pods",
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="nodelocal-not-intercepting-look-alike",
    title="Cilium in kube-proxy's place, and kubelets that give pods the cache's own address",
    story="Cilium leads ClusterIPs; pods ask NodeLocal DNSCache at its own address, which no Service has.",
    root_cause="",
    not_to_blame=("nodelocal_not_intercepting", "wrong_nameserver", "kube_dns_address_changed"),
    not_in_lab="no Cilium agent is built for it, and without one nothing leads ClusterIPs to pods",
    acts=_harmless,
)
