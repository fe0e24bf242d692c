"""A node's resolv.conf names a local stub, and CoreDNS forwards its queries to itself (127.0.0.53)."""

from __future__ import annotations

from bot.sandbox.world.editing import write_corefile
from bot.sandbox.world.scenario import ByHand, Operator, Scenario
from bot.sandbox.world.world import REGION, World, WorldNode

STUB = f"nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch {REGION}.compute.internal\n"
"""What systemd-resolved puts where /etc/resolv.conf links to stub-resolv.conf."""


def reinstalled(world: World, operator: Operator) -> tuple[WorldNode, ...]:
    """Return the nodes that got the other image: by the seed all of them, or one on which a CoreDNS pod runs."""
    chance = world.chance("stub")
    if chance.random() < 0.5:  # noqa: PLR2004  # an even chance
        return world.nodes
    pods = operator.get("pods", namespace="kube-system", labels="k8s-app=kube-dns")
    nodes = {pod["spec"]["nodeName"] for pod in pods}
    return (chance.choice([node for node in world.nodes if node.name in nodes]),)


def _cordon(operator: Operator, names: set[str], *, cordoned: bool) -> None:
    for node in operator.get("nodes"):
        if node["metadata"]["name"] in names:
            operator.apply({**node, "spec": {**node["spec"], "unschedulable": cordoned}})


def _acts(world: World, operator: Operator) -> None:
    nodes = reinstalled(world, operator)
    for node in nodes:
        operator.resolv_conf(node.name, STUB)
    if len(nodes) == len(world.nodes):
        operator.delete_pods(namespace="kube-system", labels="k8s-app=kube-dns")
        return
    others = {node.name for node in world.nodes} - {node.name for node in nodes}
    _cordon(operator, others, cordoned=True)
    operator.delete_pods(namespace="kube-system", labels="k8s-app=kube-dns", node=nodes[0].name)
    _cordon(operator, others, cordoned=False)


def _harmless(world: World, operator: Operator) -> None:
    write_corefile(operator, world.corefile.replace("forward . /etc/resolv.conf", "forward . 169.254.169.253"))
    for node in world.nodes:
        operator.resolv_conf(node.name, STUB)
    operator.delete_pods(namespace="kube-system", labels="k8s-app=kube-dns")


def _heal(world: World, operator: Operator) -> None:
    for node in world.nodes:
        operator.resolv_conf(node.name, f"search {REGION}.compute.internal\nnameserver 169.254.169.253\n")
    operator.delete_pods(namespace="kube-system", labels="k8s-app=kube-dns")


SCENARIO = Scenario(
    name="coredns-forwarding-loop",
    title="CoreDNS forwards queries to itself: a node's resolv.conf names 127.0.0.53",
    story=(
        "An operator gave nodes an image whose /etc/resolv.conf names systemd-resolved's stub, by the seed all nodes "
        "or one of those where CoreDNS runs. The CoreDNS pods that started there afterwards took it over."
    ),
    root_cause="coredns_forwarding_loop",
    explains=("coredns_pods_not_ready", "dns_lookups_fail", "kube_dns_no_endpoints"),
    healed_by=ByHand(acts=_heal),
    not_to_blame=("coredns_oom_killed", "coredns_crash_corefile", "coredns_upstream_unreachable"),
    lab_seeds=(1, 3),  # one node, all nodes
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="coredns-forwarding-loop-look-alike",
    title="The nodes' resolv.conf names 127.0.0.53, and CoreDNS does not use it",
    story="The same image on all nodes, but the Corefile forwards to the VPC resolver by its address.",
    root_cause="",
    not_to_blame=("coredns_forwarding_loop",),
    acts=_harmless,
)
