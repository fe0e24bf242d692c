"""How CoreDNS's pods come to share a node: the others are cordoned for a while, and nothing moves what runs."""

from __future__ import annotations

from bot.sandbox.world.editing import Json, edit
from bot.sandbox.world.scenario import Operator
from bot.sandbox.world.world import CLUSTER, World

_NAMESPACE, _LABELS = "kube-system", "k8s-app=kube-dns"
_AN_HOUR = 3600.0


def crowd(world: World, operator: Operator) -> None:
    """Let all CoreDNS pods be made while one node alone takes pods; then all nodes do again."""
    node = world.chance("crowd").choice(world.nodes).name
    others = [one.name for one in world.nodes if one.name != node]
    for name in others:
        _cordon(operator, name, cordoned=True)
    operator.delete_pods(namespace=_NAMESPACE, labels=_LABELS)
    for name in others:
        _cordon(operator, name, cordoned=False)
    operator.time_passes(_AN_HOUR)


def _cordon(operator: Operator, node: str, *, cordoned: bool) -> None:
    def changed(found: Json) -> Json:
        return {**found, "spec": {**found["spec"], "unschedulable": cordoned}}

    edit(operator, "nodes", node, changed)


def take_over(operator: Operator) -> None:
    """Let the cluster's owners run CoreDNS themselves from now on; the add-on goes, the Deployment stays as it is.

    Where they do already, nothing is changed.
    """
    if "coredns" in operator.aws("eks", "ListAddons", clusterName=CLUSTER)["addons"]:
        operator.aws("eks", "DeleteAddon", clusterName=CLUSTER, addonName="coredns", preserve=True)


def scale(operator: Operator, replicas: int) -> None:
    """`kubectl scale`: let CoreDNS have so many pods."""

    def changed(deployment: Json) -> Json:
        return {**deployment, "spec": {**deployment["spec"], "replicas": replicas}}

    edit(operator, "deployments.apps", "coredns", changed, namespace=_NAMESPACE)
