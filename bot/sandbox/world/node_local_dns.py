"""NodeLocal DNSCache as people install it: the manifest of kubernetes/kubernetes with its placeholders filled (B2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from bot.sandbox.world.scenario import Operator
from bot.sandbox.world.world import WORKLOAD_SELECTOR, World

Json: TypeAlias = dict[str, Any]
_NAMESPACE = "kube-system"
LOCAL_ADDRESS = "169.254.20.10"
"""What the manifest proposes."""
IMAGE = "registry.k8s.io/dns/k8s-dns-node-cache:1.26.4"
_ZONES = ("__PILLAR__DNS__DOMAIN__", "in-addr.arpa", "ip6.arpa")
_CLUSTER_BLOCK = """{zone}:53 {{
    errors
    cache 30
    reload
    loop
    bind {bind}
    forward . __PILLAR__CLUSTER__DNS__ {{
            force_tcp
    }}
    prometheus :9253
    }}
"""
_FORCED = """ {
            force_tcp
    }"""
_ROOT_BLOCK = """.:53 {{
    errors
    cache 30
    reload
    loop
    bind {bind}
    forward . __PILLAR__UPSTREAM__SERVERS__{tcp}
    prometheus :9253
    }}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLocalDns:
    """What somebody installs."""

    local_address: str = LOCAL_ADDRESS
    cluster_ip: str = ""
    """The DNS Service's, on which it listens as well (kube-proxy in iptables mode); empty: on the local one alone."""
    name: str = "node-local-dns"
    """Of its DaemonSet, ConfigMap and label."""
    domain: str = "cluster.local"
    """What `__PILLAR__DNS__DOMAIN__` is replaced by; that itself where somebody forgot it."""
    bind: str = "__PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVER__"
    """Of every server block."""
    force_tcp: bool = False
    """Whether it asks the servers of the node's resolv.conf over TCP alone, as it asks CoreDNS."""

    @property
    def local_ips(self) -> str:
        """What `-localip` says."""
        return ",".join(one for one in (self.local_address, self.cluster_ip) if one)

    @property
    def corefile(self) -> str:
        """The template that the ConfigMap holds."""
        blocks = [_CLUSTER_BLOCK.format(zone=zone, bind=self.bind) for zone in _ZONES]
        root = _ROOT_BLOCK.format(bind=self.bind, tcp=_FORCED if self.force_tcp else "")
        return "".join([*blocks, root]).replace("__PILLAR__DNS__DOMAIN__", self.domain)

    def objects(self) -> list[Json]:
        """Return everything that `kubectl apply` makes."""
        return [_account(self.name), upstream_service(), self.config_map(), self.daemon_set(), _metrics(self.name)]

    def config_map(self) -> Json:
        """Return the ConfigMap with the template."""
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self.name, "namespace": _NAMESPACE},
            "data": {"Corefile": self.corefile},
        }

    def daemon_set(self) -> Json:
        """Return the DaemonSet."""
        labels = {"k8s-app": self.name}
        container = {
            "name": "node-cache",
            "image": IMAGE,
            "args": ["-localip", self.local_ips, "-conf", "/etc/Corefile", "-upstreamsvc", "kube-dns-upstream"],
            "resources": {"requests": {"cpu": "25m", "memory": "5Mi"}},
            "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}},
            "ports": [
                {"containerPort": 53, "name": "dns", "protocol": "UDP"},
                {"containerPort": 53, "name": "dns-tcp", "protocol": "TCP"},
                {"containerPort": 9253, "name": "metrics", "protocol": "TCP"},
            ],
            "volumeMounts": [
                {"name": "xtables-lock", "mountPath": "/run/xtables.lock"},
                {"name": "config-volume", "mountPath": "/etc/coredns"},
            ],
        }
        items = [{"key": "Corefile", "path": "Corefile.base"}]
        pod = {
            "containers": [container],
            "hostNetwork": True,
            "dnsPolicy": "Default",
            "serviceAccountName": self.name,
            "priorityClassName": "system-node-critical",
            "tolerations": [{"operator": "Exists"}],
            "volumes": [
                {"name": "xtables-lock", "hostPath": {"path": "/run/xtables.lock", "type": "FileOrCreate"}},
                {"name": "config-volume", "configMap": {"name": self.name, "items": items}},
            ],
        }
        return {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": self.name, "namespace": _NAMESPACE, "labels": labels},
            "spec": {
                "selector": {"matchLabels": labels},
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        }


def upstream_service() -> Json:
    """Return the Service by which the caches ask CoreDNS; whoever applies it lets Kubernetes choose the address."""
    ports = [
        {"name": name, "port": 53, "protocol": protocol, "targetPort": 53}
        for name, protocol in (("dns", "UDP"), ("dns-tcp", "TCP"))
    ]
    labels = {"k8s-app": "kube-dns", "kubernetes.io/name": "KubeDNSUpstream"}
    address = "172.20.113.201"
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kube-dns-upstream", "namespace": _NAMESPACE, "labels": labels},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": address,
            "clusterIPs": [address],
            "ports": ports,
            "selector": {"k8s-app": "kube-dns"},
        },
    }


def _account(name: str) -> Json:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": _NAMESPACE}}


def _metrics(name: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": _NAMESPACE, "labels": {"k8s-app": name}},
        "spec": {
            "clusterIP": "None",
            "selector": {"k8s-app": name},
            "ports": [{"name": "metrics", "port": 9253, "protocol": "TCP", "targetPort": 9253}],
        },
    }


def install(operator: Operator, cache: NodeLocalDns) -> None:
    """Apply the manifest and wait until its pods run."""
    operator.apply(*cache.objects())
    operator.rollout_restart("daemonsets.apps", cache.name, namespace=_NAMESPACE)


def point_kubelets_at(world: World, operator: Operator, address: str) -> None:
    """Let the kubelets of all nodes give this address to pods, and make the applications' pods anew."""
    for node in world.nodes:
        operator.kubelet(node.name, cluster_dns=address)
    operator.delete_pods(labels=WORKLOAD_SELECTOR)
