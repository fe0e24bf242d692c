"""The simulated agent of the VPC CNI enforces NetworkPolicies where it is switched on, packet by packet."""

from __future__ import annotations

from typing import Any

from bot.sandbox.kubernetes.served_cluster import ServedCluster

NAME, SERVICE = "kubernetes.default.svc.cluster.local.", "172.20.0.10"
TO_DNS = {
    "to": [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ],
    "ports": [{"protocol": "UDP", "port": 53}],
}


def _switch_on(served: ServedCluster) -> None:
    served.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}})
    agent = {"name": "aws-eks-nodeagent", "image": "agent", "args": ["--enable-network-policy=true"]}
    labels = {"k8s-app": "aws-node"}
    containers = [{"name": "aws-node", "image": "amazon-k8s-cni:v1.19.2"}, agent]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers, "hostNetwork": True}}
    served.put(
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": "aws-node", "namespace": "kube-system"},
            "spec": {"selector": {"matchLabels": labels}, "template": template},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "amazon-vpc-cni", "namespace": "kube-system"},
            "data": {"enable-network-policy-controller": "true"},
        },
    )


def _policy(served: ServedCluster, namespace: str, **spec: Any) -> None:
    metadata = {"name": "one", "namespace": namespace}
    served.put(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": metadata,
            "spec": {"podSelector": {}, **spec},
        }
    )
    served.settle()


def _asked(served: ServedCluster, server: str = SERVICE) -> bool:
    return "NOERROR" in served.dig(served.pods("app=shop")[0], server, NAME)


def test_a_policy_counts_only_where_the_agent_is_switched_on(served: ServedCluster) -> None:
    """Then a pod that it isolates gets no answer, by the service or by a pod on its own node."""
    _policy(served, "shop", policyTypes=["Egress"])
    before = _asked(served)

    _switch_on(served)
    served.settle()

    assert (before, _asked(served)) == (True, False)
    assert not any(_asked(served, one["status"]["podIP"]) for one in served.pods("k8s-app=kube-dns"))


def test_what_policies_allow_passes_on_both_sides(served: ServedCluster) -> None:
    """Selectors stand for the Service before the pods; at CoreDNS the client's namespace counts."""
    _switch_on(served)
    _policy(served, "shop", policyTypes=["Egress"], egress=[TO_DNS])
    assert _asked(served)

    _policy(served, "kube-system", policyTypes=["Ingress"], ingress=[{"from": [{"podSelector": {}}]}])
    closed = _asked(served)
    _policy(served, "kube-system", policyTypes=["Ingress"], ingress=[{"from": [{"namespaceSelector": {}}]}])

    assert (closed, _asked(served)) == (False, True)


def test_an_ip_block_is_held_against_what_was_asked(served: ServedCluster) -> None:
    """The agent sees the query before the node leads it from the Service to a pod."""
    _switch_on(served)
    _policy(served, "shop", policyTypes=["Egress"], egress=[{"to": [{"ipBlock": {"cidr": f"{SERVICE}/32"}}]}])

    assert _asked(served)
    assert not any(_asked(served, one["status"]["podIP"]) for one in served.pods("k8s-app=kube-dns"))
