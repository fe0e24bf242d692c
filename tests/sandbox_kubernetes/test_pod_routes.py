from __future__ import annotations

from typing import Any

from bot.sandbox.kubernetes.served_cluster import ServedCluster

NAME = "kubernetes.default.svc.cluster.local."


def _remove(served: ServedCluster, address: str) -> None:
    """Let the pod's node hold nothing of it any more."""
    status, said = served.ask("POST", "/sandbox/unrouted", {"addresses": [address]})
    assert status == 200, said
    served.settle()


def _on(served: ServedCluster, node: str, labels: str) -> dict[str, Any]:
    return next(pod for pod in served.pods(labels) if pod["spec"]["nodeName"] == node)


def test_nothing_leaves_a_pod_without_routes_until_it_is_made_anew(served: ServedCluster) -> None:
    """Neither by the service nor to a pod on its own node; a pod that takes its place has what it needs."""
    pod, dns = _on(served, "node-a", "app=shop"), _on(served, "node-a", "k8s-app=kube-dns")
    servers = ("172.20.0.10", dns["status"]["podIP"])

    _remove(served, pod["status"]["podIP"])
    silent = ["timed out" in served.dig(pod, server, NAME) for server in servers]
    served.ask("DELETE", f"/api/v1/namespaces/shop/pods/{pod['metadata']['name']}")
    served.settle()

    assert silent == [True, True]
    assert "NOERROR" in served.dig(_on(served, "node-a", "app=shop"), servers[1], NAME)


def _probed(served: ServedCluster) -> None:
    """Let kubelets ask CoreDNS whether it is ready."""
    held = served.get("/apis/apps/v1/namespaces/kube-system/deployments/coredns")
    template = held["spec"]["template"]
    (container,) = template["spec"]["containers"]
    made = {**container, "readinessProbe": {"httpGet": {"port": 8181, "path": "/ready"}}}
    spec = {**held["spec"], "template": {**template, "spec": {**template["spec"], "containers": [made]}}}
    served.put({**held, "spec": spec})
    served.settle()


def test_a_server_without_routes_answers_nobody_and_is_not_ready(served: ServedCluster) -> None:
    """Its kubelet's probe does not reach it, so that the service leads to the other one alone."""
    _probed(served)
    pod, dns = _on(served, "node-a", "app=shop"), _on(served, "node-a", "k8s-app=kube-dns")

    _remove(served, dns["status"]["podIP"])

    assert "timed out" in served.dig(pod, dns["status"]["podIP"], NAME)
    assert "timed out" in served.dig(_on(served, "node-b", "app=shop"), dns["status"]["podIP"], NAME)
    assert all("NOERROR" in served.dig(pod, "172.20.0.10", NAME) for _ in range(8))
