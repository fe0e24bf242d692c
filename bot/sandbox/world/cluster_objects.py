"""The Kubernetes objects of the healthy world, as EKS, its add-ons and the application's owners put them."""

from __future__ import annotations

from typing import Any, TypeAlias

from bot.sandbox.world.node_object import node_object
from bot.sandbox.world.world import PROBE_NAMESPACE, REGION, SERVICE_CIDR_IPV6, World

Json: TypeAlias = dict[str, Any]
COREFILE = """.:53 {
    errors
    health {
        lameduck 5s
      }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf
    cache 30
    loop
    reload
    loadbalance
}
"""
_REGISTRY = f"602401143452.dkr.ecr.{REGION}.amazonaws.com/eks"
_SHOP = "public.ecr.aws/aws-containers/retail-store-sample"
_APPLICATION = {"app.kubernetes.io/created-by": "eks-workshop"}
_COREDNS_LABELS = {"eks.amazonaws.com/component": "coredns", "k8s-app": "kube-dns"}
_SHOP_IMAGES = (
    ("carts", f"{_SHOP}-cart:1.2.1"),
    ("catalog", f"{_SHOP}-catalog:1.2.1-debian11"),
    ("checkout", f"{_SHOP}-checkout:1.2.1-busybox"),
    ("orders", f"{_SHOP}-orders:1.2.1"),
    ("ui", f"{_SHOP}-ui:1.2.1-distroless"),
)
"""Tools of BIND 9.18, of BIND 9.16, busybox, tools again, nothing (see `kubernetes/programs/application*.py`)."""
_EVERYWHERE = [{"operator": "Exists"}]
_READ = ["list", "watch"]


def _meta(name: str, namespace: str = "", labels: dict[str, str] | None = None) -> Json:
    metadata: Json = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = dict(labels)
    return metadata


def cluster_objects(world: World, control_plane: list[str]) -> list[Json]:
    """Return all objects, in an order in which nothing is missed."""
    return [
        *({"apiVersion": "v1", "kind": "Namespace", "metadata": _meta(name)} for name in _namespaces()),
        *(node_object(world, node) for node in world.nodes),
        *_roles(),
        *_config_maps(world),
        *_services(world, control_plane),
        _coredns(),
        _daemon_set("kube-proxy", f"{_REGISTRY}/kube-proxy:v1.32.0-eksbuild.2"),
        _daemon_set("aws-node", f"{_REGISTRY}/amazon-k8s-cni:v1.19.2-eksbuild.1"),
        *_applications(world),
        *addon_manager(),
    ]


def _namespaces() -> list[str]:
    return ["default", "kube-system", PROBE_NAMESPACE, *(name for name, _ in _SHOP_IMAGES)]


def _rule(verbs: list[str], group: str, *resources: str) -> Json:
    return {"verbs": verbs, "apiGroups": [group], "resources": list(resources)}


def addon_manager() -> list[Json]:
    """Return what lets EKS's add-on manager do its work (EKS User Guide, "Default Amazon EKS created … roles")."""
    api, group = {"apiVersion": "rbac.authorization.k8s.io/v1"}, "rbac.authorization.k8s.io"
    everything = [_rule(["*"], "*", "*"), {"verbs": ["*"], "nonResourceURLs": ["*"]}]
    return [
        {**api, "kind": "ClusterRole", "metadata": _meta("cluster-admin"), "rules": everything},
        {
            **api,
            "kind": "ClusterRoleBinding",
            "metadata": _meta("eks:addon-cluster-admin"),
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"apiGroup": group, "kind": "User", "name": "eks:addon-manager"}],
        },
    ]


def _roles() -> list[Json]:
    proxier = [
        _rule(_READ, "", "endpoints", "services"),
        _rule(["get", *_READ], "", "nodes"),
        _rule(["create", "patch", "update"], "events.k8s.io", "events"),
        _rule(_READ, "discovery.k8s.io", "endpointslices"),
        _rule(_READ, "networking.k8s.io", "servicecidrs"),
    ]
    coredns = [
        _rule(_READ, "", "endpoints", "services", "pods", "namespaces"),
        _rule(_READ, "discovery.k8s.io", "endpointslices"),
    ]
    made: list[Json] = []
    for role, account, binding, rules in (
        ("system:node-proxier", "kube-proxy", "eks:kube-proxy", proxier),
        ("system:coredns", "coredns", "system:coredns", coredns),
    ):
        api = {"apiVersion": "rbac.authorization.k8s.io/v1"}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
        subject = {"kind": "ServiceAccount", "name": account, "namespace": "kube-system"}
        made += [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _meta(account, "kube-system")},
            {**api, "kind": "ClusterRole", "metadata": _meta(role), "rules": rules},
            {
                **api,
                "kind": "ClusterRoleBinding",
                "metadata": _meta(binding),
                "roleRef": reference,
                "subjects": [subject],
            },
        ]
    return made


def _config_maps(world: World) -> list[Json]:
    kubeconfig = (
        "kind: Config\napiVersion: v1\nclusters:\n- cluster:\n"
        "    certificate-authority: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt\n"
        f"    server: {world.endpoint}\n  name: default\n"
        "contexts:\n- context:\n    cluster: default\n    namespace: default\n    user: default\n  name: default\n"
        "current-context: default\nusers:\n- name: default\n  user:\n"
        "    tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token\n"
    )
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": _meta("coredns", "kube-system", _COREDNS_LABELS),
            "data": {"Corefile": world.corefile},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": _meta("kube-proxy", "kube-system", {"k8s-app": "kube-proxy"}),
            "data": {"kubeconfig": kubeconfig},
        },
    ]


def _services(world: World, control_plane: list[str]) -> list[Json]:
    dns_ports = [
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
        {"name": "metrics", "port": 9153, "protocol": "TCP", "targetPort": 9153},
    ]
    api_ports = [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 443}]
    return [
        _service("kubernetes", "default", world.api_service, api_ports, {}),
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": _meta("kubernetes", "default", {"kubernetes.io/service-name": "kubernetes"}),
            "addressType": "IPv6" if world.ipv6 else "IPv4",
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}} for address in control_plane],
            "ports": [{"name": "https", "port": 443, "protocol": "TCP"}],
        },
        _service("kube-dns", "kube-system", world.cluster_dns, dns_ports, {"k8s-app": "kube-dns"}),
    ]


def _service(name: str, namespace: str, address: str, ports: list[Json], selector: dict[str, str]) -> Json:
    spec: Json = {"clusterIP": address, "clusterIPs": [address], "type": "ClusterIP", "ports": ports}
    if selector:
        spec["selector"] = selector
    return {"apiVersion": "v1", "kind": "Service", "metadata": _meta(name, namespace, selector), "spec": spec}


def _coredns() -> Json:
    container = {
        "name": "coredns",
        "image": f"{_REGISTRY}/coredns:v1.11.4-eksbuild.2",
        "args": ["-conf", "/etc/coredns/Corefile"],
        "ports": [
            {"containerPort": 53, "name": "dns", "protocol": "UDP"},
            {"containerPort": 53, "name": "dns-tcp", "protocol": "TCP"},
            {"containerPort": 9153, "name": "metrics", "protocol": "TCP"},
        ],
        "resources": {"limits": {"memory": "170Mi"}, "requests": {"cpu": "100m", "memory": "70Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181, "scheme": "HTTP"}},
        "livenessProbe": {"httpGet": {"path": "/health", "port": 8080, "scheme": "HTTP"}, "initialDelaySeconds": 60},
        "volumeMounts": [{"name": "config-volume", "mountPath": "/etc/coredns", "readOnly": True}],
    }
    config = {"name": "coredns", "items": [{"key": "Corefile", "path": "Corefile"}]}
    pod = {
        "containers": [container],
        "dnsPolicy": "Default",
        "serviceAccountName": "coredns",
        "priorityClassName": "system-cluster-critical",
        "tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}],
        "volumes": [{"name": "config-volume", "configMap": config}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _meta("coredns", "kube-system", _COREDNS_LABELS),
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": _COREDNS_LABELS},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}},
            "template": {"metadata": {"labels": _COREDNS_LABELS}, "spec": pod},
        },
    }


def _daemon_set(name: str, image: str) -> Json:
    labels = {"k8s-app": name}
    pod = {
        "containers": [{"name": name, "image": image, "resources": {"requests": {"cpu": "50m"}}}],
        "hostNetwork": True,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": name,
        "priorityClassName": "system-node-critical",
        "tolerations": _EVERYWHERE,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": _meta(name, "kube-system", labels),
        "spec": {
            "selector": {"matchLabels": labels},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def _applications(world: World) -> list[Json]:
    """Return the shop: `catalog` has as many pods as there are nodes, so that each node has one."""
    chance, made = world.chance("shop"), []
    for number, (name, image) in enumerate(_SHOP_IMAGES):
        replicas = len(world.nodes) if name == "catalog" else chance.choice([1, 1, 2])
        labels = {**_APPLICATION, "app.kubernetes.io/name": name}
        ports = [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}]
        made += [_application(name, image, replicas, labels)]
        third, prefix = chance.randrange(1, 250), SERVICE_CIDR_IPV6.partition("/")[0]
        address = f"{prefix}{third:x}{20 + number:x}" if world.ipv6 else f"172.20.{third}.{20 + number}"
        made += [_service(name, name, address, ports, labels)]
    return made


def _application(name: str, image: str, replicas: int, labels: dict[str, str]) -> Json:
    container = {
        "name": name,
        "image": image,
        "env": [{"name": "RETAIL_LOG_LEVEL", "value": "info"}],
        "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _meta(name, name, labels),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
