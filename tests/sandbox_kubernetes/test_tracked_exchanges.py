"""What a client asks from one port goes where its node led it first, until kube-proxy or its end removes that."""

from __future__ import annotations

from bot.linux.conntrack import LIST_DNS, parse_connections
from bot.sandbox.kubernetes.served_cluster import ServedCluster

NOBODYS, SERVER = "10.0.1.250", "172.20.0.10"


def _listed(served: ServedCluster) -> dict[str, bool]:
    """Return whom node-a leads exchanges to, and whether these wait for an answer."""
    proxy = next(pod for pod in served.pods("k8s-app=kube-proxy") if pod["spec"]["nodeName"] == "node-a")
    text = served.run(proxy, *LIST_DNS)[0]
    return {one.answers_from: one.unreplied for one in parse_connections(text)}


def _tracking(served: ServedCluster) -> tuple[str, str]:
    """Let a pod's exchanges lead to nobody and to a CoreDNS pod; return the pod's name and that pod's address."""
    pod = next(one for one in served.pods("app=shop") if one["spec"]["nodeName"] == "node-a")
    alive = str(served.pods("k8s-app=kube-dns")[0]["status"]["podIP"])
    for port, led_to in ((40053, NOBODYS), (40054, alive)):
        exchange = {"node": "node-a", "client": pod["status"]["podIP"], "server": SERVER}
        status, said = served.ask("POST", "/sandbox/tracked", {**exchange, "port": port, "led_to": led_to})
        assert status == 200, said
    served.settle()
    return str(pod["metadata"]["name"]), alive


def test_an_exchange_with_nobody_stays_until_kube_proxy_starts_anew(served: ServedCluster) -> None:
    """It gets no answer, and who asks from another port does; one that leads to an endpoint outlives the restart."""
    _, alive = _tracking(served)
    pod = next(one for one in served.pods("app=shop") if one["spec"]["nodeName"] == "node-a")

    before, other = _listed(served), served.dig(pod, SERVER, "kubernetes.default.svc.cluster.local.")
    path = "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy"
    served.patch(path, {"spec": {"template": {"metadata": {"annotations": {"restarted": "now"}}}}})
    served.settle()

    assert (before, "NOERROR" in other) == ({NOBODYS: True, alive: False}, True)
    assert _listed(served) == {alive: False}


def test_an_exchange_ends_with_its_client(served: ServedCluster) -> None:
    """A pod in its place asks from a port of its own."""
    name, _ = _tracking(served)

    served.ask("DELETE", f"/api/v1/namespaces/shop/pods/{name}")
    served.settle()

    assert _listed(served) == {}
