"""The files that a kubelet gives a pod: resolv.conf, mounted ConfigMaps, the service account's token and the CA."""

from __future__ import annotations

import http
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.sandbox.world.kube_proxy_mode import interface_prefix
from bot.sandbox.world.world import CLUSTER_DNS
from lab.kubernetes_api import ApiRefused, Json, collection
from lab.node_agent.hands import AgentNode, Hands
from lab.node_agent.images import Contents, contents
from lab.node_agent.node_cache import BASE, COREFILE, NodeCache
from lab.node_agent.resolv_conf import pod_resolv_conf

_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_PROXY_FOLDER = "/var/lib/kube-proxy"
_API_SERVICE = CLUSTER_DNS.rpartition(".")[0] + ".1"
_ON_BOARD = (Contents.COREDNS, Contents.KUBE_PROXY)
"""Programs that call the API server."""


class PodFiles:
    """One pod's files, in a folder of its own."""

    def __init__(self, pod: Json, node: AgentNode, hands: Hands, folder: Path) -> None:
        self._pod, self._node, self._hands, self._folder = pod, node, hands, folder
        images = [contents(container["image"]) for container in pod["spec"]["containers"]]
        self._has_account = any(image in _ON_BOARD for image in images)
        self._is_proxy = Contents.KUBE_PROXY in images
        self._config_maps = _config_maps(pod)
        if self._is_proxy:  # the add-on's manifest mounts it; the world's is shorter
            self._config_maps.setdefault("kube-proxy", {})
        self._prefix = ""
        self.node_cache = _node_cache(pod)
        self._cluster_dns = ""

    def write_resolv_conf(self) -> None:
        """Write /etc/resolv.conf by the node's settings of this moment; the pod keeps it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        text = pod_resolv_conf(self._pod, self._node.settings)
        (self._folder / "resolv.conf").write_text(text, encoding="utf-8")

    def write(self) -> None:
        """Fetch and write everything else. Raises `ApiRefused` where an object is missing."""
        namespace = self._pod["metadata"]["namespace"]
        for name in self._config_maps:
            found = self._hands.api.call("GET", f"{collection('configmaps', namespace)}/{name}")
            self._write_config_map(name, found)
        if self._is_proxy:
            listed = self._hands.api.call("GET", collection("configmaps", namespace))["items"]
            named = {one["metadata"]["name"]: one.get("data") or {} for one in listed}
            self._prefix = interface_prefix(named.get("kube-proxy-config", {}).get("config", ""))
        if self.node_cache:
            self._cluster_dns = self._cluster_ip(namespace, self.node_cache.upstream_service)
            self._write_corefile(self.node_cache)
        if self._has_account:
            account = self._folder / "account"
            account.mkdir(exist_ok=True)
            token = self._hands.account_token(namespace, self._pod["spec"].get("serviceAccountName") or "default")
            (account / "token").write_text(token, encoding="utf-8")
            (account / "namespace").write_text(namespace, encoding="utf-8")
            (account / "ca.crt").write_bytes(self._hands.authority.read_bytes())

    def rewrite(self, config_map: Json) -> None:
        """Write a changed ConfigMap's files, if the pod mounts it."""
        metadata = config_map["metadata"]
        if metadata["namespace"] == self._pod["metadata"]["namespace"] and self._mounted(metadata["name"]).is_dir():
            self._write_config_map(metadata["name"], config_map)
            if self.node_cache:
                self._write_corefile(self.node_cache)

    def _cluster_ip(self, namespace: str, service: str) -> str:
        """Return the Service's address, as a pod that starts now has it in its environment; empty: there is none."""
        try:
            found = self._hands.api.call("GET", f"{collection('services', namespace)}/{service}")
        except ApiRefused as refused:
            if refused.status != http.HTTPStatus.NOT_FOUND:
                raise
            return ""
        return str(found["spec"].get("clusterIP", ""))

    def _write_corefile(self, cache: NodeCache) -> None:
        bases = [self._mounted(name) / BASE for name in self._config_maps]
        base = next((place.read_text(encoding="utf-8") for place in bases if place.exists()), "")
        place = self._folder / "Corefile"
        place.write_text(cache.corefile(base, self._cluster_dns), encoding="utf-8")

    def _mounted(self, name: str) -> Path:
        return self._folder / "config" / name

    def _write_config_map(self, name: str, config_map: Json) -> None:
        place = self._mounted(name)
        place.mkdir(parents=True, exist_ok=True)
        paths = self._config_maps.get(name) or {}
        for key, text in (config_map.get("data") or {}).items():
            if paths and key not in paths:
                continue
            part = place / f".{key}.part"
            part.write_text(text, encoding="utf-8")
            part.rename(place / paths.get(key, key))

    def mounts(self, container: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return (place on the machine, place inside) of everything that this container sees."""
        found = [(str(self._folder / "resolv.conf"), "/etc/resolv.conf")]
        names = {
            volume["name"]: volume["configMap"]["name"]
            for volume in self._pod["spec"].get("volumes") or []
            if "configMap" in volume
        }
        found += [
            (str(self._mounted(names[mount["name"]])), mount["mountPath"])
            for mount in container.get("volumeMounts") or []
            if mount["name"] in names
        ]
        if self._has_account:
            found.append((str(self._folder / "account"), _ACCOUNT))
        if self._is_proxy:
            found.append((str(self._mounted("kube-proxy")), _PROXY_FOLDER))
        if self.node_cache:
            found.append((str(self._folder / "Corefile"), COREFILE))
        return found

    def environment(self, container: Mapping[str, Any]) -> dict[str, str]:
        """Return the environment of a container."""
        own = {item["name"]: str(item["value"]) for item in container.get("env") or [] if "value" in item}
        return {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOSTNAME": self._pod["metadata"]["name"],
            "KUBERNETES_SERVICE_HOST": _API_SERVICE,
            "KUBERNETES_SERVICE_PORT": "443",
            "KUBE_FEATURE_WatchListClient": "false",  # as in the versions that the world's images name
            **own,
        }

    def kube_proxy_arguments(self) -> list[str]:
        """Return kube-proxy's flags, as the add-on sets them, and without limits that are the whole machine's."""
        return [
            f"--kubeconfig={_PROXY_FOLDER}/kubeconfig",
            f"--hostname-override={self._node.name}",
            "--proxy-mode=iptables",
            "--v=2",
            "--feature-gates=WatchListClient=false",  # with it, 1.36 hides that nobody answers for five minutes
            "--conntrack-max-per-core=0",
            "--conntrack-min=0",
            "--conntrack-tcp-timeout-established=0s",
            "--conntrack-tcp-timeout-close-wait=0s",
            *self._local_detection(),
        ]

    def _local_detection(self) -> list[str]:
        """Return the flags that say what the ConfigMap `kube-proxy-config` says of the pods' interfaces."""
        mode = ["--detect-local-mode=InterfaceNamePrefix", f"--pod-interface-name-prefix={self._prefix}"]
        return mode if self._prefix else []


def _node_cache(pod: Json) -> NodeCache | None:
    first = pod["spec"]["containers"][0]
    return NodeCache.of(first.get("args") or []) if contents(first["image"]) is Contents.NODE_CACHE else None


def _config_maps(pod: Json) -> dict[str, dict[str, str]]:
    """Return the mounted ConfigMaps: by name, the path of each key that is picked (empty: all by their keys)."""
    found = {}
    for volume in pod["spec"].get("volumes") or []:
        if "configMap" in volume:
            items = volume["configMap"].get("items") or []
            found[volume["configMap"]["name"]] = {item["key"]: item["path"] for item in items}
    return found
