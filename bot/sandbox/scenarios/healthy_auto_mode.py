"""EKS Auto Mode: DNS, kube-proxy and the VPC CNI are part of the node; there is no CoreDNS and no DNS Service."""

from __future__ import annotations

from bot.sandbox.world.scenario import Operator, Scenario
from bot.sandbox.world.world import CLUSTER, WORKLOAD_SELECTOR, World

_NAMESPACE = "kube-system"
_AUTO = {"eks.amazonaws.com/compute-type": "auto", "karpenter.sh/nodepool": "general-purpose"}
_GROUP = "eks.amazonaws.com/nodegroup"


def _acts(_world: World, operator: Operator) -> None:
    on = {"enabled": True}
    operator.aws(
        "eks",
        "UpdateClusterConfig",
        name=CLUSTER,
        computeConfig={**on, "nodePools": ["general-purpose", "system"]},
        kubernetesNetworkConfig={"elasticLoadBalancing": on},
        storageConfig={"blockStorage": on},
    )
    for addon in ("coredns", "kube-proxy", "vpc-cni"):
        operator.aws("eks", "DeleteAddon", clusterName=CLUSTER, addonName=addon)
    for node in operator.get("nodes"):
        metadata = node["metadata"]
        labels = {key: value for key, value in metadata["labels"].items() if key != _GROUP} | _AUTO
        operator.apply({**node, "metadata": {**metadata, "labels": labels}})
    operator.delete("deployments.apps", "coredns", namespace=_NAMESPACE)
    operator.delete("services", "kube-dns", namespace=_NAMESPACE)
    operator.delete("configmaps", "coredns", namespace=_NAMESPACE)
    for name in ("kube-proxy", "aws-node"):
        operator.delete("daemonsets.apps", name, namespace=_NAMESPACE)
    operator.delete_pods(labels=WORKLOAD_SELECTOR)


SCENARIO = Scenario(
    name="healthy-auto-mode",
    title="EKS Auto Mode; nothing is wrong",
    story=(
        "The cluster runs in EKS Auto Mode: its nodes answer DNS and lead ClusterIPs to pods themselves. There is "
        "neither CoreDNS nor a Service for it, nor kube-proxy, and no add-on."
    ),
    root_cause="",
    not_to_blame=("kube_dns_service_missing", "wrong_nameserver", "kube_proxy_not_running"),
    not_in_lab="what an Auto Mode node runs beside its pods is not published",
    acts=_acts,
)
