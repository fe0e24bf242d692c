"""NodeLocal DNSCache in the sandbox: what leads queries to it is what it laid on its node, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.sandbox.kubernetes.served_cluster import ServedCluster
from bot.sandbox.kubernetes.small_cluster import config_map
from bot.sandbox.world.node_local_dns import NodeLocalDns, upstream_service

CLUSTER_IP, LOCAL = "172.20.0.10", "169.254.20.10"
INSIDE = "kubernetes.default.svc.cluster.local."
BOTH = NodeLocalDns(cluster_ip=CLUSTER_IP)
CILIUM = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "cilium", "namespace": "kube-system"},
    "spec": {
        "selector": {"matchLabels": {"k8s-app": "cilium"}},
        "template": {
            "metadata": {"labels": {"k8s-app": "cilium"}},
            "spec": {
                "hostNetwork": True,
                "containers": [{"name": "cilium-agent", "image": "quay.io/cilium/cilium:v1.17.4"}],
            },
        },
    },
}


def install(served: ServedCluster, cache: NodeLocalDns = BOTH) -> None:
    """Apply it and let its pods run."""
    served.put(upstream_service(), *(one for one in cache.objects() if one["kind"] != "Service"))
    served.settle()


def caches(served: ServedCluster, name: str = "node-local-dns") -> list[dict[str, Any]]:
    """Return its pods."""
    return served.pods(f"k8s-app={name}")


def log(served: ServedCluster, pod: dict[str, Any], *, previous: bool = False) -> str:
    """Return what a pod of it says."""
    tail = "?previous=true" if previous else ""
    return str(served.ask("GET", f"/api/v1/namespaces/kube-system/pods/{pod['metadata']['name']}/log{tail}")[1])


def asked(served: ServedCluster, server: str, name: str = INSIDE, *, tcp: bool = False) -> str:
    """Return what a shop pod's dig prints."""
    return served.dig(served.pods(namespace="shop")[0], server, name, tcp=tcp)


def break_coredns(served: ServedCluster) -> None:
    """Let nobody behind the DNS Service answer: who still answers is the node's own program."""
    served.patch("/api/v1/namespaces/kube-system/services/kube-dns", {"spec": {"selector": {"k8s-app": "nobody"}}})
    served.settle()


def test_it_answers_at_both_addresses_and_asks_coredns_by_a_service_of_its_own(served: ServedCluster) -> None:
    """Without endpoints the DNS Service's address is answered all the same: the node holds it, untracked."""
    install(served)
    break_coredns(served)

    assert "status: NOERROR" in asked(served, CLUSTER_IP)
    assert "status: NOERROR" in asked(served, LOCAL, "amazon.com.", tcp=True)
    served.ask("POST", "/sandbox/passed", {"seconds": 5})
    said = log(served, caches(served)[0])
    assert "[INFO] Added interface - nodelocaldns" in said
    assert said.count("Added back nodelocaldns rule") == 20


def test_who_leaves_in_good_order_takes_interface_and_rules_along(served: ServedCluster) -> None:
    """The DNS Service's address leads to CoreDNS again; the cache's own to nobody."""
    install(served)
    served.put({**BOTH.daemon_set(), "spec": {**BOTH.daemon_set()["spec"], "template": _parked()}})
    served.settle()

    assert caches(served) == []
    assert "status: NOERROR" in asked(served, CLUSTER_IP)
    assert "timed out" in asked(served, LOCAL)


def _parked() -> dict[str, Any]:
    template: dict[str, Any] = BOTH.daemon_set()["spec"]["template"]
    return {**template, "spec": {**template["spec"], "nodeSelector": {"nobody": "has-it"}}}


@pytest.mark.parametrize(
    ("cache", "words"),
    [
        (NodeLocalDns(local_address="__PILLAR__LOCAL__DNS__"), "invalid localip specified"),
        (replace(BOTH, bind="169.254.99.9"), "bind: cannot assign requested address"),
        (replace(BOTH, domain="cluster.local {\n errorz\n}\n"), "Error during parsing: Unknown directive 'errorz'"),
    ],
    ids=["placeholder in -localip", "an address of nobody's", "a typing error"],
)
def test_who_cannot_start_says_why_and_lays_no_rules(served: ServedCluster, cache: NodeLocalDns, words: str) -> None:
    """Its interface may be there already: tracked packets are led to CoreDNS before they come to it."""
    install(served, cache)

    pods = caches(served)
    assert [pod["status"]["containerStatuses"][0]["ready"] for pod in pods] == [False, False]
    assert words in log(served, pods[0])
    assert "status: NOERROR" in asked(served, CLUSTER_IP)


def test_a_second_one_finds_the_address_in_use(served: ServedCluster) -> None:
    """The first goes on answering."""
    install(served)
    install(served, replace(BOTH, name="second"))

    assert "bind: address already in use" in log(served, caches(served, "second")[0])
    assert "status: NOERROR" in asked(served, LOCAL)


def test_an_address_that_the_interface_holds_and_nobody_listens_on_refuses(served: ServedCluster) -> None:
    """The Corefile binds one of two, and the rules take both out of kube-proxy's hands."""
    install(served, replace(BOTH, bind=LOCAL))

    assert "connection refused" in asked(served, CLUSTER_IP)
    assert "status: NOERROR" in asked(served, LOCAL)


def test_without_its_upstream_service_it_does_not_start(served: ServedCluster) -> None:
    """Its environment names no address, and `<nil>` is no server."""
    served.put(*(one for one in BOTH.objects() if one["kind"] != "Service"))
    served.settle()

    said = log(served, caches(served)[0])
    assert "Unable to lookup IP address of Upstream service kube-dns-upstream" in said
    assert 'plugin/forward: not an IP address or file: "<nil>"' in said


@pytest.mark.parametrize("first", ["ipvs", "cilium"])
def test_what_leads_the_services_address_before_it_passes_it_by(served: ServedCluster, first: str) -> None:
    """IPVS and Cilium ask no connection tracking: without endpoints the query is refused, as without the cache."""
    if first == "ipvs":
        served.put(config_map("kube-proxy-config", "config", 'mode: "ipvs"\n'))
        for pod in served.pods("k8s-app=kube-proxy"):
            served.ask("DELETE", f"/api/v1/namespaces/kube-system/pods/{pod['metadata']['name']}")
    else:
        served.put(CILIUM, config_map("cilium-config", "kube-proxy-replacement", "true"))
        served.ask("DELETE", "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy")
    install(served)
    break_coredns(served)

    assert "connection refused" in asked(served, CLUSTER_IP)
    assert "status: NOERROR" in asked(served, LOCAL)


def test_the_api_creates_what_is_posted_and_a_dry_run_keeps_nothing(served: ServedCluster) -> None:
    """A Service gets an address; a second one of the name is refused."""
    path = "/api/v1/namespaces/kube-system/services"
    body = upstream_service()
    del body["spec"]["clusterIP"], body["spec"]["clusterIPs"]
    served.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}})

    tried, _ = served.ask("POST", f"{path}?dryRun=All", body)
    before, _ = served.ask("GET", f"{path}/kube-dns-upstream")
    made, answer = served.ask("POST", path, body, token="writer-token")
    again, refused = served.ask("POST", path, body)

    assert (tried, before, made, again) == (201, 404, 201, 409)
    assert answer["spec"]["clusterIP"].startswith("172.20.")
    assert refused["reason"] == "AlreadyExists"
