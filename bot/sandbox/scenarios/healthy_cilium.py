"""Cilium does kube-proxy's work; kube-proxy's DaemonSet is gone, or parked on a node selector that nobody bears."""

from __future__ import annotations

from typing import Any, TypeAlias

from bot.sandbox.world.editing import edit_pod_template
from bot.sandbox.world.scenario import Operator, Scenario
from bot.sandbox.world.world import CLUSTER, World

Json: TypeAlias = dict[str, Any]
_NAMESPACE = "kube-system"
_LABELS = {"k8s-app": "cilium", "app.kubernetes.io/name": "cilium-agent"}


def _cilium() -> list[Json]:
    pod = {
        "containers": [{"name": "cilium-agent", "image": "quay.io/cilium/cilium:v1.17.4"}],
        "hostNetwork": True,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "cilium",
        "priorityClassName": "system-node-critical",
        "tolerations": [{"operator": "Exists"}],
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "cilium-config", "namespace": _NAMESPACE},
            "data": {"kube-proxy-replacement": "true", "routing-mode": "native", "ipam": "eni"},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": "cilium", "namespace": _NAMESPACE, "labels": _LABELS},
            "spec": {
                "selector": {"matchLabels": _LABELS},
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}},
                "template": {"metadata": {"labels": _LABELS}, "spec": pod},
            },
        },
    ]


def _parked(template: Json) -> Json:
    return {**template, "spec": {**template["spec"], "nodeSelector": {"io.cilium/aws-node-enabled": "true"}}}


def replace_kube_proxy(world: World, operator: Operator) -> None:
    """Install Cilium and, by the seed, remove kube-proxy or park it."""
    operator.apply(*_cilium())
    if world.seed % 2:
        edit_pod_template(operator, "daemonsets.apps", "kube-proxy", _parked, namespace=_NAMESPACE)
    else:
        operator.aws("eks", "DeleteAddon", clusterName=CLUSTER, addonName="kube-proxy")
        operator.delete("daemonsets.apps", "kube-proxy", namespace=_NAMESPACE)


SCENARIO = Scenario(
    name="healthy-cilium",
    title="Cilium in kube-proxy's place; nothing is wrong",
    story=(
        "Cilium runs with kube-proxy-replacement: true. By the seed the operator removed kube-proxy, or left its "
        "DaemonSet parked on a node selector that no node bears, as Cilium's guide for EKS does with aws-node."
    ),
    root_cause="",
    not_to_blame=("kube_proxy_not_running", "kube_proxy_api_timeout"),
    not_in_lab="no Cilium agent is built for it, and without one nothing leads ClusterIPs to pods",
    acts=replace_kube_proxy,
)
