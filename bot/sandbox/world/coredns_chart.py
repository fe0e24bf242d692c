"""CoreDNS by its own Helm chart, as people run it who gave the EKS add-on up (coredns/helm, charts/coredns)."""

from __future__ import annotations

from typing import Any, TypeAlias

from bot.sandbox.world.editing import find
from bot.sandbox.world.scenario import Operator
from bot.sandbox.world.world import CLUSTER, CLUSTER_DNS, World

Json: TypeAlias = dict[str, Any]
LABELS = {"app.kubernetes.io/instance": "coredns", "app.kubernetes.io/name": "coredns", "k8s-app": "coredns"}
"""The chart's, in its Service's selector and on its pods."""
NAME = "coredns-coredns"
"""Of its Deployment and its ConfigMap."""
_NAMESPACE = "kube-system"


def chart_objects(world: World, deployment: Json) -> list[Json]:
    """Return what the chart installs, made of the add-on's Deployment: other names, labels and image, same pods."""
    spec = deployment["spec"]
    template = spec["template"]
    pod = dict(template["spec"])
    pod["containers"] = [{**pod["containers"][0], "image": "coredns/coredns:1.12.0"}]
    pod["volumes"] = [{"name": "config-volume", "configMap": {"name": NAME}}]
    metadata = {"namespace": _NAMESPACE, "labels": LABELS}
    ports = [
        {"name": "udp-53", "port": 53, "protocol": "UDP", "targetPort": 53},
        {"name": "tcp-53", "port": 53, "protocol": "TCP", "targetPort": 53},
    ]
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": NAME, **metadata},
            "data": {"Corefile": world.corefile},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "coredns", **metadata},
            "spec": {
                "type": "ClusterIP",
                "clusterIP": CLUSTER_DNS,
                "clusterIPs": [CLUSTER_DNS],
                "selector": LABELS,
                "ports": ports,
            },
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": NAME, **metadata},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": LABELS},
                "strategy": spec["strategy"],
                "template": {"metadata": {"labels": LABELS}, "spec": pod},
            },
        },
    ]


def move_to_chart(world: World, operator: Operator) -> None:
    """Remove the add-on's CoreDNS, all but its ConfigMap, and install the chart with the Service's old address."""
    deployment = find(operator, "deployments.apps", "coredns", namespace=_NAMESPACE)
    operator.aws("eks", "DeleteAddon", clusterName=CLUSTER, addonName="coredns")
    operator.delete("deployments.apps", "coredns", namespace=_NAMESPACE)
    operator.delete("services", "kube-dns", namespace=_NAMESPACE)
    operator.apply(*chart_objects(world, deployment))
    operator.rollout_restart("deployments.apps", NAME, namespace=_NAMESPACE)
