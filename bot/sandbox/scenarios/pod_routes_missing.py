"""A node holds nothing any more of the pods on it: no rule, no route; the pods run on and nothing reaches them."""

from __future__ import annotations

from typing import Any

from bot.sandbox.world.scenario import ByHand, OperatingError, Operator, Scenario
from bot.sandbox.world.world import WORKLOAD_SELECTOR, World

_NAMESPACE = "kube-system"


def _node(world: World, operator: Operator) -> str:
    """Return the first node on which no CoreDNS pod runs, and pods of applications do."""
    dns = {pod["spec"]["nodeName"] for pod in operator.get("pods", namespace=_NAMESPACE, labels="k8s-app=kube-dns")}
    found = [node.name for node in world.nodes if node.name not in dns and _applications(operator, node.name)]
    if not found:
        raise OperatingError("CoreDNS runs on every node")
    return found[0]


def _applications(operator: Operator, node: str) -> list[dict[str, Any]]:
    """Return the pods of applications on a node that have an address of their own."""
    pods = operator.get("pods", labels=WORKLOAD_SELECTOR)
    return [pod for pod in pods if pod["spec"].get("nodeName") == node and not pod["spec"].get("hostNetwork")]


def _remove(world: World, operator: Operator) -> str:
    node = _node(world, operator)
    operator.remove_routes(*(pod["status"]["podIP"] for pod in _applications(operator, node)))
    return node


def _acts(world: World, operator: Operator) -> None:
    _remove(world, operator)


def _harmless(world: World, operator: Operator) -> None:
    operator.delete_pods(labels=WORKLOAD_SELECTOR, node=_remove(world, operator))


def _heal(world: World, operator: Operator) -> None:
    operator.delete_pods(labels=WORKLOAD_SELECTOR, node=_node(world, operator))


SCENARIO = Scenario(
    name="pod-routes-missing",
    title="A node lacks the routes of its pods",
    story=(
        "An update of a node's image brought a systemd-networkd that removes routes and routing rules which it did not "
        "lay, those of the VPC CNI for each pod. The pods run on, and nothing finds its way to them and back."
    ),
    root_cause="pod_routes_missing",
    explains=("dns_lookups_fail",),
    healed_by=ByHand(acts=_heal),
    not_to_blame=("dns_blocked_by_security_group", "kube_proxy_not_running", "kube_proxy_rules_missing"),
    lab_seeds=(1,),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="pod-routes-missing-look-alike",
    title="A node lost its pods' routes, and the pods were replaced",
    story="The same update; the operator replaced the node's pods afterwards, for which the VPC CNI laid all anew.",
    root_cause="",
    not_to_blame=("pod_routes_missing", "stale_conntrack"),
    acts=_harmless,
)
