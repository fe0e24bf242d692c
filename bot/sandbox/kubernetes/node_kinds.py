"""What nodes of some kinds do themselves (EKS User Guide, "Fargate Pod configuration", "EKS Auto Mode").

A Fargate node holds one pod, which has the node's own address, and leads ClusterIPs to pods without a kube-proxy pod.
An Auto Mode node does that too, and answers DNS on itself.
"""

from __future__ import annotations

from bot.sandbox.kubernetes.resources import Json

_COMPUTE = "eks.amazonaws.com/compute-type"
NODE_COREFILE = """.:53 {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       fallthrough in-addr.arpa ip6.arpa
    }
    forward . /etc/resolv.conf
    cache 30
}
"""
"""What the DNS server on an Auto Mode node serves, as far as it shows."""


def _compute(node: Json) -> str:
    return str((node["metadata"].get("labels") or {}).get(_COMPUTE, ""))


def is_fargate(node: Json) -> bool:
    """Return whether the node is one pod's."""
    return _compute(node) == "fargate"


def leads_cluster_ips(node: Json) -> bool:
    """Return whether the node leads ClusterIPs to pods by itself."""
    return _compute(node) in {"fargate", "auto"}


def answers_dns(node: Json) -> bool:
    """Return whether a DNS server runs on the node itself."""
    return _compute(node) == "auto"
