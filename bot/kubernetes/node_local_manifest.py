"""NodeLocal DNSCache's manifest for one cluster (B2).

What the DaemonSet must be able to do on its node, and which flags its program takes: kubernetes/kubernetes,
cluster/addons/dns/nodelocaldns; kubernetes/dns, cmd/node-cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.ports import Resource
from bot.kubernetes.node_local_dns import INTERFACE
from bot.kubernetes.owners import MADE_BY_PLAN
from bot.kubernetes.resources import CONFIG_MAPS, DAEMON_SETS, SERVICE_ACCOUNTS, SERVICES

NAME = "node-local-dns"
UPSTREAM = "kube-dns-upstream"
KINDS: Mapping[str, Resource] = {
    "ServiceAccount": SERVICE_ACCOUNTS,
    "Service": SERVICES,
    "ConfigMap": CONFIG_MAPS,
    "DaemonSet": DAEMON_SETS,
}
"""What it has an object of, in the order in which they are created."""
_CLUSTER = """{zone}:53 {{
    errors
    cache {{
        success 9984 30
        denial 9984 5
    }}
    reload
    loop
    bind {addresses}
    forward . __PILLAR__CLUSTER__DNS__ {{
        force_tcp
    }}
    prometheus :9253
}}
"""
_OTHERS = """.:53 {{
    errors
    cache 30
    reload
    loop
    bind {addresses}
    forward . __PILLAR__UPSTREAM__SERVERS__
    prometheus :9253
    health {health}:8080
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLocalManifest:
    """What decides it."""

    namespace: str
    """The DNS service's: its pods are selected there."""
    local_address: str
    cluster_ip: str
    """The DNS service's address, where the cache takes that as well; empty: it takes its own alone."""
    domain: str
    """`cluster.local`."""
    selector: Mapping[str, str]
    """Of the DNS service."""
    image: str
    plan_id: str
    """Whose plan makes it: an annotation of every object, by which what a plan left behind is known."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where it listens."""
        return tuple(one for one in (self.local_address, self.cluster_ip) if one)

    @property
    def corefile(self) -> str:
        """The template: node-cache fills the two placeholders that are left."""
        listen = " ".join(self.addresses)
        zones = (self.domain, "in-addr.arpa", "ip6.arpa")
        return "".join(
            [
                *(_CLUSTER.format(zone=zone, addresses=listen) for zone in zones),
                _OTHERS.format(addresses=listen, health=self.local_address),
            ]
        )

    def objects(self) -> tuple[tuple[Resource, JsonObject], ...]:
        """Return what is created, in this order."""
        return (
            (SERVICE_ACCOUNTS, self._object("v1", "ServiceAccount", NAME)),
            (SERVICES, self._upstream()),
            (CONFIG_MAPS, {**self._object("v1", "ConfigMap", NAME), "data": {"Corefile": self.corefile}}),
            (DAEMON_SETS, self._daemon_set()),
        )

    def _object(self, version: str, kind: str, name: str, **labels: str) -> dict[str, JsonValue]:
        metadata: JsonObject = {
            "name": name,
            "namespace": self.namespace,
            "labels": {"k8s-app": NAME, **labels},
            "annotations": {MADE_BY_PLAN: self.plan_id},
        }
        return {"apiVersion": version, "kind": kind, "metadata": metadata}

    def _upstream(self) -> JsonObject:
        ports: list[JsonValue] = [
            {"name": name, "port": 53, "protocol": protocol, "targetPort": 53}
            for name, protocol in (("dns", "UDP"), ("dns-tcp", "TCP"))
        ]
        made = self._object("v1", "Service", UPSTREAM, **{"kubernetes.io/name": "KubeDNSUpstream"})
        return {**made, "spec": {"ports": ports, "selector": dict(self.selector)}}

    def _daemon_set(self) -> JsonObject:
        labels: JsonObject = {"k8s-app": NAME}
        return {
            **self._object("apps/v1", "DaemonSet", NAME),
            "spec": {
                "selector": {"matchLabels": labels},
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}},
                "template": {"metadata": {"labels": labels}, "spec": self._pod()},
            },
        }

    def _pod(self) -> JsonObject:
        return {
            "priorityClassName": "system-node-critical",
            "serviceAccountName": NAME,
            "automountServiceAccountToken": False,
            "hostNetwork": True,
            "dnsPolicy": "Default",
            "tolerations": [
                {"key": "CriticalAddonsOnly", "operator": "Exists"},
                {"effect": "NoExecute", "operator": "Exists"},
                {"effect": "NoSchedule", "operator": "Exists"},
            ],
            "containers": [self._container()],
            "volumes": [
                {"name": "xtables-lock", "hostPath": {"path": "/run/xtables.lock", "type": "FileOrCreate"}},
                {
                    "name": "config-volume",
                    "configMap": {"name": NAME, "items": [{"key": "Corefile", "path": "Corefile.base"}]},
                },
            ],
        }

    def _container(self) -> JsonObject:
        arguments = ["-localip", ",".join(self.addresses), "-conf", "/etc/Corefile", "-upstreamsvc", UPSTREAM]
        return {
            "name": "node-cache",
            "image": self.image,
            "args": [*arguments, "-interfacename", INTERFACE, "-pidfile", "/tmp/node-cache.pid"],  # noqa: S108  # in the container
            "resources": {"requests": {"cpu": "25m", "memory": "5Mi"}},
            "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}},
            "ports": [
                {"containerPort": 53, "name": "dns", "protocol": "UDP"},
                {"containerPort": 53, "name": "dns-tcp", "protocol": "TCP"},
                {"containerPort": 9253, "name": "metrics", "protocol": "TCP"},
            ],
            "livenessProbe": {
                "httpGet": {"host": self.local_address, "path": "/health", "port": 8080},
                "initialDelaySeconds": 60,
                "timeoutSeconds": 5,
            },
            "volumeMounts": [
                {"name": "xtables-lock", "mountPath": "/run/xtables.lock"},
                {"name": "config-volume", "mountPath": "/etc/coredns"},
            ],
        }
