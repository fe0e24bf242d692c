"""kube-proxy configured otherwise, as the add-on's configuration values set it (`mode: ipvs`)."""

from __future__ import annotations

import re

from bot.sandbox.world.scenario import Operator

_NAMESPACE = "kube-system"


def set_mode(operator: Operator, mode: str) -> None:
    """Write the mode into kube-proxy's configuration and restart it everywhere."""
    _configure(operator, f'mode: "{mode}"')


def set_interface_prefix(operator: Operator, prefix: str) -> None:
    """Let kube-proxy know traffic of the node's pods by how their interfaces' names begin, and restart it."""
    _configure(operator, f'detectLocalMode: InterfaceNamePrefix\ndetectLocal:\n  interfaceNamePrefix: "{prefix}"')


def set_conntrack(operator: Operator, *, max_per_core: int, least: int) -> None:
    """Let kube-proxy set another maximum of tracked connections, and restart it."""
    _configure(operator, f"conntrack:\n  maxPerCore: {max_per_core}\n  min: {least}")


def conntrack_max(config: str, cores: int) -> int:
    """Return the maximum that kube-proxy sets: `maxPerCore` for each core, at least `min`, by default 32768 and 131072.

    Source: kubernetes, cmd/kube-proxy/app (`getConntrackMax`).
    """
    named = {key: int(value) for key, value in re.findall(r"^  (maxPerCore|min): (\d+)$", config, flags=re.MULTILINE)}
    return max(named.get("maxPerCore", 32_768) * cores, named.get("min", 131_072))


def interface_prefix(config: str) -> str:
    """Return the beginning of interface names that the configuration names; empty: it names none."""
    found = re.search(r'^  interfaceNamePrefix: "?([\w-]+)"?$', config, flags=re.MULTILINE)
    return found[1] if found else ""


def _configure(operator: Operator, text: str) -> None:
    config = f"apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n{text}\n"
    metadata = {"name": "kube-proxy-config", "namespace": _NAMESPACE}
    operator.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"config": config}})
    operator.rollout_restart("daemonsets.apps", "kube-proxy", namespace=_NAMESPACE)
