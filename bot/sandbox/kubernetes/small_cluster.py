"""The smallest cluster in which every consequence shows: two nodes, CoreDNS twice, kube-proxy, a shop. For tests."""

from __future__ import annotations

from typing import Any

from bot.sandbox.network.vpc import ApiEndpoint, Entry, Group, Permission, Port, Vpc
from bot.sandbox.world.world import API_SERVICE

API_HOST = "abc.gr7.eu-west-1.eks.amazonaws.com"
COREFILE = """.:53 {
    errors
    health
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
    }
    prometheus :9153
    forward . /etc/resolv.conf
    cache 30
    loop
    reload
}
"""
EVERYTHING = Permission(protocol="-1", from_port=-1, to_port=-1, cidrs=("0.0.0.0/0",))
ALLOW_ALL = tuple(
    Entry(number=100, egress=egress, allow=True, protocol="-1", cidr="0.0.0.0/0", from_port=None, to_port=None)
    for egress in (True, False)
)


def open_vpc() -> Vpc:
    """Return two instances in two subnets, four pod addresses each, nothing in the way."""
    return Vpc(
        id="vpc-home",
        cidrs=("10.0.0.0/16",),
        ports=(
            Port(
                id="eni-a",
                instance_id="i-a",
                subnet_id="subnet-a",
                primary="10.0.1.10",
                secondary=tuple(f"10.0.1.{last}" for last in range(20, 26)),
                prefixes=(),
                groups=frozenset({"sg-nodes"}),
            ),
            Port(
                id="eni-b",
                instance_id="i-b",
                subnet_id="subnet-b",
                primary="10.0.2.10",
                secondary=(),
                prefixes=("10.0.2.32/28",),
                groups=frozenset({"sg-nodes"}),
            ),
        ),
        groups={"sg-nodes": Group(inbound=(EVERYTHING,), outbound=(EVERYTHING,))},
        acls={"subnet-a": ALLOW_ALL, "subnet-b": ALLOW_ALL},
        api_endpoints=(ApiEndpoint(host=API_HOST),),
    )


def node(name: str, instance: str, address: str) -> dict[str, Any]:
    """Return a Node object."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "spec": {"providerID": f"aws:///eu-west-1a/{instance}"},
        "status": {"addresses": [{"type": "InternalIP", "address": address}]},
    }


def deployment(
    name: str, *, namespace: str, image: str, replicas: int, labels: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return a Deployment with one container named like it."""
    own = {"app": name, **(labels or {})}
    containers = [{"name": name, "image": image, "env": [{"name": "A", "value": "1"}]}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": own},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": own},
            "template": {"metadata": {"labels": own}, "spec": {"containers": containers}},
        },
    }


def cluster_role(*resources: str) -> dict[str, Any]:
    """Return the role of CoreDNS and kube-proxy; what only kube-proxy reads besides is always in it."""
    rules = [
        {"verbs": ["list", "watch"], "apiGroups": ["", "discovery.k8s.io"], "resources": list(resources)},
        {"verbs": ["list", "watch"], "apiGroups": ["", "networking.k8s.io"], "resources": ["nodes", "servicecidrs"]},
    ]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "readers"},
        "rules": rules,
    }


def config_map(name: str, key: str, text: str) -> dict[str, Any]:
    """Return a ConfigMap of kube-system."""
    metadata = {"name": name, "namespace": "kube-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {key: text}}


def daemon_set(name: str, image: str) -> dict[str, Any]:
    """Return a DaemonSet on the hosts' network."""
    made = deployment(name, namespace="kube-system", image=image, replicas=0, labels={"k8s-app": name})
    made["kind"] = "DaemonSet"
    made["spec"]["template"]["spec"] |= {"hostNetwork": True, "tolerations": [{"operator": "Exists"}]}
    del made["spec"]["replicas"]
    return made


def small_cluster() -> list[dict[str, Any]]:
    """Return two nodes, CoreDNS twice, kube-proxy on both, and a shop of two pods."""
    subjects = [
        {"kind": "ServiceAccount", "name": name, "namespace": "kube-system"} for name in ("coredns", "kube-proxy")
    ]
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "readers"},
        "roleRef": {"kind": "ClusterRole", "name": "readers"},
        "subjects": subjects,
    }
    dns = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kube-dns", "namespace": "kube-system"},
        "spec": {
            "clusterIP": "172.20.0.10",
            "selector": {"k8s-app": "kube-dns"},
            "ports": [{"name": "dns", "port": 53, "protocol": "UDP"}],
        },
    }
    api = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kubernetes", "namespace": "default"},
        "spec": {"clusterIP": API_SERVICE, "ports": [{"port": 443}]},
    }
    labels = {"k8s-app": "kube-dns"}
    dns_server = deployment("coredns", namespace="kube-system", image="eks/coredns:v1.11.4", replicas=2, labels=labels)
    dns_server["spec"]["template"]["spec"]["dnsPolicy"] = "Default"
    kubeconfig = f"clusters:\n- cluster:\n    server: https://{API_HOST.replace('abc', 'ABC')}\n"
    return [
        node("node-a", "i-a", "10.0.1.10"),
        node("node-b", "i-b", "10.0.2.10"),
        cluster_role("services", "endpointslices", "namespaces"),
        binding,
        config_map("coredns", "Corefile", COREFILE),
        config_map("kube-proxy", "kubeconfig", kubeconfig),
        api,
        dns,
        dns_server,
        daemon_set("kube-proxy", "eks/kube-proxy:v1.32.0"),
        deployment("shop", namespace="shop", image="shop:1", replicas=2),
    ]
