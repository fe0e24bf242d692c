"""A cluster of Fargate nodes alone: one pod a node, no DaemonSet, CoreDNS on Fargate too."""

from __future__ import annotations

import uuid
from typing import Any, TypeAlias

from bot.sandbox.world.editing import annotated, edit_pod_template
from bot.sandbox.world.scenario import Operator, Scenario
from bot.sandbox.world.world import CLUSTER, REGION, World

Json: TypeAlias = dict[str, Any]
_COMPUTE = "eks.amazonaws.com/compute-type"
_SPARE = 2


def _node(world: World, operator: Operator, number: int, like: Json) -> Json:
    """Return the Node of a Fargate pod, with an interface of its own in one of the cluster's subnets."""
    subnet = world.home.subnets[number % len(world.home.subnets)]
    made = operator.aws(
        "ec2", "CreateNetworkInterface", SubnetId=subnet.id, Groups=[world.cluster_security_group_id],
        Description=f"fargate-{number}",
    )["NetworkInterface"]  # fmt: skip
    address = str(made["PrivateIpAddress"])
    name = f"fargate-ip-{address.replace('.', '-')}.{REGION}.compute.internal"
    identity = uuid.UUID(int=world.chance(f"fargate-{number}").getrandbits(128), version=4)
    labels = {
        _COMPUTE: "fargate",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/region": REGION,
        "topology.kubernetes.io/zone": subnet.zone,
    }
    addresses = [
        {"type": "InternalIP", "address": address},
        {"type": "InternalDNS", "address": name},
        {"type": "Hostname", "address": name},
    ]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "creationTimestamp": like["metadata"]["creationTimestamp"], "labels": labels},
        "spec": {
            "providerID": f"aws:///{subnet.zone}/{identity}/{name}",
            "taints": [{"key": _COMPUTE, "value": "fargate", "effect": "NoSchedule"}],
        },
        "status": {**like["status"], "addresses": addresses},
    }


def _on_fargate(template: Json) -> Json:
    """Return the pod template as a Fargate profile makes its pods, of an image that names can be looked up in."""
    spec = template["spec"]
    here = {"key": _COMPUTE, "value": "fargate", "effect": "NoSchedule"}
    tolerations = [*(spec.get("tolerations") or []), here]
    containers = [{**one, "image": one["image"].removesuffix("-distroless")} for one in spec["containers"]]
    chosen = {**spec, "containers": containers, "tolerations": tolerations, "nodeSelector": {_COMPUTE: "fargate"}}
    return annotated({**template, "spec": chosen}, _COMPUTE, "fargate")


def _acts(world: World, operator: Operator) -> None:
    old = operator.get("nodes")
    workloads = operator.get("deployments.apps")
    for addon in ("kube-proxy", "vpc-cni"):
        operator.aws("eks", "DeleteAddon", clusterName=CLUSTER, addonName=addon)
    for name in ("kube-proxy", "aws-node"):
        operator.delete("daemonsets.apps", name, namespace="kube-system")
    wanted = sum(one["spec"]["replicas"] for one in workloads) + _SPARE
    operator.apply(*(_node(world, operator, number, old[0]) for number in range(wanted)))
    for one in workloads:
        metadata = one["metadata"]
        edit_pod_template(operator, "deployments.apps", metadata["name"], _on_fargate, namespace=metadata["namespace"])
    operator.time_passes(600)
    for node in old:
        operator.delete("nodes", node["metadata"]["name"])


SCENARIO = Scenario(
    name="healthy-fargate",
    title="A cluster of Fargate nodes alone; nothing is wrong",
    story=(
        "Fargate profiles take all pods, CoreDNS's too, whose pod template no longer asks for EC2. Each node is one "
        "pod's, with an interface of its own; there is no DaemonSet. All application images have a tool to look names "
        "up with: where one pod is a node, a pod without leaves its node unseen."
    ),
    root_cause="",
    not_to_blame=("kube_proxy_not_running", "coredns_pods_pending", "kube_dns_service_missing"),
    not_in_lab="a Fargate node is one pod on a machine of AWS's, whose own kube-proxy nobody publishes",
    acts=_acts,
)
