"""EKS may not change its add-ons' objects any more: somebody deleted the ClusterRoleBinding of its add-on manager."""

from __future__ import annotations

from bot.sandbox.world.cluster_objects import addon_manager
from bot.sandbox.world.scenario import ByHand, Operator, Scenario
from bot.sandbox.world.world import World

_BINDINGS = "clusterrolebindings.rbac.authorization.k8s.io"
_NOT_IN_LAB = "its EKS has no add-on manager"
_HEARD_SECONDS = 1.0
"""After so long EKS has surely noticed."""
*_, _MANAGER = addon_manager()
_CONTRACTOR = {
    **_MANAGER,
    "metadata": {"name": "contractor-admin"},
    "subjects": [{**_MANAGER["subjects"][0], "name": "contractor"}],
}


def _removed(operator: Operator, name: str) -> None:
    operator.delete(_BINDINGS, name)
    operator.time_passes(_HEARD_SECONDS)


def _acts(_world: World, operator: Operator) -> None:
    _removed(operator, _MANAGER["metadata"]["name"])


def _harmless(_world: World, operator: Operator) -> None:
    operator.apply(_CONTRACTOR)
    _removed(operator, _CONTRACTOR["metadata"]["name"])


def _heal(_world: World, operator: Operator) -> None:
    operator.apply(_MANAGER)
    operator.time_passes(_HEARD_SECONDS)


SCENARIO = Scenario(
    name="addon-degraded",
    title="EKS may not change the objects of its add-ons any more",
    story=(
        "An audit found ClusterRoleBindings that give cluster-admin away, and somebody deleted them all, among them "
        "that of EKS's add-on manager. Lookups go on; EKS calls all its add-ons degraded."
    ),
    root_cause="addon_degraded",
    healed_by=ByHand(acts=_heal),
    not_to_blame=("addon_conflict", "coredns_pods_not_ready", "dns_lookups_fail", "kube_proxy_not_running"),
    not_in_lab=_NOT_IN_LAB,
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="addon-degraded-look-alike",
    title="Somebody else's ClusterRoleBinding to cluster-admin was deleted",
    story="The same audit, after which a contractor's binding was deleted, and that of EKS's add-on manager was kept.",
    root_cause="",
    not_to_blame=("addon_degraded",),
    weighed={"addon_degraded": r"coredns v\S+ ACTIVE"},
    not_in_lab=_NOT_IN_LAB,
    acts=_harmless,
)
