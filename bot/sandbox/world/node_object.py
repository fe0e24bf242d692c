"""The Node object that a worker node's kubelet registers."""

from __future__ import annotations

import uuid
from typing import Any, TypeAlias

from bot.sandbox.world.world import REGION, World, WorldNode

Json: TypeAlias = dict[str, Any]


def node_object(world: World, node: WorldNode) -> Json:
    """Return the Node that a kubelet registers."""
    identity = str(uuid.UUID(int=world.chance(f"node-{node.name}").getrandbits(128), version=4))
    since = "2026-11-01T06:12:41Z"
    conditions = [("MemoryPressure", "False"), ("DiskPressure", "False"), ("PIDPressure", "False"), ("Ready", "True")]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node.name,
            "creationTimestamp": since,
            "labels": {
                "beta.kubernetes.io/instance-type": "m5.large",
                "eks.amazonaws.com/capacityType": "ON_DEMAND",
                "eks.amazonaws.com/nodegroup": node.node_group,
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": node.name,
                "kubernetes.io/os": "linux",
                "node.kubernetes.io/instance-type": "m5.large",
                "topology.kubernetes.io/region": REGION,
                "topology.kubernetes.io/zone": node.zone,
            },
        },
        "spec": {"providerID": f"aws:///{node.zone}/{node.instance_id}"},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": node.ipv6_address or node.address},
                {"type": "InternalDNS", "address": node.name},
                {"type": "Hostname", "address": node.name},
            ],
            "capacity": {"cpu": "2", "memory": "7934396Ki", "pods": "29"},
            "allocatable": {"cpu": "1930m", "memory": "7244220Ki", "pods": "29"},
            "conditions": [
                {"type": kind, "status": status, "lastHeartbeatTime": since, "lastTransitionTime": since}
                for kind, status in conditions
            ],
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": identity,
                "containerRuntimeVersion": "containerd://1.7.27",
                "kernelVersion": "6.1.141-155.222.amzn2023.x86_64",
                "kubeProxyVersion": "v1.32.9-eks-113cf36",
                "kubeletVersion": "v1.32.9-eks-113cf36",
                "machineID": identity.replace("-", ""),
                "operatingSystem": "linux",
                "osImage": "Amazon Linux 2023.8.20250715",
                "systemUUID": identity,
            },
        },
    }
