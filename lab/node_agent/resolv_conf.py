"""The /etc/resolv.conf that a kubelet writes for a pod (Kubernetes documentation, "DNS for Services and Pods")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_OWN_DOMAIN = "cluster.local"


@dataclass(slots=True, kw_only=True)
class KubeletSettings:
    """What an operator may change on a node; pods that run keep what they got."""

    cluster_dns: str
    """`clusterDNS` of the kubelet's configuration, one address."""
    resolv_conf: str
    """Text of the file that `resolvConf` names: the node's own."""


def pod_resolv_conf(pod: Mapping[str, Any], settings: KubeletSettings) -> str:
    """Return the text for a pod by its dnsPolicy and dnsConfig."""
    spec = pod["spec"]
    own = spec.get("dnsConfig") or {}
    policy = spec.get("dnsPolicy", "ClusterFirst")
    if policy == "ClusterFirst" and spec.get("hostNetwork"):
        policy = "Default"
    if policy == "Default" and not own:
        return settings.resolv_conf
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    if policy != "None":
        servers, searches, options = _parsed(settings.resolv_conf)
    if policy.startswith("ClusterFirst"):
        namespace = pod["metadata"]["namespace"]
        servers = [settings.cluster_dns]
        searches = [f"{namespace}.svc.{_OWN_DOMAIN}", f"svc.{_OWN_DOMAIN}", _OWN_DOMAIN, *searches]
        options = [*options, "ndots:5"]
    named = {item["name"]: item.get("value") for item in own.get("options") or []}
    options = [option for option in options if option.partition(":")[0] not in named]
    options += [f"{name}:{value}" if value else str(name) for name, value in named.items()]
    return _text([*servers, *(own.get("nameservers") or [])], [*searches, *(own.get("searches") or [])], options)


def _parsed(text: str) -> tuple[list[str], list[str], list[str]]:
    found: dict[str, list[str]] = {"nameserver": [], "search": [], "options": []}
    for line in text.splitlines():
        words = line.split()
        if words and words[0] in found:
            found[words[0]] = [*found[words[0]], *words[1:]] if words[0] == "nameserver" else words[1:]
    return found["nameserver"], found["search"], found["options"]


def _text(servers: list[str], searches: list[str], options: list[str]) -> str:
    lines = [f"search {' '.join(searches)}"] if searches else []
    lines += [f"nameserver {server}" for server in servers]
    lines += [f"options {' '.join(options)}"] if options else []
    return "\n".join([*lines, ""])
