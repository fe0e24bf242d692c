"""A second CoreDNS was installed beside the EKS add-on's, and the DNS Service selects the pods of both."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from bot.sandbox.world.editing import find
from bot.sandbox.world.scenario import ByHand, Operator, Scenario
from bot.sandbox.world.world import World

_NAMESPACE, _USUAL, _SECOND = "kube-system", "coredns", "coredns-chart"
_STARTED_SECONDS, _AN_HOUR = 1.0, 3600.0


def _second(operator: Operator, labels: dict[str, str]) -> None:
    """Install the same CoreDNS under another name; its pods bear these labels beside those of their Deployment."""
    first: dict[str, Any] = deepcopy(find(operator, "deployments.apps", _USUAL, namespace=_NAMESPACE))
    own = {"app.kubernetes.io/instance": _SECOND}
    template = first["spec"]["template"]
    template["metadata"] = {"labels": {**own, **labels}}
    metadata = {"name": _SECOND, "namespace": _NAMESPACE, "labels": {"app.kubernetes.io/managed-by": "Helm"}}
    spec = {**first["spec"], "selector": {"matchLabels": own}, "template": template}
    operator.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})
    operator.time_passes(_STARTED_SECONDS)
    operator.time_passes(_AN_HOUR)


def _acts(_world: World, operator: Operator) -> None:
    _second(operator, {"k8s-app": "kube-dns"})


def _harmless(_world: World, operator: Operator) -> None:
    _second(operator, {"k8s-app": _SECOND})


def _heal(_world: World, operator: Operator) -> None:
    operator.delete("deployments.apps", _SECOND, namespace=_NAMESPACE)


SCENARIO = Scenario(
    name="coredns-duplicate-deployments",
    title="CoreDNS is installed twice",
    story=(
        "A team installed CoreDNS from its chart and left the EKS add-on as it was. The pods of both bear the label "
        "that the Service kube-dns selects by: both answer, each by its own Corefile."
    ),
    root_cause="coredns_duplicate_deployments",
    healed_by=ByHand(acts=_heal),
    not_to_blame=("coredns_pods_not_ready", "dns_lookups_fail"),
    not_in_lab="two Deployments are no fault for half an hour, and the lab's hours are real",
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="coredns-duplicate-deployments-look-alike",
    title="A second CoreDNS that the DNS Service does not select",
    story="The same chart beside the add-on, for a zone of its own: its pods bear another label.",
    root_cause="",
    not_to_blame=("coredns_duplicate_deployments", "coredns_pods_not_ready"),
    not_in_lab="the scenario that it resembles is not played there",
    acts=_harmless,
)
