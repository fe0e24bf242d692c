"""NodeLocal DNSCache is applied with a manifest that nobody filled in, or filled in wrongly (B2)."""

from __future__ import annotations

from bot.sandbox.world.kube_proxy_mode import set_mode
from bot.sandbox.world.node_local_dns import LOCAL_ADDRESS, NodeLocalDns, install, point_kubelets_at
from bot.sandbox.world.scenario import ByHand, Operator, Scenario
from bot.sandbox.world.world import World

_GRACE_SECONDS = 120


def _right(world: World) -> NodeLocalDns:
    return NodeLocalDns(cluster_ip=world.cluster_dns)


def _acts(world: World, operator: Operator) -> None:
    """Leave a placeholder, let the Corefile bind one of two addresses, or let the nodes name the cache itself."""
    number = world.seed % 3
    if number == 1:
        install(operator, NodeLocalDns(cluster_ip=world.cluster_dns, domain="__PILLAR__DNS__DOMAIN__"))
    elif number == 2:  # noqa: PLR2004  # the second of three
        install(operator, NodeLocalDns(cluster_ip=world.cluster_dns, bind=LOCAL_ADDRESS))
    else:
        for node in world.nodes:
            operator.resolv_conf(node.name, f"nameserver {LOCAL_ADDRESS}\n")
        install(operator, _right(world))
        operator.time_passes(_GRACE_SECONDS)


def _harmless(world: World, operator: Operator) -> None:
    """Install it as kube-proxy in ipvs mode needs it, at another address, placeholders that it replaces included."""
    set_mode(operator, "ipvs")
    address = f"169.254.{world.chance('local').randrange(21, 200)}.{world.chance('last').randrange(2, 250)}"
    install(operator, NodeLocalDns(local_address=address, name="dns-cache"))
    point_kubelets_at(world, operator, address)


def _heal(world: World, operator: Operator) -> None:
    if world.seed % 3 == 0:
        for node in world.nodes:
            operator.resolv_conf(node.name, "")
    right = _right(world)
    install(operator, right)
    operator.delete_pods(namespace="kube-system", labels=f"k8s-app={right.name}")


SCENARIO = Scenario(
    name="nodelocal-misconfigured",
    title="NodeLocal DNSCache's manifest does not fit the cluster",
    story=(
        "An operator applied nodelocaldns.yaml. By the seed the domain's placeholder stayed, the Corefile binds one of "
        "the two addresses that the interface holds, or the nodes' resolv.conf names the cache itself."
    ),
    root_cause="nodelocal_misconfigured",
    explains=("dns_lookups_fail", "nodelocal_pods_not_ready"),
    healed_by=ByHand(acts=_heal),
    lab_seeds=(1, 2),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="nodelocal-misconfigured-look-alike",
    title="NodeLocal DNSCache on another address and under another name, as ipvs mode needs it",
    story=(
        "kube-proxy works in ipvs mode. The owners run NodeLocal DNSCache on a link-local address of their own choice "
        "alone, and their kubelets give it to pods."
    ),
    root_cause="",
    not_to_blame=("nodelocal_misconfigured", "nodelocal_not_intercepting", "wrong_nameserver"),
    weighed={"nodelocal_misconfigured": r"DaemonSet kube-system/dns-cache listens on 169\.254\."},
    not_in_lab="ipvs mode wants a dummy interface, which the lab's kernel does not have",
    acts=_harmless,
)
