"""A node-local-dns pod does not come up again on one node, and the node's pods ask its own address."""

from __future__ import annotations

from bot.sandbox.world.editing import Json, edit
from bot.sandbox.world.node_local_dns import NodeLocalDns, install, point_kubelets_at
from bot.sandbox.world.scenario import ByHand, Operator, Scenario
from bot.sandbox.world.world import World

_CACHE = NodeLocalDns(bind="__PILLAR__LOCAL__DNS__")
_GRACE_SECONDS = 120


def _put(operator: Operator, corefile: str) -> None:
    def changed(config: Json) -> Json:
        return {**config, "data": {"Corefile": corefile}}

    edit(operator, "configmaps", _CACHE.name, changed, namespace="kube-system")


def _acts(world: World, operator: Operator) -> None:
    install(operator, _CACHE)
    point_kubelets_at(world, operator, _CACHE.local_address)
    _put(operator, _CACHE.corefile.replace("errors", "errorz"))
    node = world.chance("node-local").choice(world.nodes)
    operator.delete_pods(namespace="kube-system", labels=f"k8s-app={_CACHE.name}", node=node.name)
    operator.time_passes(_GRACE_SECONDS)


def _harmless(world: World, operator: Operator) -> None:
    install(operator, _CACHE)
    point_kubelets_at(world, operator, _CACHE.local_address)
    node = world.chance("node-local").choice(world.nodes)
    operator.delete_pods(namespace="kube-system", labels=f"k8s-app={_CACHE.name}", node=node.name)


def _heal(_world: World, operator: Operator) -> None:
    _put(operator, _CACHE.corefile)
    operator.delete_pods(namespace="kube-system", labels=f"k8s-app={_CACHE.name}")


SCENARIO = Scenario(
    name="nodelocal-pods-not-ready",
    title="NodeLocal DNSCache does not start again on one node",
    story=(
        "Kubelets give pods NodeLocal DNSCache's own address. An operator mistyped a plugin in its Corefile; the pods "
        "that run keep the old one, and the one that was deleted on one node ends at each start."
    ),
    root_cause="nodelocal_pods_not_ready",
    explains=("dns_lookups_fail",),
    healed_by=ByHand(acts=_heal),
    not_to_blame=("wrong_nameserver",),
    lab_seeds=(1,),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="nodelocal-pods-not-ready-look-alike",
    title="A node-local-dns pod was deleted on one node, and another runs there",
    story="Kubelets give pods NodeLocal DNSCache's own address; an operator deleted its pod on one node.",
    root_cause="",
    not_to_blame=("nodelocal_pods_not_ready", "wrong_nameserver", "kube_dns_address_changed"),
    acts=_harmless,
)
